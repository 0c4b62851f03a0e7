"""The `analysis_config` of a job: defaults, normal form, and the fields that it reads."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.job_config import categorization, detector, durations, key_order
from proxy.job_config.types import AnalysisConfig, Document, PerPartitionCategorization

DEFAULT_BUCKET_SPAN = "5m"
# An entity not seen for this long may be forgotten: the longer of the two.
_PRUNE_SECONDS = 30 * 86_400
_PRUNE_BUCKETS = 20
# So many days a time value can say.
_MOST_SECONDS = ((1 << 63) - 1) * 86_400


def normalise(config: AnalysisConfig) -> Document:
    """The stored and echoed form of a valid `analysis_config`."""
    echoed: Document = dict(config)
    span = durations.parse(str(config.get("bucket_span") or DEFAULT_BUCKET_SPAN), "bucket_span")
    echoed["bucket_span"] = span.text
    for key in ("latency", "model_prune_window"):
        if echoed.get(key) is not None:
            echoed[key] = durations.parse(str(echoed[key]), key).text
    echoed["detectors"] = [detector.normalise(each, index) for index, each in enumerate(config["detectors"])]
    echoed["influencers"] = list(config.get("influencers") or ())
    if "model_prune_window" not in config:
        echoed["model_prune_window"] = default_prune_window(span).text
    echoed |= _categorization(config)
    return key_order.ordered(echoed, key_order.ANALYSIS_CONFIG)


def default_prune_window(bucket_span: durations.Duration) -> durations.Duration:
    """The longer of 30 days and 20 buckets, rounded up to whole buckets."""
    span_seconds = max(1, bucket_span.seconds)
    seconds = max(_PRUNE_SECONDS, _PRUNE_BUCKETS * span_seconds)
    return durations.whole(min(-(-seconds // span_seconds), max(1, _MOST_SECONDS // span_seconds)) * span_seconds)


def _categorization(config: AnalysisConfig) -> Document:
    """The categorization keys: the analyzer is written in, and takes over the filters."""
    if not config.get("categorization_field_name"):
        return {"categorization_filters": None, "categorization_analyzer": None, "per_partition_categorization": None}
    analyzer = config.get("categorization_analyzer")
    if analyzer is None:
        analyzer = categorization.default_analyzer(config.get("categorization_filters") or ())
    return {
        "categorization_filters": None,
        "categorization_analyzer": categorization.normalise_analyzer(analyzer),
        "per_partition_categorization": normalise_per_partition(config.get("per_partition_categorization")),
    }


def normalise_per_partition(settings: PerPartitionCategorization | None) -> Document:
    if not settings or not settings.get("enabled"):
        return {"enabled": False}
    return {"enabled": True, "stop_on_warn": bool(settings.get("stop_on_warn", False))}


def all_fields(config: AnalysisConfig) -> Iterator[str]:
    """Every field of the input that the analysis reads, repeated as often as it is named."""
    for each in config.get("detectors") or ():
        yield from filter(None, (each.get("field_name"), *detector.split_fields(each)))
    yield from config.get("influencers") or ()
    yield from filter(None, (config.get("summary_count_field_name"), config.get("categorization_field_name")))


def term_fields(config: AnalysisConfig) -> list[str]:
    """The fields whose values stand in results, distinct and sorted: by, over, partition fields and influencers."""
    split = {name for each in config.get("detectors") or () for name in detector.split_fields(each)}
    return sorted(split.union(config.get("influencers") or ()))
