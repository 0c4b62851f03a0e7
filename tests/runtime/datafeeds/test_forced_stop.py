"""What a datafeed that was stopped by force has left with its job's model, when the datafeed is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from proxy.job_config.datafeed import normalise
from proxy.runtime.datafeeds.actions import Search
from proxy.runtime.datafeeds.progress import Progress
from proxy.runtime.place.commands import FeedRun
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import START_MS, hours_of_two_hosts, index

SOURCE, JOB_ID = "source-forced-stop", "fed-forced"
END_MS = START_MS + 10 * 3_600_000


async def test_statistics_of_a_deleted_datafeed_are_not_written_once_more(
    running_here: Callable, cluster_client: HttpClient
) -> None:
    await asyncio.to_thread(index, cluster_client, SOURCE, hours_of_two_hosts(hours=10, each=1))
    running = await running_here(JOB_ID)
    live, stats = running.supervisor.live(JOB_ID), running.store.datafeed_stats
    run = FeedRun(1, normalise({"datafeed_id": "forced", "indices": [SOURCE]}, JOB_ID), None)
    progress = Progress(run.run_ms, "lookback", START_MS, END_MS)
    while await live.feed(run, progress, Search(START_MS, END_MS), 60_000) is None:
        progress = live.progress
    assert live.search_timing["search_count"] > 0
    # No end of the run comes, as after a forced stop; a later run of the job has one.
    await live.forget_feed()
    await stats.remove(JOB_ID)
    await live.end_feed()
    await running.store.results_write.refresh(JOB_ID)
    assert (live.search_timing, await stats.read([JOB_ID])) == (None, {})
    await asyncio.to_thread(cluster_client.delete, f"/{SOURCE}")
