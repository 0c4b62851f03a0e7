"""A busy job: so many requests wait for it and no more, since each of them holds a connection and a body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.errors import MlError
from tests.http_client import HttpClient
from tests.runtime.conftest import opening
from tests.runtime.supervised import Clock, Running


async def until_waiting(job: Running, count: int) -> None:
    for _ in range(1000):
        if job.supervisor.waiting_steps == count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("they do not wait")


async def test_whoever_comes_when_enough_wait_is_told_to_come_again(supervised: Callable, client: HttpClient) -> None:
    supervisor = await supervised(clock := Clock(), here=True, max_waiting_requests=2)
    async with opening(supervisor, clock, client) as open_job:
        job = await open_job("busy")
        steps = job.supervisor.steps
        async with job.supervisor.turn(job.job_id, "hold"):
            waiting = [asyncio.ensure_future(job.post(0, 5)), asyncio.ensure_future(steps.flush(job.job_id, {}))]
            await until_waiting(job, 2)
            for late in (job.post(5, 10), steps.flush(job.job_id, {})):
                with pytest.raises(MlError, match=r"\[2\] requests wait for job \[busy\] already, retry later") as told:
                    await late
                assert (told.value.status, told.value.headers) == (429, {"Retry-After": "1"})
        await asyncio.wait_for(asyncio.gather(*waiting), 20)
        await job.post(5, 10)
