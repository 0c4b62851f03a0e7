"""From an anomaly to who is told of it, with `kill -9` of the product at every point between: told of once, by its key.

Delivery is at least once: a receiver knows a repetition by its ``Idempotency-Key``.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.alerting.rules import action, form
from tests.alerting.test_alerts import FIRST, SPAN_S, START_S, counts
from tests.alerting.waiting import until
from tests.api.test_cluster_behind import Relay
from tests.faults.killable import serving
from tests.http_client import HttpClient

JOB_ID = "told"
JOB = f"/_ml/anomaly_detectors/{JOB_ID}"
LOUD, END = FIRST + 1, FIRST + 6


@dataclass
class Told:
    """What a receiver has got: the transitions by their keys; ``on_message`` is called before it answers."""

    by_key: dict[str, str] = field(default_factory=dict)
    on_message: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                told.by_key[self.headers["Idempotency-Key"]] = text
                told.on_message()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def transitions(self) -> list[str]:
        return sorted(self.by_key.values())


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.server.shutdown()
    told.server.server_close()


class KillingRelay(Relay):
    """Kills a process, once, instead of passing a request on that has ``mark`` in it."""

    def __init__(self, target: str, mark: bytes) -> None:
        self.mark = mark
        self.victim: subprocess.Popen[bytes] | None = None
        super().__init__(target)

    def _pump(self, source: socket.socket, sink: socket.socket, kept: bytearray) -> None:  # type: ignore[override]
        try:
            while data := source.recv(65536):
                if self.victim is not None and self.mark in data:
                    self.kill()
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def kill(self) -> None:
        if self.victim is not None:
            os.kill(self.victim.pid, signal.SIGKILL)
            self.victim = None


@pytest.fixture
def names(cluster_client: HttpClient) -> Iterator[dict[str, str]]:
    """Settings with indices of the test's own, so that no other proxy has a part in it."""
    own = f"lanewatch-killed-{secrets.token_hex(3)}"
    parts = {"CONFIG": "config", "JOURNAL": "journal", "ALERTING": "alerting", "DELIVERIES": "deliveries"}
    yield {
        **{f"INDICES_{name}": f"{own}-{part}" for name, part in parts.items()},
        "INDICES_ALERTS": f"{own}-alerts-000001",
        "INDICES_ALERTS_ALIAS": f"{own}-alerts",
        "INDICES_RESULTS_PREFIX": f".ml-{own}-results-",
    }
    found = cluster_client.get(
        f"/_cat/indices/{own}*,.ml-{own}*", query={"expand_wildcards": "all", "format": "json", "h": "index"}
    )
    cluster_client.delete("/" + ",".join(row["index"] for row in found.json()))


@contextmanager
def behind(relay: KillingRelay, names: dict[str, str]) -> Iterator[HttpClient]:
    with serving(relay.url, **names) as (client, process):
        relay.victim = process
        yield client


def post(client: HttpClient, first: int, last: int, *loud: int) -> None:
    """As the official clients do, which do not know whether what was cut off has arrived."""
    try:
        rows, key = counts(first, last, loud), {"Idempotency-Key": f"{first}-{last}"}
        client.post(f"{JOB}/_data", ndjson=rows, headers=key)
    except OSError:
        return


def prepare(client: HttpClient, url: str) -> None:
    analysis = {"bucket_span": "1h", "summary_count_field_name": "n", "detectors": [{"function": "high_count"}]}
    client.put(JOB, json_body={"analysis_config": analysis, "data_description": {"time_field": "time"}})
    assert client.post(f"{JOB}/_open").status == 200
    connector = {"name": "hook", "connector_type_id": ".webhook", "config": {"url": url, "hasAuth": False}}
    made = client.post("/api/actions/connector/log", json_body=connector)
    assert made.status == 200, made.text
    actions = [action(group, group) for group in ("anomaly_score_match", "recovered")]
    for each in actions:
        each["params"] = {"body": "{{alert.actionGroup}}"}
    rule = form(50, params={"jobSelection": {"jobIds": [JOB_ID]}}, actions=actions)
    made = client.post("/api/alerting/rule/loud", json_body=rule)
    assert made.status == 200, made.text
    post(client, 0, LOUD)


POINTS = {
    "before the alert is stored": b"-alerts",
    "before its message is stored": b'{"create":{"_index"',
    "before it is stored how far the rule has come": b"/_create/progress-",
    "before the message is claimed": b"-deliveries-documents/_update/",
    "after the message is sent": None,
}
# One is enough for every run of the tests; all are shown by `make test-faults`.
USUAL = "before it is stored how far the rule has come"


@pytest.mark.parametrize(
    "point", [pytest.param(each, marks=[] if each == USUAL else pytest.mark.faults) for each in POINTS]
)
def test_a_product_that_is_killed_tells_of_an_anomaly_by_one_key(
    point: str, told: Told, names: dict[str, str], cluster_url: str, cluster_client: HttpClient
) -> None:
    mark = POINTS[point]
    relay = KillingRelay(cluster_url, b"\0nothing is so called")
    with behind(relay, names) as client:
        prepare(client, told.url)
        victim = relay.victim
        assert victim is not None
        if mark is None:
            told.on_message = relay.kill
        else:
            relay.mark = mark
        post(client, LOUD, LOUD + 2, LOUD)
        victim.wait(30)
    relay.mark, told.on_message = b"\0nothing is so called", lambda: None
    with behind(relay, names) as client:
        post(client, LOUD, LOUD + 2, LOUD)
        until(told.transitions, ["anomaly_score_match"], 60)
        post(client, LOUD + 2, END)
        until(told.transitions, ["anomaly_score_match", "recovered"], 30)
        client.delete(JOB, query={"force": "true"})
    relay.close()
    [alert] = cluster_client.get(f"/{names['INDICES_ALERTS_ALIAS']}/_search").json()["hits"]["hits"]
    assert alert["_source"]["kibana.alert.status"] == "recovered"
    assert alert["_source"]["kibana.alert.start"] == (START_S + LOUD * SPAN_S) * 1000
    assert alert["_source"]["kibana.alert.consecutive_matches"] == 1
