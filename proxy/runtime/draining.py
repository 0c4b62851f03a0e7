"""Moves jobs between places: out of those that operators want to stop, and into those that have come later.

Which place takes a job is decided by ``places``.
"""

from __future__ import annotations

import asyncio
import logging

from proxy.errors import MlError, not_found
from proxy.runtime.core import Core
from proxy.runtime.place.places import PlaceReport, Places
from proxy.runtime.running import Running
from proxy.store import machine_name

_log = logging.getLogger(__name__)
# Each is read and written as a whole.
_AT_ONCE = 4
# Jobs that one look moves to places that hold less: the others go on meanwhile.
_EVENED_AT_ONCE = 20


class Draining:
    """Drained places, until no job is left there, and places that hold far more than others."""

    def __init__(self, core: Core, running: Running, places: Places) -> None:
        self._core = core
        self._running = running
        self._places = places
        self._under_way: set[str] = set()

    async def load(self) -> None:
        """Drains what was drained before, under whoever led then.

        Raises:
            MlError: the cluster cannot tell.
        """
        stored, names = await self._core.store.drained_places.read(), [report.name for report in self.reports()]
        drained = [name for name in names if self._stored_name(name) in stored]
        if len(drained) == len(names):
            _log.warning("all places are drained, so that none could hold a job: they are used all the same")
            return
        for name in drained:
            self._places.drain(name)

    async def drain(self, name: str) -> None:
        """Lets a place be given no job any more, and begins to move those that it has.

        Raises:
            MlError: 404 where there is no such place, 409 where its jobs could go nowhere.
        """
        self._check_known(name)
        if not any(report.name != name and not report.is_draining for report in self.reports()):
            raise MlError("status_exception", f"[{name}] is the only place that takes jobs", 409)
        await self._store(self._drained() | {name})
        self._places.drain(name)
        self._core.tasks.spawn(self._empty(name), f"drain [{name}]")

    async def resume(self, name: str) -> None:
        """Lets a drained place be given jobs again.

        Raises:
            MlError: 404 where there is no such place.
        """
        self._check_known(name)
        await self._store(self._drained() - {name})
        self._places.resume(name)

    def _check_known(self, name: str) -> None:
        if name not in {report.name for report in self.reports()}:
            raise not_found(f"no place with name [{name}] exists")

    def _drained(self) -> set[str]:
        return {report.name for report in self.reports() if report.is_draining}

    async def _store(self, drained: set[str]) -> None:
        """Those of other machines stay as they are."""
        store, own = self._core.store.drained_places, {self._stored_name(report.name) for report in self.reports()}
        await store.write((await store.read() - own) | {self._stored_name(name) for name in drained})

    def _stored_name(self, name: str) -> str:
        """Processes are those of one machine; where an actor of Ray is, Ray decides."""
        return name if self._core.config.runtime.places == "ray" else f"{machine_name()}/{name}"

    def reports(self) -> list[PlaceReport]:
        """How all places are."""
        return self._places.reports()

    async def look(self) -> None:
        """Tries again what could not be moved, for instance while the cluster took nothing."""
        for report in self.reports():
            if report.is_draining and (report.jobs or report.vitals.processes):
                await self._empty(report.name)
        await self._even_out()

    async def _even_out(self) -> None:
        """Gives jobs of the fullest place to others, for instance to one that has just come; busy ones stay."""
        for job_id in self._places.surplus()[:_EVENED_AT_ONCE]:
            place = self._places.place_of(job_id)
            if place is not None and self._core.turns.holder(job_id) is None:
                self._places.release(job_id)
                await self._move(job_id, place)

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
            if live is None or self._places.place_of(job_id) != name or not self._places.may_move(job_id):
                return
            try:
                async with self._running.guarded(turn):
                    await live.move()
            except MlError as error:
                _log.warning("job [%s] could not be moved from [%s] yet: %s", job_id, name, error.reason)
