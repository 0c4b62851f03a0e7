"""The shapes of the configurations that the API takes, stores and echoes, one typed dict per object.

Only names and types live here. Which keys an object must have, and which go together, is decided by schemas/ and
proxy/api/rules; defaults and normal forms by the modules beside this one. A request's object and its stored form
have the same type: what normalising adds or rewrites keeps its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Required, TypedDict, cast

# A configuration as it is stored and echoed: JSON at the border, in the order of the echo.
Document = dict[str, Any]
# Settings of other parts of Elasticsearch (queries, aggregations, analyzers), which are passed on as they are.
Opaque = dict[str, Any]


class FilterReference(TypedDict, total=False):
    filter_id: Required[str]
    filter_type: str


class RuleCondition(TypedDict):
    applies_to: str
    operator: str
    value: float


class ForceTimeShift(TypedDict):
    time_shift_amount: int


class RuleParams(TypedDict, total=False):
    force_time_shift: ForceTimeShift


class CustomRule(TypedDict, total=False):
    actions: list[str]
    scope: dict[str, FilterReference]
    conditions: list[RuleCondition]
    params: RuleParams


class Detector(TypedDict, total=False):
    detector_description: str
    function: str
    field_name: str
    by_field_name: str
    over_field_name: str
    partition_field_name: str
    use_null: bool
    exclude_frequent: str
    custom_rules: list[CustomRule] | None
    detector_index: int


class DetectorUpdate(TypedDict, total=False):
    detector_index: Required[int]
    description: str | None
    custom_rules: list[CustomRule] | None


class PerPartitionCategorization(TypedDict, total=False):
    enabled: bool
    stop_on_warn: bool


class AnalyzerParts(TypedDict, total=False):
    char_filter: list[str | Opaque] | str | Opaque
    tokenizer: str | Opaque
    filter: list[str | Opaque] | str | Opaque


Analyzer = str | AnalyzerParts


class AnalysisConfig(TypedDict, total=False):
    bucket_span: str
    categorization_field_name: str | None
    categorization_filters: list[str] | None
    categorization_analyzer: Analyzer | None
    per_partition_categorization: PerPartitionCategorization | None
    latency: str | None
    summary_count_field_name: str | None
    detectors: Required[list[Detector]]
    influencers: list[str] | None
    multivariate_by_fields: bool
    model_prune_window: str | None


class AnalysisLimits(TypedDict, total=False):
    model_memory_limit: str | int | float | None
    categorization_examples_limit: int | None


class DataDescription(TypedDict, total=False):
    time_field: str | None
    time_format: str | None


class ModelPlotConfig(TypedDict, total=False):
    enabled: Required[bool]
    terms: str | None
    annotations_enabled: bool


class DelayedDataCheckConfig(TypedDict, total=False):
    enabled: Required[bool]
    check_window: str | None


class ChunkingConfig(TypedDict, total=False):
    mode: Required[str]
    time_span: str | None


class IndicesOptions(TypedDict, total=False):
    expand_wildcards: str | list[str]
    ignore_unavailable: bool
    allow_no_indices: bool
    ignore_throttled: bool


class Datafeed(TypedDict, total=False):
    datafeed_id: str
    job_id: str
    authorization: Opaque
    query_delay: str
    chunking_config: ChunkingConfig | None
    indices_options: IndicesOptions | None
    query: Opaque
    frequency: str | None
    indices: list[str] | None
    indexes: list[str] | None
    aggregations: Opaque | None
    aggs: Opaque | None
    script_fields: Opaque | None
    scroll_size: int
    delayed_data_check_config: DelayedDataCheckConfig | None
    max_empty_searches: int | None
    runtime_mappings: Opaque


class Blocked(TypedDict, total=False):
    reason: Required[str]
    task_id: str


class Job(TypedDict, total=False):
    job_id: str
    job_type: str
    job_version: str
    create_time: int
    finished_time: int
    model_snapshot_id: str
    deleting: bool
    model_snapshot_min_version: str
    custom_settings: Opaque
    datafeed_config: Datafeed
    groups: list[str] | None
    description: str
    analysis_config: Required[AnalysisConfig]
    analysis_limits: AnalysisLimits | None
    data_description: DataDescription
    model_plot_config: ModelPlotConfig | None
    renormalization_window_days: int | None
    background_persist_interval: str | None
    model_snapshot_retention_days: int | None
    daily_model_snapshot_retention_after_days: int | None
    results_retention_days: int | None
    system_annotations_retention_days: int | None
    results_index_name: str
    allow_lazy_open: bool
    blocked: Blocked


class JobUpdate(TypedDict, total=False):
    """The body of `_update`: a null changes nothing."""

    job_id: str
    groups: list[str] | None
    description: str | None
    model_plot_config: ModelPlotConfig | None
    renormalization_window_days: int | None
    background_persist_interval: str | None
    results_retention_days: int | None
    system_annotations_retention_days: int | None
    model_snapshot_retention_days: int | None
    daily_model_snapshot_retention_after_days: int | None
    custom_settings: Opaque | None
    allow_lazy_open: bool | None
    analysis_limits: AnalysisLimits | None
    categorization_filters: list[str] | None
    per_partition_categorization: PerPartitionCategorization | None
    model_prune_window: str | None
    detectors: list[DetectorUpdate] | None


# From the border: a stored document, or a part of a request that passed its schema, under its type. Nothing is checked.


def job(document: Mapping[str, Any]) -> Job:
    return cast(Job, document)


def analysis_config(document: Mapping[str, Any]) -> AnalysisConfig:
    return cast(AnalysisConfig, document)


def detector(document: Mapping[str, Any]) -> Detector:
    return cast(Detector, document)


def datafeed(document: Mapping[str, Any]) -> Datafeed:
    return cast(Datafeed, document)


def indices_options(document: Mapping[str, Any]) -> IndicesOptions:
    return cast(IndicesOptions, document)
