"""Looks whether the indices that all jobs share are still those that they were, while jobs are open here.

Whoever deletes one of them takes away what open jobs rely on: their claims, what their models have been given since
they were saved, or where that shall go. A write that finds nothing there makes it anew by itself (``store.gone``); here
is noticed what no write would notice in time.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from proxy.errors import MlError
from proxy.runtime.core import Core
from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.contract import PlaceLost, StepTimedOut

_log = logging.getLogger(__name__)


class OwnIndices:
    """``end_unclaimed`` ends a job that is open and whose claim is gone."""

    def __init__(self, core: Core, end_unclaimed: Callable[[str], Awaitable[None]]) -> None:
        self._core = core
        self._store = core.store
        self._lives = core.entries.lives
        self._end_unclaimed = end_unclaimed
        self._known: dict[str, str] = {}

    async def look(self) -> None:
        """To be called every now and then: makes anew what is missing, and saves or ends the jobs that it concerns.

        Raises:
            MlError: the cluster does not help now; the next look does all of it again.
        """
        if not self._lives():
            self._known = {}
            return
        found = await self._store.indices.identities()
        lost = {name for name, identity in self._known.items() if found.get(name) != identity}
        if not self._known or lost:
            lost.update(await self._store.indices.ensure_own())
        if lost:
            _log.error("somebody has deleted [%s]: made anew", ", ".join(sorted(lost)))
        if self._store.names.config in lost:
            for live in self._lives():
                await self._end_unclaimed(live.job_id)
        if self._store.names.journal in lost:
            for live in self._lives():
                await self._save(live)
        self._known = await self._store.indices.identities() if lost else found

    async def _save(self, live: LiveJob) -> None:
        async with self._core.turn(live.job_id, "save anew"):
            if self._core.entries.live(live.job_id) is not live:
                return
            try:
                await live.save(is_lost=True)
            except (MlError, PlaceLost, StepTimedOut) as error:
                _log.error("job [%s] could not be saved anew after its journal was lost: %s", live.job_id, error)
