"""A clock that is put forward and back by an hour between two steps of a job: only shown times differ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.http_client import HttpClient
from tests.runtime.test_restart import results

HOUR_MS = 3_600_000


@pytest.mark.scenario(7)
async def test_a_clock_that_jumps_changes_neither_owner_nor_results(
    running: Callable, supervised: Callable, client: HttpClient, undisturbed: dict
) -> None:
    job = await running("of-all-times")
    claim = await job.store.tasks.get(job.job_id)
    for first, jump in ((0, -HOUR_MS), (50, 2 * HOUR_MS), (100, -HOUR_MS)):
        await job.post(first, first + 50)
        job.clock.now_ms += jump
        await job.supervisor.background.persist_due()
    # A new process, whose clock is behind that of the last one.
    job.clock.now_ms -= HOUR_MS
    job.supervisor, job.store = await supervised(job.clock)
    await job.post(150, 200)
    assert (await job.store.tasks.get(job.job_id)).epoch == claim.epoch
    assert job.supervisor.status(job.job_id).data_counts["processed_record_count"] == 2400
    await job.supervisor.close(job.job_id)
    assert await asyncio.to_thread(results, client, job.job_id) == undisturbed
