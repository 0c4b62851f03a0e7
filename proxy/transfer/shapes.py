"""The forms in which jobs come as files, read into one. Pure: what becomes of them is planning.py's matter.

Forms: Kibana's export (``{"job", "datafeed"}``), a module of Kibana as its API answers it or as a saved object, a bare
job, an answer of the API that lists jobs, and the calendars and filters that our export writes beside the jobs; one,
an array, or one a line. The page reads the same in ui/job-shapes.js.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from proxy.transfer.plan import Document


class Unreadable(ValueError):
    """This file has no jobs in any of the forms; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as a file has it. Modules have placeholders in their texts, and a pattern of indices to put there."""

    job_id: str
    job: Document
    datafeed: Document | None
    is_module: bool = False
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything of one or several files."""

    entries: list[Entry] = field(default_factory=list)
    filters: list[Document] = field(default_factory=list)
    calendars: list[Document] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read(texts: Iterable[str]) -> Reading:
    """
    Raises:
        Unreadable: if a text is no JSON, has something of no known form, or if nothing is found at all
    """
    reading = Reading()
    for text in texts:
        for number, value in enumerate(_values(text), start=1):
            if not isinstance(value, dict):
                raise Unreadable(f"entry {number} is no object")
            _add(reading, value, number)
    if not (reading.entries or reading.filters or reading.calendars):
        raise Unreadable("there are no jobs in it")
    return reading


def _values(text: str) -> list[Any]:
    try:
        return _listed(json.loads(text))
    except RecursionError as error:
        raise Unreadable("its lists and objects nest too deep") from error
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            if len(lines) > 1:
                return [value for line in lines for value in _listed(json.loads(line))]
        except (RecursionError, ValueError):
            pass  # what is wrong with the whole says more than what is wrong with one of its lines
        raise Unreadable(f"it is no JSON: {error}") from error


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _add(reading: Reading, value: Document, number: int) -> None:
    if "attributes" in value:
        _add_saved_object(reading, value)
    elif "exportedCount" in value:
        return  # the last line of an export of saved objects, which counts them
    elif isinstance(value.get("jobs"), list):
        _add_jobs(reading, value)
    elif not {"job", "job_id"} & set(value) and {"filters", "calendars"} & set(value):
        reading.filters.extend(_named(value.get("filters"), "filter_id"))
        reading.calendars.extend(_named(value.get("calendars"), "calendar_id"))
    else:
        reading.entries.append(_entry(value, f"entry {number}"))


def _add_saved_object(reading: Reading, value: Document) -> None:
    attributes = value["attributes"]
    if value.get("type") == "ml-module" and isinstance(attributes, dict) and isinstance(attributes.get("jobs"), list):
        _add_jobs(reading, attributes)
    else:
        reading.skipped.append(f"the saved object [{value.get('id')}] of type [{value.get('type')}] has no jobs")


def _add_jobs(reading: Reading, value: Document) -> None:
    """The jobs of a module, or those that the API lists."""
    datafeeds = [each for each in value.get("datafeeds") or () if isinstance(each, dict)]
    for number, each in enumerate(value["jobs"], start=1):
        if not isinstance(each, dict):
            raise Unreadable(f"job {number} of a list is no object")
        if "config" not in each:
            reading.entries.append(_entry(each, f"job {number} of a list"))
            continue
        job_id = each.get("id")
        feed = next((feed.get("config") for feed in datafeeds if feed.get("job_id") == job_id), None)
        entry = _entry({"job": {**_object(each["config"]), "job_id": job_id}, "datafeed": feed}, f"job {number}")
        index = value.get("defaultIndexPattern")
        reading.entries.append(Entry(entry.job_id, entry.job, entry.datafeed, True, index or None))


def _entry(value: Document, place: str) -> Entry:
    job = dict(_object(value.get("job", value)))
    job_id = job.pop("job_id", None)
    if not isinstance(job_id, str) or not job_id:
        raise Unreadable(f"{place} has no job_id")
    if not isinstance(job.get("analysis_config"), dict):
        raise Unreadable(f"the job [{job_id}] has no analysis_config")
    embedded = job.pop("datafeed_config", None)
    datafeed = value.get("datafeed") if "job" in value else None
    if not isinstance(datafeed, dict) and isinstance(embedded, dict):
        datafeed = {**embedded, "datafeed_id": embedded.get("datafeed_id") or job_id}
    return Entry(job_id, job, dict(datafeed) if isinstance(datafeed, dict) else None)


def _object(value: Any) -> Document:
    return value if isinstance(value, dict) else {}


def _named(values: Any, key: str) -> list[Document]:
    listed = [value for value in (values if isinstance(values, list) else ()) if isinstance(value, dict)]
    if any(not isinstance(value.get(key), str) for value in listed):
        raise Unreadable(f"one of the {key.removesuffix('_id')}s has no {key}")
    return listed
