"""Counters of a job."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from proxy.engine import Batch, Results
from proxy.runtime import hourly_average
from proxy.runtime.counts import DataCounts, TimingStats
from proxy.runtime.ingest import Ingested

HOUR_MS = 3_600_000
EMPTY = Batch(np.empty(0, np.int64))


def test_counts_of_a_request_are_shown_in_the_documented_order():
    counts = DataCounts()
    ingested = Ingested(EMPTY, input_bytes=222, input_field_count=6, invalid_date_count=1, missing_field_count=2)
    results = Results(processed=3, out_of_order=4, bucket_count=5, empty_bucket_count=1, sparse_bucket_count=2,
                      earliest_record_ms=1000, latest_record_ms=9000, latest_empty_bucket_ms=2000)  # fmt: skip
    counts.add(ingested, results, analysed_fields=2)
    counts.last_data_time = 77
    assert list(counts.document("j").items()) == [
        ("job_id", "j"), ("processed_record_count", 3), ("processed_field_count", 4), ("input_bytes", 222),
        ("input_field_count", 6), ("invalid_date_count", 1), ("missing_field_count", 2),
        ("out_of_order_timestamp_count", 4), ("empty_bucket_count", 1), ("sparse_bucket_count", 2),
        ("bucket_count", 5), ("earliest_record_timestamp", 1000), ("latest_record_timestamp", 9000),
        ("last_data_time", 77), ("latest_empty_bucket_timestamp", 2000), ("input_record_count", 8),
    ]  # fmt: skip


def test_the_documented_example_counts_as_documented():
    counts = DataCounts()
    counts.add(Ingested(EMPTY, input_field_count=6), Results(processed=2), analysed_fields=2)
    document = counts.document("j")
    assert (document["processed_record_count"], document["processed_field_count"], document["input_field_count"]) == (
        2, 4, 6,
    )  # fmt: skip


def test_processed_fields_are_never_negative():
    counts = DataCounts()
    counts.add(Ingested(EMPTY, missing_field_count=9), Results(processed=1), analysed_fields=1)
    assert counts.processed_field_count == 0


def test_times_keep_their_extremes():
    counts = DataCounts()
    for earliest, latest in ((5000, 6000), (1000, 2000), (None, None)):
        counts.add(None, Results(earliest_record_ms=earliest, latest_record_ms=latest), 1)
    assert (counts.earliest_record_timestamp, counts.latest_record_timestamp) == (1000, 6000)


@given(st.lists(st.tuples(*[st.integers(0, 1000)] * 4), min_size=1, max_size=6))
def test_many_requests_count_as_one(parts):
    whole, by_parts = DataCounts(), DataCounts()
    for processed, late, bad, missing in parts:
        ingested = Ingested(EMPTY, invalid_date_count=bad, missing_field_count=missing)
        by_parts.add(ingested, Results(processed=processed, out_of_order=late), analysed_fields=3)
    sums = [sum(column) for column in zip(*parts, strict=True)]
    ingested = Ingested(EMPTY, invalid_date_count=sums[2], missing_field_count=sums[3])
    whole.add(ingested, Results(processed=sums[0], out_of_order=sums[1]), analysed_fields=3)
    assert whole == by_parts


def test_stored_counts_read_back():
    counts = DataCounts()
    counts.add(Ingested(EMPTY, input_bytes=5), Results(processed=1, latest_record_ms=7), 1)
    counts.log_time = 99
    document = counts.document("j")
    assert list(document)[-1] == "log_time"
    assert DataCounts.from_document({**document, "unknown": 1}) == counts


def test_timing_starts_without_extremes():
    assert TimingStats().document("j") == {
        "job_id": "j",
        "bucket_count": 0,
        "total_bucket_processing_time_ms": 0.0,
        "exponential_average_bucket_processing_time_per_hour_ms": 0.0,
    }


def test_timing_is_shared_among_the_buckets_of_a_call():
    timing = TimingStats()
    timing.add(0, 50.0, 0)
    timing.add(2, 10.0, HOUR_MS)
    timing.add(1, 20.0, HOUR_MS + 1)
    document = timing.document("j")
    assert document["bucket_count"] == 3
    assert document["total_bucket_processing_time_ms"] == 30.0
    assert document["minimum_bucket_processing_time_ms"] == 5.0
    assert document["maximum_bucket_processing_time_ms"] == 20.0
    assert document["average_bucket_processing_time_ms"] == 10.0
    assert 5.0 < document["exponential_average_bucket_processing_time_ms"] < 20.0


def test_time_spent_on_an_hour_of_data_adds_up_and_then_becomes_the_past():
    timing = TimingStats()
    timing.add(1, 10.0, 10 * HOUR_MS)
    timing.add(1, 30.0, 10 * HOUR_MS + 1)
    assert hourly_average.per_hour(timing.context) == 40.0
    timing.add(1, 8.0, 11 * HOUR_MS)
    assert timing.context["previous_exponential_average_ms"] == 40.0
    assert hourly_average.per_hour(timing.context) == 40.0, "an hour that has just begun counts for nothing yet"


def test_stored_timing_leaves_out_what_is_unset():
    stored = TimingStats().stored("j")
    assert stored["exponential_average_calculation_context"] == {"incremental_metric_value_ms": 0.0}
    assert stored["result_type"] == "timing_stats"


@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0, 1000), st.integers(0, 10**6)), min_size=1, max_size=20))
def test_averages_lie_between_the_extremes(calls):
    timing = TimingStats()
    for buckets, took_ms, at in calls:
        timing.add(buckets, took_ms, at)
    slack = 1e-9 * (1 + timing.maximum)
    assert timing.minimum - slack <= timing.average <= timing.maximum + slack
    assert timing.minimum - slack <= timing.exponential_average <= timing.maximum + slack
