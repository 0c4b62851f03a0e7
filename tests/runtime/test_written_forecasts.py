"""Forecasts as documents: their points, what is known about them, and what remains of a refused one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.store.results.value_hash import value_hash
from tests.http_client import HttpClient
from tests.runtime.written import START_MS, forecast_done, keys, stored

HOUR_MS = 3_600_000
HOURS = 200
JOB_ID = "foretold"
PATH = f"/_ml/anomaly_detectors/{JOB_ID}"
INDEX = f".ml-anomalies-{JOB_ID}"
LATEST_RESULT_MS = START_MS + (HOURS - 2) * HOUR_MS


def rows(hours: int) -> Iterator[dict[str, Any]]:
    for hour in range(hours):
        for part in range(6):
            took = 100 + (hour * 7 + part * 3) % 5
            yield {
                "time": START_MS + hour * HOUR_MS + part * 600_000,
                "took": took,
                "host": "ab"[part % 2],
                "visitor": "v",
            }


def make_job(
    client: HttpClient, job_id: str, *detectors: dict[str, str], hours: int, span: str = "1h", **settings: Any
) -> str:
    """An open job that has seen its data; returns its path."""
    path = f"/_ml/anomaly_detectors/{job_id}"
    client.delete(path, query={"force": "true"})
    analysis = {"bucket_span": span, "detectors": list(detectors)}
    body = {"analysis_config": analysis, "data_description": {"time_field": "time"}, **settings}
    put = client.put(path, json_body=body)
    assert put.status == 200, put.text
    client.post(f"{path}/_open")
    if hours:
        assert client.post(f"{path}/_data", ndjson=rows(hours)).status == 202
    return path


@pytest.fixture(scope="module")
def forecast_id(client: HttpClient, cluster_client: HttpClient) -> Iterator[str]:
    """A forecast with all defaults."""
    mean = {"function": "mean", "field_name": "took", "partition_field_name": "host"}
    make_job(client, JOB_ID, mean, {"function": "count", "over_field_name": "visitor"}, hours=HOURS)
    answer = client.post(f"{PATH}/_forecast")
    assert answer.status == 200, answer.text
    assert list(answer.json()) == ["acknowledged", "forecast_id"]
    forecast_done(cluster_client, answer.json()["forecast_id"], INDEX)
    yield answer.json()["forecast_id"]
    client.delete(PATH, query={"force": "true"})


def stats_of(cluster: HttpClient, forecast_id: str, index: str = INDEX) -> tuple[str, dict[str, Any]]:
    found = stored(cluster, "model_forecast_request_stats", index)
    [one] = [(document_id, stats) for document_id, stats in found if stats["forecast_id"] == forecast_id]
    return one


def test_a_forecast_has_a_point_per_bucket_and_series_from_the_last_final_bucket_on(
    cluster_client: HttpClient, forecast_id: str
) -> None:
    points = [point for point in stored(cluster_client, "model_forecast", INDEX) if point[1]["detector_index"] == 0]
    when = {"a": [], "b": []}
    for document_id, point in points:
        value = point["partition_field_value"]
        when[value].append(point["timestamp"])
        assert document_id == (
            f"{JOB_ID}_model_forecast_{forecast_id}_{point['timestamp']}_3600_0_{value_hash(None, value)}"
        )
        assert list(point) == keys(
            "job_id forecast_id result_type bucket_span detector_index timestamp partition_field_name "
            "partition_field_value model_feature forecast_lower forecast_upper forecast_prediction",
            point,
        )
        assert "host" not in point
        assert point["forecast_lower"] <= point["forecast_prediction"] <= point["forecast_upper"]
    assert when["a"] == when["b"] == [LATEST_RESULT_MS + hour * HOUR_MS for hour in range(24)]


def test_a_population_has_no_part_in_a_forecast(cluster_client: HttpClient, forecast_id: str) -> None:
    assert {point["detector_index"] for _, point in stored(cluster_client, "model_forecast", INDEX)} == {0}


def test_its_statistics_tell_when_it_was_made_and_how_long_it_is_kept(
    cluster_client: HttpClient, forecast_id: str
) -> None:
    document_id, stats = stats_of(cluster_client, forecast_id)
    assert document_id == f"{JOB_ID}_model_forecast_request_stats_{forecast_id}"
    assert list(stats) == keys(
        "job_id result_type forecast_id processed_record_count timestamp forecast_start_timestamp "
        "forecast_end_timestamp forecast_create_timestamp forecast_expiry_timestamp forecast_progress "
        "processing_time_ms forecast_memory_bytes forecast_status",
        stats,
    )
    assert (stats["forecast_start_timestamp"], stats["forecast_end_timestamp"]) == (
        LATEST_RESULT_MS,
        LATEST_RESULT_MS + 24 * HOUR_MS,
    )
    assert stats["forecast_expiry_timestamp"] - stats["forecast_create_timestamp"] == 14 * 24 * HOUR_MS
    assert (stats["forecast_status"], stats["forecast_progress"]) == ("finished", 1.0)


def test_what_never_expires_has_no_expiry(client: HttpClient, cluster_client: HttpClient, forecast_id: str) -> None:
    body = {"duration": "3h", "expires_in": "0"}
    kept = client.post(f"{PATH}/_forecast", json_body=body).json()["forecast_id"]
    stats = forecast_done(cluster_client, kept, INDEX)[-1]
    assert "forecast_expiry_timestamp" not in stats
    assert stats["forecast_end_timestamp"] - stats["forecast_start_timestamp"] == 3 * HOUR_MS
    assert client.delete(f"{PATH}/_forecast/{kept}").json() == {"acknowledged": True}
    left = [stats["forecast_id"] for _, stats in stored(cluster_client, "model_forecast_request_stats", INDEX)]
    assert left == [forecast_id]
    assert kept not in {point["forecast_id"] for _, point in stored(cluster_client, "model_forecast", INDEX)}


def test_the_jobs_statistics_count_its_forecasts(client: HttpClient, forecast_id: str) -> None:
    stats = client.get(f"{PATH}/_stats").json()["jobs"][0]["forecasts_stats"]
    assert (stats["total"], stats["forecasted_jobs"], stats["status"]) == (1, 1, {"finished": 1})


def test_without_enough_history_it_succeeds_and_says_so(client: HttpClient, cluster_client: HttpClient) -> None:
    path = make_job(client, "too-young", {"function": "count"}, hours=3)
    answer = client.post(f"{path}/_forecast").json()
    stats = forecast_done(cluster_client, answer["forecast_id"], ".ml-anomalies-too-young")[-1]
    assert stats["forecast_messages"] == ["Insufficient history to forecast for all models"]
    assert (stats["forecast_status"], stats["forecast_progress"], stats["processed_record_count"]) == (
        "finished",
        1.0,
        0,
    )
    client.delete(path, query={"force": "true"})


@pytest.mark.parametrize(
    ("detector", "hours", "message"),
    [
        (
            {"function": "count"},
            0,
            "Forecast cannot be executed as job requires data to have been processed and modeled",
        ),
        ({"function": "count", "over_field_name": "visitor"}, 3, "Forecast is not supported for population analysis"),
        ({"function": "rare", "by_field_name": "host"}, 3, "Forecast is not supported for the used functions"),
    ],
)
def test_a_refusal_leaves_a_failed_forecast_that_says_why(
    client: HttpClient, cluster_client: HttpClient, detector: dict[str, str], hours: int, message: str
) -> None:
    path = make_job(client, "refused", detector, hours=hours)
    refused = client.post(f"{path}/_forecast")
    error = refused.json()["error"]
    assert (refused.status, error["type"]) == (400, "status_exception")
    assert error["reason"] == f"Cannot run forecast: {message}"
    [(_, stats)] = stored(cluster_client, "model_forecast_request_stats", ".ml-anomalies-refused")
    assert (stats["forecast_status"], stats["forecast_messages"]) == ("failed", [message])
    assert not [name for name in stats if name in ("forecast_start_timestamp", "forecast_end_timestamp")]
    client.delete(path, query={"force": "true"})


def test_more_memory_than_the_job_can_spare_is_lowered_with_a_warning(
    client: HttpClient, cluster_client: HttpClient
) -> None:
    limits = {"analysis_limits": {"model_memory_limit": "40mb"}}
    path = make_job(client, "narrow", {"function": "count"}, hours=3, **limits)
    assert client.post(f"{path}/_forecast", query={"max_model_memory": "30mb"}).status == 200
    client.post(f"{path}/_close")
    cluster_client.post("/.ml-notifications*/_refresh")
    query = {"query": {"bool": {"filter": [{"term": {"job_id": "narrow"}}, {"term": {"level": "warning"}}]}}}
    hits = cluster_client.post("/.ml-notifications-000002/_search", json_body=query).json()["hits"]["hits"]
    assert [hit["_source"]["message"] for hit in hits if "forecast memory" in hit["_source"]["message"]]
    client.delete(path, query={"force": "true"})


def test_a_forecast_that_would_take_too_much_memory_is_refused(client: HttpClient) -> None:
    path = make_job(client, "far-seeing", {"function": "count", "by_field_name": "host"}, hours=HOURS, span="10m")
    refused = client.post(f"{path}/_forecast", query={"duration": "3650d"})
    assert refused.status == 400
    assert refused.json()["error"]["reason"] == (
        "Cannot run forecast: Forecast cannot be executed as forecast memory usage is predicted to exceed 500MB"
    )
    assert client.post(f"{path}/_forecast", query={"duration": "7d"}).status == 200
    client.delete(path, query={"force": "true"})


# ---- beside the data


@pytest.fixture(scope="module")
def long_job(client: HttpClient) -> Iterator[str]:
    """An open job whose forecasts of 400 days have 100,000 points and take seconds."""
    yield make_job(
        client, "far", {"function": "count"}, {"function": "mean", "field_name": "took"}, hours=HOURS, span="10m"
    )
    deleted = client.delete("/_ml/anomaly_detectors/far", query={"force": "true"})
    assert deleted.status == 200, "what it leaves, every later test would find"


FAR = ".ml-anomalies-far"
LONG = {"duration": "400d", "max_model_memory": "100mb"}


def ask(client: HttpClient, path: str) -> str:
    answer = client.post(f"{path}/_forecast", query=LONG)
    assert answer.status == 200, answer.text
    return str(answer.json()["forecast_id"])


def test_it_is_scheduled_started_and_finished_while_data_go_on(
    client: HttpClient, cluster_client: HttpClient, long_job: str
) -> None:
    began = time.monotonic()
    forecast_id = ask(client, long_job)
    answered_s = time.monotonic() - began
    more = [{"time": START_MS + HOURS * HOUR_MS, "took": 100, "host": "a", "visitor": "v"}]
    assert client.post(f"{long_job}/_data", ndjson=more).status == 202
    posted_s = time.monotonic() - began
    seen = forecast_done(cluster_client, forecast_id, FAR)
    taken_s = time.monotonic() - began
    order = [stats["forecast_status"] for stats in seen]
    assert order == sorted(order, key=["scheduled", "started", "finished"].index)
    progress = [stats["forecast_progress"] for stats in seen]
    assert progress == sorted(progress) and any(0 < each < 1 for each in progress) and progress[-1] == 1
    assert seen[-1]["processed_record_count"] == 2 * 400 * 144
    assert max(answered_s, posted_s) < taken_s / 2
    # What came meanwhile is not in it: it begins where the model was.
    assert seen[-1]["forecast_start_timestamp"] < START_MS + HOURS * HOUR_MS
    found = cluster_client.post(f"/{FAR}/_count", json_body={"query": {"term": {"result_type": "model_forecast"}}})
    assert found.json()["count"] == 2 * 400 * 144


def test_no_more_than_three_wait(client: HttpClient, cluster_client: HttpClient, long_job: str) -> None:
    path, longer = f"{long_job}/_forecast", {"duration": "1200d", "max_model_memory": "400mb"}
    asked = [client.post(path, query=longer)]
    while asked[-1].status == 200 and len(asked) < 10:
        asked.append(client.post(path, query=longer))
    *taken, refused = asked
    assert len(taken) >= 4, "one is made and three wait"
    assert refused.status == 400
    assert refused.json()["error"]["reason"] == (
        "Cannot run forecast: Forecast cannot be executed due to queue limit. "
        "Please wait for requests to finish and try again"
    )
    listed = client.delete(f"{long_job}/_forecast")
    assert listed.status == 409 and "needs to be either FAILED or FINISHED to be deleted" in listed.text
    assert client.post(f"{long_job}/_close", query={"force": "true"}).status == 200
    cluster_client.post(f"/{FAR}/_refresh")
    told = {s["forecast_id"]: s for _, s in stored(cluster_client, "model_forecast_request_stats", FAR)}
    last = told[taken[-1].json()["forecast_id"]]
    assert last["forecast_status"] == "failed"
    assert last["forecast_messages"] == ["forecast unable to complete as native process was killed."]


def test_a_job_that_closes_waits_for_its_forecast(client: HttpClient, cluster_client: HttpClient) -> None:
    path = make_job(client, "closing", {"function": "count"}, hours=HOURS)
    forecast_id = client.post(f"{path}/_forecast", query={"duration": "60d"}).json()["forecast_id"]
    assert client.post(f"{path}/_close").status == 200
    [stats] = forecast_done(cluster_client, forecast_id, ".ml-anomalies-closing")
    assert (stats["forecast_status"], stats["processed_record_count"]) == ("finished", 60 * 24)
    client.delete(path, query={"force": "true"})


def test_what_a_lost_process_left_unfinished_has_failed_when_the_job_opens_again(
    client: HttpClient, cluster_client: HttpClient
) -> None:
    path = make_job(client, "lost", {"function": "count"}, hours=3)
    client.post(f"{path}/_close")
    left = {
        "job_id": "lost", "result_type": "model_forecast_request_stats", "forecast_id": "f", "timestamp": START_MS,
        "processed_record_count": 0, "forecast_create_timestamp": START_MS, "forecast_progress": 0.5,
        "processing_time_ms": 0, "forecast_memory_bytes": 0,
    }  # fmt: skip
    document = "lost_model_forecast_request_stats_f"
    put = cluster_client.put(
        f"/.ml-anomalies-lost/_doc/{document}?refresh=true", json_body={**left, "forecast_status": "started"}
    )
    assert put.status == 201, put.text
    client.post(f"{path}/_open")
    [stats] = forecast_done(cluster_client, "f", ".ml-anomalies-lost")
    assert stats == {
        **left,
        "forecast_status": "failed",
        "forecast_messages": ["forecast unable to complete as native process was killed."],
    }
    client.delete(path, query={"force": "true"})
