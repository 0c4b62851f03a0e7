"""Empties places that operators want to stop: their jobs go on in others. Which one takes a job, ``places`` decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from proxy.errors import MlError, not_found
from proxy.runtime.core import Core
from proxy.runtime.place.places import PlaceReport, Places
from proxy.runtime.running import Running

_log = logging.getLogger(__name__)
# Each is read and written as a whole.
_AT_ONCE = 4


class Draining:
    """Moves jobs out of drained places, until none is left there."""

    def __init__(self, core: Core, running: Running, places: Places) -> None:
        self._core = core
        self._running = running
        self._places = places
        self._under_way: set[str] = set()

    def drain(self, name: str) -> None:
        """Lets a place be given no job any more, and begins to move those that it has.

        Raises:
            MlError: 404 where there is no such place, 409 where its jobs could go nowhere.
        """
        others = [report for report in self.reports() if report.name != name and not report.is_draining]
        self._change(self._places.drain, name, has_others=bool(others))
        self._core.tasks.spawn(self._empty(name), f"drain [{name}]")

    def resume(self, name: str) -> None:
        """Lets a drained place be given jobs again.

        Raises:
            MlError: 404 where there is no such place.
        """
        self._change(self._places.resume, name)

    def _change(self, change: Callable[[str], None], name: str, *, has_others: bool = True) -> None:
        if name not in {report.name for report in self.reports()}:
            raise not_found(f"no place with name [{name}] exists")
        if not has_others:
            raise MlError("status_exception", f"[{name}] is the only place that takes jobs", 409)
        change(name)

    def reports(self) -> list[PlaceReport]:
        """How all places are."""
        return self._places.reports()

    async def look(self) -> None:
        """Tries again what could not be moved, for instance while the cluster took nothing."""
        for report in self.reports():
            if report.is_draining and (report.jobs or report.vitals.processes):
                await self._empty(report.name)

    async def _empty(self, name: str) -> None:
        if name in self._under_way:
            return
        self._under_way.add(name)
        try:
            waiting = iter(self._places.jobs_at(name))

            async def move_some() -> None:
                for job_id in waiting:
                    await self._move(job_id, name)

            await asyncio.gather(*(move_some() for _ in range(_AT_ONCE)))
            if await self._places.end_if_empty(name):
                _log.info("place [%s] is drained", name)
        finally:
            self._under_way.discard(name)

    async def _move(self, job_id: str, name: str) -> None:
        async with self._core.turn(job_id, "move") as turn:
            live = self._core.entries.live(job_id)
            if live is None or self._places.place_of(job_id) != name or not self._places.is_draining(name):
                return
            try:
                async with self._running.guarded(turn):
                    await live.move()
            except MlError as error:
                _log.warning("job [%s] could not be moved from [%s] yet: %s", job_id, name, error.reason)
