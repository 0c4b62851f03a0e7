"""Several proxies before one cluster, and what can befall the one that leads.

Each time the results are those of a run that nothing befell, and all records are counted once.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.killable import KillableNode
from tests.faults.proxies import PASSING, Proxies, proxies, relayed, wrong_clock
from tests.faults.test_proxy_stopped import models_of
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.test_restart import JOB, results

pytestmark = pytest.mark.faults
Record = Callable[[str, object], None]
HOURS, STEP = 200, 5
WITHIN_S = 15
FROZEN_S = 60
AHEAD_S = 600
AWAY_S = 15


@contextmanager
def worked_on(many: Proxies, job_id: str, undisturbed: dict) -> Iterator[Callable[[], None]]:
    """A job that is fed all the time, hour after hour, by a client who goes on at another proxy where one fails.

    What it gives waits until half of the records are taken. In the end all is compared with the undisturbed run.
    """
    path, is_half = f"/_ml/anomaly_detectors/{job_id}", threading.Event()
    assert many.ask("PUT", path, json_body=JOB).status == 200
    assert many.ask("POST", f"{path}/_open").status == 200
    failures: list[BaseException] = []

    def feed() -> None:
        try:
            for first in range(0, HOURS, STEP):
                many.post(job_id, first, first + STEP)
                if first >= HOURS // 2:
                    is_half.set()
        except BaseException as failure:  # shown by the thread of the test
            failures.append(failure)
            is_half.set()

    def until_half() -> None:
        assert is_half.wait(120), "half of the records are not taken"

    feeding = threading.Thread(target=feed)
    feeding.start()
    yield until_half
    feeding.join(180)
    assert not feeding.is_alive()
    assert not failures, failures
    assert many.ask("POST", f"{path}/_close").json() == {"closed": True}
    counts = many.ask("GET", f"{path}/_stats").json()["jobs"][0]["data_counts"]
    assert counts["processed_record_count"] == HOURS * 12
    leader = many.leader()
    assert leader is not None
    assert results(many.clients[leader], job_id) == undisturbed
    assert many.ask("DELETE", path).json() == {"acknowledged": True}


def told(many: Proxies) -> str:
    by_status = Counter(many.statuses)
    return "answers " + ", ".join(f"{count} x {status}" for status, count in sorted(by_status.items()))


@pytest.mark.scenario(4)
def test_a_leader_that_is_killed_is_replaced_within_fifteen_seconds(
    cluster_url: str, undisturbed: dict, record_property: Record
) -> None:
    with proxies(cluster_url, "a", "b", "c") as many:
        with worked_on(many, "bereft", undisturbed) as until_half:
            until_half()
            many.kill("a")
            took_s = many.another_leads("a", WITHIN_S)
        record_property("figures", f"another led {took_s:.1f} s after the death; {told(many)}")


@pytest.mark.scenario(5)
def test_a_leader_that_is_frozen_for_a_minute_writes_nothing_when_it_wakes(
    cluster_url: str, undisturbed: dict, record_property: Record
) -> None:
    with proxies(cluster_url, "a", "b", "c") as many:
        with worked_on(many, "frozen-leader", undisturbed) as until_half:
            until_half()
            # The processes of its models go on, and are told by nobody to stop.
            many.signal("a", signal.SIGSTOP)
            took_s = many.another_leads("a", WITHIN_S)
            time.sleep(FROZEN_S)
        before = many.documents()
        many.signal("a", signal.SIGCONT)
        wait_until(lambda: many.clients["a"].get("/_ml/anomaly_detectors/_all/_stats").status == 200, 30)
        time.sleep(5)
        assert many.documents() == before
        record_property(
            "figures", f"another led {took_s:.1f} s after the stop; of {len(before)} documents none changed"
        )


@pytest.mark.scenario(3)
@pytest.mark.scenario(5)
def test_a_leader_that_is_cut_off_from_the_cluster_follows_when_it_is_back(
    cluster_url: str, undisturbed: dict, record_property: Record
) -> None:
    with relayed(cluster_url) as relay, proxies(cluster_url) as many:
        many.start("a", cluster_url=relay.url)
        wait_until(lambda: many.leader() == "a", 20)
        many.start("b")
        with worked_on(many, "cut-off", undisturbed) as until_half:
            until_half()
            with relay.gone():
                took_s = many.another_leads("a", WITHIN_S)
                # Of its own, it can say nothing but that.
                assert many.clients["a"].post("/_ml/anomaly_detectors/cut-off/_flush").status in PASSING
                time.sleep(5)
        wait_until(lambda: many.clients["a"].get("/_ml_ui/health").status == 200, 30)
        assert many.leader() == "b"
        record_property("figures", f"another led {took_s:.1f} s after the cut; {told(many)}")


@pytest.mark.scenario(18)
def test_a_place_that_is_killed_costs_no_leader(cluster_url: str, undisturbed: dict) -> None:
    with proxies(cluster_url, "a", "b") as many:
        epoch = many.lease()["epoch"]
        with worked_on(many, "placeless", undisturbed) as until_half:
            until_half()
            for pid in models_of(many.processes["a"].pid):
                os.kill(pid, signal.SIGKILL)
        assert (many.leader(), many.lease()["epoch"]) == ("a", epoch)


@pytest.mark.scenario(7)
def test_clocks_that_are_ten_minutes_apart_change_nothing(
    cluster_url: str, undisturbed: dict, tmp_path: Path, record_property: Record
) -> None:
    with proxies(cluster_url) as many:
        many.start("ahead", environ=wrong_clock(tmp_path, AHEAD_S))
        wait_until(lambda: many.leader() == "ahead", 20)
        many.start("b")
        epoch = many.lease()["epoch"]
        with worked_on(many, "out-of-time", undisturbed) as until_half:
            until_half()
            assert (many.leader(), many.lease()["epoch"]) == ("ahead", epoch), "nobody takes it for expired"
            # What the one that is ahead wrote last has later times than what its successor writes.
            many.kill("ahead")
            took_s = many.another_leads("ahead", WITHIN_S)
        record_property("figures", f"{AHEAD_S} s apart: another led {took_s:.1f} s after the death")


@pytest.mark.scenario(4)
def test_proxies_that_are_restarted_one_after_the_other_lose_nothing_and_answer_every_read(
    cluster_url: str, undisturbed: dict, record_property: Record
) -> None:
    with proxies(cluster_url, "a", "b", "c") as many:
        unread: list[str] = []
        is_over = threading.Event()

        def read() -> None:
            """As behind a balancer: of those that take connections, one answers at once."""
            while not is_over.is_set():
                for path in ("/_ml/anomaly_detectors", "/_ml/anomaly_detectors/_all/_stats", "/_ml/calendars"):
                    answer = many.ask("GET", path, retries=False)
                    if answer.status != 200:
                        unread.append(f"{path}: {answer.text}")
                time.sleep(0.05)

        reading = threading.Thread(target=read)
        with worked_on(many, "rolling", undisturbed):
            reading.start()
            for name in ("a", "b", "c"):
                many.stop(name)
                many.start(name)
        is_over.set()
        reading.join(30)
        assert unread == []
        record_property("figures", f"three restarts, epoch {many.lease()['epoch']}; {told(many)}")


@pytest.mark.scenario(1)
@pytest.mark.scenario(3)
def test_a_cluster_that_is_restarted_has_one_leader_afterwards(undisturbed: dict, record_property: Record) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        node = KillableNode(Path(folder) / "data")
        try:
            with proxies(node.url, "a", "b") as many:
                with worked_on(many, "without-cluster", undisturbed) as until_half:
                    until_half()
                    node.kill()
                    time.sleep(AWAY_S)
                    node.start()
                leader, epoch = many.leader(), many.lease()["epoch"]
                time.sleep(AWAY_S)
                assert (many.leader(), many.lease()["epoch"]) == (leader, epoch), "nobody contends for it"
                record_property("figures", f"[{leader}] led in epoch {epoch} after {AWAY_S} s without it; {told(many)}")
        finally:
            node.kill()
