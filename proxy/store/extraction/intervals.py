"""The interval of an aggregated datafeed, and times on its borders; pure.

Whoever chops a datafeed's time into chunks has to cut at the same borders, or an interval is read in two halves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from proxy.job_config.histogram_interval import date_histogram_interval_ms, histogram_interval_ms
from proxy.store.extraction.source import Json

_WEEKS = ("week", "1w")
_LENGTHS = {"date_histogram": date_histogram_interval_ms, "histogram": histogram_interval_ms}
# The epoch began on a Thursday, weeks begin on Mondays.
_FIRST_MONDAY_MS = 4 * 86_400_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Borders lie ``length_ms`` apart, one of them at ``origin_ms``."""

    length_ms: int
    origin_ms: int = 0

    def floor(self, time_ms: int) -> int:
        """The last border not behind a time."""
        return time_ms - (time_ms - self.origin_ms) % self.length_ms

    def ceil(self, time_ms: int) -> int:
        """The first border not before a time."""
        return -(-(time_ms - self.origin_ms) // self.length_ms) * self.length_ms + self.origin_ms


def interval_of(aggregations: Mapping[str, Json]) -> Interval:
    """The interval of the aggregations' only histogram, or of the one among the sources of their composite.

    Raises:
        ValueError: there is none of a fixed length, which the checks of a datafeed do not let in.
    """
    for kind, settings in _histograms(aggregations):
        length_ms = _LENGTHS[kind](settings)
        return Interval(length_ms, _FIRST_MONDAY_MS if settings.get("calendar_interval") in _WEEKS else 0)
    raise ValueError("no histogram with a fixed interval")


def _histograms(aggregations: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for aggregation in aggregations.values():
        for kind in _LENGTHS:
            if kind in aggregation:
                yield kind, aggregation[kind]
        if "composite" in aggregation:
            for source in aggregation["composite"].get("sources", ()):
                yield from _histograms(source)
        yield from _histograms(nested(aggregation))


def nested(aggregation: Mapping[str, Json]) -> Mapping[str, Json]:
    """The aggregations within one."""
    return aggregation.get("aggregations") or aggregation.get("aggs") or {}
