"""What our paths do when the cluster behind them goes away and comes back, and what they send it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from proxy.config_loading import load_config
from tests.http_client import HttpClient

OURS = "/_ml/anomaly_detectors"


class Relay:
    """Stands for the cluster on a port of its own, so that it can go away; remembers what it was sent."""

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://").split(":")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sent = bytearray()
        self.pairs: list[socket.socket] = []
        self.is_open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if not self.is_open:
                near.close()
                continue
            far = socket.create_connection((self.target[0], int(self.target[1])))
            self.pairs += [near, far]
            for source, sink, kept in ((near, far, self.sent), (far, near, bytearray())):
                threading.Thread(target=self._pump, args=(source, sink, kept), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
        try:
            while data := source.recv(65536):
                kept += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    @contextmanager
    def gone(self) -> Iterator[None]:
        self.is_open = False
        for pair in self.pairs:
            with suppress(OSError):
                pair.shutdown(socket.SHUT_RDWR)  # closing alone waits for the thread that reads
            pair.close()
        self.pairs.clear()
        yield
        self.is_open = True

    def close(self) -> None:
        self.listener.close()
        with self.gone():
            pass


@pytest.fixture
def relay(cluster_url) -> Iterator[Relay]:
    relay = Relay(cluster_url)
    yield relay
    relay.close()


@pytest.fixture
def behind_relay(relay, start_proxy) -> HttpClient:
    config = load_config(
        environ={},
        overrides={"elasticsearch": {"hosts": [relay.url], "max_retries": 0}, "server": {"port": 0}},
    )
    return HttpClient(start_proxy(config).serving.url)


@pytest.mark.scenario(3)
def test_without_its_cluster_the_proxy_says_so_and_recovers(relay, behind_relay):
    assert behind_relay.get(OURS).status == 200
    with relay.gone():
        refused = behind_relay.get(OURS)
        assert refused.status == 503
        assert refused.json()["error"]["reason"] == f"cannot reach the cluster at [{relay.url}], is it running?"
        assert behind_relay.get("/_ml/nothing").status == 400, "what needs no cluster is still answered"
    patience_ends = time.monotonic() + 10
    while behind_relay.get(OURS).status != 200:
        assert time.monotonic() < patience_ends, "the cluster is back, but not for the proxy"


def test_the_callers_id_goes_along_to_the_cluster(relay, behind_relay):
    behind_relay.get(OURS, headers={"x-opaque-id": "id-of-the-caller"})
    assert b"id-of-the-caller" in bytes(relay.sent)
    relay.sent.clear()
    behind_relay.get(OURS)
    assert b"id-of-the-caller" not in bytes(relay.sent)
