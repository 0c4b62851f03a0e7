"""A cluster that takes no results: read-only and full indices are told of, waited for, and nothing is lost."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from proxy.config import Config
from proxy.runtime import supervisor
from proxy.runtime.place import making, outbox
from proxy.runtime.place.worker import LocalPlace
from proxy.store import Store
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.test_restart import JOB, close, post, records, results

RESULTS = "/.ml-anomalies-custom-blocked"


@contextmanager
def blocked(cluster_client: HttpClient, block: str) -> Iterator[None]:
    """While nothing can be written to the results; a full disk sets the block `read_only_allow_delete`."""
    for value in (True, None):
        answer = cluster_client.put(f"{RESULTS}/_settings", json_body={f"index.blocks.{block}": value})
        assert answer.status == 200, answer.text
        if value:
            yield


def make_job(client: HttpClient, job_id: str) -> None:
    client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
    job = JOB | {"results_index_name": "blocked"}
    assert client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=job).status == 200
    assert client.post(f"/_ml/anomaly_detectors/{job_id}/_open").status == 200


def stored_buckets(cluster_client: HttpClient) -> int:
    cluster_client.post(f"{RESULTS}/_refresh")
    return int(cluster_client.get(f"{RESULTS}/_count", query={"q": "result_type:bucket"}).json()["count"])


def told(cluster_client: HttpClient, job_id: str, text: str) -> bool:
    cluster_client.post("/.ml-notifications-000002/_refresh")
    query = {"bool": {"filter": [{"term": {"job_id": job_id}}, {"match_phrase": {"message": text}}]}}
    found = cluster_client.post("/.ml-notifications-000002/_count", json_body={"query": query})
    return bool(found.json()["count"])


@pytest.mark.scenario(8)
@pytest.mark.scenario(2)
def test_results_that_a_full_or_read_only_index_refuses_wait_and_come(
    config: Config,
    start_proxy: Callable[[Config], BackgroundProxy],
    cluster_client: HttpClient,
    undisturbed: dict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "_TICK_S", 0.3)
    client = HttpClient(start_proxy(config).serving.url)
    make_job(client, "blocked")
    for first, block in ((0, "read_only_allow_delete"), (100, "write")):
        with blocked(cluster_client, block):
            assert post(client, "blocked", first, first + 100)["processed_record_count"] == 1200
            wait_until(lambda: told(cluster_client, "blocked", "refuses the job's results, which wait"), 10)
            assert stored_buckets(cluster_client) == max(0, first - 1)
        wait_until(lambda expected=first + 99: stored_buckets(cluster_client) == expected, 10)
    assert told(cluster_client, "blocked", "takes the job's results again")
    assert client.get("/_ml/anomaly_detectors/blocked/_stats").json()["jobs"][0]["state"] == "opened"
    close(client, "blocked")
    assert results(client, "blocked") == undisturbed
    client.delete("/_ml/anomaly_detectors/blocked", query={"force": "true"})


@pytest.fixture
def narrow(
    config: Config, start_proxy: Callable[[Config], BackgroundProxy], monkeypatch: pytest.MonkeyPatch
) -> Iterator[HttpClient]:
    """A proxy whose jobs keep few results for a cluster that takes none; its models live in this process."""
    stores: list[Store] = []

    def place(settings: Config, *_: object) -> LocalPlace:
        stores.append(Store(settings))
        return LocalPlace(stores[-1])

    monkeypatch.setattr(supervisor, "_TICK_S", 0.3)
    monkeypatch.setattr(making, "ProcessPlace", place)
    monkeypatch.setattr(outbox, "_MAX_BYTES", 10_000)
    proxy = start_proxy(replace(config, runtime=replace(config.runtime, workers=1)))
    yield HttpClient(proxy.serving.url)
    for store in stores:
        asyncio.run_coroutine_threadsafe(store.close(), proxy.loop).result(10)


@pytest.mark.scenario(2)
def test_data_are_refused_before_they_are_read_while_too_many_results_wait(
    narrow: HttpClient, cluster_client: HttpClient, undisturbed: dict
) -> None:
    make_job(narrow, "narrow")
    answers: list = []
    posting = threading.Thread(target=lambda: answers.append(post(narrow, "narrow", 0, 160)))
    with blocked(cluster_client, "read_only_allow_delete"):
        posting.start()
        wait_until(lambda: status_of_announced(narrow, "narrow") == 429, 10)
        head = announced(narrow, "narrow")
        assert b"\r\nretry-after: 10\r\n" in head.lower()
        assert b"\r\nconnection: close\r\n" in head.lower()
        assert posting.is_alive(), "what was taken waits for the cluster"
    posting.join(20)
    assert answers[0]["processed_record_count"] == len(records(0, 160))
    wait_until(lambda: status_of_announced(narrow, "narrow") != 429, 10)
    post(narrow, "narrow", 160, 200)
    close(narrow, "narrow")
    assert results(narrow, "narrow") == undisturbed
    narrow.delete("/_ml/anomaly_detectors/narrow", query={"force": "true"})


def status_of_announced(client: HttpClient, job_id: str) -> int:
    """Of a request whose body does not come; 0 where it is waited for."""
    head = announced(client, job_id)
    return int(head.split(b" ")[1]) if head else 0


def announced(client: HttpClient, job_id: str) -> bytes:
    """The answer to a head that announces ten megabytes, of which none is sent; empty where they are waited for."""
    host, _, port = client.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=0.3) as connection:
        head = f"POST /_ml/anomaly_detectors/{job_id}/_data HTTP/1.1\r\nHost: p\r\nContent-Length: 10000000\r\n"
        connection.sendall((head + "Content-Type: application/x-ndjson\r\n\r\n").encode())
        try:
            return connection.recv(65536)
        except TimeoutError:
            return b""
