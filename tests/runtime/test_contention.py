"""Several callers at one job, callers that vanish, and indices that go: nothing is lost, nobody is locked out."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from proxy.config import Config
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.test_restart import SPAN_MS, START_MS, make_job, model_processes, post

ROW = {"time": START_MS, "host": "a", "took": 1}


def state(client: HttpClient, job_id: str) -> str:
    return client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"][0]["state"]


def begin_post(client: HttpClient, job_id: str, announced: int, sent: bytes) -> socket.socket:
    """A request whose body stops half-way."""
    host, _, port = urlsplit(client.url).netloc.partition(":")
    connection = socket.create_connection((host, int(port)))
    head = (
        f"POST /_ml/anomaly_detectors/{job_id}/_data HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {announced}\r\n\r\n"
    )
    connection.sendall(head.encode() + sent)
    return connection


@pytest.mark.scenario(15)
def test_half_a_body_leaves_the_job_open_and_takes_nothing(client: HttpClient) -> None:
    make_job(client, "half")
    connection = begin_post(client, "half", 10_000, json.dumps(ROW).encode() + b"\n")
    time.sleep(0.2)
    connection.close()
    time.sleep(0.3)
    assert state(client, "half") == "opened"
    stats = client.get("/_ml/anomaly_detectors/half/_stats").json()["jobs"][0]
    assert stats["data_counts"]["input_record_count"] == 0


@pytest.mark.scenario(10)
def test_a_slow_sender_holds_up_nobody(client: HttpClient) -> None:
    make_job(client, "slow")
    connection = begin_post(client, "slow", 10_000, b'{"time"')
    try:
        time.sleep(0.2)
        started = time.monotonic()
        assert client.post("/_ml/anomaly_detectors/slow/_data", ndjson=[ROW]).status == 202
        assert client.post("/_ml/anomaly_detectors/slow/_flush").status == 200
        assert client.post("/_ml/anomaly_detectors/slow/_close").status == 200
        assert time.monotonic() - started < 20
    finally:
        connection.close()


@pytest.mark.scenario(9)
def test_a_deleted_results_index_is_made_anew(client: HttpClient, cluster_client: HttpClient) -> None:
    make_job(client, "homeless")
    post(client, "homeless", 0, 5)
    index = next(iter(cluster_client.get("/.ml-anomalies-homeless/_alias").json()))
    assert cluster_client.delete(f"/{index}").status == 200
    post(client, "homeless", 5, 10)
    closed = client.post("/_ml/anomaly_detectors/homeless/_close")
    assert closed.json() == {"closed": True}, closed.text
    times = [b["timestamp"] for b in client.get("/_ml/anomaly_detectors/homeless/results/buckets").json()["buckets"]]
    assert times == [START_MS + hour * SPAN_MS for hour in range(4, 9)]
    assert client.delete("/_ml/anomaly_detectors/homeless").status == 200


@pytest.mark.scenario(9)
def test_a_job_can_be_deleted_after_its_index(client: HttpClient, cluster_client: HttpClient) -> None:
    make_job(client, "orphan")
    post(client, "orphan", 0, 5)
    index = next(iter(cluster_client.get("/.ml-anomalies-orphan/_alias").json()))
    cluster_client.delete(f"/{index}")
    gone = client.delete("/_ml/anomaly_detectors/orphan", query={"force": "true"})
    assert gone.json() == {"acknowledged": True}, gone.text
    assert client.get("/_ml/anomaly_detectors/orphan").status == 404


@pytest.mark.scenario(6)
def test_what_is_posted_after_a_reset_stays(client: HttpClient) -> None:
    """An opening that overlaps a reset either waits for it or is refused."""
    make_job(client, "forgetful")
    post(client, "forgetful", 0, 5)
    client.post("/_ml/anomaly_detectors/forgetful/_close")
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            resetting = pool.submit(client.post, "/_ml/anomaly_detectors/forgetful/_reset")
            opened = client.post("/_ml/anomaly_detectors/forgetful/_open")
            reset = resetting.result()
            if opened.status != 200:
                assert "it is executing [reset]" in opened.text
                assert client.post("/_ml/anomaly_detectors/forgetful/_open").status == 200
            elif reset.status != 200:
                assert "Can only reset a job when it is closed." in reset.text
            before = data_count(client)
            post(client, "forgetful", 5, 8)
            assert data_count(client) - before == 36
            client.post("/_ml/anomaly_detectors/forgetful/_close")


def data_count(client: HttpClient) -> int:
    stats = client.get("/_ml/anomaly_detectors/forgetful/_stats").json()["jobs"][0]
    return stats["data_counts"]["input_record_count"]


@pytest.mark.scenario(6)
def test_of_many_openings_one_wins(client: HttpClient) -> None:
    make_job(client, "wanted")
    client.post("/_ml/anomaly_detectors/wanted/_close")
    barrier = threading.Barrier(6)

    def race(_: int) -> int:
        barrier.wait()
        return client.post("/_ml/anomaly_detectors/wanted/_open").status

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(race, range(6))) == [200, 409, 409, 409, 409, 409]


@pytest.mark.scenario(6)
def test_a_closing_that_meets_an_opening_comes_after_it(client: HttpClient) -> None:
    make_job(client, "brief")
    client.post("/_ml/anomaly_detectors/brief/_close")
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(client.post, "/_ml/anomaly_detectors/brief/_open")
        while not opening.done():
            if state(client, "brief") == "opening":
                break
        assert client.post("/_ml/anomaly_detectors/brief/_close").json() == {"closed": True}
        assert opening.result().status == 200
    client.post("/_ml/anomaly_detectors/brief/_close")
    assert state(client, "brief") == "closed"


def test_malformed_data_are_refused_and_cost_nobody_a_model(client: HttpClient) -> None:
    make_job(client, "garbled")
    post(client, "garbled", 0, 3)
    models = model_processes()
    refused = client.post("/_ml/anomaly_detectors/garbled/_data", body="{x}\n" * 200)
    assert (refused.status, refused.json()["error"]["type"]) == (400, "parse_exception"), refused.text
    assert model_processes() == models
    post(client, "garbled", 3, 4)
    client.post("/_ml/anomaly_detectors/garbled/_close")


def test_an_update_outlives_the_process_that_holds_the_model(
    config: Config, start_proxy: Callable[[Config], BackgroundProxy], cluster_client: HttpClient
) -> None:
    client = HttpClient(start_proxy(config).serving.url)
    make_job(client, "plotted")
    post(client, "plotted", 0, 60)
    update = client.post("/_ml/anomaly_detectors/plotted/_update", json_body={"model_plot_config": {"enabled": True}})
    assert update.status == 200, update.text
    for pid in model_processes():
        os.kill(pid, signal.SIGKILL)
    post(client, "plotted", 60, 70)
    client.post("/_ml/anomaly_detectors/plotted/_close")
    query = {"query": {"term": {"result_type": "model_plot"}}, "size": 0, "track_total_hits": True}
    found = cluster_client.post("/.ml-anomalies-plotted/_search", json_body=query).json()
    assert found["hits"]["total"]["value"] > 0
