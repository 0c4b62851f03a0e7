"""What a running job writes about its buckets: ids, keys in order, copies of the input's fields, scores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.store.results.value_hash import value_hash
from tests.http_client import HttpClient
from tests.runtime.written import ALIAS, HOURS, INDEX, JOB_ID, START_MS, WILD_MS, keys, records, run_job, stored

Stored = list[tuple[str, dict[str, Any]]]
EXPLANATION = [
    "anomaly_type", "anomaly_length", "single_bucket_impact", "multi_bucket_impact",
    "anomaly_characteristics_impact", "lower_confidence_bound", "typical_value", "upper_confidence_bound",
    "high_variance_penalty", "incomplete_bucket_penalty", "multimodal_distribution", "by_field_first_occurrence",
    "by_field_relative_rarity",
]  # fmt: skip


@pytest.fixture(scope="module")
def written(client: HttpClient, cluster_client: HttpClient) -> Iterator[HttpClient]:
    """The cluster, once the job has analysed its data and is open still."""
    run_job(client)
    assert client.post(f"/_ml/anomaly_detectors/{JOB_ID}/_flush").status == 200
    yield cluster_client
    client.delete(f"/_ml/anomaly_detectors/{JOB_ID}", query={"force": "true"})


@pytest.fixture(scope="module")
def found(written: HttpClient) -> dict[str, Stored]:
    types = ("bucket", "bucket_influencer", "record", "influencer", "model_plot")
    return {result_type: [without_event(one) for one in stored(written, result_type)] for result_type in types}


def without_event(one: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return one[0], {name: value for name, value in one[1].items() if name != "event"}


def of_detector(found: dict[str, Stored], detector: int, timestamp: int = WILD_MS) -> Stored:
    records_found = [
        (document_id, source)
        for document_id, source in found["record"]
        if source["detector_index"] == detector and source["timestamp"] == timestamp
    ]
    assert records_found, f"detector {detector} must find something, or this says nothing"
    return records_found


def test_what_alert_rules_look_at_says_when_it_was_first_written(written: HttpClient, client: HttpClient) -> None:
    now_ms = time.time() * 1000
    for result_type in ("bucket", "bucket_influencer", "record", "influencer"):
        documents = stored(written, result_type)
        assert documents
        assert all(now_ms - 3_600_000 < source["event"]["ingested"] < now_ms for _, source in documents)
    assert not any("event" in source for _, source in stored(written, "model_plot"))
    for kind in ("buckets", "records", "influencers"):
        answer = client.get(f"/_ml/anomaly_detectors/{JOB_ID}/results/{kind}", query={"size": "1000"})
        assert answer.status == 200
        assert b'"event"' not in answer.body


def test_every_finished_hour_has_a_bucket_with_its_documented_id_and_keys(found: dict[str, Stored]) -> None:
    assert [document_id for document_id, _ in found["bucket"]] == [
        f"{JOB_ID}_bucket_{START_MS + hour * 3_600_000}_3600" for hour in range(HOURS - 1)
    ]
    for _, bucket in found["bucket"]:
        assert list(bucket) == keys(
            "job_id timestamp anomaly_score bucket_span initial_anomaly_score event_count is_interim "
            "bucket_influencers processing_time_ms result_type",
            bucket,
        )
        assert (bucket["event_count"], bucket["is_interim"], bucket["bucket_span"]) == (20, False, 3600)


def test_bucket_influencers_stand_in_their_bucket_and_by_themselves(found: dict[str, Stored]) -> None:
    apart = dict(found["bucket_influencer"])
    inside = {
        f"{JOB_ID}_bucket_influencer_{inner['timestamp']}_3600_{inner['influencer_field_name']}": inner
        for _, bucket in found["bucket"]
        for inner in bucket["bucket_influencers"]
    }
    assert inside
    assert apart == inside
    for inner in inside.values():
        assert list(inner) == keys(
            "job_id result_type influencer_field_name initial_anomaly_score anomaly_score raw_anomaly_score "
            "probability timestamp bucket_span is_interim",
            inner,
        )


def test_a_bucket_has_its_time_as_influencer_exactly_where_it_has_records(found: dict[str, Stored]) -> None:
    with_records = {record["timestamp"] for _, record in found["record"]}
    with_time = {
        bucket["timestamp"]
        for _, bucket in found["bucket"]
        if any(inner["influencer_field_name"] == "bucket_time" for inner in bucket["bucket_influencers"])
    }
    assert WILD_MS in with_time
    assert with_time == with_records


def test_a_bucket_scores_as_the_highest_of_its_influencers(found: dict[str, Stored]) -> None:
    for _, bucket in found["bucket"]:
        inner = bucket["bucket_influencers"]
        for score in ("anomaly_score", "initial_anomaly_score"):
            assert bucket[score] == max((one[score] for one in inner), default=0.0)


def test_an_individual_record_has_its_keys_and_copies_in_order(found: dict[str, Stored]) -> None:
    for document_id, record in of_detector(found, 0):
        by, partition = record["by_field_value"], record["partition_field_value"]
        assert document_id == f"{JOB_ID}_record_{WILD_MS}_3600_0_{value_hash(by, None, partition)}"
        fixed = keys(
            "job_id result_type probability multi_bucket_impact? record_score initial_record_score bucket_span "
            "detector_index is_interim timestamp by_field_name by_field_value partition_field_name "
            "partition_field_value function function_description typical actual field_name influencers? "
            "anomaly_score_explanation",
            record,
        )
        assert list(record)[: len(fixed)] == fixed
        copies = {name: record[name] for name in list(record)[len(fixed) :]}
        influences = {each["influencer_field_name"]: each["influencer_field_values"] for each in record["influencers"]}
        expected = {"airline": [by], "dc": [partition]} | {
            name: values for name, values in influences.items() if name not in ("airline", "dc", "description")
        }
        assert copies == expected
        assert isinstance(record["typical"][0], float)
        assert (record["actual"][0] > 500) == (partition == "west")


def test_an_empty_value_is_written_too(found: dict[str, Stored]) -> None:
    values = {record["by_field_value"] for _, record in of_detector(found, 0)}
    assert values == {"", "AAL", "BAW"}


def test_a_population_record_has_its_causes_instead_of_values(found: dict[str, Stored]) -> None:
    [(document_id, record)] = [
        (document_id, record)
        for document_id, record in of_detector(found, 1)
        if record["over_field_value"] == "mallory"
    ]
    assert document_id == f"{JOB_ID}_record_{WILD_MS}_3600_1_{value_hash(None, 'mallory', None)}"
    fixed = keys(
        "job_id result_type probability record_score initial_record_score bucket_span detector_index is_interim "
        "timestamp by_field_name function function_description over_field_name over_field_value causes influencers?",
        record,
    )
    assert list(record)[: len(fixed)] == fixed
    for absent in ("actual", "typical", "by_field_value", "multi_bucket_impact", "anomaly_score_explanation"):
        assert absent not in record
    assert record["user"] == ["mallory"]
    assert "action" not in record, "values inside causes are not copied"
    for cause in record["causes"]:
        assert list(cause) == keys(
            "probability by_field_name by_field_value function function_description typical actual over_field_name "
            "over_field_value",
            cause,
        )


def test_a_geographic_record_has_points_with_twelve_decimals(found: dict[str, Stored]) -> None:
    [(_, record)] = of_detector(found, 2)
    assert record["geo_results"]["actual_point"] == "10.500000000000,-20.250000000000"
    assert list(record["geo_results"]) == ["typical_point", "actual_point"]
    assert record["actual"] == [10.5, -20.25]
    assert list(record).index("geo_results") == list(record).index("anomaly_score_explanation") - 1


def test_a_rare_category_is_named_by_its_number(found: dict[str, Stored]) -> None:
    panics = [record for _, record in of_detector(found, 3) if record["partition_field_value"] == "west"]
    assert [record["mlcategory"] for record in panics] == [[record["by_field_value"]] for record in panics]
    assert all(record["anomaly_score_explanation"]["by_field_first_occurrence"] for record in panics)


def test_explanations_keep_their_order_and_leave_out_what_says_nothing(found: dict[str, Stored]) -> None:
    explained = [record["anomaly_score_explanation"] for _, record in found["record"] if "causes" not in record]
    assert explained
    for explanation in explained:
        assert list(explanation) == [name for name in EXPLANATION if name in explanation]
        assert not [name for name, value in explanation.items() if value in (0, False, None) or value != value]
        assert explanation.get("anomaly_type", "spike") in ("dip", "spike")


def test_influencers_repeat_their_value_under_its_fields_name(found: dict[str, Stored]) -> None:
    fields = set()
    for document_id, influencer in found["influencer"]:
        name, value = influencer["influencer_field_name"], influencer["influencer_field_value"]
        when = influencer["timestamp"]
        fields.add(name)
        assert document_id == f"{JOB_ID}_influencer_{when}_3600_{name}_{value_hash(value)}"
        documented = keys(
            "job_id result_type influencer_field_name influencer_field_value influencer_score "
            "initial_influencer_score probability bucket_span is_interim timestamp",
            influencer,
        )
        copy = [] if name == "description" else [name]
        assert sorted(influencer) == sorted(documented + copy)
        assert copy == [] or influencer[name] == value
    assert {"dc", "user"} <= fields


def test_scores_and_probabilities_are_doubles(found: dict[str, Stored]) -> None:
    for kind, score in (("record", "record_score"), ("influencer", "influencer_score")):
        for _, source in found[kind]:
            assert isinstance(source[score], float)
            assert isinstance(source["probability"], float)
            assert 0.0 <= source[score] <= 100.0


def test_model_plots_have_bounds_and_no_copies(found: dict[str, Stored]) -> None:
    with_by = [plot for plot in found["model_plot"] if plot[1]["detector_index"] == 0]
    assert with_by
    for document_id, plot in with_by:
        values = value_hash(plot["by_field_value"], None, plot["partition_field_value"])
        assert document_id == f"{JOB_ID}_model_plot_{plot['timestamp']}_3600_0_{values}"
        assert list(plot) == keys(
            "job_id result_type bucket_span detector_index timestamp partition_field_name partition_field_value "
            "by_field_name by_field_value model_feature model_lower model_upper model_median actual?",
            plot,
        )
        assert plot["model_feature"] == "'arithmetic mean value by person'"
        assert plot["model_lower"] <= plot["model_median"] <= plot["model_upper"]


def test_values_are_found_by_a_plain_search_for_them(written: HttpClient, found: dict[str, Stored]) -> None:
    query = {"q": "mallory", "size": 0, "track_total_hits": "true"}
    hits = written.get(f"/{ALIAS}/_search", query=query).json()["hits"]["total"]["value"]
    about = [source for kind in found for _, source in found[kind] if "mallory" in str(source)]
    assert hits == len(about) > 1


def test_the_jobs_fields_are_keywords(written: HttpClient) -> None:
    properties = written.get(f"/{INDEX}/_mapping").json()[INDEX]["mappings"]["properties"]
    assert properties["airline"] == properties["user"] == properties["mlcategory"] == {"type": "keyword"}
    assert properties["host"] == {"properties": {"name": {"type": "keyword"}}}
    assert properties["description"] == {"type": "text"}, "the name is the results' own"


def test_a_period_that_is_run_again_overwrites_itself(client: HttpClient, written: HttpClient) -> None:
    """From the empty model the same data give the same documents under the same ids."""
    results = ("bucket", "record", "influencer", "bucket_influencer")
    assert client.post(f"/_ml/anomaly_detectors/{JOB_ID}/_close").status == 200
    before = {result_type: ids(written, result_type) for result_type in results}
    reverted = client.post(f"/_ml/anomaly_detectors/{JOB_ID}/model_snapshots/empty/_revert")
    assert reverted.status == 200, reverted.text
    assert client.post(f"/_ml/anomaly_detectors/{JOB_ID}/_open").status == 200
    posted = client.post(f"/_ml/anomaly_detectors/{JOB_ID}/_data", ndjson=records(0, HOURS))
    assert posted.json()["processed_record_count"] == HOURS * 20
    assert client.post(f"/_ml/anomaly_detectors/{JOB_ID}/_close").status == 200
    assert {result_type: ids(written, result_type) for result_type in results} == before


def ids(written: HttpClient, result_type: str) -> set[str]:
    return {document_id for document_id, _ in stored(written, result_type)}
