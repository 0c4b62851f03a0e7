"""A proxy that is stopped for long and goes on, and one whose models compute: others see nothing of it."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.killable import serving
from tests.http_client import HttpClient
from tests.runtime.test_outage_within_results import post_until_taken
from tests.runtime.test_restart import close, make_job, records, results

pytestmark = pytest.mark.faults
Record = Callable[[str, object], None]
STOPPED_S = 20
ASKED = 1500


@pytest.mark.scenario(5)
def test_a_proxy_that_is_stopped_within_its_work_goes_on_as_if_nothing_had_happened(
    cluster_url: str, undisturbed: dict, record_property: Record
) -> None:
    with serving(cluster_url) as (client, process):
        make_job(client, "frozen")
        with ThreadPoolExecutor(1) as pool:
            posting = pool.submit(post_all, client, "frozen")
            for pids in ([process.pid], models_of(process.pid), [process.pid, *models_of(process.pid)]):
                time.sleep(0.5)
                for signal_number in (signal.SIGSTOP, signal.SIGCONT):
                    for pid in pids:
                        os.kill(pid, signal_number)
                    time.sleep(STOPPED_S if signal_number == signal.SIGSTOP else 0)
            posting.result()
        close(client, "frozen")
        assert results(client, "frozen") == undisturbed
        client.delete("/_ml/anomaly_detectors/frozen", query={"force": "true"})
    record_property("figures", f"the proxy, its model's process, and both: each stopped for {STOPPED_S} s")


def post_all(client: HttpClient, job_id: str) -> None:
    for first in range(0, 200, 2):
        post_until_taken(client, first, first + 2, job_id=job_id)


def models_of(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return [int(line) for line in listed.stdout.split()]


@pytest.mark.scenario(18)
def test_what_passes_through_is_as_quick_while_a_model_computes(cluster_url: str, record_property: Record) -> None:
    with serving(cluster_url) as (client, _):
        make_job(client, "computing")
        client.get("/_cluster/health")
        idle = latencies_ms(client)
        is_over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            computing = pool.submit(compute, client, is_over)
            time.sleep(1)
            busy = latencies_ms(client)
            is_over.set()
            rows = computing.result()
        client.delete("/_ml/anomaly_detectors/computing", query={"force": "true"})
    (idle_50, idle_99), (busy_50, busy_99) = (percentiles(each) for each in (idle, busy))
    record_property(
        "figures",
        f"p50 {idle_50:.1f} and p99 {idle_99:.1f} ms idle, {busy_50:.1f} and {busy_99:.1f} ms while {rows:,} records "
        "were analysed",
    )
    assert busy_99 < max(4 * idle_99, 60)


def compute(client: HttpClient, is_over: threading.Event) -> int:
    """Posts hour after hour until it is told to stop; how many records."""
    first = 0
    while not is_over.is_set():
        post_until_taken(client, first, first + 400, job_id="computing")
        first += 400
    return len(records(0, first))


def latencies_ms(client: HttpClient) -> list[float]:
    took = []
    for _ in range(ASKED):
        started = time.monotonic()
        assert client.get("/_cluster/health").status == 200
        took.append((time.monotonic() - started) * 1000)
    return took


def percentiles(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]
