"""From what files have to what would be made: placeholders, names, indices, and what the API does not take. Pure.

The page does the same in ui/job-plan.js; a test runs both over the same files.
"""

from __future__ import annotations

from typing import Any

from proxy.transfer.facts import facts
from proxy.transfer.plan import Choices, Document, Note, Plan, Planned, PlannedJob, note
from proxy.transfer.shapes import Entry, Reading

# Of an event of a calendar, what its server wrote.
_EVENT_KEYS_OF_SERVERS = ("event_id", "calendar_id")


def plan(reading: Reading, choices: Choices) -> Plan:
    """What would be made where nothing exists yet."""
    new_ids = {entry.job_id: choices.prefix + entry.job_id for entry in reading.entries}
    jobs: list[PlannedJob] = []
    for entry in reading.entries:
        jobs.append(_planned(entry, choices, {job.job_id for job in jobs}))
    return Plan(
        jobs=tuple(jobs),
        filters=tuple(_planned_filter(each) for each in reading.filters),
        calendars=tuple(_planned_calendar(each, new_ids) for each in reading.calendars),
        skipped=tuple(reading.skipped),
    )


def _planned(entry: Entry, choices: Choices, taken: set[str]) -> PlannedJob:
    job_id = choices.prefix + entry.job_id
    index = choices.index or entry.index
    filled = _filled(entry.job, job_id if entry.is_module else None, index)
    calendars = _texts(filled.pop("calendars", None))
    job, notes = _known(filled, "job")
    if not facts().id_pattern.fullmatch(job_id):
        notes.insert(0, note("job", "bad_id", id=job_id))
    if job_id in taken:
        notes.insert(0, note("job", "twice", id=job_id))
    if choices.groups:
        job["groups"] = list(dict.fromkeys([*_texts(job.get("groups")), *choices.groups]))
    notes += _unfilled(job, "job")
    datafeed = None
    if entry.datafeed is not None:
        datafeed, more = _planned_datafeed(entry, choices, job_id, job)
        notes += more
    return PlannedJob(job_id, job, datafeed, filters_of(job), calendars, tuple(notes))


def _planned_datafeed(entry: Entry, choices: Choices, job_id: str, job: Document) -> tuple[Document, list[Note]]:
    assert entry.datafeed is not None, "only called for a job with a datafeed"
    index = choices.index or entry.index
    datafeed, notes = _known(_filled(entry.datafeed, job_id if entry.is_module else None, index), "datafeed")
    datafeed["datafeed_id"] = _datafeed_id(entry, job_id)
    datafeed["job_id"] = job_id
    indices = choices.index if choices.index else datafeed.pop("indexes", datafeed.get("indices"))
    datafeed.pop("indexes", None)
    # Kibana writes several patterns of a module as one text.
    datafeed["indices"] = [name.strip() for text in _texts(indices) for name in text.split(",") if name.strip()]
    if choices.query is not None:
        datafeed["query"] = choices.query
    notes += _unfilled(datafeed, "datafeed")
    if not datafeed["indices"]:
        notes.append(note("datafeed", "no_indices"))
    has_aggregations = datafeed.get("aggregations") or datafeed.get("aggs")
    if has_aggregations and not job["analysis_config"].get("summary_count_field_name"):
        notes.append(note("datafeed", "no_summary_count"))
    if _names_tier(datafeed.get("query")):
        notes.append(note("datafeed", "tier_query"))
    return datafeed, notes


def _datafeed_id(entry: Entry, job_id: str) -> str:
    """As given, unless its job is renamed or a module's: then as Kibana names it, if that is not too long."""
    given = (entry.datafeed or {}).get("datafeed_id")
    if isinstance(given, str) and given and job_id == entry.job_id and not entry.is_module:
        return given
    named = f"datafeed-{job_id}"
    return named if len(named) <= facts().id_length else job_id


def _known(document: Document, about: str) -> tuple[Document, list[Note]]:
    """What the API takes, and a note for each key that nobody knows."""
    known = facts()
    keys = known.job_keys if about == "job" else known.datafeed_keys
    generated = known.job_written_by_servers if about == "job" else known.datafeed_written_by_servers
    unknown = [key for key in document if key not in keys and key not in generated]
    kept = {key: value for key, value in document.items() if key in keys}
    return kept, [note(about, "unknown_key", key=key) for key in unknown]


def _filled(value: Any, job_id: str | None, index: str | None) -> Any:
    """A copy in whose texts the placeholders stand no more, as far as it is known what to put there."""
    if isinstance(value, dict):
        return {key: _filled(each, job_id, index) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, job_id, index) for each in value]
    if not isinstance(value, str):
        return value
    if job_id is not None:
        value = value.replace("JOB_ID", job_id)
    if index is not None:
        for name in facts().index_placeholders:
            value = value.replace(name, index)
    return value


def _unfilled(document: Document, about: str) -> list[Note]:
    texts = list(_all_texts(document))
    names = [name for name in facts().index_placeholders if any(name in text for text in texts)]
    return [note(about, "placeholder", name=name) for name in names]


def _all_texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in _all_texts(each)]


def _names_tier(query: Any) -> bool:
    if isinstance(query, dict):
        return "_tier" in query or query.get("field") == "_tier" or any(map(_names_tier, query.values()))
    return isinstance(query, list) and any(map(_names_tier, query))


def filters_of(job: Document) -> tuple[str, ...]:
    """The filters that the job's rules name, each once."""
    found: dict[str, None] = {}
    for detector in _objects(job["analysis_config"].get("detectors")):
        for rule in _objects(detector.get("custom_rules")):
            scope = rule.get("scope")
            for part in _objects(list(scope.values())) if isinstance(scope, dict) else ():
                if isinstance(part.get("filter_id"), str):
                    found[part["filter_id"]] = None
    return tuple(found)


def _objects(values: Any) -> list[Document]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(each for each in listed if isinstance(each, str))


def _planned_filter(given: Document) -> Planned:
    body: Document = {key: given[key] for key in ("description", "items") if key in given}
    return Planned(given["filter_id"], body)


def _planned_calendar(given: Document, new_ids: dict[str, str]) -> Planned:
    job_ids = [new_ids.get(each, each) for each in _texts(given.get("job_ids"))]
    description = {"description": given["description"]} if given.get("description") else {}
    events = [
        {key: value for key, value in event.items() if key not in _EVENT_KEYS_OF_SERVERS}
        for event in _objects(given.get("events"))
    ]
    return Planned(given["calendar_id"], {"job_ids": job_ids, **description, "events": events})
