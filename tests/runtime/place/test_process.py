"""A place in a process of its own: steps that hang, processes that die, and what the others notice of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from proxy.config import Config
from proxy.config_loading import load_config
from proxy.runtime import live_job
from proxy.runtime.place import process
from proxy.runtime.place.commands import Discard, Open, Report
from proxy.runtime.place.contract import JobNotLoaded, PlaceLost, StepTimedOut, hear_nothing
from proxy.runtime.place.process import ProcessPlace
from proxy.runtime.place.wire import Start
from proxy.store.calls import tell_nobody
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.place.commands import Die, HangingPost
from tests.runtime.place.conftest import TIMEOUT_S
from tests.runtime.place.test_contract import JOB_ID, NOW_MS, inputs, post, store
from tests.runtime.test_restart import START_MS, make_job, model_processes, records
from tests.runtime.test_restart import post as post_records

__all__ = ["inputs", "store"]


@pytest.fixture
async def place(loop: asyncio.AbstractEventLoop, impatient: Config) -> AsyncIterator[ProcessPlace]:
    place = ProcessPlace(impatient)
    yield place
    await place.close()


@pytest.mark.parametrize("how", ["sleep", "pattern"])
async def test_a_step_without_progress_ends_its_place_and_names_what_it_was_about(
    place: ProcessPlace, inputs, store, how: str
) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    await place.call("another", Open(replace(inputs, job_id="another"), NOW_MS))
    await place.call(JOB_ID, post(records(0, 3)))
    hanging = HangingPost(b'{"time": %d, "host": "%s"}' % (START_MS, how.encode()), None, "x", NOW_MS)
    waiting = asyncio.create_task(place.call("another", post(records(0, 3))))
    with pytest.raises(StepTimedOut, match=r"no sign of progress for \[3s\]") as late:
        await place.call(JOB_ID, hanging)
    _, entries = await store.journal.read(JOB_ID, (await store.left_behind.read(JOB_ID)).journal)
    assert [number for number, _ in entries] == [0, 1]
    assert late.value.entry == 1
    await asyncio.gather(waiting, return_exceptions=True)
    with pytest.raises(JobNotLoaded):
        await place.call("another", Report())
    await store.journal.clear("another")


async def test_who_was_computing_is_to_blame_for_the_end_of_a_process(place: ProcessPlace, inputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    with pytest.raises(PlaceLost) as lost:
        await place.call(JOB_ID, Die())
    assert lost.value.blamed == JOB_ID
    with pytest.raises(JobNotLoaded):
        await place.call(JOB_ID, Report())
    assert (await place.call(JOB_ID, Open(inputs, NOW_MS))).is_untouched


async def test_a_process_of_models_lets_the_one_that_answers_go_first(place: ProcessPlace, inputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    command = ["ps", "-o", "ni=", "--ppid", str(os.getpid())]
    listed = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert os.getpriority(os.PRIO_PROCESS, 0) + 3 in map(int, listed.stdout.split())


async def test_a_quiet_place_is_left_alone(place: ProcessPlace, inputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    await asyncio.sleep(1.5 * TIMEOUT_S)
    assert (await place.call(JOB_ID, Report())).status is not None


async def test_closing_does_not_wait_for_a_step(place: ProcessPlace, inputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    hanging = asyncio.create_task(place.call(JOB_ID, HangingPost(b'{"time": 1, "host": "sleep"}', None, "x", NOW_MS)))
    await asyncio.sleep(0.5)
    started = time.monotonic()
    await place.close()
    assert time.monotonic() - started < 2.5
    with pytest.raises(PlaceLost):
        await hanging


def test_a_place_ends_with_its_parent() -> None:
    code = (
        "import asyncio, os, sys\n"
        "from proxy.config_loading import load_config\n"
        "from proxy.runtime.place.process import _Child\n"
        "from proxy.runtime.place.wire import Start\n"
        "from proxy.store.calls import tell_nobody\n"
        "async def main():\n"
        "    child = _Child(Start(load_config(environ={})), tell_nobody)\n"
        "    print(child._process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and is_running(child):
        time.sleep(0.1)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def proxy(
    monkeypatch: pytest.MonkeyPatch, start_proxy: Callable[[Config], BackgroundProxy], impatient: Config
) -> BackgroundProxy:
    """A proxy to which one can post data that hang."""
    monkeypatch.setattr(live_job, "Post", HangingPost)
    return start_proxy(impatient)


@pytest.mark.scenario(18)
@pytest.mark.parametrize("how", ["sleep", "pattern"])
def test_a_job_that_hangs_fails_and_harms_nobody(
    proxy: BackgroundProxy, start_proxy: Callable[[Config], BackgroundProxy], impatient: Config, how: str
) -> None:
    client = HttpClient(proxy.serving.url)
    make_job(client, "hanging")
    make_job(client, "neighbour")
    post_records(client, "hanging", 0, 5)
    post_records(client, "neighbour", 0, 5)
    row = [{"time": START_MS + 5 * 3_600_000, "host": how, "took": 1}]
    answers: list = []
    hanging = threading.Thread(
        target=lambda: answers.append(client.post("/_ml/anomaly_detectors/hanging/_data", ndjson=row))
    )
    hanging.start()
    slowest = 0.0
    while hanging.is_alive():
        started = time.monotonic()
        assert client.get("/_ml/anomaly_detectors/neighbour").status == 200
        slowest = max(slowest, time.monotonic() - started)
        time.sleep(0.05)
    assert slowest < TIMEOUT_S / 2
    (answer,) = answers
    assert answer.status == 500, answer.text
    reason = answer.json()["error"]["reason"]
    assert reason.startswith("[hanging] Unexpected death of autodetect: no sign of progress for [3s]"), reason
    assert stats(client, "hanging")["state"] == "failed"
    assert post_records(client, "neighbour", 5, 6)["processed_record_count"] == 12
    assert stats(client, "neighbour")["data_counts"]["processed_record_count"] == 72
    proxy.stop()
    again = HttpClient(start_proxy(impatient).serving.url)
    assert post_records(again, "hanging", 5, 6)["processed_record_count"] == 12
    assert stats(again, "hanging")["data_counts"]["processed_record_count"] == 72
    for job_id in ("hanging", "neighbour"):
        again.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})


def test_a_stop_waits_for_no_step(proxy: BackgroundProxy) -> None:
    client = HttpClient(proxy.serving.url)
    of_others = set(model_processes())
    make_job(client, "stuck")
    row = [{"time": START_MS, "host": "sleep", "took": 1}]
    thread = threading.Thread(target=lambda: post_quietly(client, row))
    thread.start()
    time.sleep(1)
    started = time.monotonic()
    models = set(model_processes()) - of_others
    assert models
    proxy.stop()
    assert time.monotonic() - started < 8, "1 s for requests, 1 s for their handlers, 1 s for saving, 1 s for the place"
    deadline = time.monotonic() + 10
    while models & set(model_processes()) and time.monotonic() < deadline:
        time.sleep(0.1)  # a killed process may take a moment to be gone
    assert not models & set(model_processes())
    thread.join()


def post_quietly(client: HttpClient, row: list) -> None:
    try:
        client.post("/_ml/anomaly_detectors/stuck/_data", ndjson=row)
    except OSError:
        return  # the stop has cut the connection


def stats(client: HttpClient, job_id: str) -> dict:
    return client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"][0]


async def test_processes_that_are_killed_at_any_moment_lose_and_double_nothing(running: Callable) -> None:
    job = await running("killed-often")
    for hour in range(0, 52, 4):
        killer = threading.Timer(0.02 * (hour % 13), kill_models)
        killer.start()
        await job.post(hour, hour + 4)
        killer.join()
    counts = job.supervisor.status("killed-often").data_counts
    assert (counts["processed_record_count"], counts["out_of_order_timestamp_count"]) == (52 * 12, 0)


def kill_models() -> None:
    for pid in model_processes():
        os.kill(pid, signal.SIGKILL)


def test_a_call_in_the_very_moment_of_a_death_says_that_the_place_is_lost() -> None:
    """As served, on uvloop, whose closed sockets raise what no other loop's do."""

    async def run() -> None:
        child = process._Child(Start(load_config(environ={})), tell_nobody)
        writer = await child._writer
        writer.transport.abort()
        await asyncio.sleep(0)  # the socket is closed now, and its reader has not heard of it
        with pytest.raises(PlaceLost):
            await child.call("struck", Discard(), hear_nothing)
        assert child.is_lost
        await child.close()

    uvloop.run(run())
