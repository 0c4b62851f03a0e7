"""Deleting and resetting jobs: work that goes on when its request ends, and that a restart takes up again.

What is removed is ``store.job_removal``'s matter; whether it may be is decided by the handlers.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from proxy.errors import MlError, status_error
from proxy.runtime.tasks import Tasks
from proxy.store import Store
from proxy.store.jobs import StoredJob

if TYPE_CHECKING:
    from proxy.runtime.supervisor import Supervisor

Kind = Literal["delete", "reset"]


@dataclass(frozen=True, slots=True)
class Removal:
    """One deletion or reset that is going on."""

    task_id: str
    kind: Kind
    work: asyncio.Task[None]


class Removals:
    """All that are going on here, one per job at most."""

    def __init__(self, store: Store, runtime: Supervisor, tasks: Tasks) -> None:
        self._store = store
        self._runtime = runtime
        self._tasks = tasks
        self._running: dict[str, Removal] = {}
        self._numbers = itertools.count(1)

    def running(self, job_id: str) -> Removal | None:
        return self._running.get(job_id)

    async def delete(self, job: StoredJob, *, user_annotations: bool) -> Removal:
        """Begins to delete a job; one that is being deleted already is joined."""
        return await self._begin(job.job_id, "delete", lambda task_id: self._delete(job, task_id, user_annotations))

    async def reset(self, job: StoredJob, *, user_annotations: bool) -> Removal:
        """Begins to make a job forget what it has learnt."""
        return await self._begin(job.job_id, "reset", lambda task_id: self._reset(job, task_id, user_annotations))

    async def take_up(self, job: StoredJob) -> None:
        """Finishes what a former process had begun on a job."""
        if job.blocked_by == "delete":
            await self.delete(job, user_annotations=False)
        elif job.blocked_by == "reset":
            await self.reset(job, user_annotations=False)

    async def _begin(self, job_id: str, kind: Kind, work: Callable[[str], Awaitable[None]]) -> Removal:
        facts = await self._store.client.facts()
        while (going_on := self._running.get(job_id)) is not None:
            if going_on.kind == kind:
                return going_on
            await asyncio.wait([going_on.work])
        task_id = f"{facts.node_id}:{next(self._numbers)}"
        task = self._tasks.spawn(self._run(job_id, kind, work(task_id)), f"{kind} job [{job_id}]")
        self._running[job_id] = Removal(task_id, kind, task)
        return self._running[job_id]

    async def _run(self, job_id: str, kind: Kind, work: Awaitable[None]) -> None:
        try:
            await work
        except MlError as error:
            await self._runtime.notices.write(job_id, "error", f"The {kind} of the job failed: {error.reason}")
            raise
        finally:
            self._running.pop(job_id, None)

    async def _delete(self, job: StoredJob, task_id: str, user_annotations: bool) -> None:
        job_id = job.job_id
        async with self._runtime.turn(job_id):
            blocked = {"reason": "delete", "task_id": task_id}
            await self._store.jobs.patch(job_id, {"deleting": True, "blocked": blocked})
            await self._runtime.notices.write(job_id, "info", f"Deleting job by task with id '{task_id}'")
            datafeed = (await self._store.datafeeds.of_jobs([job_id])).get(job_id)
            if datafeed is not None:
                await self._store.datafeeds.delete(datafeed["datafeed_id"])
            await self._runtime.discard(job_id)
            index = job.config["results_index_name"]
            await self._store.removal.remove_all(job_id, index, user_annotations=user_annotations)
            await self._store.jobs.delete(job_id)
        await self._runtime.notices.write(job_id, "info", "Job deleted")

    async def _reset(self, job: StoredJob, task_id: str, user_annotations: bool) -> None:
        job_id = job.job_id
        async with self._runtime.turn(job_id):
            if self._runtime.state(job_id) != "closed":
                raise status_error("Can only reset a job when it is closed.", 409)
            await self._store.jobs.patch(job_id, {"blocked": {"reason": "reset", "task_id": task_id}})
            index = job.config["results_index_name"]
            await self._store.removal.forget(job_id, index, user_annotations=user_annotations)
            await self._store.jobs.patch(job_id, {"model_snapshot_id": None, "finished_time": None, "blocked": None})
        await self._runtime.notices.write(job_id, "info", "Job has been reset")
