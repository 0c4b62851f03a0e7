"""Rules of a whole job: while its body is read, and of the finished job in Elasticsearch's order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from proxy.api.rules import datafeed, durations, identifiers, limits, numbers
from proxy.api.rules.analysis_config import analysis_config_breaches
from proxy.api.rules.breach import Breach, Document, breaches
from proxy.errors import illegal_argument
from proxy.job_config.analysis import all_fields
from proxy.job_config.detector import normalise
from proxy.job_config.durations import parse
from proxy.job_config.job import DEFAULT_SNAPSHOT_RETENTION_DAYS, DEFAULT_TIME_FIELD
from proxy.units import thousands

_LEAST_PERSIST_INTERVAL_S = 3_600


def parts_are_given(job: Document) -> Iterator[Breach]:
    if job.get("analysis_config") is None:
        yield Breach(illegal_argument("An analysis_config must be set"))
    if job.get("data_description") is None:
        yield Breach(illegal_argument("A data_description must be set"))


def time_field_is_not_analysed(job: Document) -> Iterator[Breach]:
    time_field = job["data_description"].get("time_field") or DEFAULT_TIME_FIELD
    if time_field in all_fields(job["analysis_config"]):
        yield Breach(illegal_argument("data_description.time_field may not be used in the analysis_config"))


def persist_interval_is_long_enough(job: Document) -> Iterator[Breach]:
    field = "background_persist_interval"
    if job.get(field) is None:
        return
    yield from durations.whole_seconds(job, field)
    seconds = parse(job[field], field).seconds
    if seconds < _LEAST_PERSIST_INTERVAL_S:
        least, given = thousands(_LEAST_PERSIST_INTERVAL_S), thousands(seconds)
        yield Breach(illegal_argument(f"{field} cannot be less than {least}. Value = {given}"))


def _not_negative(*fields: str) -> Callable[[Document], Iterator[Breach]]:
    def are_not_negative(job: Document) -> Iterator[Breach]:
        for field in fields:
            if (job.get(field) or 0) < 0:
                yield Breach(illegal_argument(f"{field} cannot be less than 0. Value = {thousands(job[field])}"))

    return are_not_negative


windows_are_not_negative = _not_negative("renormalization_window_days", "results_retention_days")
retentions_are_not_negative = _not_negative(
    "model_snapshot_retention_days", "daily_model_snapshot_retention_after_days", "system_annotations_retention_days"
)


def daily_retention_is_within_retention(job: Document) -> Iterator[Breach]:
    kept = job.get("model_snapshot_retention_days")
    kept = DEFAULT_SNAPSHOT_RETENTION_DAYS if kept is None else kept
    daily = job.get("daily_model_snapshot_retention_after_days")
    if daily is not None and daily > kept:
        yield refused_value(
            f"The value of daily_model_snapshot_retention_after_days [{daily}] "
            f"cannot be greater than model_snapshot_retention_days [{kept}]"
        )


def refused_value(reason: str) -> Breach:
    return Breach(illegal_argument(reason))


def detectors_differ(job: Document) -> Iterator[Breach]:
    """No two detectors may be equal in everything but their index."""
    seen: set[str] = set()
    for detector in job["analysis_config"]["detectors"]:
        echoed = normalise(detector, 0)
        text = json.dumps(echoed, sort_keys=True)
        if text in seen:
            yield refused_value(f"Duplicate detectors are not allowed: [{echoed['detector_description']}]")
        seen.add(text)


BEFORE_ID = (
    parts_are_given,
    time_field_is_not_analysed,
    persist_interval_is_long_enough,
    windows_are_not_negative,
)
AFTER_ID = (
    retentions_are_not_negative,
    daily_retention_is_within_retention,
    identifiers.groups_are_well_formed,
    identifiers.results_index_is_well_formed,
)


def reading_breaches(job: Document) -> Iterator[Breach]:
    """What stops the reading of a job, in the order in which its parts stand in the body."""
    yield from numbers.fit_into_a_document(job)
    for key, part in job.items():
        if part is None:
            continue
        if key == "analysis_config":
            found = analysis_config_breaches(part)
        elif key == "analysis_limits":
            found = breaches(limits.ANALYSIS_LIMITS, part)
        elif key == "data_description":
            found = breaches(limits.DATA_DESCRIPTION, part)
        elif key == "datafeed_config":
            found = datafeed.reading_breaches(part)
        elif key == "background_persist_interval":
            yield from durations.readable(job, key)
            continue
        else:
            continue
        for breach in found:
            yield breach.under(key)


def creation_breaches(body: Document, job_id: str | None) -> Iterator[Breach]:
    """All that is wrong with the body of a new job; without an id where a client only asks for a check."""
    yield from reading_breaches(body)
    if job_id is not None:
        yield from identifiers.id_agrees_with_path(body, job_id)
    yield from breaches(BEFORE_ID, body)
    if job_id is not None:
        yield from identifiers.id_is_well_formed(job_id)
    yield from breaches(AFTER_ID, body)
    if body.get("datafeed_config") is not None:
        yield from datafeed.embedded_breaches(body["datafeed_config"], job_id)
    yield from detectors_differ(body)


def rebuilt_breaches(job: Document) -> Iterator[Breach]:
    """All that is wrong with a job that an update made; nothing of it was read from a body, so no paths."""
    for breach in analysis_config_breaches(job["analysis_config"]):
        yield Breach(breach.error)
    yield from breaches(BEFORE_ID, job)
    yield from breaches(AFTER_ID, job)
