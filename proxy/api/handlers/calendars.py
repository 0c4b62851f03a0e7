"""Calendars: periods in which jobs expect the unusual. Their effect is the engine's matter."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from proxy.api.call import Call, aside
from proxy.api.render import with_human_times
from proxy.api.rules import calendars as rules
from proxy.api.rules.breach import check
from proxy.api.rules.identifiers import id_agrees_with_path
from proxy.api.rules.paging import page_of
from proxy.api.services import Services
from proxy.errors import MlError, not_found, status_error, unknown_job, validation_failed
from proxy.store import Calendar, Event, events_by_time, unknown_calendar, without_jobs

_TIMES = ("start_time", "end_time")
# Elasticsearch's own ids have as many characters.
_EVENT_ID_BYTES = 15


async def put_calendar(call: Call, services: Services) -> dict[str, Any]:
    calendar_id, body = call.path["calendar_id"], call.body or {}
    check(call, id_agrees_with_path(body, calendar_id, "calendar_id"))
    rules.check_calendar_id(calendar_id)
    created = Calendar(calendar_id, tuple(dict.fromkeys(body.get("job_ids", ()))), body.get("description"))
    await services.store.indices.ensure_own()
    if not await services.store.calendars.create(created):
        raise status_error(f"Cannot create calendar with id [{calendar_id}] as it already exists", 400)
    return created.shown()


async def get_calendars(call: Call, services: Services) -> dict[str, Any]:
    rules.check_page_or_id(call)
    count, found, missing = await services.store.calendars.page(call.path.get("calendar_id"), page_of(call))
    if missing:
        raise unknown_calendar(",".join(missing))
    return {"count": count, "calendars": [each.shown() for each in found]}


async def delete_calendar(call: Call, services: Services) -> dict[str, Any]:
    calendar = await services.store.calendars.get(call.path["calendar_id"])
    if not await services.store.calendars.delete(calendar.calendar_id):
        raise unknown_calendar(calendar.calendar_id)
    await services.runtime.input_changes.calendars_changed(calendar.job_ids)
    return {"acknowledged": True}


async def put_calendar_job(call: Call, services: Services) -> dict[str, Any]:
    added = _job_ids(call)

    def with_jobs(calendar: Calendar) -> Calendar:
        return replace(calendar, job_ids=tuple(dict.fromkeys((*calendar.job_ids, *added))))

    changed = await services.store.calendars.change(call.path["calendar_id"], with_jobs)
    await services.runtime.input_changes.calendars_changed(added)
    return changed.shown()


async def delete_calendar_job(call: Call, services: Services) -> dict[str, Any]:
    removed = _job_ids(call)

    def left(calendar: Calendar) -> Calendar:
        rules.check_removed_jobs(calendar, removed)
        return without_jobs(calendar, removed)

    changed = await services.store.calendars.change(call.path["calendar_id"], left)
    await services.runtime.input_changes.calendars_changed(removed)
    return changed.shown()


def _job_ids(call: Call) -> list[str]:
    return [token.strip() for token in call.path["job_id"] if token.strip()]


async def post_calendar_events(call: Call, services: Services) -> dict[str, Any]:
    calendar_id = call.path["calendar_id"]

    def checked() -> Sequence[Event]:
        return rules.read_events(call, calendar_id, lambda: secrets.token_urlsafe(_EVENT_ID_BYTES))

    events = await aside(call, checked)

    def with_events(calendar: Calendar) -> Calendar:
        return replace(calendar, events=(*calendar.events, *events))

    changed = await services.store.calendars.change(calendar_id, with_events)
    await services.runtime.input_changes.calendars_changed(changed.job_ids)

    def posted() -> list[Event]:
        # The ids are told by the listing alone.
        return [{name: value for name, value in event.items() if name != "event_id"} for event in events]

    return {"events": await aside(call, lambda: _shown(call, posted()))}


async def get_calendar_events(call: Call, services: Services) -> dict[str, Any]:
    page = page_of(call)
    events = rules.overlapping(await _events(call, services), call, services.clock())
    on_page = events_by_time(events)[page.from_ : page.from_ + page.size]
    return {"count": len(events), "events": _shown(call, on_page)}


async def _events(call: Call, services: Services) -> Sequence[Event]:
    """Those of the calendars that are named, or of one job or group."""
    expression, name, store = call.path["calendar_id"], call.option("job_id"), services.store
    if name is None:
        events, missing = await store.calendars.events(expression)
        if missing:
            raise unknown_calendar(",".join(missing))
        return events
    if expression != "_all":
        raise validation_failed("If job_id is used calendar_id must be '_all'")
    named = await store.jobs.named([name])
    if not named:
        raise unknown_job(name)
    job = next((each for each in named if each.job_id == name), None)
    return await store.calendars.events_of(name, () if job is None else job.config.get("groups", ()))


async def delete_calendar_event(call: Call, services: Services) -> dict[str, Any]:
    calendar_id, event_id, store = call.path["calendar_id"], call.path["event_id"], services.store
    calendar = await store.calendars.get(calendar_id)
    if calendar.event(event_id) is None:
        raise _not_in_calendar(event_id, calendar_id, await store.calendars.calendar_of_event(event_id))

    def left(current: Calendar) -> Calendar:
        return replace(current, events=tuple(each for each in current.events if each["event_id"] != event_id))

    changed = await store.calendars.change(calendar_id, left)
    await services.runtime.input_changes.calendars_changed(changed.job_ids)
    return {"acknowledged": True}


def _not_in_calendar(event_id: str, calendar_id: str, owner: str | None) -> MlError:
    if owner is None:
        return not_found(f"No event with id [{event_id}]")
    text = f"Event [{event_id}] has calendar_id [{owner}] which does not match the request calendar_id [{calendar_id}]"
    return status_error(text, 400)


def _shown(call: Call, events: Sequence[Event]) -> list[dict[str, Any]]:
    return [with_human_times(event, _TIMES) if call.human else dict(event) for event in events]
