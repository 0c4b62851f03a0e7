"""Snapshots of jobs that stay open: when they are due, what they leave, and that they hold up nobody."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable

from proxy.runtime.background_persist import interval_ms
from proxy.store import Store
from proxy.store.model_state import ModelStates
from proxy.store.results import ids as result_ids
from tests.http_client import HttpClient
from tests.runtime.supervised import HOUR_MS
from tests.runtime.test_restart import model_processes, results


class HeldStates(ModelStates):
    """Stores a model only when it is allowed to."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.client, store.names, store.indices.ensure_own)
        self.has_begun, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def write(self, job_id: str, snapshot_id: str, model: bytes) -> int:
        self.has_begun.set()
        await self.may_go_on.wait()
        return await super().write(job_id, snapshot_id, model)


def test_the_interval_is_the_jobs_own_or_three_to_four_hours() -> None:
    assert interval_ms({"job_id": "a", "background_persist_interval": "90m"}) == 1.5 * HOUR_MS
    defaults = {interval_ms({"job_id": f"job-{number}"}) for number in range(50)}
    assert len(defaults) > 40
    assert min(defaults) >= 3 * HOUR_MS
    assert max(defaults) < 4 * HOUR_MS


async def test_a_job_is_persisted_when_its_interval_is_over_and_its_model_has_moved_on(running: Callable) -> None:
    job = await running("persisted", background_persist_interval="2h")
    await job.after_hours(3)
    assert await job.active() is None, "no bucket is finished yet"
    await job.post(0, 100)
    await job.after_hours(0)
    snapshot_id = str(job.clock.now_ms // 1000)
    assert await job.active() == snapshot_id
    assert await job.descriptions() == ["Periodic background persist at 2025-06-15T18:06:40.000Z"]
    await job.after_hours(3)
    assert await job.active() == snapshot_id, "there is nothing new to persist"
    await job.post(100, 120)
    await job.after_hours(0)
    later_id = await job.active()
    await job.post(120, 130)
    await job.after_hours(1.9)
    assert await job.active() == later_id == str(job.clock.now_ms // 1000 - 6840)


async def test_the_interval_goes_on_over_a_restart(running: Callable, supervised: Callable) -> None:
    job = await running("moved", background_persist_interval="2h")
    await job.post(0, 50)
    await job.after_hours(2)
    first_id = await job.active()
    job.clock.now_ms += HOUR_MS
    job.supervisor, job.store = await supervised(job.clock)
    await job.post(50, 60)
    await job.after_hours(0.9)
    assert await job.active() == first_id
    await job.after_hours(0.1)
    assert await job.active() == str(int(first_id) + 2 * 3600)


async def test_nothing_is_persisted_while_the_indices_are_being_upgraded(running: Callable, client: HttpClient) -> None:
    job = await running("patient", background_persist_interval="1h")
    await job.post(0, 50)
    await asyncio.to_thread(client.post, "/_ml/set_upgrade_mode", query={"enabled": "true"})
    try:
        await job.after_hours(1)
        assert await job.active() is None
    finally:
        await asyncio.to_thread(client.post, "/_ml/set_upgrade_mode", query={"enabled": "false"})
    await job.after_hours(0)
    assert await job.active() is not None


async def test_the_snapshot_is_as_one_of_a_closing_job(running: Callable) -> None:
    job = await running("complete", background_persist_interval="1h")
    await job.post(0, 100)
    await job.after_hours(1)
    snapshot = await job.store.snapshots.get("complete", await job.active())
    latest = 1_699_999_200_000 + 98 * HOUR_MS
    assert snapshot.source["latest_result_time_stamp"] == latest
    assert snapshot.source["model_size_stats"]["model_bytes"] > 0
    assert snapshot.source["quantiles"]["quantile_state"]
    assert await job.state_documents(await job.active()) == snapshot.source["snapshot_doc_count"] == 1
    for index, document_id in (
        (job.store.names.all_state, result_ids.quantiles("complete")),
        (".ml-annotations-read", result_ids.snapshot_annotation("complete", await job.active())),
        (".ml-anomalies-complete", result_ids.model_size_stats("complete", job.clock.now_ms)),
        (".ml-anomalies-complete", result_ids.timing_stats("complete")),
    ):
        found = await job.store.client.search_all(index, {"ids": {"values": [document_id]}})
        assert len(found) == 1, document_id


async def test_a_job_works_on_while_its_copy_is_being_stored(running_here: Callable) -> None:
    job = await running_here("busy-on", background_persist_interval="1h")
    await job.post(0, 50)
    job.store.model_states = held = HeldStates(job.store)
    job.clock.now_ms += HOUR_MS
    persisting = asyncio.create_task(job.supervisor.background.persist_due())
    await held.has_begun.wait()
    async with asyncio.timeout(10):
        await job.post(50, 60)
    held.may_go_on.set()
    await persisting
    snapshot = await job.store.snapshots.get("busy-on", await job.active())
    assert snapshot.source["latest_result_time_stamp"] == 1_699_999_200_000 + 48 * HOUR_MS


async def test_a_job_that_closes_meanwhile_keeps_the_snapshot_of_its_close(running_here: Callable) -> None:
    job = await running_here("overtaken", background_persist_interval="1h")
    await job.post(0, 50)
    states, job.store.model_states = job.store.model_states, (held := HeldStates(job.store))
    job.clock.now_ms += HOUR_MS
    persisting = asyncio.create_task(job.supervisor.background.persist_due())
    await held.has_begun.wait()
    job.store.model_states = states
    await job.supervisor.close("overtaken")
    held.may_go_on.set()
    await persisting
    taken = job.clock.now_ms // 1000
    assert await job.active() == str(taken + 1)
    assert await job.descriptions() == ["State persisted due to job close at 2025-06-15T16:06:40.000Z"]
    assert [await job.state_documents(str(taken + more)) for more in (0, 1)] == [0, 1]


async def test_data_since_the_snapshot_count_once_where_the_model_is_lost(
    running: Callable, client: HttpClient
) -> None:
    disturbed = await running("lost-later", background_persist_interval="1h")
    for first in (0, 60):
        await disturbed.post(first, first + 60)
        await disturbed.after_hours(1)
    await disturbed.post(120, 160)
    for pid in model_processes():
        os.kill(pid, signal.SIGKILL)
    await disturbed.post(160, 200)
    counts = disturbed.supervisor.status("lost-later").data_counts
    assert counts["processed_record_count"] == 200 * 12
    await disturbed.supervisor.close("lost-later")
    calm = await running("calm-later")
    await calm.post(0, 200)
    await calm.supervisor.close("calm-later")
    found = [await asyncio.to_thread(results, client, job_id) for job_id in ("lost-later", "calm-later")]
    assert found[0] == found[1]


async def test_snapshots_that_need_not_be_kept_go_when_a_new_one_is_stored(
    running: Callable, client: HttpClient, cluster_client: HttpClient
) -> None:
    job = await running("thinned", background_persist_interval="6h", model_snapshot_retention_days=2)
    for hour in range(0, 90, 6):
        await job.post(hour, hour + 6)
        await job.after_hours(6)
    kept = [hit.source["timestamp"] for hit in await job.store.snapshots.all("thinned")]
    ages = sorted((job.clock.now_ms - timestamp) // HOUR_MS for timestamp in kept)
    assert ages == [0, 6, 12, 18, 24, 30], "of the day before, the first one"
    query = {"query": {"bool": {"filter": [{"term": {"job_id": "thinned"}}, {"match": {"message": "expired"}}]}}}
    cluster_client.post("/.ml-notifications-000002/_refresh")
    said = cluster_client.post("/.ml-notifications-000002/_search", json_body=query).json()["hits"]["hits"]
    assert said
    assert all(re.fullmatch(r"\[\d\] expired model snapshots deleted", hit["_source"]["message"]) for hit in said)
