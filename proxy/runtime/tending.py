"""Open jobs saved and kept up: every now and then, where a datafeed has ended, and all of them at a stop.

Snapshots of jobs that stay open are ``background_persist``'s matter; the last one of a job is taken in ``closing``.
"""

from __future__ import annotations

import asyncio
import logging

from proxy.errors import MlError
from proxy.runtime.core import Core
from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.contract import PlaceLost, StepTimedOut
from proxy.runtime.running import Running

_log = logging.getLogger(__name__)


class Tending:
    """Looks after the jobs that are open here."""

    def __init__(self, core: Core, running: Running) -> None:
        self._core = core
        self._running = running

    @property
    def save_every_ms(self) -> int:
        return int(self._core.config.runtime.checkpoint_interval * 1000)

    def look(self) -> None:
        """Begins to keep up those that need it and that nobody holds; one whose step takes long delays no other."""
        for live in self._core.entries.lives():
            if live.needs_beat(self.save_every_ms) and self._core.turns.holder(live.job_id) is None:
                self._core.tasks.spawn(self._tend(live), f"keep up job [{live.job_id}]")

    async def _tend(self, live: LiveJob) -> None:
        async with self._core.turn(live.job_id, "keep up") as turn:
            if self._core.entries.live(live.job_id) is not live:
                return
            try:
                async with self._running.guarded(turn):
                    await live.beat(self.save_every_ms)
            except MlError as error:
                _log.warning("job [%s] could not be kept up: %s", live.job_id, error)
            await self._core.notices.report(live)

    async def end_feed(self, job_id: str) -> bool:
        """Saves what a datafeed has brought to a job that is open; False where some of it was lost before.

        Raises:
            MlError, PlaceLost: it could not be saved.
        """
        async with self._core.turn(job_id, "end feed"):
            live = self._core.entries.live(job_id)
            return True if live is None else await live.end_feed()

    async def save_all(self) -> None:
        """All at once: a job whose turn does not come keeps no other from being saved."""
        await asyncio.gather(*(self._save(live) for live in self._core.entries.lives()))

    async def _save(self, live: LiveJob) -> None:
        """The journal still holds everything where saving fails."""
        async with self._core.turn(live.job_id, "stop"):
            try:
                await live.save()
            except (MlError, PlaceLost, StepTimedOut) as error:
                _log.warning("job [%s] could not be saved: %s", live.job_id, error)
