"""A plan beside what the cluster has: what exists already and what is missing. Pure; who asks is server.py."""

from __future__ import annotations

from dataclasses import dataclass, replace

from proxy.transfer.plan import Note, Plan, Planned, PlannedJob, note


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The names of what the cluster has."""

    jobs: frozenset[str] = frozenset()
    datafeeds: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()
    calendars: frozenset[str] = frozenset()


def against(plan: Plan, there: Surroundings) -> Plan:
    """The plan with notes on what exists and what is missing."""
    filters = there.filters | {each.name for each in plan.filters}
    calendars = there.calendars | {each.name for each in plan.calendars}
    return replace(
        plan,
        jobs=tuple(_job_against(each, there, filters, calendars) for each in plan.jobs),
        filters=tuple(_found(each, there.filters, "filter") for each in plan.filters),
        calendars=tuple(_found(each, there.calendars, "calendar") for each in plan.calendars),
    )


def _job_against(
    planned: PlannedJob, there: Surroundings, filters: frozenset[str], calendars: frozenset[str]
) -> PlannedJob:
    notes: list[Note] = []
    if planned.job_id in there.jobs:
        notes.append(note("job", "job_exists", id=planned.job_id))
    notes += [note("job", "missing_filter", id=each) for each in planned.filters if each not in filters]
    notes += [note("job", "missing_calendar", id=each) for each in planned.calendars if each not in calendars]
    if planned.datafeed and planned.datafeed["datafeed_id"] in there.datafeeds:
        notes.append(note("datafeed", "datafeed_exists", id=planned.datafeed["datafeed_id"]))
    known = tuple(each for each in planned.calendars if each in calendars)
    return replace(planned, calendars=known, notes=(*planned.notes, *notes))


def _found(planned: Planned, names: frozenset[str], about: str) -> Planned:
    if planned.name not in names:
        return planned
    return replace(planned, exists=True, notes=(*planned.notes, note(about, f"{about}_exists")))
