"""From a closed job to an open one: because somebody asked, because there is room at last, or after a restart.

Which jobs a restart has to take up is ``restoring``'s matter, how a model is brought up ``running``'s.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from proxy.errors import MlError
from proxy.runtime.capacity import AWAITING_NODE, limit_of
from proxy.runtime.core import Core
from proxy.runtime.running import Running
from proxy.runtime.tasks import attempt
from proxy.runtime.turns import Turn
from proxy.store.job_tasks import JobTask
from proxy.store.jobs import StoredJob

_log = logging.getLogger(__name__)


class Openings:
    """Opens jobs, and remembers what became of those that could not be opened."""

    def __init__(self, core: Core, running: Running) -> None:
        self._core = core
        self._running = running
        # Of openings that failed together with the cluster.
        self._left_claims: dict[str, JobTask] = {}

    async def open(self, job_id: str, check: Callable[[StoredJob], None]) -> bool:
        """Opens a closed job; False where it has to wait for room first.

        Raises:
            MlError: 404 unknown, and what ``check`` has against it.
        """
        core = self._core
        async with core.turn(job_id, "open") as turn:
            stored = await core.store.jobs.get(job_id)
            check(stored)
            has_room = core.has_room(stored)
            if job_id in self._left_claims:
                await self._take_back(self._left_claims[job_id])
            task = await core.store.tasks.create(job_id, opened_at=core.clock())
            if not has_room:
                core.entries.wait(job_id, task, limit_of(stored))
                core.notices.later(job_id, "warning", f"No node found to open job. Reasons [{AWAITING_NODE}]")
                return False
            await self._open(turn, task, stored)
        return True

    async def _open(self, turn: Turn, task: JobTask, stored: StoredJob) -> None:
        core, job_id = self._core, turn.job_id
        core.notices.opening(job_id)
        core.entries.move(job_id, "opening", "it was asked for").task = task
        try:
            await self._running.bring_up(turn, task, stored)
        except BaseException:
            await self._running.unload(job_id)
            core.entries.move(job_id, "closed", "it could not be opened")
            self._left_claims[job_id] = task
            await attempt(partial(self._take_back, task), f"take back the claim on job [{job_id}]")
            raise
        if "finished_time" in stored.config:
            await core.store.jobs.patch(job_id, {"finished_time": None})

    async def take_back_claims(self) -> None:
        """Tries again to take back the claims of jobs whose opening failed together with the cluster."""
        for task in list(self._left_claims.values()):
            await attempt(partial(self._take_back, task), f"take back the claim on job [{task.job_id}]")

    async def _take_back(self, task: JobTask) -> None:
        await self._core.store.tasks.take_back(task)
        self._left_claims.pop(task.job_id, None)

    # ---- jobs that wait for room

    async def open_waiting(self) -> None:
        """Opens jobs that wait, earliest first, while there is room."""
        core = self._core
        for entry in core.entries.waiting():
            if not core.capacity.has_room(entry.memory_limit, core.entries.kept(beside=entry.job_id)):
                continue
            async with core.turn(entry.job_id, "open") as turn:
                # Read anew: an opening that failed with the cluster may have changed it.
                task = await core.store.tasks.get(entry.job_id) if entry.state == "waiting" else None
                if task is not None:
                    core.entries.move(entry.job_id, "opening", "there is room")
                    await self._open_or_fail(turn, task)

    async def _open_or_fail(self, turn: Turn, task: JobTask) -> None:
        try:
            stored = await self._core.store.jobs.patch(turn.job_id, {"finished_time": None})
            await self._running.bring_up(turn, task, stored)
        except Exception as error:
            if isinstance(error, MlError) and error.status > 500:
                _log.info("job [%s] waits on, the cluster does not help now: %s", turn.job_id, error.reason)
                await self._running.unload(turn.job_id)
                entry = self._core.entries.get(turn.job_id)
                self._core.entries.wait(turn.job_id, task, entry.memory_limit if entry else 0)
                return
            _log.exception("job [%s], which had waited for room, could not be opened", turn.job_id)
            await self._running.fail(turn, str(error))

    # ---- after a restart

    async def restore(self, job_id: str) -> bool:
        """Opens again a job of which a former process left a claim; whether it was about to close."""
        core = self._core
        async with core.turn(job_id, "restore") as turn:
            entry, task = core.entries.get(job_id), await core.store.tasks.get(job_id)
            if entry is None or entry.state != "opening":
                return False
            stored = None if task is None else await core.store.jobs.find(job_id)
            if task is None or stored is None:
                await core.store.tasks.remove(job_id)
                core.entries.move(job_id, "closed", "its claim or its configuration is gone")
                return False
            if task.state == "opening" and not core.has_room(stored):
                core.entries.wait(job_id, task, limit_of(stored))
                return False
            await self._running.bring_up(turn, task, stored)
        return task.state == "closing"

    async def give_up(self, job_id: str, reason: str) -> None:
        """Fails a job that cannot be taken up."""
        async with self._core.turn(job_id, "restore") as turn:
            if self._core.entries.state(job_id) == "opening":
                await self._running.fail(turn, reason)
