"""Whether jobs are well: each check as a pure function of what is known of the jobs. Gathering it is ``health``'s."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.units import parse_duration_ms

Document = Mapping[str, Any]
_MINUTE_MS = 60_000
# The check's name is the id of its alert.
NOT_STARTED = "Datafeed is not started"
MEMORY = "Model memory limit reached"
DELAYED = "Data delay has occurred"
ERRORS = "Errors in job messages"
FAILED = "Job has failed"
_CHECKS = {
    NOT_STARTED: "datafeed",
    MEMORY: "mml",
    DELAYED: "delayedData",
    ERRORS: "errorMessages",
    FAILED: "failedJobs",
}
_RESULTS_FIELDS = {
    NOT_STARTED: "datafeed_results",
    MEMORY: "mml_results",
    DELAYED: "delayed_data_results",
    ERRORS: "job_errors_results",
    FAILED: "job_errors_results",
}
_MISSED = re.compile(r"Datafeed has missed (\d+) ")


@dataclass(frozen=True, slots=True)
class JobHealth:
    """What is known of one job; ``datafeed_id`` is None for one without."""

    job_id: str
    state: str
    span_ms: int
    datafeed_id: str | None = None
    datafeed_state: str = "stopped"
    query_delay_ms: int = 0
    model_size: Document | None = None
    delayed_data: Document | None = None
    errors: Sequence[Document] = ()


def is_enabled(params: Document, check: str) -> bool:
    """Checks that nobody speaks of are made."""
    config = (params.get("testsConfig") or {}).get(_CHECKS[check])
    return True if config is None else bool(config.get("enabled", True))


def default_lookback_ms(span_ms: int, query_delay_ms: int) -> int:
    """How far back data may matter: two spans, two minutes at least, and the delay of the search, in whole minutes."""
    return math.ceil((max(2 * _MINUTE_MS, 2 * span_ms) + query_delay_ms + 1000) / _MINUTE_MS) * _MINUTE_MS


def delayed_window_ms(params: Document, job: JobHealth) -> int:
    config = (params.get("testsConfig") or {}).get("delayedData") or {}
    interval = config.get("timeInterval")
    asked_ms = parse_duration_ms(interval, "timeInterval") if interval else 0
    return max(default_lookback_ms(job.span_ms, job.query_delay_ms), asked_ms)


def findings(params: Document, jobs: Sequence[JobHealth], now_ms: int) -> dict[str, list[dict[str, Any]]]:
    """What each check has found, by its name; checks that found nothing are absent."""
    least = ((params.get("testsConfig") or {}).get("delayedData") or {}).get("docsCount") or 1
    found = {
        NOT_STARTED: [_not_started(job) for job in jobs if _is_not_started(job)],
        MEMORY: [_memory(job) for job in jobs if _is_short_of_memory(job)],
        DELAYED: [_delayed(job) for job in jobs if _is_delayed(job, params, least, now_ms)],
        ERRORS: [{"job_id": job.job_id, "errors": [dict(each) for each in job.errors]} for job in jobs if job.errors],
        FAILED: [{"job_id": job.job_id, "job_state": job.state} for job in jobs if job.state == "failed"],
    }
    return {check: results for check, results in found.items() if results and is_enabled(params, check)}


def message_of(check: str, results: Sequence[Document], *, recovered: bool) -> str:
    """One sentence on what a check has found, or on its end."""
    if recovered:
        return f"{check}: no job is concerned any more."
    ids = ", ".join(str(result["job_id"]) for result in results)
    return f"{check}: {ids}." if len(ids) < 1000 else f"{check}: {len(results)} jobs."


def results_field(check: str) -> str:
    """Where the document of the alert has what was found."""
    return f"kibana.alert.{_RESULTS_FIELDS[check]}"


def _is_not_started(job: JobHealth) -> bool:
    return job.state == "opened" and job.datafeed_id is not None and job.datafeed_state != "started"


def _not_started(job: JobHealth) -> dict[str, Any]:
    return {"datafeed_id": job.datafeed_id, "datafeed_state": job.datafeed_state, "job_id": job.job_id,
            "job_state": job.state}  # fmt: skip


def _is_short_of_memory(job: JobHealth) -> bool:
    return job.state == "opened" and (job.model_size or {}).get("memory_status") in ("soft_limit", "hard_limit")


def _memory(job: JobHealth) -> dict[str, Any]:
    size = job.model_size or {}
    names = ("memory_status", "log_time", "model_bytes", "model_bytes_memory_limit", "peak_model_bytes",
             "model_bytes_exceeded")  # fmt: skip
    return {"job_id": job.job_id, **{name: size[name] for name in names if name in size}}


def _missed(annotation: Document) -> int:
    found = _MISSED.match(annotation["annotation"])
    return int(found[1]) if found else 0


def _is_delayed(job: JobHealth, params: Document, least: int, now_ms: int) -> bool:
    annotation = job.delayed_data
    if annotation is None or annotation["end_timestamp"] < now_ms - delayed_window_ms(params, job):
        return False
    return _missed(annotation) >= least


def _delayed(job: JobHealth) -> dict[str, Any]:
    annotation = job.delayed_data or {}
    return {"job_id": job.job_id, "annotation": annotation["annotation"], "missed_docs_count": _missed(annotation),
            "end_timestamp": annotation["end_timestamp"]}  # fmt: skip
