"""The upkeep as a whole: it may be cut short and goes on where it was, and a night counts when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from proxy.config import Config
from proxy.store.removal import of_job
from tests.http_client import HttpClient
from tests.runtime.supervised import HOUR_MS, Clock, Running

DAY_MS = 24 * HOUR_MS


async def with_results(running: Callable, job_id: str, hours: int) -> Running:
    """A job that keeps a day of its results, all of which can be found."""
    job: Running = await running(job_id, results_retention_days=1)
    await job.post(0, hours)
    await job.store.client.request("POST", f"/.ml-anomalies-{job_id}/_refresh")
    return job


async def test_what_is_cut_short_is_finished_by_the_next_run(running: Callable) -> None:
    job = await with_results(running, "tidied", 100)
    upkeep, expired = job.supervisor.upkeep, job.store.expired
    assert not await upkeep.run("tidied", documents_per_s=1, timeout_s=3)
    assert await upkeep.run("tidied", documents_per_s=None, timeout_s=60)
    newest_ms = await expired.newest_bucket_ms("tidied")
    left = await job.store.client.search_all(".ml-anomalies-tidied", of_job("tidied"))
    times = [hit["_source"]["timestamp"] for hit in left if hit["_source"].get("result_type") == "bucket"]
    assert (min(times), max(times), len(times)) == (newest_ms - DAY_MS, newest_ms, 25)


async def test_deleting_keeps_to_its_rate(running: Callable) -> None:
    job = await with_results(running, "unhurried", 40)
    began = time.monotonic()
    assert await job.supervisor.upkeep.run("unhurried", documents_per_s=7, timeout_s=60)
    assert time.monotonic() - began >= 2, "14 buckets or more were to go"


async def test_a_night_counts_when_it_is_over(supervised: Callable, config: Config, client: HttpClient) -> None:
    supervisor, store = await supervised(clock := Clock())
    await asyncio.to_thread(client.post, "/_ml/set_upgrade_mode", query={"enabled": "true"})
    before_ms = await store.maintenance.finished_ms()
    try:
        clock.now_ms += DAY_MS
        await supervisor.upkeep.night()
        assert await store.maintenance.finished_ms() == before_ms, "while the cluster is upgraded nothing is deleted"
    finally:
        await asyncio.to_thread(client.post, "/_ml/set_upgrade_mode", query={"enabled": "false"})
    await supervisor.upkeep.night()
    assert await store.maintenance.finished_ms() == clock.now_ms
