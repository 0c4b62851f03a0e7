"""Deleting, resetting and reverting jobs: work that goes on when its request ends, and that a restart finishes.

While such work goes on the job is blocked, and its document says by what. Here is how the work is begun, joined,
finished and given up; what is removed is ``store.job_removal``'s matter, what a revert does is ``reverting``'s, whether
any of it is allowed is told by ``job_states``.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from typing import Protocol

from proxy.errors import MlError
from proxy.runtime import job_states, reverting
from proxy.runtime.datafeeds.feeds import Feeds
from proxy.runtime.job_states import STATE_OF_BLOCK, Asked, BlockedState, State
from proxy.runtime.listeners import Listeners
from proxy.runtime.notices import Notices
from proxy.runtime.tasks import Tasks
from proxy.runtime.turns import Turn
from proxy.store import Store
from proxy.store.jobs import BlockReason, StoredJob

_log = logging.getLogger(__name__)
# How long work that the cluster did not let finish rests before it is tried again.
_RETRY_AFTER_MS = 60_000


class Runtime(Protocol):
    """What blocking work needs of the owner of the running jobs."""

    notices: Notices
    datafeeds: Feeds
    listeners: Listeners

    def turn(self, job_id: str, purpose: str) -> AbstractAsyncContextManager[Turn]: ...

    def turn_by_force(self, job_id: str, purpose: str) -> AbstractAsyncContextManager[Turn]:
        """The same, which does not wait for steps of the job that take long: they are cut short."""
        ...

    def state(self, job_id: str) -> State: ...

    def blocked(self, turn: Turn, state: BlockedState) -> AbstractAsyncContextManager[None]:
        """Keeps a job in that state while a block of code runs; one that is deleted ends without being saved."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done to a job. The snapshot and the intervening results are a revert's, annotations the others'."""

    kind: BlockReason
    delete_user_annotations: bool = False
    snapshot_id: str = ""
    delete_intervening_results: bool = False

    @classmethod
    def stored(cls, job: StoredJob) -> Order | None:
        """The order that a blocked job's document tells; None where the job is not blocked."""
        return None if job.blocked_by is None else cls(job.blocked_by, **job.block_options)

    def options(self) -> dict[str, object]:
        """What is stored beside the kind."""
        return {name: value for name, value in asdict(self).items() if name != "kind"}

    def is_same_work_as(self, other: Order) -> bool:
        """Whether who asks for the one is served by the other."""
        return (self.kind, self.snapshot_id, self.delete_intervening_results) == (
            other.kind,
            other.snapshot_id,
            other.delete_intervening_results,
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """One order that is being carried out."""

    task_id: str
    order: Order
    work: asyncio.Task[object]


class Removals:
    """All that are going on here, one per job at most."""

    def __init__(self, store: Store, runtime: Runtime, tasks: Tasks, clock: Callable[[], int]) -> None:
        self._store = store
        self._runtime = runtime
        self._tasks = tasks
        self._clock = clock
        self._running: dict[str, Removal] = {}
        self._unfinished: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._work: Mapping[BlockReason, Callable[[StoredJob, Order], Awaitable[str]]] = {
            "delete": self._delete,
            "reset": self._reset,
            "revert": self._revert,
        }

    def running(self, job_id: str) -> Removal | None:
        return self._running.get(job_id)

    async def begin(self, job_id: str, order: Order) -> Removal:
        """Begins the work; the same that is going on already is joined, other work is waited for.

        The work raises MlError: 404 where the job is gone, 409 where its state forbids it.
        """
        facts = await self._store.client.facts()
        while (going_on := self._running.get(job_id)) is not None:
            if going_on.order.is_same_work_as(order):
                return going_on
            await asyncio.wait([going_on.work])
        task_id = f"{facts.node_id}:{next(self._numbers)}"
        work = self._tasks.spawn(self._run(job_id, task_id, order), f"{order.kind} job [{job_id}]")
        removal = self._running[job_id] = Removal(task_id, order, work)
        return removal

    async def take_up(self, job: StoredJob) -> None:
        """Finishes what was begun on a job and is not going on any more."""
        order = Order.stored(job)
        if order is None:
            return
        if order.kind == "revert" and not order.snapshot_id:
            # Without its order nobody can tell what it was to become; as it is, it may be reverted again.
            await self._store.jobs.patch(job.job_id, {"blocked": None})
            return
        await self.begin(job.job_id, order)

    async def retry_unfinished(self) -> None:
        """Takes up again what the cluster did not let finish some time ago."""
        for job_id, due_ms in list(self._unfinished.items()):
            if self._clock() < due_ms:
                continue
            del self._unfinished[job_id]
            try:
                await self.take_up(await self._store.jobs.get(job_id))
            except MlError as error:
                if error.status != 404:
                    self.try_again_later(job_id)

    def try_again_later(self, job_id: str) -> None:
        self._unfinished[job_id] = self._clock() + _RETRY_AFTER_MS

    async def _run(self, job_id: str, task_id: str, order: Order) -> None:
        try:
            message = await self._perform(job_id, task_id, order)
        except MlError as error:
            await self._runtime.notices.write(job_id, "error", f"The {order.kind} of the job failed: {error.reason}")
            raise
        finally:
            self._running.pop(job_id, None)
        await self._runtime.notices.write(job_id, "info", message)

    async def _perform(self, job_id: str, task_id: str, order: Order) -> str:
        """Returns what the users are told of it."""
        takes = self._runtime.turn_by_force if order.kind == "delete" else self._runtime.turn
        async with takes(job_id, order.kind) as turn:
            job = await self._store.jobs.get(job_id)
            state = job_states.with_block(self._runtime.state(job_id), job.blocked_by)
            job_states.check(order.kind, Asked(job_id, state, order.snapshot_id), force=True)
            try:
                await self._store.jobs.block(job_id, {"reason": order.kind, "task_id": task_id}, order.options())
                if order.kind == "delete":
                    await self._runtime.notices.write(job_id, "info", f"Deleting job by task with id '{task_id}'")
                    if state in ("opening", "opened"):
                        await self._runtime.notices.write(job_id, "info", "Killing job")
                async with self._runtime.blocked(turn, STATE_OF_BLOCK[order.kind]):
                    return await self._work[order.kind](job, order)
            except Exception:
                await self._give_up(job_id, order)
                raise

    async def _give_up(self, job_id: str, order: Order) -> None:
        """A job with which nothing is going on any more is free again; a deletion has no way back and goes on later."""
        if order.kind != "delete":
            try:
                await self._store.jobs.patch(job_id, {"blocked": None})
                return
            except MlError as error:
                _log.warning("the %s of job [%s] is to be finished later: %s", order.kind, job_id, error.reason)
        self.try_again_later(job_id)

    async def _delete(self, job: StoredJob, order: Order) -> str:
        job_id, index = job.job_id, job.config["results_index_name"]
        await self._runtime.datafeeds.stop_of_job(job_id, force=True)
        datafeed = await self._store.datafeeds.of_job(job_id)
        if datafeed is not None:
            await self._store.datafeeds.delete(datafeed.datafeed_id)
            await self._store.api_keys.end_of(datafeed)
        await self._store.removal.remove_all(job_id, index, user_annotations=order.delete_user_annotations)
        await self._runtime.listeners.removed(job_id, keeps_results=False)
        await self._store.jobs.delete(job_id)
        return "Job deleted"

    async def _reset(self, job: StoredJob, order: Order) -> str:
        job_id, index = job.job_id, job.config["results_index_name"]
        await self._store.removal.forget(job_id, index, user_annotations=order.delete_user_annotations)
        await self._runtime.listeners.removed(job_id, keeps_results=False)
        await self._store.jobs.patch(job_id, {"model_snapshot_id": None, "finished_time": None, "blocked": None})
        return "Job has been reset"

    async def _revert(self, job: StoredJob, order: Order) -> str:
        target = await reverting.target_of(self._store, job.job_id, order.snapshot_id, self._clock())
        await reverting.revert(self._store, target, self._clock(), deletes_results=order.delete_intervening_results)
        await self._runtime.listeners.removed(job.job_id, keeps_results=True)
        await self._store.jobs.patch(job.job_id, {"model_snapshot_id": order.snapshot_id, "blocked": None})
        return f"Job model snapshot reverted to '{target.source.get('description')}'"
