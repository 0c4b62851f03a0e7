"""What one run of a datafeed is planned by: its configuration as numbers, and the times it was started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.job_config.durations import parse
from proxy.runtime.datafeeds import backoff, delayed_data
from proxy.runtime.datafeeds.frequency import default_frequency_ms
from proxy.store.extraction.intervals import Interval, interval_of

_NANOS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Times and lengths are milliseconds.

    ``interval`` is that of the aggregations' histogram, None where documents are read. ``check_window_ms`` is None
    where nobody looks for delayed data; it is looked for every ``check_every_ms`` or window, whichever is shorter.
    """

    bucket_span_ms: int
    frequency_ms: int
    query_delay_ms: int
    start_ms: int = 0
    end_ms: int | None = None
    interval: Interval | None = None
    check_window_ms: int | None = None
    check_every_ms: int = 15 * 60_000
    max_empty_searches: int | None = None
    max_extraction_failures: int | None = None

    def first_ms(self, moment_ms: int) -> int:
        """The first moment from ``moment_ms`` on at which a search may start."""
        return moment_ms if self.interval is None else self.interval.ceil(moment_ms)

    def last_ms(self, moment_ms: int) -> int:
        """The last moment up to ``moment_ms`` at which a search may end."""
        return moment_ms if self.interval is None else self.interval.floor(moment_ms)

    @property
    def last_end_ms(self) -> int | None:
        """Where the run is complete; None for one without an end."""
        return None if self.end_ms is None else self.last_ms(self.end_ms)


def settings_of(datafeed: Mapping[str, Any], bucket_span: str, start_ms: int, end_ms: int | None) -> Settings:
    """The settings of a run of a stored datafeed, whose job has buckets of ``bucket_span``."""
    span_ms = _ms(bucket_span)
    aggregations, frequency = datafeed.get("aggregations"), datafeed.get("frequency")
    interval = interval_of(aggregations) if aggregations else None
    length_ms = None if interval is None else interval.length_ms
    frequency_ms = _ms(frequency) if frequency else default_frequency_ms(span_ms, length_ms)
    return Settings(
        bucket_span_ms=span_ms,
        frequency_ms=frequency_ms,
        query_delay_ms=_ms(datafeed["query_delay"]),
        start_ms=start_ms,
        end_ms=end_ms,
        interval=interval,
        check_window_ms=_check_window_ms(datafeed["delayed_data_check_config"], span_ms),
        max_empty_searches=datafeed.get("max_empty_searches"),
        max_extraction_failures=backoff.most_failures(
            datafeed.get("max_consecutive_extraction_failures"), frequency_ms
        ),
    )


def _check_window_ms(check: Mapping[str, Any], bucket_span_ms: int) -> int | None:
    if not check["enabled"]:
        return None
    given = check.get("check_window")
    return delayed_data.default_window_ms(bucket_span_ms) if given is None else _ms(given)


def _ms(duration: str) -> int:
    return parse(duration, "datafeed").nanos // _NANOS_PER_MS
