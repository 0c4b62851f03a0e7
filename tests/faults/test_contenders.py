"""Clients who make, open, feed, close, reset and delete one job in any order: each is told what is so.

Half of them ask a proxy that leads, half one that hands their calls over to it.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.proxies import proxies
from tests.http_client import HttpClient
from tests.runtime.test_restart import JOB, close, make_job, post, records, results

pytestmark = pytest.mark.faults
CONTENDERS, FOR_S = 8, 60
JOB_PATH = "/_ml/anomaly_detectors/contended"
ROWS = records(0, 3)
ACTIONS: dict[str, Callable[[HttpClient], int]] = {
    "put": lambda client: client.put(JOB_PATH, json_body=JOB).status,
    "open": lambda client: client.post(f"{JOB_PATH}/_open").status,
    "post": lambda client: client.post(f"{JOB_PATH}/_data", ndjson=ROWS).status,
    "flush": lambda client: client.post(f"{JOB_PATH}/_flush").status,
    "close": lambda client: client.post(f"{JOB_PATH}/_close").status,
    "force close": lambda client: client.post(f"{JOB_PATH}/_close", query={"force": "true"}).status,
    "reset": lambda client: client.post(f"{JOB_PATH}/_reset").status,
    "delete": lambda client: client.delete(JOB_PATH).status,
    "force delete": lambda client: client.delete(JOB_PATH, query={"force": "true"}).status,
}
WEIGHTS = (4, 6, 6, 3, 4, 1, 2, 1, 1)


@pytest.mark.scenario(6)
def test_of_any_interleaving_one_wins_and_the_others_are_told(
    cluster_url: str, undisturbed: dict, record_property: Callable[[str, object], None]
) -> None:
    with proxies(cluster_url, "a", "b") as many:
        clients = [HttpClient(client.url) for client in many.clients.values()]
        seed = random.randrange(2**32)
        told = contended(clients, seed)
        by_status = Counter[int]()
        for (_, status), times in told.items():
            by_status[status] += times
        assert by_status.keys() <= {200, 202, 400, 404, 409}, f"seed {seed}: {told}"
        # Nothing half-made is left: the id is as good as any other.
        client = clients[1]
        client.delete(JOB_PATH, query={"force": "true"})
        assert client.get(JOB_PATH).status == 404
        make_job(client, "contended")
        for first in range(0, 200, 50):
            post(client, "contended", first, first + 50)
        close(client, "contended")
        assert results(client, "contended") == undisturbed
        client.delete(JOB_PATH, query={"force": "true"})
    counts = ", ".join(f"{times} x {status}" for status, times in sorted(by_status.items()))
    record_property("figures", f"{CONTENDERS} clients of two proxies for {FOR_S} s: {counts}; seed {seed}")


def contended(clients: Sequence[HttpClient], seed: int) -> Counter[tuple[str, int]]:
    """What the contenders asked and were told."""

    def contend(number: int) -> Counter[tuple[str, int]]:
        chosen, told = random.Random(seed + number), Counter[tuple[str, int]]()
        until = time.monotonic() + FOR_S
        while time.monotonic() < until:
            (name,) = chosen.choices(list(ACTIONS), WEIGHTS)
            told[name, ACTIONS[name](clients[number % len(clients)])] += 1
        return told

    with ThreadPoolExecutor(CONTENDERS) as pool:
        return sum(pool.map(contend, range(CONTENDERS)), Counter[tuple[str, int]]())
