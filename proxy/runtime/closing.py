"""From an open job to a closed one: its last results and snapshot, and what its document tells of the end.

When a job closes, and what waits for that, is the supervisor's matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from proxy.errors import MlError
from proxy.runtime.job_entries import Entries
from proxy.runtime.live_job import LiveJob
from proxy.runtime.notices import Notices
from proxy.runtime.place.contract import PlaceLost, StepTimedOut
from proxy.runtime.running import Running
from proxy.runtime.turns import Turn, Turns
from proxy.store import Store

_log = logging.getLogger(__name__)


class Closing:
    """Shuts jobs of which the turn is held."""

    def __init__(
        self,
        store: Store,
        running: Running,
        entries: Entries,
        turns: Turns,
        notices: Notices,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._running = running
        self._entries = entries
        self._turns = turns
        self._notices = notices
        self._clock = clock

    async def shut(self, turn: Turn, live: LiveJob, *, force: bool) -> None:
        """From ``opened`` to ``closed``; back where what must be written cannot be."""
        self._turns.require(turn)
        entry = self._entries.move(turn.job_id, "closing", "it was asked for")
        try:
            entry.task = live.task = await self._store.tasks.change(live.task, "closing")
            await self._leave(live, await self._last_snapshot(live, force=force))
            await self._store.tasks.remove(turn.job_id)
        except BaseException:
            self._entries.move(turn.job_id, "opened", "it could not be closed")
            raise
        self._entries.move(turn.job_id, "closed", "all is written")
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
        changes: dict[str, Any] = {"finished_time": self._clock()}
        if snapshot_id is not None:
            changes["model_snapshot_id"] = snapshot_id
            self._notices.later(live.job_id, "info", f"Job model snapshot with id [{snapshot_id}] stored")
        await self._store.jobs.patch(live.job_id, changes)
        # Without a snapshot the journal is the only place that holds new data; the next opening replays it.
        if snapshot_id is not None or live.is_untouched:
            await self._store.journal.clear(live.job_id)
