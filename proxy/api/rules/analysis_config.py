"""Rules of `analysis_config` as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from proxy.api.rules import categorization, detectors, durations
from proxy.api.rules.breach import Breach, Document, breaches, refused
from proxy.job_config import types
from proxy.job_config.analysis import DEFAULT_BUCKET_SPAN, term_fields
from proxy.job_config.durations import parse


def bucket_span_is_positive_seconds(config: Document) -> Iterator[Breach]:
    given = {"bucket_span": config.get("bucket_span") or DEFAULT_BUCKET_SPAN}
    yield from durations.positive(given, "bucket_span")
    yield from durations.whole_seconds(given, "bucket_span")


def prune_window_fits_buckets(config: Document) -> Iterator[Breach]:
    if config.get("model_prune_window") is None:
        return
    window = parse(config["model_prune_window"], "model_prune_window")
    span = parse(config.get("bucket_span") or DEFAULT_BUCKET_SPAN, "bucket_span")
    lead = f"model_prune_window [{window.human}] must be"
    if window.nanos % span.nanos:
        yield refused(f"{lead} a multiple of bucket_span [{span.human}]")
    if window.nanos < 2 * span.nanos:
        yield refused(f"{lead} at least 2 times greater than bucket_span [{span.human}]")


def latency_is_whole_seconds(config: Document) -> Iterator[Breach]:
    if config.get("latency") is not None:
        yield from durations.not_negative(config, "latency")
        yield from durations.whole_seconds(config, "latency")


def has_detectors(config: Document) -> Iterator[Breach]:
    if not config["detectors"]:
        yield refused("No detectors configured")


def extra_fields_are_well_named(config: Document) -> Iterator[Breach]:
    yield from detectors.well_named(config.get("summary_count_field_name"))
    yield from detectors.well_named(config.get("categorization_field_name"))


def summaries_are_not_for_metric(config: Document) -> Iterator[Breach]:
    functions = {detector.get("function") or "metric" for detector in config["detectors"]}
    if config.get("summary_count_field_name") and "metric" in functions:
        yield refused("The 'metric' function cannot be used in jobs that will take pre-summarized input")


def no_field_is_inside_another(config: Document) -> Iterator[Breach]:
    names = term_fields(types.analysis_config(config))
    known, lengths = set(names), set(map(len, names))
    for inner in names:
        # A name may have a million dots: only what is as long as another one is looked for.
        ends = (found.start() for found in re.finditer(r"\.", inner))
        for outer in (inner[:end] for end in ends if end in lengths):
            if outer in known:
                yield refused(f"Fields [{outer}] and [{inner}] cannot both be used in the same analysis_config")


RULES = (
    bucket_span_is_positive_seconds,
    prune_window_fits_buckets,
    latency_is_whole_seconds,
    has_detectors,
    extra_fields_are_well_named,
    categorization.categorization_breaches,
    summaries_are_not_for_metric,
    no_field_is_inside_another,
)


def _while_reading(config: Document) -> Iterator[Breach]:
    """What stops the reading, in the order in which the parts stand in the document."""
    for key in config:
        if key in ("bucket_span", "latency", "model_prune_window"):
            yield from durations.readable(config, key)
        elif key == "categorization_analyzer":
            yield from categorization.analyzer_is_readable(config)
        elif key == "per_partition_categorization":
            for breach in categorization.warnings_stop_only_partitions(config[key]):
                yield breach.under(key)
        elif key == "detectors":
            for index, detector in enumerate(config["detectors"]):
                for breach in detectors.detector_breaches(detector):
                    yield breach.under("detectors", index)


def analysis_config_breaches(config: Document) -> Iterator[Breach]:
    """All that is wrong with an `analysis_config` that its schema accepts; paths are relative to it."""
    yield from _while_reading(config)
    yield from breaches(RULES, config)
