"""What the engine needs to know of a job, read from its configuration: the one place where the two meet.

Defaults, durations and byte sizes become numbers here. Validation belongs to proxy/api/rules; a configuration is
taken as valid.
"""

from __future__ import annotations

from proxy.engine.functions import TEXT_FEATURES, Kind, parts_of
from proxy.engine.spec import CATEGORY_FIELD, CategorizationSpec, DetectorSpec, JobSpec
from proxy.job_config import analysis, durations, memory_limit
from proxy.job_config.functions import DEFAULT_FUNCTION
from proxy.job_config.types import AnalysisConfig, AnalysisLimits, Detector, Job

_DAY = 86_400
# Scores are compared with those of this long before: the longer of the two.
_RENORMALIZATION_SECONDS = 30 * _DAY
_RENORMALIZATION_BUCKETS = 100


def spec_from(config: Job) -> JobSpec:
    """
    Raises:
        MlError: a time value or byte size that Elasticsearch's setting parser refuses.
        KeyError: a detector with an unknown function.
    """
    analysis_config, limits = config["analysis_config"], config.get("analysis_limits") or AnalysisLimits()
    plot = config.get("model_plot_config")
    span = durations.parse(analysis_config.get("bucket_span") or analysis.DEFAULT_BUCKET_SPAN, "bucket_span")
    span_s = max(1, span.seconds)
    detectors = tuple(_detector(index, each) for index, each in enumerate(analysis_config["detectors"]))
    influencers = tuple(analysis_config.get("influencers") or ())
    summary = analysis_config.get("summary_count_field_name") or None
    categorization = _categorization(analysis_config, limits)
    renormalization_days = config.get("renormalization_window_days")
    wanted = _wanted_text(detectors, influencers)
    return JobSpec(
        bucket_span=span_s,
        latency=max(0, _seconds(analysis_config.get("latency"), "latency") or 0),
        detectors=detectors,
        influencers=influencers,
        summary_count_field=summary,
        categorization=categorization,
        plot_enabled=bool(plot and plot["enabled"]),
        plot_terms=frozenset(term for term in ((plot and plot.get("terms")) or "").split(",") if term),
        annotations_enabled=bool(plot and plot.get("annotations_enabled", plot["enabled"])),
        memory_limit=memory_limit.limit_bytes(limits),
        prune_window=_seconds(analysis_config.get("model_prune_window"), "model_prune_window")
        or analysis.default_prune_window(span).seconds,
        renormalization_window=(
            max(_RENORMALIZATION_SECONDS, _RENORMALIZATION_BUCKETS * span_s)
            if renormalization_days is None
            else renormalization_days * _DAY
        ),
        text_fields=_text_fields(wanted, categorization),
        number_fields=_number_fields(detectors, summary),
        kept_text_fields=wanted,
    )


def _seconds(duration: str | None, setting: str) -> int | None:
    return None if duration is None else durations.parse(duration, setting).seconds


def _detector(index: int, config: Detector) -> DetectorSpec:
    function = config.get("function") or DEFAULT_FUNCTION
    exclude_frequent = (config.get("exclude_frequent") or "none").lower()
    return DetectorSpec(
        index=config.get("detector_index", index),
        function=function,
        parts=parts_of(function),
        field=config.get("field_name") or None,
        by=config.get("by_field_name") or None,
        over=config.get("over_field_name") or None,
        partition=config.get("partition_field_name") or None,
        use_null=bool(config.get("use_null")),
        exclude_frequent=None if exclude_frequent == "none" else exclude_frequent,
        rules=tuple(config.get("custom_rules") or ()),
    )


def _categorization(config: AnalysisConfig, limits: AnalysisLimits) -> CategorizationSpec | None:
    field = config.get("categorization_field_name")
    if not field:
        return None
    per_partition = config.get("per_partition_categorization")
    is_split = bool(per_partition and per_partition.get("enabled"))
    partitions = (each.get("partition_field_name") for each in config["detectors"])
    examples = limits.get("categorization_examples_limit")
    return CategorizationSpec(
        field=field,
        analyzer=config.get("categorization_analyzer"),
        filters=tuple(config.get("categorization_filters") or ()),
        partition_field=next((name for name in partitions if name), None) if is_split else None,
        stop_on_warn=bool(is_split and per_partition and per_partition.get("stop_on_warn")),
        examples_limit=memory_limit.DEFAULT_EXAMPLES_LIMIT if examples is None else examples,
    )


def _wanted_text(detectors: tuple[DetectorSpec, ...], influencers: tuple[str, ...]) -> tuple[str, ...]:
    """The text fields that detectors and influencers read, in the order in which they are first named."""
    wanted: dict[str, None] = {}
    for detector in detectors:
        wanted |= dict.fromkeys(detector.split_fields)
        if detector.field and (detector.parts[0].feature in TEXT_FEATURES or detector.kind is Kind.GEO):
            wanted[detector.field] = None
    return tuple(wanted | dict.fromkeys(influencers))


def _text_fields(wanted: tuple[str, ...], categorization: CategorizationSpec | None) -> tuple[str, ...]:
    """The fields asked of the caller: the category is made by the engine, from the message and its partition."""
    if categorization is None:
        return wanted
    return tuple(dict.fromkeys((*(name for name in wanted if name != CATEGORY_FIELD), categorization.field)))


def _number_fields(detectors: tuple[DetectorSpec, ...], summary: str | None) -> tuple[str, ...]:
    wanted = {each.field: None for each in detectors if each.field and each.parts[0].is_metric}
    return tuple(wanted | ({summary: None} if summary else {}))
