"""Jobs on supervisors of the tests' own, beside the proxy that the session shares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from proxy.config import Config
from proxy.runtime.place.worker import LocalPlace
from proxy.runtime.supervisor import Supervisor
from proxy.store import Store
from tests.http_client import HttpClient
from tests.runtime.place.ray_session import ray_session
from tests.runtime.supervised import Clock, Running
from tests.runtime.test_restart import JOB, close, make_job, post, results

__all__ = ["ray_session"]


@pytest.fixture
async def supervised(loop: asyncio.AbstractEventLoop, config: Config) -> AsyncIterator[Callable]:
    """Starts a supervisor, in place of the one before; ``here`` its models live in this process, with its store.

    What else is given are settings of the section ``runtime``.
    """
    stores: list[Store] = []
    last: list[Supervisor] = []

    async def start(clock: Clock, *, here: bool = False, **runtime: Any) -> tuple[Supervisor, Store]:
        own = replace(config, runtime=replace(config.runtime, **runtime))
        if last:
            await last.pop().stop()
        stores.append(Store(config))
        last.append(Supervisor(stores[-1], own, clock, LocalPlace(stores[-1]) if here else None))
        await last[0].start()
        return last[0], stores[-1]

    yield start
    for supervisor in last:
        await supervisor.stop()
    for store in stores:
        await store.close()


@pytest.fixture
async def running(supervised: Callable, client: HttpClient) -> AsyncIterator[Callable]:
    """Opens jobs on one supervisor."""
    async with opening(await supervised(clock := Clock()), clock, client) as open_job:
        yield open_job


@pytest.fixture
async def running_here(supervised: Callable, client: HttpClient) -> AsyncIterator[Callable]:
    """Opens jobs on one supervisor, whose models use the very store that the test has."""
    async with opening(await supervised(clock := Clock(), here=True), clock, client) as open_job:
        yield open_job


@asynccontextmanager
async def opening(supervised: tuple[Supervisor, Store], clock: Clock, client: HttpClient) -> AsyncIterator[Callable]:
    (supervisor, store), jobs = supervised, []

    async def open_job(job_id: str, **settings: Any) -> Running:
        await asyncio.to_thread(client.delete, f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
        put = await asyncio.to_thread(client.put, f"/_ml/anomaly_detectors/{job_id}", json_body=JOB | settings)
        assert put.status == 200, put.text
        await supervisor.open(job_id)
        jobs.append(Running(supervisor, store, clock, job_id))
        return jobs[-1]

    yield open_job
    for job in jobs:
        await job.supervisor.close(job.job_id, force=True)
        await asyncio.to_thread(client.delete, f"/_ml/anomaly_detectors/{job.job_id}", query={"force": "true"})


@pytest.fixture(scope="session")
def undisturbed(client: HttpClient) -> dict[str, list[dict[str, object]]]:
    """The results of a run that nothing happens to."""
    make_job(client, "undisturbed")
    for first in range(0, 200, 50):
        post(client, "undisturbed", first, first + 50)
    close(client, "undisturbed")
    found = results(client, "undisturbed")
    assert found["records"], "the wild hour must be found, or the comparison says nothing"
    client.delete("/_ml/anomaly_detectors/undisturbed", query={"force": "true"})
    return found
