"""The statistics of jobs: what they have stored, and for jobs that run what the runtime counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.api.large_answer import prepared
from proxy.api.render import Prepared, with_human_times
from proxy.api.responsible import Responsible, responsible
from proxy.api.services import Services
from proxy.runtime.capacity import AWAITING_NODE
from proxy.runtime.counts import TimingStats
from proxy.runtime.model_size import size_document
from proxy.runtime.place.summary import Status
from proxy.store import MODEL_SIZE_STATS, JobTask, StoredJob, StoredStats

Document = dict[str, Any]

_COUNTERS = (
    "processed_record_count",
    "processed_field_count",
    "input_bytes",
    "input_field_count",
    "invalid_date_count",
    "missing_field_count",
    "out_of_order_timestamp_count",
    "empty_bucket_count",
    "sparse_bucket_count",
    "bucket_count",
)
_COUNT_TIMES = (
    "earliest_record_timestamp",
    "latest_record_timestamp",
    "last_data_time",
    "latest_empty_bucket_timestamp",
    "latest_sparse_bucket_timestamp",
)
# Each key with its value where nothing was counted yet; None where the key is left out then.
_COUNTS: Document = {
    **dict.fromkeys(_COUNTERS, 0),
    **dict.fromkeys(_COUNT_TIMES),
    "input_record_count": 0,
    "log_time": None,
}
_UPGRADING = "persistent task cannot be assigned while upgrade mode is enabled."
_NO_TIMING = {
    "bucket_count": 0,
    "total_bucket_processing_time_ms": 0.0,
    "exponential_average_bucket_processing_time_per_hour_ms": 0.0,
}
_NO_FORECASTS = {"total": 0, "forecasted_jobs": 0}


@dataclass(frozen=True, slots=True)
class _Running:
    """What the runtime knows of a job that is not closed."""

    state: str
    status: Status | None
    task: JobTask | None
    is_waiting: bool


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that the statistics of some jobs are made of."""

    jobs: list[StoredJob]
    stored: StoredStats
    running: Mapping[str, _Running]
    where: Responsible | None
    is_upgrading: bool
    now_ms: int

    def documents(self) -> list[Document]:
        return [_stats(job.job_id, self) for job in self.jobs]


async def get_job_stats(call: Call, services: Services) -> Prepared:
    gathered = await gather(services, call.path.get("job_id"), call.query.get("allow_no_match", True))

    def listing() -> Document:
        stats = gathered.documents()
        if call.human:
            stats = [_with_human_times(each) for each in stats]
        return {"count": len(stats), "jobs": stats}

    return await prepared(listing)


def _with_human_times(stats: Document) -> Document:
    counts = with_human_times(stats["data_counts"], (*_COUNT_TIMES, "log_time"))
    sizes = with_human_times(stats["model_size_stats"], ("log_time", "timestamp"))
    return stats | {"data_counts": counts, "model_size_stats": sizes}


async def gather(services: Services, expression: str | None, allow_no_match: bool) -> Gathered:
    """What is known of each job that is not being deleted, with a number of requests that does not depend on them."""
    found = await services.store.jobs.resolve(expression, allow_no_match)
    jobs = [job for job in found if not job.is_deleting]
    runtime = services.runtime
    running = {
        job_id: _Running(
            runtime.shown(job_id), runtime.status(job_id), runtime.task(job_id), runtime.state(job_id) == "waiting"
        )
        for job_id in (job.job_id for job in jobs)
        if runtime.shown(job_id) != "closed"
    }
    return Gathered(
        jobs=jobs,
        stored=await services.store.job_stats.read(jobs),
        running=running,
        where=responsible(services) if running else None,
        is_upgrading=bool(running) and await services.store.upgrade_mode.is_on(),
        now_ms=services.clock(),
    )


def _stats(job_id: str, gathered: Gathered) -> Document:
    running = gathered.running.get(job_id)
    if running is not None and running.status is not None:
        counts, timing = running.status.data_counts, running.status.timing
        sizes = size_document(job_id, running.status, gathered.now_ms)
    else:
        stored = gathered.stored
        counts, timing = stored.data_counts.get(job_id, {}), _timing(job_id, stored.timings.get(job_id))
        sizes = stored.model_sizes.get(job_id, {})
    stats: Document = {
        "job_id": job_id,
        "data_counts": _filled(job_id, counts, _COUNTS),
        "model_size_stats": MODEL_SIZE_STATS.read({"log_time": gathered.now_ms, **sizes, "job_id": job_id}),
        "forecasts_stats": gathered.stored.forecasts.get(job_id, _NO_FORECASTS),
        "state": "closed" if running is None else running.state,
    }
    if running is not None:
        stats |= _where(job_id, running, gathered)
    stats["timing_stats"] = timing
    return stats


def _where(job_id: str, running: _Running, gathered: Gathered) -> Document:
    """Where a job runs and since when."""
    if running.is_waiting:
        return {"assignment_explanation": AWAITING_NODE}
    where: Document = {}
    if running.state != "failed" and gathered.where is not None:
        where["node"] = gathered.where.for_job(job_id)
    where["assignment_explanation"] = _UPGRADING if gathered.is_upgrading else ""
    if running.task is not None:
        where["open_time"] = f"{max(0, gathered.now_ms - running.task.opened_at) // 1000}s"
    return where


def _filled(job_id: str, given: Mapping[str, Any], defaults: Document) -> Document:
    """The keys of ``defaults`` in their order, with what is given for them; unset ones are left out."""
    document: Document = {"job_id": job_id}
    for key, default in defaults.items():
        value = given.get(key, default)
        if value is not None:
            document[key] = value
    return document


def _timing(job_id: str, stored: Mapping[str, Any] | None) -> Document:
    if stored is None:
        return {"job_id": job_id} | _NO_TIMING
    suffix = "_bucket_processing_time_ms"
    context = stored.get("exponential_average_calculation_context", {})
    timing = TimingStats(
        bucket_count=stored["bucket_count"],
        minimum=stored.get(f"minimum{suffix}"),
        maximum=stored.get(f"maximum{suffix}"),
        average=stored.get(f"average{suffix}"),
        exponential_average=stored.get(f"exponential_average{suffix}"),
    )
    timing.context |= context
    return timing.document(job_id)
