"""The cluster goes away in the middle of a request that stores something, and comes back: nothing is lost or double."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from proxy.config import Config
from tests.api.test_cluster_behind import Relay
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.test_restart import close, make_job, records, results

OF_RESULTS = b"POST /_bulk?require_alias=true&filter_path=errors,items.*.error,items.*.status"
AWAY_S = 1.0


class CuttingRelay(Relay):
    """Goes away when a request of that kind has half passed, as often as it is told to; then comes back."""

    def __init__(self, target: str, cuts: int, kind: bytes = OF_RESULTS) -> None:
        self.cuts = cuts
        self.kind = kind
        self.was_cut = 0
        super().__init__(target)

    def _pump(self, source: socket.socket, sink: socket.socket, kept: bytearray) -> None:  # type: ignore[override]
        try:
            while data := source.recv(65536):
                if self.cuts > 0 and self.kind in data:
                    self.cuts -= 1
                    self.was_cut += 1
                    sink.sendall(data[: len(data) // 2])
                    threading.Thread(target=self._stay_away, daemon=True).start()
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _stay_away(self) -> None:
        with self.gone():
            time.sleep(AWAY_S)


@pytest.fixture
def relay(cluster_url: str) -> Iterator[CuttingRelay]:
    relay = CuttingRelay(cluster_url, cuts=3)
    yield relay
    relay.close()


@pytest.mark.scenario(1)
def test_a_cluster_that_is_lost_within_results_gets_each_of_them_once(
    config: Config, relay: CuttingRelay, start_proxy: Callable[[Config], BackgroundProxy], undisturbed: dict
) -> None:
    behind = replace(config, elasticsearch=replace(config.elasticsearch, hosts=(relay.url,)))
    client = HttpClient(start_proxy(behind).serving.url)
    make_job(client, "outlived")
    for first in range(0, 200, 20):
        post_until_taken(client, first, first + 20)
    assert relay.was_cut == 3
    stats = client.get("/_ml/anomaly_detectors/outlived/_stats").json()["jobs"][0]
    assert stats["state"] == "opened"
    assert stats["data_counts"]["processed_record_count"] == 2400
    close(client, "outlived")
    assert results(client, "outlived") == undisturbed
    client.delete("/_ml/anomaly_detectors/outlived", query={"force": "true"})


def post_until_taken(
    client: HttpClient, first: int, last: int, *, job_id: str = "outlived", within_s: float = 30
) -> None:
    """As the official clients do: what was refused with one of these has not been taken."""
    until = time.monotonic() + within_s
    while True:
        answer = client.post(f"/_ml/anomaly_detectors/{job_id}/_data", ndjson=records(first, last))
        if answer.status == 202:
            return
        assert answer.status in (429, 502, 503, 504), answer.text
        assert time.monotonic() < until, answer.text
        time.sleep(0.2)


@pytest.fixture
def claim_relay(cluster_url: str) -> Iterator[CuttingRelay]:
    relay = CuttingRelay(cluster_url, cuts=1, kind=b'"_id":"job_task-patient","if_seq_no"')
    yield relay
    relay.close()


def test_a_job_that_waits_for_room_waits_on_where_the_cluster_is_lost_while_it_opens(
    config: Config, claim_relay: CuttingRelay, start_proxy: Callable[[Config], BackgroundProxy]
) -> None:
    behind = replace(config.elasticsearch, hosts=(claim_relay.url,))
    # Jobs of its own: one that another test left open would take the only room there is.
    own = replace(config.indices, config="lanewatch-narrow-config")
    narrow = replace(config, elasticsearch=behind, indices=own, ml=replace(config.ml, max_open_jobs=1))
    client = HttpClient(start_proxy(narrow).serving.url)
    make_job(client, "first")
    patient = "/_ml/anomaly_detectors/patient"
    body = {"allow_lazy_open": True, "analysis_config": {"bucket_span": "1h", "detectors": [{"function": "count"}]}}
    assert client.put(patient, json_body={**body, "data_description": {"time_field": "time"}}).status == 200
    assert client.post(f"{patient}/_open").json() == {"opened": True, "node": ""}
    close(client, "first")
    until = time.monotonic() + 20
    while (state := client.get(f"{patient}/_stats").json()["jobs"][0]["state"]) == "opening":
        assert time.monotonic() < until, "it opens once the cluster is there again"
        time.sleep(0.2)
    assert (state, claim_relay.was_cut) == ("opened", 1)
    close(client, "patient")
    client.delete(patient)
