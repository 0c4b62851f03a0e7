"""Health and metrics, as load balancers and Prometheus ask for them."""

from __future__ import annotations

import re
import socket
import time

from prometheus_client.parser import text_string_to_metric_families

from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until

PATH = "/_ml/anomaly_detectors/watched"
JOB = {"analysis_config": {"bucket_span": "1h", "detectors": [{"function": "count"}]}, "data_description": {}}


def samples(client: HttpClient) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels, in the order of their names."""
    answer = client.get("/_ml_ui/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_a_proxy_that_can_serve_is_healthy(client: HttpClient):
    # A proxy that has just started is taking up jobs, or looks for some.
    wait_until(lambda: client.get("/_ml_ui/health").status == 200, 10)
    for path in ("/_ml_ui/health", "/_ml_ui/health/live"):
        answer = client.get(path)
        assert (answer.status, answer.json()) == (200, {"status": "ok"})
        assert client.request("HEAD", path).status == 200
        assert client.post(path).status == 405


def test_requests_are_counted_by_operation_and_status(client: HttpClient):
    name = "lanewatch_request_duration_seconds_count"
    before = samples(client)
    client.get("/_ml/anomaly_detectors")
    client.get("/_ml/anomaly_detectors/nobody-has-this-name")
    after = samples(client)
    for status in ("200", "404"):
        key = (name, "ml.get_jobs", status)
        assert after[key] - before.get(key, 0) >= 1


def test_what_open_jobs_do_is_summed_up_without_their_names(client: HttpClient):
    client.delete(PATH, query={"force": "true"})
    assert client.put(PATH, json_body=JOB).status == 200
    assert client.post(f"{PATH}/_open").status == 200
    before = samples(client)
    rows = [{"time": 1_700_000_000_000 + n * 600_000} for n in range(100)]
    assert client.post(f"{PATH}/_data", ndjson=rows).status == 202
    after = samples(client)
    assert after[("lanewatch_processed_records_total",)] - before[("lanewatch_processed_records_total",)] == 100
    assert after[("lanewatch_jobs", "opened")] >= 1
    assert after[("lanewatch_model_bytes",)] > 0
    assert "watched" not in client.get("/_ml_ui/metrics").text
    client.delete(PATH, query={"force": "true"})


def test_what_is_asked_of_the_cluster_is_counted_by_kind_and_outcome(client: HttpClient):
    name = "lanewatch_cluster_request_duration_seconds_count"
    before = samples(client)
    assert client.put(PATH, json_body=JOB).status == 200
    client.delete(PATH, query={"force": "true"})
    after = samples(client)
    for kind, outcome in (("_search", "200"), ("_create", "201"), ("_mget", "200")):
        key = (name, kind, outcome)
        assert after[key] > before.get(key, 0), key


def test_processes_are_told_with_their_memory(client: HttpClient):
    client.delete(PATH, query={"force": "true"})
    assert client.put(PATH, json_body=JOB).status == 200
    assert client.post(f"{PATH}/_open").status == 200
    told = samples(client)
    assert told[("lanewatch_model_processes",)] >= 1
    assert told[("lanewatch_model_process_starts_total",)] >= 1
    assert told[("lanewatch_model_processes_memory_bytes",)] > 2**20
    assert told[("lanewatch_process_resident_memory_bytes",)] > 2**20
    assert told[("lanewatch_waiting_steps",)] == 0
    client.delete(PATH, query={"force": "true"})


def test_bodies_are_told_for_as_long_as_they_are_held(client: HttpClient):
    host, port = client.address.split(":")
    head = f"POST {PATH}/_forecast HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: 5000\r\n\r\n".encode() + b" " * 4000)
        wait_until(lambda: samples(client)[("lanewatch_in_flight_bytes",)] == 4000, 10)
    wait_until(lambda: samples(client)[("lanewatch_in_flight_bytes",)] == 0, 10)


def test_delays_of_the_event_loop_are_seen(client: HttpClient):
    before = samples(client)[("lanewatch_event_loop_delay_seconds_count",)]
    deadline = time.monotonic() + 20
    while samples(client)[("lanewatch_event_loop_delay_seconds_count",)] == before:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_metrics_keep_the_conventions_of_names(client: HttpClient):
    names = {key[0] for key in samples(client)}
    assert all(re.fullmatch(r"lanewatch_[a-z_]+", name) for name in names)
