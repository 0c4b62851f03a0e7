"""The size of a job's model: as a document, and as messages when its status changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.runtime.place.summary import Level, Status
from proxy.store.results.docs import MODEL_SIZE_STATS
from proxy.units import format_bytes

# A report per change of this share keeps the history readable.
_WORTH_REPORTING = 0.05


def size_document(job_id: str, status: Status, now_ms: int) -> dict[str, Any]:
    """model_size_stats as they are stored; what the engine does not count is zero."""
    known = {
        "job_id": job_id,
        "assignment_memory_basis": "current_model_bytes",
        **status.model_size,
        "log_time": now_ms,
    }
    if status.latest_result_ms is not None:
        known["timestamp"] = status.latest_result_ms
    return MODEL_SIZE_STATS.read(known)


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
