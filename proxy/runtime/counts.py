"""The counters of a job as its statistics show them: data counts and bucket timing. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from proxy.engine import Results
from proxy.runtime import hourly_average
from proxy.runtime.ingest import Ingested

# How fast old buckets fade from the exponential average of the processing time.
_EXPONENTIAL_FACTOR = 0.01


@dataclass(slots=True)
class DataCounts:
    """Times are epoch milliseconds; None where unset."""

    processed_record_count: int = 0
    processed_field_count: int = 0
    input_bytes: int = 0
    input_field_count: int = 0
    invalid_date_count: int = 0
    missing_field_count: int = 0
    out_of_order_timestamp_count: int = 0
    empty_bucket_count: int = 0
    sparse_bucket_count: int = 0
    bucket_count: int = 0
    earliest_record_timestamp: int | None = None
    latest_record_timestamp: int | None = None
    last_data_time: int | None = None
    latest_empty_bucket_timestamp: int | None = None
    latest_sparse_bucket_timestamp: int | None = None
    log_time: int | None = None

    def add(self, ingested: Ingested | None, results: Results, analysed_fields: int) -> None:
        if ingested is not None:
            self.input_bytes += ingested.input_bytes
            self.input_field_count += ingested.input_field_count
            self.invalid_date_count += ingested.invalid_date_count
            self.missing_field_count += ingested.missing_field_count
        self.processed_record_count += results.processed
        self.out_of_order_timestamp_count += results.out_of_order
        fields = self.processed_record_count * analysed_fields - self.missing_field_count
        self.processed_field_count = max(0, fields)
        self.empty_bucket_count += results.empty_bucket_count
        self.sparse_bucket_count += results.sparse_bucket_count
        self.bucket_count += results.bucket_count
        self.earliest_record_timestamp = _pick(min, self.earliest_record_timestamp, results.earliest_record_ms)
        self.latest_record_timestamp = _pick(max, self.latest_record_timestamp, results.latest_record_ms)
        self.latest_empty_bucket_timestamp = _pick(
            max, self.latest_empty_bucket_timestamp, results.latest_empty_bucket_ms
        )
        self.latest_sparse_bucket_timestamp = _pick(
            max, self.latest_sparse_bucket_timestamp, results.latest_sparse_bucket_ms
        )

    def document(self, job_id: str) -> dict[str, Any]:
        """In the order in which the API shows them, unset times left out."""
        values = {name: getattr(self, name) for name in self.__slots__}
        log_time = values.pop("log_time")
        total = self.processed_record_count + self.out_of_order_timestamp_count + self.invalid_date_count
        document = {"job_id": job_id} | {name: value for name, value in values.items() if value is not None}
        document["input_record_count"] = total
        return document if log_time is None else document | {"log_time": log_time}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> DataCounts:
        return cls(**{name: value for name, value in document.items() if name in cls.__slots__})


def _pick(choose: Callable[[int, int], int], known: int | None, seen: int | None) -> int | None:
    if known is None or seen is None:
        return seen if known is None else known
    return choose(known, seen)


@dataclass(slots=True)
class TimingStats:
    """How long buckets took, in milliseconds."""

    bucket_count: int = 0
    minimum: float | None = None
    maximum: float | None = None
    average: float | None = None
    exponential_average: float | None = None
    context: hourly_average.Context = field(default_factory=hourly_average.new_context)

    def add(self, buckets: int, took_ms: float, latest_bucket_ms: int) -> None:
        """Counts ``buckets`` of equal share in ``took_ms``."""
        if not buckets:
            return
        each = took_ms / buckets
        self.minimum = each if self.minimum is None else min(self.minimum, each)
        self.maximum = each if self.maximum is None else max(self.maximum, each)
        total = (self.average or 0.0) * self.bucket_count + took_ms
        self.bucket_count += buckets
        self.average = total / self.bucket_count
        faded = (1 - _EXPONENTIAL_FACTOR) ** buckets
        self.exponential_average = (
            each if self.exponential_average is None else (each * (1 - faded) + self.exponential_average * faded)
        )
        hourly_average.add(self.context, took_ms, latest_bucket_ms)

    def document(self, job_id: str) -> dict[str, Any]:
        """As the statistics show it."""
        return {
            "job_id": job_id,
            "bucket_count": self.bucket_count,
            "total_bucket_processing_time_ms": float((self.average or 0.0) * self.bucket_count),
            **self._extremes(),
            "exponential_average_bucket_processing_time_per_hour_ms": hourly_average.per_hour(self.context),
        }

    def stored(self, job_id: str) -> dict[str, Any]:
        """As it is kept in the results index."""
        context = {name: value for name, value in self.context.items() if value is not None}
        return {"result_type": "timing_stats", "job_id": job_id, "bucket_count": self.bucket_count, **self._extremes(),
                "exponential_average_calculation_context": context}  # fmt: skip

    def _extremes(self) -> dict[str, float]:
        named = {"minimum": self.minimum, "maximum": self.maximum, "average": self.average,
                 "exponential_average": self.exponential_average}  # fmt: skip
        return {f"{name}_bucket_processing_time_ms": value for name, value in named.items() if value is not None}
