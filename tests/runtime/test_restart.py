"""What was acknowledged survives: restarts, kills and lost model processes, through HTTP and the real cluster."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from proxy.config import Config
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.written import forecast_done

SPAN_MS = 3_600_000
START_MS = 1_700_000_000_000 // SPAN_MS * SPAN_MS
JOB = {
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [{"function": "mean", "field_name": "took", "partition_field_name": "host"}],
        "influencers": ["host"],
    },
    "data_description": {"time_field": "time", "time_format": "epoch_ms"},
}


def records(first: int, last: int) -> list[dict[str, object]]:
    """Six records an hour of two hosts, with one wild hour on one of them."""
    rows = []
    for hour in range(first, last):
        for part in range(6):
            for host in ("a", "b"):
                took = 100 + 10 * ((hour * 7 + part * 3) % 5) + (900 if hour == 150 and host == "b" else 0)
                rows.append({"time": START_MS + hour * SPAN_MS + part * 600_000, "host": host, "took": took})
    return rows


def make_job(client: HttpClient, job_id: str) -> None:
    client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
    assert client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=JOB).status == 200
    assert client.post(f"/_ml/anomaly_detectors/{job_id}/_open").status == 200


def post(client: HttpClient, job_id: str, first: int, last: int) -> dict[str, object]:
    answer = client.post(f"/_ml/anomaly_detectors/{job_id}/_data", ndjson=records(first, last))
    assert answer.status == 202, answer.text
    return answer.json()


def close(client: HttpClient, job_id: str) -> None:
    closed = client.post(f"/_ml/anomaly_detectors/{job_id}/_close")
    assert closed.json() == {"closed": True}, closed.text


def results(client: HttpClient, job_id: str) -> dict[str, list[dict[str, object]]]:
    """Everything the job found, without its name and without how long it took."""
    found = {}
    for kind in ("buckets", "records", "influencers"):
        query = {"size": 1000, "sort": "timestamp", "desc": "false"}
        answer = client.get(f"/_ml/anomaly_detectors/{job_id}/results/{kind}", query=query)
        assert answer.status == 200, answer.text
        found[kind] = sorted((bare(document) for document in answer.json()[kind]), key=str)
    return found


def bare(document: object) -> object:
    if isinstance(document, dict):
        return {name: bare(part) for name, part in document.items() if name not in ("job_id", "processing_time_ms")}
    return [bare(part) for part in document] if isinstance(document, list) else document


def test_a_restarted_proxy_goes_on_with_its_open_jobs(
    config: Config, start_proxy: Callable[[Config], BackgroundProxy], undisturbed: dict
) -> None:
    first = start_proxy(config)
    client = HttpClient(first.serving.url)
    make_job(client, "restarted")
    post(client, "restarted", 0, 100)
    first.stop()
    second = HttpClient(start_proxy(config).serving.url)
    assert post(second, "restarted", 100, 200)["processed_record_count"] == 1200
    stats = second.get("/_ml/anomaly_detectors/restarted/_stats").json()["jobs"][0]
    assert stats["state"] == "opened"
    assert stats["data_counts"]["processed_record_count"] == 2400
    close(second, "restarted")
    assert results(second, "restarted") == undisturbed


@pytest.mark.scenario(4)
def test_a_killed_proxy_loses_nothing_that_it_acknowledged(cluster_url: str, undisturbed: dict) -> None:
    port = free_port()
    client = HttpClient(f"http://127.0.0.1:{port}")
    with serving_process(cluster_url, port) as process:
        make_job(client, "killed")
        for first in range(0, 160, 8):
            post(client, "killed", first, first + 8)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving_process(cluster_url, port):
        assert counts_until_opened(client, "killed") == {160 * 12}, "what was counted stays so while it is done again"
        assert post(client, "killed", 160, 200)["processed_record_count"] == 480
        close(client, "killed")
        assert results(client, "killed") == undisturbed
        client.delete("/_ml/anomaly_detectors/killed", query={"force": "true"})


def counts_until_opened(client: HttpClient, job_id: str) -> set[int]:
    counts, state, until = set[int](), "", time.monotonic() + 60
    while state != "opened" and time.monotonic() < until:
        (job,) = client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"]
        state = job["state"]
        counts.add(job["data_counts"]["processed_record_count"])
    return counts


@pytest.mark.scenario(4)
@pytest.mark.parametrize("reverts", [False, True])
def test_records_posted_to_a_reopened_job_are_counted_once_whatever_is_killed(cluster_url: str, reverts: bool) -> None:
    port, job = free_port(), "/_ml/anomaly_detectors/counted"
    client = HttpClient(f"http://127.0.0.1:{port}")
    with serving_process(cluster_url, port) as process:
        make_job(client, "counted")
        post(client, "counted", 0, 50)
        close(client, "counted")
        first = client.get(job).json()["jobs"][0]["model_snapshot_id"]
        if reverts:
            client.post(f"{job}/_open")
            post(client, "counted", 50, 60)
            close(client, "counted")
            reverted = client.post(
                f"{job}/model_snapshots/{first}/_revert", json_body={"delete_intervening_results": True}
            )
            assert reverted.status == 200, reverted.text
        before = client.get(f"{job}/_stats").json()["jobs"][0]["data_counts"]["processed_record_count"]
        assert client.post(f"{job}/_open").status == 200
        post(client, "counted", 50, 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving_process(cluster_url, port):
        post(client, "counted", 60, 70)
        counts = client.get(f"{job}/_stats").json()["jobs"][0]["data_counts"]
        assert counts["processed_record_count"] == before + 240
        client.delete(job, query={"force": "true"})


def test_a_job_outlives_the_process_that_holds_its_model(
    config: Config, start_proxy: Callable[[Config], BackgroundProxy], undisturbed: dict
) -> None:
    proxy = start_proxy(config)
    client = HttpClient(proxy.serving.url)
    make_job(client, "orphaned")
    post(client, "orphaned", 0, 120)
    for pid in model_processes():
        os.kill(pid, signal.SIGKILL)
    assert post(client, "orphaned", 120, 200)["processed_record_count"] == 960
    close(client, "orphaned")
    assert results(client, "orphaned") == undisturbed


def test_a_closed_job_goes_on_from_its_snapshot(client: HttpClient, undisturbed: dict) -> None:
    make_job(client, "reopened")
    post(client, "reopened", 0, 130)
    close(client, "reopened")
    job = client.get("/_ml/anomaly_detectors/reopened").json()["jobs"][0]
    assert job["model_snapshot_id"] and job["finished_time"]
    assert client.post("/_ml/anomaly_detectors/reopened/_open").status == 200
    assert "finished_time" not in client.get("/_ml/anomaly_detectors/reopened").json()["jobs"][0]
    post(client, "reopened", 130, 200)
    close(client, "reopened")
    assert results(client, "reopened") == undisturbed


def test_interim_results_give_way_to_final_ones(client: HttpClient) -> None:
    make_job(client, "interim")
    post(client, "interim", 0, 100)
    post(client, "interim", 100, 101)
    client.post("/_ml/anomaly_detectors/interim/_flush", query={"calc_interim": "true"})
    buckets = "/_ml/anomaly_detectors/interim/results/buckets"
    last = client.get(buckets, query={"desc": "true", "size": 1}).json()["buckets"][0]
    assert (last["timestamp"], last["is_interim"]) == (START_MS + 100 * SPAN_MS, True)
    post(client, "interim", 101, 102)
    client.post("/_ml/anomaly_detectors/interim/_flush")
    same = client.get(f"{buckets}/{last['timestamp']}").json()["buckets"][0]
    assert (same["is_interim"], same["event_count"]) == (False, 12)
    assert not [bucket for bucket in client.get(buckets, query={"size": 500}).json()["buckets"] if bucket["is_interim"]]


def test_data_before_the_first_finished_bucket_survive_a_close(client: HttpClient) -> None:
    make_job(client, "young")
    rows = [{"time": START_MS + minute * 60_000, "host": "a", "took": 5} for minute in range(20)]
    assert client.post("/_ml/anomaly_detectors/young/_data", ndjson=rows).status == 202
    close(client, "young")
    client.post("/_ml/anomaly_detectors/young/_open")
    rows = [{"time": START_MS + minute * 60_000, "host": "a", "took": 5} for minute in range(20, 90)]
    client.post("/_ml/anomaly_detectors/young/_data", ndjson=rows)
    close(client, "young")
    buckets = client.get("/_ml/anomaly_detectors/young/results/buckets").json()["buckets"]
    assert [bucket["event_count"] for bucket in buckets] == [60]


def model_processes() -> list[int]:
    """The children of this process that hold models."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "proxy.runtime.place.child" in line]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving_process(cluster_url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "proxy", "serve", "--elasticsearch", cluster_url, "--port", str(port)]
    process = subprocess.Popen(command)
    try:
        wait_until_answering(port)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_until_answering(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing answers on port {port}")


def test_records_of_an_open_bucket_can_be_given_again(client: HttpClient) -> None:
    make_job(client, "corrected")
    post(client, "corrected", 0, 3)
    last = START_MS + 2 * SPAN_MS
    rows = [{"time": last + minute * 60_000, "host": "a", "took": 5} for minute in range(30)]
    answer = client.post(
        "/_ml/anomaly_detectors/corrected/_data",
        ndjson=rows,
        query={"reset_start": str(last), "reset_end": str(last + SPAN_MS)},
    )
    assert answer.status == 202, answer.text
    post(client, "corrected", 3, 5)
    close(client, "corrected")
    buckets = client.get("/_ml/anomaly_detectors/corrected/results/buckets").json()["buckets"]
    assert [bucket["event_count"] for bucket in buckets] == [12, 12, 30, 12]


def test_a_forecast_starts_at_the_last_finished_bucket(client: HttpClient, cluster_client: HttpClient) -> None:
    make_job(client, "foreseen")
    refused = client.post("/_ml/anomaly_detectors/foreseen/_forecast")
    assert refused.status == 400, refused.text
    assert "Forecast cannot be executed as job requires data to have been processed" in refused.text
    post(client, "foreseen", 0, 200)
    answer = client.post("/_ml/anomaly_detectors/foreseen/_forecast", query={"duration": "1d"}).json()
    assert answer["acknowledged"] is True
    assert len(answer["forecast_id"]) == 20
    forecast_done(cluster_client, answer["forecast_id"], ".ml-anomalies-foreseen")
    found = cluster_client.post(
        "/.ml-anomalies-foreseen/_search",
        json_body={"size": 100, "sort": ["timestamp"], "query": {"bool": {"filter": [
            {"term": {"result_type": "model_forecast"}}, {"term": {"forecast_id": answer["forecast_id"]}},
            {"term": {"partition_field_value": "a"}}]}}},
    ).json()  # fmt: skip
    points = [hit["_source"] for hit in found["hits"]["hits"]]
    assert len(points) == 24
    assert points[0]["timestamp"] == START_MS + 198 * SPAN_MS
    assert all(point["forecast_lower"] <= point["forecast_prediction"] <= point["forecast_upper"] for point in points)
    deleted = client.delete(f"/_ml/anomaly_detectors/foreseen/_forecast/{answer['forecast_id']}")
    assert deleted.json() == {"acknowledged": True}
