"""The order in which Elasticsearch writes the keys of a job; what is unset is left out, never null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JOB = (
    "job_id",
    "job_type",
    "job_version",
    "create_time",
    "finished_time",
    "model_snapshot_id",
    "deleting",
    "model_snapshot_min_version",
    "custom_settings",
    "datafeed_config",
    "groups",
    "description",
    "analysis_config",
    "analysis_limits",
    "data_description",
    "model_plot_config",
    "renormalization_window_days",
    "background_persist_interval",
    "model_snapshot_retention_days",
    "daily_model_snapshot_retention_after_days",
    "results_retention_days",
    "system_annotations_retention_days",
    "results_index_name",
    "allow_lazy_open",
    "blocked",
)
ANALYSIS_CONFIG = (
    "bucket_span",
    "categorization_field_name",
    "categorization_filters",
    "categorization_analyzer",
    "per_partition_categorization",
    "latency",
    "summary_count_field_name",
    "detectors",
    "influencers",
    "multivariate_by_fields",
    "model_prune_window",
)
DETECTOR = (
    "detector_description",
    "function",
    "field_name",
    "by_field_name",
    "over_field_name",
    "partition_field_name",
    "use_null",
    "exclude_frequent",
    "custom_rules",
    "detector_index",
)


def ordered(document: Mapping[str, object], keys: tuple[str, ...]) -> dict[str, Any]:
    """`document` with only the given keys that are set, in their order."""
    return {key: document[key] for key in keys if document.get(key) is not None}
