"""Places on Ray: what is lost with an actor, its child or its machine, and what is told of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.config import Config, ConfigError
from proxy.errors import MlError
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.place import making
from proxy.runtime.place.commands import Open, Report
from proxy.runtime.place.contract import JobNotLoaded, NotUp, Place, PlaceLost, StepTimedOut, Vitals
from proxy.runtime.place.places import Places
from proxy.runtime.place.summary import Summary
from proxy.runtime.place.wire import Traffic
from proxy.store.calls import ClusterCall, tell_nobody
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.place.commands import Die, HangingPost
from tests.runtime.place.conftest import TIMEOUT_S
from tests.runtime.place.ray_session import TOP, actors, on_ray
from tests.runtime.place.test_contract import JOB_ID, NOW_MS, inputs, post, store
from tests.runtime.test_restart import START_MS, free_port, make_job, records
from tests.runtime.test_restart import post as post_records

__all__ = ["inputs", "store"]


@pytest.fixture
async def place(loop: asyncio.AbstractEventLoop, ray_session, impatient: Config) -> AsyncIterator:
    place = on_ray(impatient)
    yield place
    await place.close()


async def test_a_place_on_ray_tells_how_it_is_and_what_it_asks_of_the_cluster(
    ray_session, config: Config, inputs
) -> None:
    calls, traffic = list[ClusterCall](), Traffic()
    place = on_ray(config, calls.append, traffic)
    assert place.vitals() == Vitals()
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    await place.call(JOB_ID, post(records(0, 20)))
    vitals = place.vitals()
    assert (vitals.processes, vitals.starts, vitals.is_up) == (1, 1, True)
    assert vitals.host == os.uname().nodename
    assert vitals.memory_bytes > 2**20
    assert ("_bulk", "200") in {(call.kind, call.outcome) for call in calls}
    assert (traffic.messages["sent", "Post"], traffic.messages["received", "Answer"], traffic.buckets) == (1, 2, 19)
    assert traffic.messages["received", "Begun"] == 0, "who computes is known on the machine itself"
    await place.close()
    assert place.vitals() == Vitals(starts=1)


async def test_a_step_that_dies_or_hangs_is_told_as_from_any_process(place, inputs, store) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    with pytest.raises(PlaceLost) as lost:
        await place.call(JOB_ID, Die())
    assert lost.value.blamed == JOB_ID
    with pytest.raises(JobNotLoaded):
        await place.call(JOB_ID, Report())
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    with pytest.raises(StepTimedOut, match=r"no sign of progress for \[3s\]") as late:
        await place.call(JOB_ID, HangingPost(b'{"time": %d, "host": "pattern"}' % START_MS, None, "x", NOW_MS))
    assert late.value.entry == 0
    assert place.vitals().starts == 1, "the actor goes on"


async def test_an_actor_that_is_killed_comes_back_and_its_jobs_are_opened_again(place, inputs) -> None:
    before = set(actors())
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    (actor,) = set(actors()) - before
    await place.call(JOB_ID, post(records(0, 20)))
    waiting = asyncio.create_task(place.call(JOB_ID, post(records(20, 200), "second")))
    await asyncio.sleep(0.05)
    os.kill(actor, signal.SIGKILL)
    with pytest.raises(PlaceLost):
        await waiting
    with pytest.raises(JobNotLoaded):
        await place.call(JOB_ID, Report())
    opened = await opened_again(place, inputs)
    assert opened.post_id in ("first", "second")
    assert opened.status is not None
    assert opened.status.data_counts["processed_record_count"] == (240 if opened.post_id == "first" else 2400)
    assert place.vitals().starts == 2


async def opened_again(place: Place, inputs: JobInputs) -> Summary:
    """However long the machine takes to start a process."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await place.call(JOB_ID, Open(inputs, NOW_MS))
            except NotUp:
                await asyncio.sleep(0.5)


@pytest.mark.faults
async def test_an_actor_that_freezes_is_ended(place, inputs) -> None:
    before = set(actors())
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    (actor,) = set(actors()) - before
    os.kill(actor, signal.SIGSTOP)
    with pytest.raises(PlaceLost):
        await asyncio.wait_for(place.call(JOB_ID, Report()), TIMEOUT_S + 2)
    await asyncio.to_thread(wait_until, lambda: actor not in actors(), 20)
    await opened_again(place, inputs)


async def test_a_machine_with_another_version_is_named(
    monkeypatch: pytest.MonkeyPatch, ray_session, config: Config, inputs
) -> None:
    from proxy.runtime.place.on_ray import place as of_ray

    monkeypatch.setattr(of_ray, "__version__", "0.0.1")
    place = Places({"ray-0": on_ray(config)})
    with pytest.raises(MlError, match=r"has Lanewatch \[[\d.]+\], install \[0.0.1\] there as well") as refused:
        await place.call(JOB_ID, Open(inputs, NOW_MS))
    assert refused.value.status == 503
    await place.close()


def test_a_ray_that_is_not_installed_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, config: Config
) -> None:
    monkeypatch.setattr(making, "find_spec", lambda name: None)
    wanted = replace(config, runtime=replace(config.runtime, places="ray"))
    with pytest.raises(ConfigError, match=r"not installed: pip install lanewatch\[ray\]"):
        making.make_places(wanted, tell_nobody, Traffic(), None)


@pytest.mark.faults
async def test_a_ray_that_cannot_be_reached_is_told() -> None:
    """In a process of its own, because this one is connected already."""
    code = (
        "import asyncio\n"
        "from proxy.config_loading import load_config\n"
        "from proxy.runtime.place.commands import Open\n"
        "from proxy.runtime.place.making import make_places\n"
        "from proxy.runtime.place.wire import Traffic\n"
        "config = load_config(environ={}, overrides={'runtime': {'places': 'ray', 'ray.address': '127.0.0.1:1'}})\n"
        "asyncio.run(make_places(config, print, Traffic(), None).call('job', Open(None, 0)))\n"
    )
    tried = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, timeout=120
    )
    assert "the Ray cluster [127.0.0.1:1] cannot be reached" in tried.stderr, tried.stderr


@pytest.mark.faults
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_actors_end_with_the_proxy_that_wanted_them(
    config: Config, cluster_url: str, start_proxy: Callable[[Config], BackgroundProxy], how: signal.Signals
) -> None:
    """A proxy that is told to stop has the time to save its jobs, though Ray would end it at once."""
    before, port = set(actors()), free_port()
    client = HttpClient(f"http://127.0.0.1:{port}")
    command = [sys.executable, "-m", "proxy", "serve", "--elasticsearch", cluster_url, "--port", str(port)]
    env = os.environ | {"RAY_AUTH_MODE": "disabled", "LANEWATCH_RUNTIME_PLACES": "ray"}
    with subprocess.Popen(command, cwd=TOP, env=env) as proxy:
        try:
            wait_until(lambda: is_answering(client), 60)
            make_job(client, f"stopped-{how}")
            post_records(client, f"stopped-{how}", 0, 20)
            (actor,) = set(actors()) - before
            proxy.send_signal(how)
            assert proxy.wait(30) == (0 if how == signal.SIGTERM else -signal.SIGKILL)
        finally:
            proxy.kill()
    wait_until(lambda: not Path(f"/proc/{actor}").exists(), 30)
    journal = HttpClient(cluster_url).get("/lanewatch-journal/_search", query={"q": f"job_id:stopped-{how}"}).json()
    is_saved = any("#model#" in hit["_id"] for hit in journal["hits"]["hits"])
    assert is_saved == (how == signal.SIGTERM)
    again = HttpClient(start_proxy(config).serving.url)
    assert post_records(again, f"stopped-{how}", 20, 30)["processed_record_count"] == 120
    again.delete(f"/_ml/anomaly_detectors/stopped-{how}", query={"force": "true"})


def is_answering(client: HttpClient) -> bool:
    try:
        return client.get("/_ml/info").status == 200
    except OSError:
        return False
