"""How much memory a job's model will need, from its configuration and the cardinality of its fields.

The formula and its constants are those of Elasticsearch 7.9 and later, so that estimates agree to the megabyte.
Whether all cardinalities are given is checked in proxy/api/rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from proxy.job_config import durations
from proxy.job_config.detector import CATEGORY_FIELD, split_fields
from proxy.job_config.functions import DEFAULT_FUNCTION, FUNCTIONS
from proxy.job_config.types import AnalysisConfig, Detector

_KIB = 1 << 10
_MIB = 1 << 20
_BASE_BYTES = 10 * _MIB
_SKETCH_BYTES = 5 * _MIB  # shared by all distinct_count detectors, and by all info_content ones
_CATEGORIZATION_BYTES = 5 * _MIB
_OVER_VALUE_BYTES = 768
_INFLUENCER_VALUE_BYTES = 10 * _KIB
# Without better knowledge a job is taken to see this many categories in all, and in one bucket.
OVERALL_CATEGORIES = 500
BUCKET_CATEGORIES = 50

Cardinalities = Mapping[str, int]


def estimate_megabytes(analysis_config: AnalysisConfig, overall: Cardinalities, per_bucket: Cardinalities) -> int:
    """MiB, rounded up; fields that are not given count as having no values."""
    known_overall = {CATEGORY_FIELD: OVERALL_CATEGORIES} | dict(overall)
    known_per_bucket = {CATEGORY_FIELD: BUCKET_CATEGORIES} | dict(per_bucket)
    detectors = analysis_config["detectors"]
    span_seconds = durations.parse(str(analysis_config.get("bucket_span", "5m")), "bucket_span").seconds
    total = (
        _BASE_BYTES
        + sum(_detector_bytes(detector, span_seconds, known_overall) for detector in detectors)
        + _sketch_bytes(detectors)
        + _influencer_bytes(analysis_config, known_per_bucket)
        + _categorization_bytes(analysis_config, known_overall)
    )
    return math.ceil(total / _MIB)


def _detector_bytes(detector: Detector, span_seconds: int, overall: Cardinalities) -> int:
    partitions = overall.get(str(detector.get("partition_field_name")), 0)
    function = str(detector.get("function") or DEFAULT_FUNCTION)
    total = FUNCTIONS[function].kilobytes * _KIB
    if detector.get("by_field_name"):
        by_values = overall.get(str(detector["by_field_name"]), 0)
        total *= math.ceil(_values_in_one_model(by_values, partitions, span_seconds) * 2 / 3)
    if detector.get("over_field_name"):
        over_values = overall.get(str(detector["over_field_name"]), 0)
        total += _OVER_VALUE_BYTES * math.ceil(_values_in_one_model(over_values, partitions, span_seconds))
    if detector.get("partition_field_name"):
        total *= max(1, partitions)
    return total


def _values_in_one_model(values: int, partitions: int, span_seconds: int) -> float:
    """The values of a field that one partition sees: the longer the bucket, the more evenly they spread."""
    if not values:
        return 0.0
    evenness = min(1.0, (math.log10(span_seconds) + 1) / 8)
    return float(values / min(values, max(1, partitions)) ** evenness)


def _sketch_bytes(detectors: list[Detector]) -> int:
    functions = [str(detector.get("function")) for detector in detectors]
    distinct = any(function.endswith(("distinct_count", "dc")) for function in functions)
    information = any(function.endswith("info_content") for function in functions)
    return _SKETCH_BYTES * (distinct + information)


def _influencer_bytes(analysis_config: AnalysisConfig, per_bucket: Cardinalities) -> int:
    values = sum(per_bucket.get(name, 0) for name in pure_influencers(analysis_config))
    return _INFLUENCER_VALUE_BYTES * values


def pure_influencers(analysis_config: AnalysisConfig) -> list[str]:
    """The influencers that no detector splits by."""
    split = {name for detector in analysis_config["detectors"] for name in split_fields(detector)}
    return [str(name) for name in analysis_config.get("influencers") or () if name not in split]


def _categorization_bytes(analysis_config: AnalysisConfig, overall: Cardinalities) -> int:
    if not analysis_config.get("categorization_field_name"):
        return 0
    per_partition = analysis_config.get("per_partition_categorization")
    if not (per_partition and per_partition.get("enabled")):
        return _CATEGORIZATION_BYTES
    partition = next(
        (str(d["partition_field_name"]) for d in analysis_config["detectors"] if d.get("partition_field_name")), ""
    )
    return _CATEGORIZATION_BYTES * max(1, overall.get(partition, 0))
