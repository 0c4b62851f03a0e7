"""A datafeed whose model is lost when all is read and nothing of it is saved: it reads that again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from proxy.job_config.datafeed import normalise
from proxy.runtime.place.commands import Command, Discard, EndFeed
from proxy.runtime.place.contract import Hear, JobNotLoaded, hear_nothing
from proxy.runtime.place.summary import Summary
from proxy.store import DatafeedTask, StoredDatafeed
from tests.http_client import HttpClient
from tests.leadership.conftest import until
from tests.runtime.datafeeds.sources import START_MS, hours_of_two_hosts, index

SOURCE, JOB_ID = "source-lost-at-its-end", "fed-lost-at-its-end"
HOURS = 10


async def test_what_was_read_by_a_lost_model_is_read_again(running_here: Callable, cluster_client: HttpClient) -> None:
    await asyncio.to_thread(index, cluster_client, SOURCE, hours_of_two_hosts(HOURS, each=2))
    running = await running_here(JOB_ID)
    live = running.supervisor.live(JOB_ID)
    place, ends = live.place, []

    class Dying:
        """The place of the job, which loses it when its feed is to be saved for the first time."""

        async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
            if isinstance(command, EndFeed):
                ends.append(command)
                if len(ends) == 1:
                    await place.call(job_id, Discard())
                    raise JobNotLoaded("the process that computed the model has died")
            return await place.call(job_id, command, hear)

    live.place = Dying()
    feeds = running.supervisor.datafeeds
    config = normalise({"datafeed_id": "lost", "indices": [SOURCE]}, JOB_ID)
    task = DatafeedTask("lost", JOB_ID, 1, START_MS, START_MS + HOURS * 3_600_000)
    await feeds.start(task, StoredDatafeed(config), await running.store.jobs.get(JOB_ID))
    await until(lambda: feeds.state("lost") == "stopped", within_s=30)
    assert len(ends) == 2
    assert live.status.data_counts["processed_record_count"] == HOURS * 2 * 2
    await asyncio.to_thread(cluster_client.delete, f"/{SOURCE}")
