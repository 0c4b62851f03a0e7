"""What ``soak`` does to a proxy all at once: streams of data, brief jobs, readers, and calls that pass through.

Each is a thread that goes on until it is told that time is over. Refusals are part of the game; a 500 never is.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.http_client import Answer, HttpClient
from tests.runtime.test_restart import JOB, SPAN_MS, START_MS

WILD_EVERY = 150
# Statuses that say "not now": what was sent has not been taken, or is known by its key when it is sent again.
_NOT_NOW = (408, 409, 429, 502, 503, 504)
_PATIENCE_S = 300.0
_PAUSE_S = 0.5
JOBS = "/_ml/anomaly_detectors"


@dataclass
class Seen:
    """What all threads saw together. ``faults`` are answers that must not come."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    cut: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, asked: str, answer: Answer) -> None:
        with self.lock:
            self.statuses[answer.status] += 1
            if answer.status == 500 or b"Traceback" in answer.body:
                self.faults.append(f"{asked}: {answer.status} {answer.text[:200]}")

    def was_cut(self) -> None:
        with self.lock:
            self.cut += 1


class Caller:
    """Calls the proxy; None where the connection was cut or refused."""

    def __init__(self, client: HttpClient, seen: Seen) -> None:
        self._client = client
        self._seen = seen

    def ask(self, method: str, path: str, **options: object) -> Answer | None:
        try:
            answer = self._client.request(method, path, **options)
        except (OSError, http.client.HTTPException):
            self._seen.was_cut()
            return None
        self._seen.answered(f"{method} {path}", answer)
        return answer

    def insist(self, method: str, path: str, right: tuple[int, ...] = (200, 202), **options: object) -> Answer:
        """Asks until the answer is one of the right ones.

        Raises:
            AssertionError: it is another refusal, or does not come in minutes.
        """
        until = time.monotonic() + _PATIENCE_S
        while True:
            answer = self.ask(method, path, **options)
            if answer is not None and answer.status in right:
                return answer
            assert answer is None or answer.status in _NOT_NOW, f"{method} {path}: {answer.text[:300]}"
            assert time.monotonic() < until, f"{method} {path} was never answered rightly"
            time.sleep(_PAUSE_S)


def records(first: int, last: int) -> list[dict[str, object]]:
    """Six records an hour of two hosts, with a wild hour on one of them now and then."""
    return [
        {
            "time": START_MS + hour * SPAN_MS + part * 600_000,
            "host": host,
            "took": 100 + 10 * ((hour * 7 + part * 3) % 5) + (900 if hour % WILD_EVERY == 99 and host == "b" else 0),
        }
        for hour in range(first, last)
        for part in range(6)
        for host in ("a", "b")
    ]


class Stream:
    """One job that gets data hour by hour, each post with a key so that it can be sent again; ``hours`` it has got."""

    def __init__(self, caller: Caller, job_id: str, seed: int) -> None:
        self._caller = caller
        self._random = random.Random(seed)
        self.job_id = job_id
        self.hours = 0

    def make(self) -> None:
        self._caller.insist("PUT", f"{JOBS}/{self.job_id}", json_body=JOB)
        self._caller.insist("POST", f"{JOBS}/{self.job_id}/_open")

    def run(self, is_over: threading.Event) -> None:
        while not is_over.is_set():
            last = self.hours + self._random.randint(1, 6)
            self._caller.insist(
                "POST",
                f"{JOBS}/{self.job_id}/_data",
                ndjson=records(self.hours, last),
                headers={"Idempotency-Key": f"{self.job_id}-{self.hours}"},
            )
            self.hours = last
            is_over.wait(self._random.uniform(0, 0.2))


def come_and_go(caller: Caller, is_over: threading.Event, job_id: str) -> None:
    """A whole life of a job again and again; one that is disturbed is ended and begun anew."""
    path = f"{JOBS}/{job_id}"
    steps: list[Callable[[], Answer | None]] = [
        lambda: caller.ask("PUT", path, json_body=JOB),
        lambda: caller.ask("POST", f"{path}/_open"),
        lambda: caller.ask("POST", f"{path}/_data", ndjson=records(0, 120)),
        lambda: caller.ask("POST", f"{path}/_flush", query={"calc_interim": "true"}),
        lambda: caller.ask("POST", f"{path}/_forecast", query={"duration": "3d"}),
        lambda: caller.ask("POST", f"{path}/_close"),
        lambda: caller.ask(
            "POST", f"{path}/model_snapshots/empty/_revert", query={"delete_intervening_results": "true"}
        ),
        lambda: caller.ask("POST", f"{path}/_reset"),
    ]
    while not is_over.is_set():
        for step in steps:
            answer = step()
            if answer is None or answer.status >= 400 or is_over.is_set():
                break
        caller.insist("DELETE", path, (200, 404), query={"force": "true"})
        is_over.wait(0.2)


def read(caller: Caller, is_over: threading.Event, job_ids: list[str], seed: int) -> None:
    """Everything that can be read, in any order."""
    chance = random.Random(seed)
    paths = ["/_cat/ml/anomaly_detectors", JOBS, f"{JOBS}/_stats", "/_ml/info", f"{JOBS}/_all/results/overall_buckets"]
    for job_id in job_ids:
        kinds = ("buckets", "records", "influencers", "categories")
        paths += [f"{JOBS}/{job_id}/results/{kind}?size=500" for kind in kinds]
        paths += [f"{JOBS}/{job_id}/model_snapshots"]
    while not is_over.is_set():
        caller.ask("GET", chance.choice(paths))
        is_over.wait(chance.uniform(0, 0.1))


def pass_through(caller: Caller, is_over: threading.Event) -> None:
    """Writes and searches that are the cluster's own matter."""
    rows = [line for number in range(50) for line in ({"index": {}}, {"number": number, "text": "x" * 200})]
    while not is_over.is_set():
        caller.ask("POST", "/soak-passing/_bulk", ndjson=rows)
        caller.ask("POST", "/soak-passing/_search", json_body={"query": {"range": {"number": {"gte": 25}}}})
        caller.ask("GET", "/_cluster/health")
        is_over.wait(0.1)
