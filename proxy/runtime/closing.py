"""From an open job to a closed one: its last results and snapshot, and what its document tells of the end.

What waits for a job's end, and which datafeeds stop first, is the supervisor's matter.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from proxy.errors import MlError
from proxy.runtime.core import Core
from proxy.runtime.job_states import BlockedState
from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.contract import PlaceLost, StepTimedOut
from proxy.runtime.running import Running
from proxy.runtime.turns import Turn

_log = logging.getLogger(__name__)


class Closing:
    """Ends jobs: closed when asked, blocked while they are removed, given up where nothing is left of them."""

    def __init__(self, core: Core, running: Running) -> None:
        self._core = core
        self._running = running

    async def close(self, job_id: str, *, force: bool) -> None:
        """Closes a job that is open, waits or has failed.

        With ``force`` also where its model or its last results cannot be written; the journal keeps what they would
        have told.
        """
        core = self._core
        takes = core.turn_by_force if force else core.turn
        async with takes(job_id, "close") as turn:
            entry = core.entries.get(job_id)
            if entry is not None and entry.state in ("failed", "waiting"):
                await core.store.tasks.remove(job_id)
                core.entries.move(job_id, "closed", "it was asked for")
            elif entry is not None and entry.live is not None:
                core.notices.later(job_id, "info", "Job is closing (forced)" if force else "Job is closing")
                await self._shut(turn, entry.live, force=force)

    async def _shut(self, turn: Turn, live: LiveJob, *, force: bool) -> None:
        """From ``opened`` to ``closed``; back where what must be written cannot be."""
        core = self._core
        entry = core.entries.move(turn.job_id, "closing", "it was asked for")
        try:
            entry.task = live.task = await core.store.tasks.change(live.task, "closing")
            await self._leave(live, await self._last_snapshot(live, force=force))
            await core.store.tasks.remove(turn.job_id)
        except BaseException:
            core.entries.move(turn.job_id, "opened", "it could not be closed")
            raise
        core.entries.move(turn.job_id, "closed", "all is written")
        await self._running.unload(turn.job_id)

    async def _last_snapshot(self, live: LiveJob, *, force: bool) -> str | None:
        try:
            return await live.close()
        except (MlError, PlaceLost, StepTimedOut) as error:
            if not force:
                raise
            _log.warning("job [%s] closes without its last results: %s", live.job_id, error)
            return None

    async def _leave(self, live: LiveJob, snapshot_id: str | None) -> None:
        """Notes in the job's document that it was closed, and with which model."""
        core = self._core
        changes: dict[str, Any] = {"finished_time": core.clock()}
        if snapshot_id is not None:
            changes["model_snapshot_id"] = snapshot_id
            core.notices.later(live.job_id, "info", f"Job model snapshot with id [{snapshot_id}] stored")
        await core.store.jobs.patch(live.job_id, changes)
        # Without a snapshot the journal is the only place that holds new data; the next opening replays it.
        if snapshot_id is not None or live.is_untouched:
            await live.drop_journal()

    @asynccontextmanager
    async def blocked(self, turn: Turn, state: BlockedState) -> AsyncIterator[None]:
        """Keeps a job in that state while a block of code runs; one that is deleted ends without being saved."""
        core = self._core
        core.turns.require(turn)
        entry = core.entries.move(turn.job_id, state, turn.purpose)
        entry.live = entry.task = None
        try:
            if state == "deleting":
                await self._running.unload(turn.job_id)
                await core.store.tasks.remove(turn.job_id)
            yield
        finally:
            core.entries.move(turn.job_id, "closed", f"{turn.purpose} has ended")

    async def end_unclaimed(self, job_id: str) -> None:
        """Ends a job that is open here, and not in the cluster: somebody has deleted all configurations and claims."""
        core = self._core
        async with core.turn(job_id, "end") as turn:
            if core.entries.live(job_id) is not None and await core.store.tasks.get(job_id) is None:
                reason = "its configuration and its claim have been deleted from the cluster"
                await self._running.fail(turn, reason)
                core.entries.move(job_id, "closed", reason)
