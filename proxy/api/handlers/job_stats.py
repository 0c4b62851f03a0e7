"""The statistics of jobs: what they have stored, and for jobs that run what the runtime counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.api.render import with_human_times
from proxy.api.services import Services
from proxy.job_config import key_order
from proxy.runtime.closing import size_document
from proxy.runtime.counts import TimingStats
from proxy.store.job_stats import StoredStats
from proxy.store.jobs import StoredJob

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
_COUNT_KEYS = ("job_id", *_COUNTERS, *_COUNT_TIMES, "input_record_count", "log_time")
_CATEGORY_COUNTERS = (
    "categorized_doc_count",
    "total_category_count",
    "frequent_category_count",
    "rare_category_count",
    "dead_category_count",
    "failed_category_count",
)
_SIZE_COUNTERS = (
    "model_bytes",
    "total_by_field_count",
    "total_over_field_count",
    "total_partition_field_count",
    "bucket_allocation_failures_count",
    *_CATEGORY_COUNTERS,
)
_SIZE_KEYS = (
    "job_id",
    "result_type",
    "model_bytes",
    "peak_model_bytes",
    "model_bytes_exceeded",
    "model_bytes_memory_limit",
    "total_by_field_count",
    "total_over_field_count",
    "total_partition_field_count",
    "bucket_allocation_failures_count",
    "memory_status",
    "assignment_memory_basis",
    "output_memory_allocator_bytes",
    *_CATEGORY_COUNTERS,
    "categorization_status",
    "log_time",
    "timestamp",
)
_UPGRADING = "persistent task cannot be assigned while upgrade mode is enabled."
_NO_FORECASTS = {"total": 0, "forecasted_jobs": 0}

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What the statistics of all jobs of one answer have in common."""

    services: Services
    stored: StoredStats
    node: Document
    is_upgrading: bool
    now_ms: int


async def get_job_stats(call: Call, services: Services) -> Document:
    allow_no_match = call.query.get("allow_no_match", True)
    stats = await stats_of(services, call.path.get("job_id"), allow_no_match)
    if call.human:
        stats = [_with_human_times(each) for each in stats]
    return {"count": len(stats), "jobs": stats}


def _with_human_times(stats: Document) -> Document:
    counts = with_human_times(stats["data_counts"], (*_COUNT_TIMES, "log_time"))
    sizes = with_human_times(stats["model_size_stats"], ("log_time", "timestamp"))
    return stats | {"data_counts": counts, "model_size_stats": sizes}


async def stats_of(services: Services, expression: str | None, allow_no_match: bool) -> list[Document]:
    """The statistics of each job that is not being deleted, with a number of requests that does not depend on them."""
    found = await services.store.jobs.resolve(expression, allow_no_match)
    jobs = [job for job in found if not job.is_deleting]
    is_running = any(services.runtime.state(job.job_id) != "closed" for job in jobs)
    common = _Surroundings(
        services=services,
        stored=await services.store.job_stats.read(jobs),
        node=await _node(services) if is_running else {},
        is_upgrading=is_running and await services.store.upgrade_mode.is_on(),
        now_ms=services.clock(),
    )
    return [_stats(job, common) for job in jobs]


async def _node(services: Services) -> Document:
    """The node that jobs are said to run on: the one that we ask."""
    facts = await services.store.client.facts()
    node = (await services.store.nodes.all())[facts.node_id]
    return {
        "id": facts.node_id,
        "name": node["name"],
        "ephemeral_id": node["ephemeral_id"],
        "transport_address": node["transport_address"],
        "attributes": {name: value for name, value in node["attributes"].items() if name.startswith("ml.")},
    }


def _stats(job: StoredJob, common: _Surroundings) -> Document:
    job_id, runtime, stored = job.job_id, common.services.runtime, common.stored
    state = runtime.state(job_id)
    status = runtime.status(job_id)
    if status is not None:
        counts, sizes = status.data_counts, size_document(job_id, status, common.now_ms)
        timing = status.timing
    else:
        counts, sizes = stored.data_counts.get(job_id, {}), stored.model_sizes.get(job_id, {})
        timing = _timing(job_id, stored.timings.get(job_id))
    stats: Document = {
        "job_id": job_id,
        "data_counts": _filled(job_id, counts, _COUNT_KEYS, (*_COUNTERS, "input_record_count")),
        "model_size_stats": _sizes(job_id, sizes, common.now_ms),
        "forecasts_stats": stored.forecasts.get(job_id, _NO_FORECASTS),
        "state": state,
    }
    return stats | _running(job_id, state, common) | {"timing_stats": timing}


def _running(job_id: str, state: str, common: _Surroundings) -> Document:
    """Where a job runs and since when; nothing for a closed one."""
    if state == "closed":
        return {}
    where: Document = {}
    if state != "failed":
        where["node"] = common.node
    where["assignment_explanation"] = _UPGRADING if common.is_upgrading else ""
    task = common.services.runtime.task(job_id)
    if task is not None:
        where["open_time"] = f"{max(0, common.now_ms - task.opened_at) // 1000}s"
    return where


def _filled(job_id: str, given: Mapping[str, Any], keys: Sequence[str], counters: Sequence[str]) -> Document:
    """In order, with zero for counters that are missing."""
    document = dict.fromkeys(counters, 0) | {key: value for key, value in given.items() if value is not None}
    return key_order.ordered(document | {"job_id": job_id}, tuple(keys))


def _sizes(job_id: str, given: Mapping[str, Any], now_ms: int) -> Document:
    defaults = {
        "result_type": "model_size_stats",
        "memory_status": "ok",
        "categorization_status": "ok",
        "log_time": now_ms,
    }
    return _filled(job_id, defaults | dict(given), _SIZE_KEYS, _SIZE_COUNTERS)


def _timing(job_id: str, stored: Mapping[str, Any] | None) -> Document:
    if stored is None:
        return TimingStats().document(job_id)
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
