"""Several places as one: each job has its own among them, from its opening until it is discarded.

Which one a job is given to is ``spreading``'s rule. A job whose place cannot take it, or shall hold none any more, is
given to another when it is opened again; who opens it again is decided outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from proxy.errors import unavailable
from proxy.runtime.place.commands import Command, Discard, Open
from proxy.runtime.place.contract import Hear, JobNotLoaded, NotUp, Place, PlaceLost, Vitals, hear_nothing
from proxy.runtime.place.spreading import LEAST_JOB_BYTES, Burden, excess, lightest
from proxy.runtime.place.summary import Summary


@dataclass(frozen=True, slots=True)
class PlaceReport:
    """One place as operators see it; ``model_bytes`` as its jobs told last."""

    name: str
    is_draining: bool
    jobs: int
    model_bytes: int
    vitals: Vitals


@dataclass(slots=True, eq=False)
class _Seat:
    """A place and its jobs, with the bytes of their models; ``held`` is what all of them count as together."""

    name: str
    place: Place
    is_draining: bool = False
    jobs: dict[str, int] = field(default_factory=dict)
    held: int = 0

    def hold(self, job_id: str, size: int) -> None:
        self.let_go(job_id)
        self.jobs[job_id] = size
        self.held += max(LEAST_JOB_BYTES, size)

    def let_go(self, job_id: str) -> None:
        size = self.jobs.pop(job_id, None)
        if size is not None:
            self.held -= max(LEAST_JOB_BYTES, size)

    def burden(self) -> Burden:
        return Burden(len(self.jobs), self.held, self.place.vitals().load)


class Places:
    """Spreads jobs by memory and load."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        """``places`` by the names that operators know them by."""
        self._seats = [_Seat(name, place) for name, place in places.items()]
        self._seat_of: dict[str, _Seat] = {}
        self._released: set[str] = set()

    async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
        if isinstance(command, Open):
            return await self._open(job_id, command, hear)
        seat = self._seat_of.get(job_id)
        if isinstance(command, Discard):
            self._leave(job_id)
            return Summary() if seat is None else await seat.place.call(job_id, command, hear)
        if seat is None:
            raise JobNotLoaded(f"no process holds the model of job [{job_id}]")
        return self._weighed(job_id, await seat.place.call(job_id, command, hear))

    async def _open(self, job_id: str, command: Open, hear: Hear) -> Summary:
        """Where it was, if it may be there and was not released; else in the lightest place that takes it."""
        tried: set[_Seat] = set()
        while (seat := self._seat_for(job_id, tried)) is not None:
            await self._move(job_id, seat)
            try:
                return self._weighed(job_id, await seat.place.call(job_id, command, hear))
            except NotUp as problem:
                tried.add(seat)
                last = problem
        raise unavailable(f"no place can hold job [{job_id}] now: {last if tried else 'all of them are drained'}")

    def _seat_for(self, job_id: str, tried: Iterable[_Seat]) -> _Seat | None:
        """None where all that may hold it have been tried."""
        seats = [seat for seat in self._seats if not seat.is_draining and seat not in tried]
        up = [seat for seat in seats if seat.place.vitals().is_up] or seats
        if not up:
            return None
        held = None if job_id in self._released else self._seat_of.get(job_id)
        return held if held in up else up[lightest([seat.burden() for seat in up])]

    async def _move(self, job_id: str, seat: _Seat) -> None:
        """Notes where a job is; what another place holds of it is forgotten there first."""
        before = self._seat_of.get(job_id)
        if before is not None and before is not seat:
            self._leave(job_id)
            with suppress(PlaceLost):
                await before.place.call(job_id, Discard())
        self._seat_of[job_id] = seat
        self._released.discard(job_id)
        if job_id not in seat.jobs:
            seat.hold(job_id, 0)

    def _leave(self, job_id: str) -> None:
        self._released.discard(job_id)
        seat = self._seat_of.pop(job_id, None)
        if seat is not None:
            seat.let_go(job_id)

    def _weighed(self, job_id: str, summary: Summary) -> Summary:
        seat = self._seat_of.get(job_id)
        if seat is not None and summary.status is not None:
            seat.hold(job_id, int(summary.status.model_size.get("model_bytes") or 0))
        return summary

    # ---- operation

    def drain(self, name: str) -> None:
        """Lets a place be given no job any more; those it has stay until they are opened again.

        Raises:
            KeyError: there is no such place.
        """
        self._named(name).is_draining = True

    def resume(self, name: str) -> None:
        """Lets a drained place be given jobs again.

        Raises:
            KeyError: there is no such place.
        """
        self._named(name).is_draining = False

    def jobs_at(self, name: str) -> list[str]:
        """
        Raises:
            KeyError: there is no such place.
        """
        return sorted(self._named(name).jobs)

    def place_of(self, job_id: str) -> str | None:
        """The name of the place that holds a job."""
        seat = self._seat_of.get(job_id)
        return None if seat is None else seat.name

    def surplus(self) -> list[str]:
        """Jobs that should go from the fullest place to others, so that all hold alike; none where they do."""
        seats = [seat for seat in self._seats if not seat.is_draining and seat.place.vitals().is_up]
        found = excess([seat.burden() for seat in seats])
        if found is None:
            return []
        chosen, left = [], found.model_bytes
        for job_id, held in seats[found.giver].jobs.items():
            size = max(LEAST_JOB_BYTES, held)
            if size <= left:
                chosen.append(job_id)
                left -= size
        return chosen

    def release(self, job_id: str) -> None:
        """Lets a job be given to another place when it is opened again, although its own may hold it."""
        self._released.add(job_id)

    def may_move(self, job_id: str) -> bool:
        """Whether a job is to leave the place that it is at."""
        seat = self._seat_of.get(job_id)
        return seat is not None and (seat.is_draining or job_id in self._released)

    async def end_if_empty(self, name: str) -> bool:
        """Ends the process of a drained place that has no job left; it is started again for the next one."""
        seat = self._named(name)
        if seat.jobs or not seat.is_draining:
            return False
        await seat.place.close()
        return True

    def _named(self, name: str) -> _Seat:
        return {seat.name: seat for seat in self._seats}[name]

    async def close(self) -> None:
        for seat in self._seats:
            seat.is_draining = True  # whoever opens a job now has not heard of the end
        await asyncio.gather(*(seat.place.close() for seat in self._seats))

    def reports(self) -> list[PlaceReport]:
        """All places, in order."""
        return [
            PlaceReport(seat.name, seat.is_draining, len(seat.jobs), sum(seat.jobs.values()), seat.place.vitals())
            for seat in self._seats
        ]

    def vitals(self) -> Vitals:
        parts = [seat.place.vitals() for seat in self._seats]
        return Vitals(
            sum(part.processes for part in parts),
            sum(part.starts for part in parts),
            sum(part.memory_bytes for part in parts),
            sum(part.load for part in parts) / len(parts),
            is_up=any(part.is_up for part in parts),
        )
