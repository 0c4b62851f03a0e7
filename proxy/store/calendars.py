"""Calendars in the cluster, each with its events in one document: neither is ever there without the other.

Which jobs are concerned stands beside it as ``job_id``, so that one search finds the calendars of a job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from proxy.errors import MlError, not_found, status_error
from proxy.store.client import ClusterClient, Json
from proxy.store.grouping import Grouped
from proxy.store.named_documents import NamedDocuments, Stored
from proxy.store.names import Names
from proxy.store.results.queries import Page

_ATTEMPTS = 5
_EVERY_JOB = "_all"

Event = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Calendar:
    """``job_ids`` are ids of jobs, names of groups or ``_all``; each event has an ``event_id``, times in epoch ms."""

    calendar_id: str
    job_ids: tuple[str, ...]
    description: str | None = None
    events: tuple[Event, ...] = ()

    def shown(self) -> dict[str, Json]:
        """As the API shows it: without its events."""
        described = {} if self.description is None else {"description": self.description}
        return {"calendar_id": self.calendar_id, "job_ids": list(self.job_ids), **described}

    def event(self, event_id: str) -> Event | None:
        return next((event for event in self.events if event["event_id"] == event_id), None)


class _Calendar(msgspec.Struct):
    calendar_id: str
    job_ids: list[str]
    description: str | None = None


class _Event(msgspec.Struct):
    event_id: str
    description: str
    start_time: int
    end_time: int


class _Document(msgspec.Struct):
    calendar: _Calendar
    events: list[_Event] = []


class Calendars:
    """Reads and changes calendars."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._documents = NamedDocuments(client, names.config_alias, "calendar", _Document)
        self._searches = Grouped(self._naming_together)

    async def get(self, calendar_id: str) -> Calendar:
        """
        Raises:
            MlError: 404 where there is none.
        """
        return _read(await self._stored(calendar_id))

    async def page(self, expression: str | None, page: Page) -> tuple[int, list[Calendar], list[str]]:
        """How many an expression names, a page of them by their ids and without events, and the ids it misses."""
        chosen = await self._documents.choose(expression)
        wanted = chosen.ids[page.from_ : page.from_ + page.size]
        found = [_read(stored) for stored in await self._documents.read_named(chosen, wanted, without=["events"])]
        return len(chosen.ids), found, chosen.missing

    async def events(self, expression: str | None) -> tuple[list[Event], list[str]]:
        """The events of the calendars that an expression names, and the ids it misses."""
        chosen = await self._documents.choose(expression)
        found = map(_read, await self._documents.read_named(chosen, chosen.ids))
        return [event for calendar in found for event in calendar.events], chosen.missing

    async def events_of(self, job_id: str, groups: Sequence[str]) -> list[Event]:
        """The events of every calendar that names the job, one of its groups, or all jobs; by time."""
        return by_time(event for each in await self._naming([job_id, *groups, _EVERY_JOB]) for event in each.events)

    async def calendar_of_event(self, event_id: str) -> str | None:
        found = map(_read, await self._documents.matching({"match_all": {}}))
        return next((calendar.calendar_id for calendar in found if calendar.event(event_id)), None)

    async def create(self, calendar: Calendar) -> bool:
        """False where the id is taken."""
        return await self._documents.create(calendar.calendar_id, _document(calendar))

    async def change(self, calendar_id: str, change: Callable[[Calendar], Calendar]) -> Calendar:
        """Applies ``change`` to the newest state, again where others were faster.

        Raises:
            MlError: 404 where there is no such calendar, 409 where others keep being faster, what ``change`` raises.
        """
        for _ in range(_ATTEMPTS):
            stored = await self._stored(calendar_id)
            changed = change(_read(stored))
            if await self._documents.replace(stored, _document(changed)):
                return changed
        raise status_error(f"calendar [{calendar_id}] was modified while it was being changed, retry in a moment", 409)

    async def delete(self, calendar_id: str) -> bool:
        """Whether there was such a calendar; its events go with it."""
        return await self._documents.delete(calendar_id)

    async def forget_job(self, job_id: str) -> None:
        """Takes a job out of every calendar that names it."""
        for calendar in await self._naming([job_id]):
            try:
                await self.change(calendar.calendar_id, lambda current: without_jobs(current, [job_id]))
            except MlError as error:
                if error.status != 404:
                    raise

    async def _naming(self, names: Sequence[str]) -> list[Calendar]:
        found = await self._searches.ask(names)
        return (await self._naming_together([names]))[0] if found is None else found

    async def _naming_together(self, asked: Sequence[Sequence[str]]) -> Sequence[list[Calendar]]:
        """The calendars that name any of the names, for each that asks."""
        every = sorted({name for names in asked for name in names})
        found = [_read(stored) for stored in await self._documents.matching({"terms": {"job_id": every}})]
        return [[each for each in found if not set(names).isdisjoint(each.job_ids)] for names in asked]

    async def _stored(self, calendar_id: str) -> Stored:
        stored = await self._documents.find(calendar_id)
        if stored is None:
            raise unknown_calendar(calendar_id)
        return stored


def by_time(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event["start_time"], event["description"]))


def without_jobs(calendar: Calendar, job_ids: Sequence[str]) -> Calendar:
    gone = set(job_ids)
    return replace(calendar, job_ids=tuple(each for each in calendar.job_ids if each not in gone))


def unknown_calendar(calendar_id: str) -> MlError:
    return not_found(f"No calendar with id [{calendar_id}]")


def _document(calendar: Calendar) -> dict[str, Json]:
    return {"job_id": list(calendar.job_ids), "calendar": calendar.shown(), "events": list(calendar.events)}


def _read(stored: Stored) -> Calendar:
    source = stored.source["calendar"]
    events = stored.source.get("events", ())
    return Calendar(source["calendar_id"], tuple(source["job_ids"]), source.get("description"), tuple(events))
