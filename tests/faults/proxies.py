"""Several proxies before one cluster, each its own process, and a client who goes on at another where one fails."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.api.test_cluster_behind import Relay
from tests.http_client import Answer, HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.test_restart import free_port, records, wait_until_answering

PATIENCE_S = 8.0
# What tells a client to ask again.
PASSING = (429, 502, 503, 504)
_numbers = itertools.count()
_WRONG_CLOCK = """\
import os, time
offset_s = int(os.environ["CLOCK_OFFSET_S"])
real, real_ns = time.time, time.time_ns
time.time, time.time_ns = lambda: real() + offset_s, lambda: real_ns() + offset_s * 10**9
"""


class Proxies:
    """With jobs of their own; ``cluster`` is where the test looks at what is stored."""

    def __init__(self, cluster_url: str) -> None:
        self.cluster = HttpClient(cluster_url)
        self.base = f"lanewatch-many{next(_numbers)}-config"
        self.clients: dict[str, HttpClient] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.statuses: list[int] = []
        self._asked = ""

    def start(self, name: str, *, cluster_url: str | None = None, environ: Mapping[str, str] | None = None) -> None:
        """Again at the same address where it has been there before."""
        port = int(self.clients[name].address.partition(":")[2]) if name in self.clients else free_port()
        command = [sys.executable, "-m", "proxy", "serve", "--elasticsearch", cluster_url or self.cluster.url,
                   "--port", str(port)]  # fmt: skip
        settings = {**os.environ, "LANEWATCH_INDICES_CONFIG": self.base, **(environ or {})}
        self.processes[name] = subprocess.Popen(command, env=settings)
        self.clients[name] = HttpClient(f"http://127.0.0.1:{port}", timeout_s=PATIENCE_S)
        wait_until_answering(port)

    def signal(self, name: str, number: int) -> None:
        self.processes[name].send_signal(number)

    def stop(self, name: str) -> None:
        """In order, as a restart does."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(60)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(10)

    def lease(self) -> dict[str, Any]:
        found = self.cluster.get(f"/{self.base}-lease/_doc/lease")
        return found.json()["_source"] if found.status == 200 else {"owner": None, "epoch": 0}

    def leader(self) -> str | None:
        """Who has the lease, by its name here."""
        owner = self.lease()["owner"]
        addresses = {client.url: name for name, client in self.clients.items()}
        return None if owner is None else addresses[owner["address"]]

    def another_leads(self, than: str, within_s: float) -> float:
        """Waits for it; the seconds that it took."""
        began = time.monotonic()
        wait_until(lambda: self.leader() not in (None, than), within_s)
        return time.monotonic() - began

    def ask(self, method: str, path: str, *, within_s: float = 120, retries: bool = True, **options: Any) -> Answer:
        """The first answer that is not to be asked for again, from whichever proxy gives it; else the first at all."""
        until = time.monotonic() + within_s
        while True:
            name = self._asked if self._asked in self.clients else next(iter(self.clients))
            try:
                answer = self.clients[name].request(method, path, **options)
            except OSError:
                assert time.monotonic() < until, f"nobody answers [{method} {path}]"
                self._ask_another(than=name)
                continue
            self.statuses.append(answer.status)
            if answer.status not in PASSING or not retries:
                return answer
            self._ask_another(than=name)
            is_of_cluster = "cannot reach the cluster" in answer.text
            assert answer.headers["Retry-After"] or answer.status != 503 or is_of_cluster, answer.text
            assert time.monotonic() < until, answer.text
            time.sleep(0.2)

    def _ask_another(self, than: str) -> None:
        names = list(self.clients)
        self._asked = names[(names.index(than) + 1) % len(names)]

    def post(self, job_id: str, first: int, last: int) -> None:
        """Records of these hours, once, whoever dies meanwhile."""
        headers = {"Idempotency-Key": f"{job_id}-{first}-{last}"}
        path = f"/_ml/anomaly_detectors/{job_id}/_data"
        answer = self.ask("POST", path, ndjson=records(first, last), headers=headers)
        assert answer.status == 202, answer.text

    def documents(self) -> dict[str, Any]:
        """All that is stored, but for leases, with the number of each document in the order of changes."""
        patterns = f"{self.base},lanewatch-journal,.ml-*"
        options = {"expand_wildcards": "all", "ignore_unavailable": "true"}
        self.cluster.post(f"/{patterns}/_refresh", query=options)
        body = {"size": 5000, "seq_no_primary_term": True, "query": {"match_all": {}}, "sort": ["_doc"]}
        page = self.cluster.post(f"/{patterns}/_search", json_body=body, query={**options, "scroll": "1m"}).json()
        hits = []
        while page["hits"]["hits"]:
            hits += page["hits"]["hits"]
            body = {"scroll_id": page["_scroll_id"], "scroll": "1m"}
            page = self.cluster.post("/_search/scroll", json_body=body).json()
        return {f"{hit['_index']}/{hit['_id']}": (hit["_seq_no"], hit["_source"]) for hit in hits}


@contextmanager
def proxies(cluster_url: str, *names: str) -> Iterator[Proxies]:
    """The first of them leads."""
    many = Proxies(cluster_url)
    try:
        for name in names:
            many.start(name)
            wait_until(lambda: many.leader() == names[0], 20)
        yield many
    finally:
        for process in many.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in many.processes.values():
            process.wait(60)
        many.cluster.delete(f"/{many.base},{many.base}-lease", query={"ignore_unavailable": "true"})


@contextmanager
def relayed(cluster_url: str) -> Iterator[Relay]:
    """A way to the cluster that can be cut."""
    relay = Relay(cluster_url)
    try:
        yield relay
    finally:
        relay.close()


def wrong_clock(folder: Path, offset_s: int) -> dict[str, str]:
    """The environment of a process, and of its children, whose wall clock is wrong by so much."""
    (folder / "sitecustomize.py").write_text(_WRONG_CLOCK)
    return {"PYTHONPATH": str(folder), "CLOCK_OFFSET_S": str(offset_s)}
