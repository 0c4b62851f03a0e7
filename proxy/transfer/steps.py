"""The requests that carry a plan out, in their order. Pure; carrying_out.py sends them, and for the page its dialog."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from proxy.transfer.plan import Document, Plan, Planned


@dataclass(frozen=True, slots=True)
class Step:
    """One request. ``does`` names it once; it is not sent where the one that it ``needs`` has failed."""

    does: str
    method: str
    path: str
    body: Document | None = None
    needs: str | None = None


def steps(plan: Plan, *, start: bool = False) -> list[Step]:
    """Filters first, as jobs need them, then jobs, datafeeds and calendars; nothing that is blocked or exists."""
    made = [
        Step(f"filter [{each.name}]", "PUT", f"/_ml/filters/{_quoted(each.name)}", each.body)
        for each in plan.filters
        if not each.exists
    ]
    jobs = [each for each in plan.jobs if not each.is_blocked()]
    new_filters = {each.name for each in plan.filters if not each.exists}
    for each in jobs:
        needed = next((f"filter [{name}]" for name in each.filters if name in new_filters), None)
        path = f"/_ml/anomaly_detectors/{_quoted(each.job_id)}"
        made.append(Step(f"job [{each.job_id}]", "PUT", path, each.job, needed))
    for each in jobs:
        if each.datafeed and not each.is_blocked("datafeed"):
            body = {key: value for key, value in each.datafeed.items() if key != "datafeed_id"}
            name = str(each.datafeed["datafeed_id"])
            path = f"/_ml/datafeeds/{_quoted(name)}"
            made.append(Step(f"datafeed [{name}]", "PUT", path, body, f"job [{each.job_id}]"))
    made += _calendar_steps(plan, {each.job_id for each in jobs})
    return made + (_start_steps(plan) if start else [])


def _calendar_steps(plan: Plan, made_jobs: set[str]) -> list[Step]:
    """New calendars with their events; jobs into those that exist, in the plan or only in the cluster."""
    found: list[Step] = []
    wanted = {
        name: [job.job_id for job in plan.jobs if job.job_id in made_jobs and name in job.calendars]
        for name in dict.fromkeys(name for job in plan.jobs for name in job.calendars)
    }
    for each in plan.calendars:
        job_ids = list(dict.fromkeys([*each.body["job_ids"], *wanted.pop(each.name, [])]))
        if each.exists:
            # Groups and jobs of others are the business of whoever made the calendar that is there.
            wanted[each.name] = [job_id for job_id in job_ids if job_id in made_jobs]
        else:
            found += _new_calendar(each, job_ids)
    for name, job_ids in wanted.items():
        if job_ids:
            path = f"/_ml/calendars/{_quoted(name)}/jobs/{','.join(map(_quoted, job_ids))}"
            found.append(Step(f"jobs of calendar [{name}]", "PUT", path))
    return found


def _new_calendar(calendar: Planned, job_ids: list[str]) -> list[Step]:
    path = f"/_ml/calendars/{_quoted(calendar.name)}"
    body = {key: value for key, value in calendar.body.items() if key != "events"} | {"job_ids": job_ids}
    made = Step(f"calendar [{calendar.name}]", "PUT", path, body)
    events = calendar.body["events"]
    if not events:
        return [made]
    return [
        made,
        Step(f"events of calendar [{calendar.name}]", "POST", f"{path}/events", {"events": events}, made.does),
    ]


def _start_steps(plan: Plan) -> list[Step]:
    """Opens the jobs and starts their datafeeds at the beginning of the data."""
    found = []
    for each in plan.jobs:
        if each.datafeed and not each.is_blocked("datafeed"):
            name = str(each.datafeed["datafeed_id"])
            opening = f"opening of job [{each.job_id}]"
            path = f"/_ml/anomaly_detectors/{_quoted(each.job_id)}/_open"
            found.append(Step(opening, "POST", path, needs=f"datafeed [{name}]"))
            path = f"/_ml/datafeeds/{_quoted(name)}/_start?start=0"
            found.append(Step(f"start of datafeed [{name}]", "POST", path, needs=opening))
    return found


def _quoted(name: str) -> str:
    return quote(name, safe="")
