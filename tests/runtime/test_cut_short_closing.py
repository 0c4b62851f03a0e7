"""A process that dies while it closes a job: the next one neither loses nor doubles what was posted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from proxy.errors import MlError, unavailable
from proxy.store import Store
from proxy.store.journal import Journal, Saved
from tests.http_client import HttpClient
from tests.runtime.test_restart import close, make_job, post, results


class StuckJournal(Journal):
    """From some moment on nothing gets through any more, as for a process that has died."""

    async def clear(self, job_id: str) -> None:
        raise unavailable("the process is dead")

    async def save_model(self, job_id: str, saved: Saved) -> None:
        raise unavailable("the process is dead")


@pytest.fixture
def calm(client: HttpClient) -> Iterator[str]:
    """A job with the same data that nothing happens to."""
    make_job(client, "calm-closing")
    post(client, "calm-closing", 0, 200)
    close(client, "calm-closing")
    yield "calm-closing"
    client.delete("/_ml/anomaly_detectors/calm-closing", query={"force": "true"})


async def test_dying_between_the_snapshot_and_the_end_of_the_journal_counts_data_once(
    running_here: Callable, supervised: Callable, client: HttpClient, calm: str
) -> None:
    job = await running_here("cut-short")
    await job.post(0, 100)
    store: Store = job.store
    store.journal = StuckJournal(store.client, store.names)
    with pytest.raises(MlError, match="the process is dead"):
        await job.supervisor.close("cut-short")
    assert await job.active() is not None
    assert (await store.tasks.get("cut-short")).state == "closing"
    job.supervisor, job.store = await supervised(job.clock)
    await job.supervisor.close("cut-short")
    assert await job.store.tasks.get("cut-short") is None
    assert (await job.store.left_behind.read("cut-short")).journal == []
    await job.supervisor.open("cut-short")
    await job.post(100, 200)
    counts = job.supervisor.status("cut-short").data_counts
    assert counts["processed_record_count"] == 200 * 12
    await job.supervisor.close("cut-short")
    found = [await asyncio.to_thread(results, client, job_id) for job_id in ("cut-short", calm)]
    assert found[0] == found[1]
