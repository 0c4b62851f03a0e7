"""Whether a proxy stalls, on a machine that others use as well.

A heartbeat asks for what needs neither cluster nor model. Beside it a bare server, which does nothing else, is asked
as well: where that waits too, the machine is to blame and not the proxy.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.http_client import HttpClient
from tests.runtime.test_restart import free_port, wait_until_answering

_EVERY_S = 0.02
# What a wait of the bare server, shortly before or after, explains of a wait of the proxy.
_NEAR_S = 1.0
_BARE = "import http.server, sys; http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), "
_BARE += "type('H', (http.server.BaseHTTPRequestHandler,), {'do_GET': lambda s: (s.send_response(200), s.send_header("
_BARE += "'Content-Length', '0'), s.end_headers()), 'log_message': lambda *a: None})).serve_forever()"


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait for an answer; ``at`` is when it began."""

    at: float
    seconds: float


class Stalls:
    """Waits of a proxy beyond ``most_ms`` that its machine does not explain."""

    def __init__(self, client: HttpClient, most_ms: float) -> None:
        self._client = client
        self._most_s = most_ms / 1000
        self._is_over = threading.Event()
        self._is_paused = threading.Event()
        self._waits: list[Wait] = []
        self._bare_waits: list[Wait] = []
        self._asked = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        port = free_port()
        bare = subprocess.Popen([sys.executable, "-c", _BARE, str(port)])
        wait_until_answering(port)
        threads = [
            threading.Thread(target=self._beat, args=(self._client, "/_ml_ui/health/live", self._waits)),
            threading.Thread(target=self._beat, args=(HttpClient(f"http://127.0.0.1:{port}"), "/", self._bare_waits)),
        ]
        try:
            for thread in threads:
                thread.start()
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()
            bare.kill()
            bare.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While the proxy is not there."""
        self._is_paused.set()
        try:
            yield
        finally:
            time.sleep(_NEAR_S)
            self._is_paused.clear()

    def _beat(self, client: HttpClient, path: str, waits: list[Wait]) -> None:
        while not self._is_over.wait(_EVERY_S):
            began = time.monotonic()
            try:
                client.get(path)
            except (OSError, http.client.HTTPException):
                continue
            took_s = time.monotonic() - began
            self._asked += 1
            # Half of the limit at the bare server is a machine that is late already.
            most_s = self._most_s if waits is self._waits else self._most_s / 2
            if took_s > most_s and not self._is_paused.is_set():
                waits.append(Wait(began, took_s))

    @property
    def found(self) -> list[Wait]:
        return [wait for wait in self._waits if not self._is_explained(wait)]

    def _is_explained(self, wait: Wait) -> bool:
        return any(
            bare.at < wait.at + wait.seconds + _NEAR_S and bare.at + bare.seconds > wait.at - _NEAR_S
            for bare in self._bare_waits
        )

    def told(self) -> str:
        longest = max((wait.seconds for wait in self.found), default=0.0)
        explained = len(self._waits) - len(self.found)
        return (
            f"{len(self.found)} in {self._asked} heartbeats, the longest {longest * 1000:.0f} ms; "
            f"{explained} more while a bare server waited as well"
        )
