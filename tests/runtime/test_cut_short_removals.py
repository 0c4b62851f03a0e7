"""Reverts, resets and deletions that are cut short or that the cluster refuses: none leaves a job blocked for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.errors import MlError, unavailable
from proxy.runtime.removals import Order
from proxy.runtime.tasks import until_done
from proxy.store.jobs import Config, Jobs, StoredJob
from tests.http_client import HttpClient
from tests.runtime.supervised import Running
from tests.runtime.test_restart import results

REFUSED = MlError("cluster_block_exception", "the disk is full", 429)


class Obstacle:
    """Stands before one method of a part of the store: holds its callers up for ever, or raises for them."""

    def __init__(self, part: object, method: str, error: MlError | None = None) -> None:
        self.reached = asyncio.Event()
        self._error = error
        setattr(part, method, self._met)

    async def _met(self, *_: object, **__: object) -> None:
        self.reached.set()
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()


async def with_two_snapshots(running: Callable, job_id: str) -> tuple[Running, str]:
    """A closed job that has learnt in two openings, and the first one's snapshot."""
    job = await running(job_id)
    await job.post(0, 100)
    await job.supervisor.close(job_id)
    first = await job.active()
    job.clock.now_ms += 60_000
    await job.supervisor.open(job_id)
    await job.post(100, 200)
    await job.supervisor.close(job_id)
    assert first is not None and await job.active() != first
    return job, first


async def cut_short(job: Running, order: Order, part: object, method: str, supervised: Callable) -> None:
    """Ends the process when the work comes to a method, and starts another one."""
    obstacle = Obstacle(part, method)
    await job.supervisor.removals.begin(job.job_id, order)
    await asyncio.wait_for(obstacle.reached.wait(), 20)
    job.supervisor, job.store = await supervised(job.clock)


async def until_free(job: Running) -> StoredJob:
    async def is_free() -> bool:
        is_blocked = (await job.store.jobs.get(job.job_id)).blocked_by is not None
        return not is_blocked and job.supervisor.state(job.job_id) == "closed"

    await asyncio.wait_for(until_done(is_free, "wait", every_s=0.05), 20)
    return await job.store.jobs.get(job.job_id)


@pytest.mark.parametrize("method", ["restore_statistics", "delete_results_after", "turn_back_data_counts"])
async def test_a_revert_that_was_cut_short_is_finished_by_the_next_process(
    running: Callable, supervised: Callable, client: HttpClient, method: str
) -> None:
    job, first = await with_two_snapshots(running, "half-reverted")
    before = await asyncio.to_thread(results, client, job.job_id)
    order = Order("revert", snapshot_id=first, delete_intervening_results=True)
    await cut_short(job, order, job.store.snapshots, method, supervised)
    stored = await until_free(job)
    assert stored.config["model_snapshot_id"] == first
    # The way to the same results is open again.
    await job.supervisor.open(job.job_id)
    await job.post(100, 200)
    await job.supervisor.close(job.job_id)
    assert await asyncio.to_thread(results, client, job.job_id) == before


async def test_a_reset_that_was_cut_short_is_finished_by_the_next_process(
    running: Callable, supervised: Callable, client: HttpClient
) -> None:
    job, _ = await with_two_snapshots(running, "half-reset")
    await cut_short(job, Order("reset"), job.store.removal, "forget", supervised)
    stored = await until_free(job)
    assert "model_snapshot_id" not in stored.config
    assert (await asyncio.to_thread(results, client, job.job_id))["buckets"] == []


async def test_a_deletion_that_was_cut_short_is_finished_by_the_next_process(
    running: Callable, supervised: Callable
) -> None:
    job = await running("half-deleted")
    await cut_short(job, Order("delete"), job.store.removal, "remove_all", supervised)

    async def is_gone() -> bool:
        return not await job.store.jobs.exists(job.job_id)

    await asyncio.wait_for(until_done(is_gone, "wait", every_s=0.05), 20)
    assert await job.store.tasks.get(job.job_id) is None


async def test_a_revert_of_which_only_the_block_is_known_is_given_up(running: Callable, supervised: Callable) -> None:
    job = await running("unknown-revert")
    await job.supervisor.close(job.job_id)
    await job.store.jobs.patch(job.job_id, {"blocked": {"reason": "revert"}})
    job.supervisor, job.store = await supervised(job.clock)
    await until_free(job)
    assert await job.supervisor.open(job.job_id)


@pytest.mark.parametrize("kind", ["reset", "revert"])
async def test_work_that_the_cluster_refuses_leaves_the_job_free(running: Callable, kind: str) -> None:
    job, first = await with_two_snapshots(running, f"refused-{kind}")
    latest = await job.active()
    part, method = {
        "reset": (job.store.removal, "forget"),
        "revert": (job.store.snapshots, "restore_statistics"),
    }[kind]
    Obstacle(part, method, REFUSED)
    removal = await job.supervisor.removals.begin(job.job_id, Order(kind, snapshot_id=first))
    with pytest.raises(MlError, match="the disk is full"):
        await removal.work
    assert (await job.store.jobs.get(job.job_id)).blocked_by is None
    assert (job.supervisor.state(job.job_id), await job.active()) == ("closed", latest)
    assert await job.supervisor.open(job.job_id)


class OnceAway(Jobs):
    """A cluster that is away when a job shall be freed."""

    is_away = True

    async def patch(self, job_id: str, changes: Config) -> StoredJob:
        if self.is_away:
            raise unavailable("the cluster is away")
        return await super().patch(job_id, changes)


async def test_work_that_the_cluster_left_undone_is_finished_when_it_is_back(running: Callable) -> None:
    job, first = await with_two_snapshots(running, "undone")
    job.store.jobs = OnceAway(job.store.client, job.store.names)
    removal = await job.supervisor.removals.begin(job.job_id, Order("revert", snapshot_id=first))
    with pytest.raises(MlError, match="the cluster is away"):
        await removal.work
    assert (await job.store.jobs.get(job.job_id)).blocked_by == "revert"
    job.store.jobs.is_away = False
    job.clock.now_ms += 60_000
    await job.supervisor.removals.retry_unfinished()
    assert (await until_free(job)).config["model_snapshot_id"] == first


async def test_a_second_revert_to_another_snapshot_is_not_taken_for_the_first(running: Callable) -> None:
    job, first = await with_two_snapshots(running, "twice-reverted")
    latest = await job.active()
    orders = [Order("revert", snapshot_id=first), Order("revert", snapshot_id=latest or "")]
    removals = [await job.supervisor.removals.begin(job.job_id, order) for order in orders]
    await asyncio.gather(*(removal.work for removal in removals))
    assert await job.active() == latest


async def test_blocks_are_taken_up_although_the_cluster_answers_late(
    supervised: Callable, running: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await running("late-answer")
    await job.supervisor.close(job.job_id)
    await job.store.jobs.block(job.job_id, {"reason": "reset", "task_id": "gone:1"}, {})
    asked, resolve = [], Jobs.resolve

    async def away_at_first(self: Jobs, *arguments: object) -> list[StoredJob]:
        asked.append(arguments)
        if len(asked) == 1:
            raise unavailable("the cluster is away")
        return await resolve(self, *arguments)

    monkeypatch.setattr(Jobs, "resolve", away_at_first)
    job.supervisor, job.store = await supervised(job.clock)
    await until_free(job)
    assert len(asked) == 2
