"""The size of a job's model: as a document, and as messages when its status changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.runtime.place.summary import Level, Status
from proxy.units import format_bytes

# A report per change of this share keeps the history readable.
_WORTH_REPORTING = 0.05
CATEGORY_COUNTS = (
    "categorized_doc_count",
    "total_category_count",
    "frequent_category_count",
    "rare_category_count",
    "dead_category_count",
    "failed_category_count",
)


def size_document(job_id: str, status: Status, now_ms: int) -> dict[str, Any]:
    """model_size_stats in the order in which they are shown; what the engine does not count is zero."""
    size = dict(status.model_size)
    document: dict[str, Any] = {"job_id": job_id, "result_type": "model_size_stats"}
    for name in ("model_bytes", "peak_model_bytes", "model_bytes_exceeded", "model_bytes_memory_limit"):
        if name in size:
            document[name] = size.pop(name)
    for name in ("total_by_field_count", "total_over_field_count", "total_partition_field_count",
                 "bucket_allocation_failures_count"):  # fmt: skip
        document[name] = size.pop(name, 0)
    document["memory_status"] = size.pop("memory_status", "ok")
    document["assignment_memory_basis"] = size.pop("assignment_memory_basis", "current_model_bytes")
    for name in CATEGORY_COUNTS:
        document[name] = size.pop(name, 0)
    document["categorization_status"] = size.pop("categorization_status", "ok")
    document["log_time"] = now_ms
    if status.latest_result_ms is not None:
        document["timestamp"] = status.latest_result_ms
    return document


def is_worth_reporting(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Whether the size changed enough for another document."""
    if before is None:
        return bool(now["model_bytes"])
    statuses = ("memory_status", "categorization_status")
    if any(before.get(name) != now.get(name) for name in statuses):
        return True
    was, is_now = int(before["model_bytes"]), int(now["model_bytes"])
    return abs(is_now - was) > _WORTH_REPORTING * was


def memory_message(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> tuple[Level, str] | None:
    """Level and text of the notification about a new memory status; None where it did not change."""
    status = now["memory_status"]
    if status == (before or {}).get("memory_status", "ok"):
        return None
    if status == "soft_limit":
        return "warning", "Job memory status changed to soft_limit; memory pruning will now be more aggressive"
    if status == "hard_limit":
        limit, exceeded = format_bytes(now["model_bytes_memory_limit"]), format_bytes(now["model_bytes_exceeded"])
        return "error", (
            f"Job memory status changed to hard_limit; job exceeded model memory limit {limit} by {exceeded}. "
            "Adjust the analysis_limits.model_memory_limit setting to ensure all data is analyzed"
        )
    return None
