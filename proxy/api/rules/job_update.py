"""Rules of `_update`: of the body while it is read, and of what it asks of the job that is stored."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.api.rules import categorization, custom_rules, durations, limits, numbers
from proxy.api.rules.breach import Breach, Document, breaches, refused
from proxy.job_config.memory_limit import MEBIBYTE, megabytes


def reading_breaches(update: Document) -> Iterator[Breach]:
    """What stops the reading of an update."""
    yield from numbers.fit_into_a_document(update)
    for key, part in update.items():
        if key in ("background_persist_interval", "model_prune_window"):
            yield from durations.readable(update, key)
        elif key == "analysis_limits":
            yield from (breach.under(key) for breach in breaches(limits.ANALYSIS_LIMITS, part))
        elif key == "per_partition_categorization":
            yield from (breach.under(key) for breach in categorization.warnings_stop_only_partitions(part))
        elif key == "detectors":
            for index, detector in enumerate(part):
                yield from (breach.under(key, index) for breach in custom_rules.while_reading(detector))


def detectors_exist(update: Document, stored: Document) -> Iterator[Breach]:
    count = len(stored["analysis_config"]["detectors"])
    for detector in update.get("detectors") or ():
        index = detector["detector_index"]
        if index >= count:
            yield refused(f"Supplied detector_index [{index}] is >= the number of detectors [{count}]")
        if index < 0:
            yield refused(f"Supplied detector_index [{index}] is < 0")


def open_jobs_keep_their_memory(update: Document, state: str) -> Iterator[Breach]:
    if (update.get("analysis_limits") or {}).get("model_memory_limit") is not None and state == "opened":
        yield refused("Cannot update analysis_limits while the job is open")


def memory_stays_above_usage(update: Document, used_bytes: int) -> Iterator[Breach]:
    limit = (update.get("analysis_limits") or {}).get("model_memory_limit")
    used_mb = used_bytes // MEBIBYTE
    if limit is not None and megabytes(limit) < used_mb:
        yield refused(
            "Invalid update value for analysis_limits: model_memory_limit cannot be decreased below current usage; "
            f"current usage [{used_mb}mb], update had [{megabytes(limit)}mb]"
        )


def partitioning_stays(update: Document, stored: Document) -> Iterator[Breach]:
    wanted = update.get("per_partition_categorization")
    current = stored["analysis_config"].get("per_partition_categorization") or {"enabled": False}
    if wanted is not None and wanted["enabled"] != current["enabled"]:
        yield refused("analysis_config.per_partition_categorization.enabled cannot be updated")
