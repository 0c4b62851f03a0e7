"""A real Elasticsearch that is killed, stays away, is too busy or full: what was acknowledged is there in the end."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.killable import KillableNode, serving
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.test_outage_within_results import CuttingRelay, post_until_taken
from tests.runtime.test_restart import close, make_job, post, records, results

pytestmark = [pytest.mark.faults, pytest.mark.cluster]
Record = Callable[[str, object], None]
KILLS = 3
LOADERS = 4
# How long the cluster stays away; AWAY_S=60 is the short form.
AWAY_S = float(os.environ.get("AWAY_S", "600"))
ASKED_EVERY_S = 5.0
# So much free disk has none: all of it counts as used.
FULL = {"low": "3000tb", "high": "2000tb", "flood_stage": "1000tb"}


@pytest.fixture(scope="module")
def node() -> Iterator[KillableNode]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # every account may enter it, as pytest's own it may not
        node = KillableNode(Path(folder) / "data")
        yield node
        node.kill()


@pytest.fixture(scope="module")
def undisturbed(node: KillableNode) -> dict:
    with serving(node.url) as (client, _):
        make_job(client, "undisturbed")
        for first in range(0, 200, 50):
            post(client, "undisturbed", first, first + 50)
        close(client, "undisturbed")
        return results(client, "undisturbed")


class KillingRelay(CuttingRelay):
    """In the middle of a request with results it has the node killed, and comes back with the node."""

    def __init__(self, node: KillableNode, kills: int) -> None:
        self.node = node
        self.killed, self.restarted = threading.Event(), threading.Event()
        super().__init__(node.url, kills)

    def _stay_away(self) -> None:
        with self.gone():
            self.node.kill()
            self.killed.set()
            self.restarted.wait()
            self.restarted.clear()


@pytest.mark.scenario(1)
def test_a_node_killed_within_results_has_each_of_them_once_in_the_end(
    node: KillableNode, undisturbed: dict, record_property: Record
) -> None:
    relay = KillingRelay(node, KILLS)
    with serving(relay.url) as (client, _):
        make_job(client, "outlived")
        with ThreadPoolExecutor(1) as pool:
            posting = pool.submit(post_all, client, "outlived", 10)
            while not posting.done():
                if relay.killed.wait(0.2):
                    relay.killed.clear()
                    node.start()
                    relay.restarted.set()
            posting.result()
        assert state_of(client, "outlived") == "opened"
        close(client, "outlived")
        assert results(client, "outlived") == undisturbed
    relay.close()
    assert relay.was_cut == KILLS
    record_property(
        "figures", f"{KILLS} times `kill -9` with half of a bulk of results sent; {told(undisturbed)} alike"
    )


def post_all(client: HttpClient, job_id: str, hours: int) -> None:
    for first in range(0, 200, hours):
        post_until_taken(client, first, first + hours, job_id=job_id, within_s=180)


def told(found: dict) -> str:
    return ", ".join(f"{len(documents)} {kind}" for kind, documents in found.items())


def state_of(client: HttpClient, job_id: str) -> str:
    return str(client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"][0]["state"])


@pytest.mark.scenario(3)
@pytest.mark.scenario(16)
def test_a_cluster_that_is_away_for_long_is_told_soon_and_found_again(
    node: KillableNode, undisturbed: dict, record_property: Record
) -> None:
    with serving(node.url) as (client, _):
        make_job(client, "patient")
        post(client, "patient", 0, 100)
        for _ in range(20):  # connections that will be stale
            assert client.get("/_cluster/health").status == 200
        node.kill()
        slowest, asked = 0.0, 0
        until = time.monotonic() + AWAY_S
        while time.monotonic() < until:
            slowest = max(slowest, *(time_of_503(client, ask) for ask in ASKING))
            asked += len(ASKING)
            time.sleep(ASKED_EVERY_S)
        node.start()
        started = time.monotonic()
        statuses = [client.get("/_cluster/health").status for _ in range(20)]
        assert statuses == [200] * 20
        post(client, "patient", 100, 200)
        recovered_s = time.monotonic() - started
        assert state_of(client, "patient") == "opened"
        close(client, "patient")
        assert results(client, "patient") == undisturbed
    assert slowest < 5
    record_property(
        "figures", f"{AWAY_S:.0f} s away, {asked} requests refused with 503, the slowest in {slowest:.1f} s"
    )
    record_property("figures", f"data were taken {recovered_s:.1f} s after the cluster was back, without a restart")


ASKING: tuple[Callable[[HttpClient], int], ...] = (
    lambda client: client.get("/_cluster/health").status,
    lambda client: client.get("/_ml/anomaly_detectors").status,
    lambda client: client.post("/_ml/anomaly_detectors/patient/_data", ndjson=records(100, 101)).status,
)


def time_of_503(client: HttpClient, ask: Callable[[HttpClient], int]) -> float:
    started = time.monotonic()
    assert ask(client) == 503
    return time.monotonic() - started


@pytest.mark.scenario(2)
def test_a_cluster_that_rejects_writes_for_want_of_room_loses_nothing(
    node: KillableNode, undisturbed: dict, record_property: Record
) -> None:
    with narrowed(node), serving(node.url) as (client, _):
        is_over = threading.Event()
        with ThreadPoolExecutor(LOADERS) as pool:
            loads = [pool.submit(load, client, is_over) for _ in range(LOADERS)]
            try:
                make_job_patiently(client, "crowded")
                post_all_patiently(client)
            finally:
                is_over.set()
            refused = sum(each.result() for each in loads)
        close(client, "crowded")
        assert results(client, "crowded") == undisturbed
        nodes = node.client.get("/_nodes/stats/thread_pool").json()["nodes"]
    rejected = sum(each["thread_pool"]["write"]["rejected"] for each in nodes.values())
    assert rejected > 0
    record_property("figures", f"{rejected} writes rejected by the cluster, {refused} of them told through the proxy")


@contextmanager
def narrowed(node: KillableNode) -> Iterator[None]:
    """The node with room for one write and one that waits."""
    node.kill()
    node.start(thread_pool__write__queue_size="1", thread_pool__write__size="1")
    try:
        yield
    finally:
        node.kill()
        node.start()


def load(client: HttpClient, is_over: threading.Event) -> int:
    """Writes through the proxy for as long as it is told; how many items were refused with 429."""
    rows = [line for number in range(100) for line in ({"index": {}}, {"number": number})]
    refused = 0
    while not is_over.is_set():
        answer = client.post("/crowd/_bulk", ndjson=rows)
        assert answer.status in (200, 429), answer.text
        items = answer.json().get("items", []) if answer.status == 200 else []
        refused += sum(item["index"]["status"] == 429 for item in items) + (answer.status == 429)
    return refused


def make_job_patiently(client: HttpClient, job_id: str) -> None:
    """Each step again until the cluster has room for it."""
    until = time.monotonic() + 120
    path = f"/_ml/anomaly_detectors/{job_id}"
    while state_or_nothing(client, job_id) != "opened":
        assert time.monotonic() < until
        try:
            make_job(client, job_id)
        except AssertionError:
            client.delete(path, query={"force": "true"})


def state_or_nothing(client: HttpClient, job_id: str) -> str:
    answer = client.get(f"/_ml/anomaly_detectors/{job_id}/_stats")
    # A job that is being deleted has no statistics.
    states = [job["state"] for job in answer.json()["jobs"]] if answer.status == 200 else []
    return str(states[0]) if states else ""


def post_all_patiently(client: HttpClient) -> None:
    for first in range(0, 200, 10):
        post_until_taken(client, first, first + 10, job_id="crowded", within_s=120)


@pytest.mark.scenario(8)
def test_a_disk_that_is_full_is_told_and_data_are_taken_once_there_is_room(
    node: KillableNode, undisturbed: dict, record_property: Record
) -> None:
    with serving(node.url) as (client, _):
        make_job(client, "full")
        post(client, "full", 0, 60)
        mark = {f"cluster.routing.allocation.disk.watermark.{name}": value for name, value in FULL.items()}
        often = {"cluster.info.update.interval": "10s"}
        assert node.client.put("/_cluster/settings", json_body={"persistent": mark | often}).status == 200
        wait_until(lambda: is_blocked(node), 90)
        refused = client.post("/_ml/anomaly_detectors/full/_data", ndjson=records(60, 70))
        assert refused.status in (429, 503), refused.text
        assert "disk usage exceeded flood-stage watermark" in refused.text
        assert state_of(client, "full") == "opened"
        none = dict.fromkeys(mark, None)
        assert node.client.put("/_cluster/settings", json_body={"persistent": none}).status == 200
        wait_until(lambda: not is_blocked(node), 90)
        started = time.monotonic()
        post_until_taken(client, 60, 200, job_id="full", within_s=60)
        recovered_s = time.monotonic() - started
        close(client, "full")
        assert results(client, "full") == undisturbed
    record_property("figures", f"flood stage on every index; data were taken {recovered_s:.1f} s after it was over")


def is_blocked(node: KillableNode) -> bool:
    settings = node.client.get("/lanewatch-journal/_settings/index.blocks.*", query={"flat_settings": "true"}).json()
    blocks = settings.get("lanewatch-journal", {}).get("settings", {})
    return blocks.get("index.blocks.read_only_allow_delete") == "true"
