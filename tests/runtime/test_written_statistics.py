"""What a job writes about itself: categories and how categorizing fares, sizes, counts, snapshots, notes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.store.results.value_hash import value_hash
from proxy.units import iso
from tests.answer_check import check_hits, kind_of
from tests.http_client import HttpClient
from tests.runtime.written import HOURS, INDEX, JOB, START_MS, keys, records, run_job, stored

JOB_ID = "told"
PATH = f"/_ml/anomaly_detectors/{JOB_ID}"
LATEST_RESULT_MS = START_MS + (HOURS - 2) * 3_600_000
LATEST_RECORD_MS = START_MS + (HOURS - 1) * 3_600_000 + 19 * 120_000
COUNTS = [
    "categorized_doc_count", "total_category_count", "frequent_category_count", "rare_category_count",
    "dead_category_count", "failed_category_count",
]  # fmt: skip


@pytest.fixture(scope="module")
def written(client: HttpClient, cluster_client: HttpClient) -> Iterator[HttpClient]:
    """The cluster as a job leaves it that was closed and nothing else: closing makes all of it searchable."""
    run_job(client, JOB_ID)
    assert client.post(f"{PATH}/_close").json() == {"closed": True}
    yield cluster_client
    client.delete(PATH, query={"force": "true"})


def found(cluster: HttpClient, index: str, query: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    answer = cluster.post(f"/{index}/_search", json_body={"query": query, "size": 1000})
    assert answer.status == 200, answer.text
    return check_hits(answer.json()["hits"]["hits"])


def of_job(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"bool": {"filter": [{"term": {"job_id": JOB_ID}}, *conditions]}}


def of_type(result_type: str) -> dict[str, Any]:
    return of_job({"term": {"result_type": result_type}})


def snapshot_of(client: HttpClient) -> dict[str, Any]:
    [snapshot] = client.get(f"{PATH}/model_snapshots").json()["model_snapshots"]
    return snapshot


def test_categories_are_numbered_over_all_partitions_and_count_their_matches(written: HttpClient) -> None:
    categories = found(written, INDEX, of_type("category_definition"))
    expected: dict[tuple[str, str], int] = {}
    for record in records(0, HOURS):
        kind = (record["dc"], record["message"].split()[0])
        expected[kind] = expected.get(kind, 0) + 1
    counted = {}
    for document_id, category in categories:
        assert document_id == f"{JOB_ID}_category_definition_{category['category_id']}"
        assert list(category) == keys(
            "job_id category_id partition_field_name partition_field_value terms regex max_matching_length "
            "examples num_matches dc result_type mlcategory",
            category,
        )
        assert category["mlcategory"] == category["category_id"]
        assert category["dc"] == category["partition_field_value"]
        assert category["examples"] == sorted(set(category["examples"]))
        assert len(category["examples"]) <= 4
        counted[category["dc"], category["terms"].split()[0]] = category["num_matches"]
    assert counted == expected
    assert sorted(category["category_id"] for _, category in categories) == list(range(1, len(categories) + 1))


def test_categories_of_a_partition_are_listed_with_their_pattern(client: HttpClient, written: HttpClient) -> None:
    path = f"{PATH}/results/categories"
    west = client.get(path, query={"partition_field_value": "west"}).json()
    assert {category["partition_field_value"] for category in west["categories"]} == {"west"}
    assert west["count"] == len(west["categories"]) == 4
    [disk] = [category for category in west["categories"] if category["terms"].startswith("Disk")]
    assert disk["grok_pattern"] == ".*?Disk.+?usage.+?above.+?%{NUMBER:field}.+?percent.*"
    same = client.post(path, json_body={"page": {"from": 0, "size": 2}, "partition_field_value": "west"}).json()
    assert same == {"count": 4, "categories": west["categories"][:2]}


def test_each_partition_has_statistics_of_its_categorizer(written: HttpClient) -> None:
    of_partition = {}
    for document_id, stats in found(written, INDEX, of_type("categorizer_stats")):
        value = stats["partition_field_value"]
        assert document_id == f"{JOB_ID}_categorizer_stats_{stats['log_time']}_{value_hash(value)}"
        assert list(stats) == [
            "job_id", "result_type", "partition_field_name", "partition_field_value", "dc", *COUNTS,
            "categorization_status", "log_time", "timestamp",
        ]  # fmt: skip
        assert stats["timestamp"] == LATEST_RECORD_MS
        of_partition[value] = [stats[name] for name in COUNTS] + [stats["categorization_status"]]
    assert of_partition == {"east": [2600, 3, 3, 0, 0, 0, "ok"], "west": [2600, 4, 3, 0, 0, 0, "ok"]}


def test_the_size_statistics_sum_over_the_partitions(client: HttpClient, written: HttpClient) -> None:
    sizes = sorted(found(written, INDEX, of_type("model_size_stats")), key=lambda each: each[1]["log_time"])
    document_id, latest = sizes[-1]
    assert document_id == f"{JOB_ID}_model_size_stats_{latest['log_time']}"
    assert list(latest) == [
        "job_id", "result_type", "model_bytes", "peak_model_bytes", "model_bytes_exceeded",
        "model_bytes_memory_limit", "total_by_field_count", "total_over_field_count", "total_partition_field_count",
        "bucket_allocation_failures_count", "memory_status", "assignment_memory_basis", *COUNTS,
        "categorization_status", "log_time", "timestamp",
    ]  # fmt: skip
    assert [latest[name] for name in COUNTS] == [5200, 7, 6, 0, 0, 0]
    assert latest["timestamp"] == LATEST_RESULT_MS
    assert client.get(f"{PATH}/_stats").json()["jobs"][0]["model_size_stats"] == latest


def test_counts_and_timing_are_one_document_each(client: HttpClient, written: HttpClient) -> None:
    [(document_id, counts)] = found(written, INDEX, of_job({"exists": {"field": "input_record_count"}}))
    assert document_id == f"{JOB_ID}_data_counts"
    assert "result_type" not in counts
    assert client.get(f"{PATH}/_stats").json()["jobs"][0]["data_counts"] == counts
    assert (counts["processed_record_count"], counts["bucket_count"]) == (HOURS * 20, HOURS - 1)
    [(document_id, timing)] = found(written, INDEX, of_type("timing_stats"))
    assert document_id == f"{JOB_ID}_timing_stats"
    assert list(timing)[:3] == ["result_type", "job_id", "bucket_count"]
    assert timing["bucket_count"] == HOURS - 1


def test_a_closing_job_leaves_a_snapshot_with_its_model_quantiles_and_note(
    client: HttpClient, written: HttpClient
) -> None:
    snapshot = snapshot_of(client)
    snapshot_id = snapshot["snapshot_id"]
    assert snapshot_id == str(snapshot["timestamp"] // 1000)
    assert snapshot["description"].startswith("State persisted due to job close at 20")
    assert (snapshot["latest_record_time_stamp"], snapshot["latest_result_time_stamp"]) == (
        LATEST_RECORD_MS,
        LATEST_RESULT_MS,
    )
    assert client.get(PATH).json()["jobs"][0]["model_snapshot_id"] == snapshot_id
    ids = {"ids": {"values": [f"{JOB_ID}_model_snapshot_{snapshot_id}"]}}
    [(_, source)] = found(written, INDEX, ids)
    assert list(source) == keys(
        "job_id min_version timestamp description snapshot_id snapshot_doc_count model_size_stats "
        "latest_record_time_stamp latest_result_time_stamp quantiles retain",
        source,
    )
    assert list(source["quantiles"]) == ["job_id", "timestamp", "quantile_state"]
    state = [f"{JOB_ID}_model_state_{snapshot_id}#{number + 1}" for number in range(snapshot["snapshot_doc_count"])]
    assert len(found(written, ".ml-state*", {"ids": {"values": state}})) == len(state) > 0
    [(_, quantiles)] = found(written, ".ml-state*", {"ids": {"values": [f"{JOB_ID}_quantiles"]}})
    assert quantiles == source["quantiles"]
    [(note_id, note)] = found(written, ".ml-annotations-read", of_job({"term": {"event": "model_snapshot_stored"}}))
    assert note_id == f"annotation_for_{JOB_ID}_model_snapshot_{snapshot_id}"
    assert list(note) == keys(
        "annotation create_time create_username timestamp end_timestamp job_id modified_time "
        "modified_username type event",
        note,
    )
    assert (note["annotation"], note["timestamp"]) == (
        f"Job model snapshot with id [{snapshot_id}] stored",
        LATEST_RESULT_MS,
    )


def test_the_jobs_life_is_told_in_notifications(client: HttpClient, written: HttpClient) -> None:
    snapshot_id = snapshot_of(client)["snapshot_id"]
    client.post(f"{PATH}/_open")
    expected = {
        "Job created",
        "Loading model snapshot [N/A], job latest_record_timestamp [N/A]",
        f"Loading model snapshot [{snapshot_id}], job latest_record_timestamp [{iso(LATEST_RECORD_MS)}]",
        "Job is closing",
        f"Job model snapshot with id [{snapshot_id}] stored",
    }
    deadline = time.monotonic() + 10
    while True:
        written.post("/.ml-notifications*/_refresh")
        notes = [note for _, note in found(written, ".ml-notifications-000002", of_job())]
        messages = {note["message"] for note in notes}
        if expected <= messages or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    client.post(f"{PATH}/_close")
    assert expected <= messages, "notifications do not hold up what they tell of, but they come"
    assert any(message.startswith("Opening job on node [") for message in messages)
    assert {(note["level"], note["job_type"]) for note in notes} == {("info", "anomaly_detector")}


def test_every_document_of_a_job_is_of_a_kind_that_has_a_schema(written: HttpClient) -> None:
    body = {"query": of_job(), "size": 10_000}
    hits = written.post(f"/{INDEX}/_search", json_body=body).json()["hits"]["hits"]
    check_hits(hits)
    kinds = {kind_of(hit["_index"], hit["_source"]) for hit in hits}
    own = {path.stem for path in (Path(__file__).parents[2] / "schemas" / "_documents").glob("*.json")}
    elsewhere = {"alert", "annotation", "notification", "quantiles"}
    of_others = {"datafeed_timing_stats", "model_forecast", "model_forecast_request_stats"}
    assert kinds == own - elsewhere - of_others


def test_without_a_finished_bucket_there_is_no_snapshot(client: HttpClient) -> None:
    client.delete("/_ml/anomaly_detectors/unfinished", query={"force": "true"})
    client.put("/_ml/anomaly_detectors/unfinished", json_body=JOB)
    client.post("/_ml/anomaly_detectors/unfinished/_open")
    client.post("/_ml/anomaly_detectors/unfinished/_data", ndjson=list(records(0, 1)))
    client.post("/_ml/anomaly_detectors/unfinished/_close")
    assert client.get("/_ml/anomaly_detectors/unfinished/model_snapshots").json()["count"] == 0
    assert "model_snapshot_id" not in client.get("/_ml/anomaly_detectors/unfinished").json()["jobs"][0]
    client.delete("/_ml/anomaly_detectors/unfinished", query={"force": "true"})


def open_categorizing(client: HttpClient, path: str) -> None:
    """Opens a fresh job that counts by category."""
    client.delete(path, query={"force": "true"})
    analysis = {
        "bucket_span": "1h",
        "detectors": [{"function": "count", "by_field_name": "mlcategory"}],
        "categorization_field_name": "message",
    }
    client.put(path, json_body={"analysis_config": analysis, "data_description": {"time_field": "time"}})
    client.post(f"{path}/_open")


def test_categorizing_that_fails_is_told_at_once_and_again_when_it_works(
    client: HttpClient, cluster_client: HttpClient
) -> None:
    """A hundred messages that are all alike cannot be what was meant; the many kinds that follow may be."""
    path = "/_ml/anomaly_detectors/alike"
    open_categorizing(client, path)
    same = [{"time": START_MS + part * 1000, "message": "Node started in zone"} for part in range(150)]
    client.post(f"{path}/_data", ndjson=same)
    client.post(f"{path}/_flush")
    index = ".ml-anomalies-alike"
    [(document_id, stats)] = stored(cluster_client, "categorizer_stats", index)
    assert document_id == f"alike_categorizer_stats_{stats['log_time']}"
    assert (stats["categorization_status"], stats["categorized_doc_count"]) == ("warn", 150)
    assert not [key for key in stats if key.startswith("partition")]
    assert client.get(f"{path}/_stats").json()["jobs"][0]["model_size_stats"]["categorization_status"] == "warn"
    note = {"bool": {"filter": [{"term": {"job_id": "alike"}}, {"term": {"event": "categorization_status_change"}}]}}
    [(_, told)] = found(cluster_client, ".ml-annotations-read", note)
    assert told["annotation"] == "Categorization status changed to 'warn'"
    assert (told["timestamp"], told["create_username"], told["type"]) == (START_MS + 149_000, "_xpack", "annotation")
    kinds = ["Connection from host closed", "Disk usage above percent"]
    others = [{"time": START_MS + 200_000 + part * 1000, "message": kinds[part % 2]} for part in range(150)]
    client.post(f"{path}/_data", ndjson=others)
    client.post(f"{path}/_close")
    statuses = [stats["categorization_status"] for _, stats in stored(cluster_client, "categorizer_stats", index)]
    assert statuses == ["warn", "ok"]
    assert len(found(cluster_client, ".ml-annotations-read", note)) == 2
    client.delete(path, query={"force": "true"})
    assert found(cluster_client, ".ml-annotations-read", note) == []


def test_matches_are_counted_at_a_flush_and_at_a_close(client: HttpClient, cluster_client: HttpClient) -> None:
    """What is only matched once more has no new definition to write."""
    path = "/_ml/anomaly_detectors/matched"
    open_categorizing(client, path)
    counted = []
    for number, then in enumerate(("_flush", "_flush", "_close")):
        rows = [{"time": START_MS + (number * 10 + part) * 1000, "message": "Node started"} for part in range(10)]
        assert client.post(f"{path}/_data", ndjson=rows).status == 202
        assert client.post(f"{path}/{then}").status == 200
        [category] = client.get(f"{path}/results/categories").json()["categories"]
        counted.append(category["num_matches"])
    assert counted == [10, 20, 30]
    client.delete(path, query={"force": "true"})
