"""How long a datafeed's searches took, as its statistics show it and as they are stored. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.runtime import hourly_average

# What must have changed before it is stored again; so many searches that bring nothing cost no writing.
_WORTH_STORING_SHARE = 0.1
_WORTH_STORING_MS = 10_000.0
_CONTEXT = "exponential_average_calculation_context"


@dataclass(slots=True)
class SearchTiming:
    """Totals over all runs of a datafeed. ``stored_ms`` is the total search time when it was stored last."""

    search_count: int = 0
    bucket_count: int = 0
    total_ms: float = 0.0
    context: hourly_average.Context = field(default_factory=hourly_average.new_context)
    stored_ms: float = 0.0

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> SearchTiming:
        if stored is None:
            return cls()
        total_ms = float(stored["total_search_time_ms"])
        context = hourly_average.new_context() | stored.get(_CONTEXT, {})
        return cls(int(stored["search_count"]), int(stored["bucket_count"]), total_ms, context, total_ms)

    def add(self, searches: int, took_ms: float, buckets: int, latest_ms: int) -> None:
        """Counts searches over data up to ``latest_ms`` that let the job pass so many buckets."""
        self.search_count += searches
        self.bucket_count += buckets
        self.total_ms += took_ms
        hourly_average.add(self.context, took_ms, latest_ms)

    @property
    def is_stored(self) -> bool:
        """Whether no search has been counted since."""
        return self.total_ms == self.stored_ms

    def is_worth_storing(self) -> bool:
        grown_ms = self.total_ms - self.stored_ms
        return grown_ms > min(_WORTH_STORING_SHARE * self.stored_ms, _WORTH_STORING_MS)

    def document(self, job_id: str) -> dict[str, Any]:
        """As the statistics show it."""
        shown: dict[str, Any] = {"job_id": job_id, "search_count": self.search_count,
                                 "bucket_count": self.bucket_count, "total_search_time_ms": self.total_ms}  # fmt: skip
        if self.bucket_count:
            shown["average_search_time_per_bucket_ms"] = self.total_ms / self.bucket_count
        shown["exponential_average_search_time_per_hour_ms"] = hourly_average.per_hour(self.context)
        return shown

    def stored(self, job_id: str) -> dict[str, Any]:
        """As it is kept in the results index; to be called when it is."""
        self.stored_ms = self.total_ms
        context = {name: value for name, value in self.context.items() if value is not None}
        return {"result_type": "datafeed_timing_stats", "job_id": job_id, "search_count": self.search_count,
                "bucket_count": self.bucket_count, "total_search_time_ms": self.total_ms,
                _CONTEXT: context}  # fmt: skip
