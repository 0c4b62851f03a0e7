"""The document ids of everything a job writes into its results, state and annotation indices.

Pure functions. An id names what a document is about, so writing a period again overwrites it.
Times are epoch milliseconds, spans are seconds. Index and alias names live in `names`.
"""

from __future__ import annotations

from proxy.store.results.value_hash import value_hash


def bucket(job_id: str, timestamp_ms: int, span_s: int) -> str:
    return f"{job_id}_bucket_{timestamp_ms}_{span_s}"


def bucket_influencer(job_id: str, timestamp_ms: int, span_s: int, field: str | None = None) -> str:
    suffix = "" if field is None else f"_{field}"
    return f"{job_id}_bucket_influencer_{timestamp_ms}_{span_s}{suffix}"


def record(
    job_id: str,
    timestamp_ms: int,
    span_s: int,
    detector_index: int,
    *,
    by: str | None = None,
    over: str | None = None,
    partition: str | None = None,
) -> str:
    values = value_hash(by, over, partition)
    return f"{job_id}_record_{timestamp_ms}_{span_s}_{detector_index}_{values}"


def influencer(job_id: str, timestamp_ms: int, span_s: int, field: str, value: str) -> str:
    return f"{job_id}_influencer_{timestamp_ms}_{span_s}_{field}_{value_hash(value)}"


def model_plot(
    job_id: str,
    timestamp_ms: int,
    span_s: int,
    detector_index: int,
    *,
    by: str | None = None,
    over: str | None = None,
    partition: str | None = None,
) -> str:
    values = value_hash(by, over, partition)
    return f"{job_id}_model_plot_{timestamp_ms}_{span_s}_{detector_index}_{values}"


def model_forecast(
    job_id: str,
    forecast_id: str,
    timestamp_ms: int,
    span_s: int,
    detector_index: int,
    *,
    by: str | None = None,
    partition: str | None = None,
) -> str:
    where = f"{forecast_id}_{timestamp_ms}_{span_s}_{detector_index}"
    return f"{job_id}_model_forecast_{where}_{value_hash(by, partition)}"


def model_forecast_request_stats(job_id: str, forecast_id: str) -> str:
    return f"{job_id}_model_forecast_request_stats_{forecast_id}"


def category_definition(job_id: str, category_id: int) -> str:
    return f"{job_id}_category_definition_{category_id}"


def model_snapshot(job_id: str, snapshot_id: str) -> str:
    return f"{job_id}_model_snapshot_{snapshot_id}"


def model_size_stats(job_id: str, log_time_ms: int) -> str:
    return f"{job_id}_model_size_stats_{log_time_ms}"


def categorizer_stats(job_id: str, log_time_ms: int, partition: str | None = None) -> str:
    suffix = "" if partition is None else f"_{value_hash(partition)}"
    return f"{job_id}_categorizer_stats_{log_time_ms}{suffix}"


def data_counts(job_id: str) -> str:
    return f"{job_id}_data_counts"


def timing_stats(job_id: str) -> str:
    return f"{job_id}_timing_stats"


def datafeed_timing_stats(job_id: str) -> str:
    return f"{job_id}_datafeed_timing_stats"


def quantiles(job_id: str) -> str:
    return f"{job_id}_quantiles"


def model_state(job_id: str, snapshot_id: str, number: int) -> str:
    """`number` counts from 1: a large model is stored in several documents."""
    return f"{job_id}_model_state_{snapshot_id}#{number}"


def categorizer_state(job_id: str, number: int) -> str:
    """`number` counts from 1, as for `model_state`."""
    return f"{job_id}_categorizer_state#{number}"


def snapshot_annotation(job_id: str, snapshot_id: str) -> str:
    return f"annotation_for_{job_id}_model_snapshot_{snapshot_id}"


def delayed_data_annotation(job_id: str, run_ms: int) -> str:
    """One for each run of a datafeed, so that a later finding replaces the earlier one."""
    return f"annotation_for_{job_id}_delayed_data_{run_ms}"
