"""How the range of a search is cut into chunks, each a search of its own. Pure; all times are epoch milliseconds.

A cutting alternates between asking where the data lie and reading chunks: ``next_step`` says which, ``summarised``
and ``chunk_read`` take the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from proxy.job_config.datafeed import DEFAULT_SCROLL_SIZE, INTERVALS_PER_CHUNK
from proxy.job_config.durations import parse
from proxy.store.extraction.intervals import Interval, interval_of

_LEAST_SPAN_MS = 60_000
# One page a chunk would be the ideal of evenly spread data; ten keep half-filled pages and empty chunks rare.
_PAGES_PER_CHUNK = 10
_NANOS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Chunking:
    """How a datafeed is cut. ``interval`` is that of the aggregations' histogram, None where documents are read."""

    mode: Literal["auto", "manual", "off"]
    scroll_size: int
    span_ms: int | None = None
    interval: Interval | None = None

    @property
    def borders(self) -> Interval:
        """Where chunks may begin and end."""
        return self.interval or Interval(1)


@dataclass(frozen=True, slots=True)
class Summary:
    """Where the documents of a range lie; a range without documents has none."""

    earliest_ms: int
    latest_ms: int
    hits: int


@dataclass(frozen=True, slots=True)
class Cutting:
    """A range under way: all before ``position_ms`` is read or empty. Without a span it must be asked for first."""

    position_ms: int
    end_ms: int
    span_ms: int | None


@dataclass(frozen=True, slots=True)
class Summarise:
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Chunk:
    start_ms: int
    end_ms: int


def chunking_of(datafeed: Mapping[str, Any]) -> Chunking:
    """The chunking of a stored datafeed."""
    config, aggregations = datafeed["chunking_config"], datafeed.get("aggregations")
    span = config.get("time_span")
    return Chunking(
        mode=config["mode"],
        scroll_size=datafeed["scroll_size"] or DEFAULT_SCROLL_SIZE,
        span_ms=None if span is None else parse(span, "time_span").nanos // _NANOS_PER_MS,
        interval=interval_of(aggregations) if aggregations else None,
    )


def cut(chunking: Chunking, start_ms: int, end_ms: int) -> Cutting:
    """A cutting of [start, end). One that is no longer than a chunk can get needs no look at the data."""
    start_ms, end_ms = chunking.borders.ceil(start_ms), chunking.borders.floor(end_ms)
    length_ms = end_ms - start_ms
    shortest_ms = _known_span_ms(chunking) or _LEAST_SPAN_MS
    is_whole = chunking.mode == "off" or length_ms <= shortest_ms
    return Cutting(start_ms, end_ms, length_ms if is_whole else None)


def _known_span_ms(chunking: Chunking) -> int | None:
    """The length of chunks where it does not depend on the data."""
    if chunking.span_ms is not None:
        return chunking.span_ms
    return None if chunking.interval is None else INTERVALS_PER_CHUNK * chunking.interval.length_ms


def next_step(cutting: Cutting) -> Summarise | Chunk | None:
    """What to search now; None once the range is read."""
    if cutting.position_ms >= cutting.end_ms:
        return None
    if cutting.span_ms is None:
        return Summarise(cutting.position_ms, cutting.end_ms)
    return Chunk(cutting.position_ms, min(cutting.position_ms + cutting.span_ms, cutting.end_ms))


def summarised(chunking: Chunking, cutting: Cutting, summary: Summary | None) -> Cutting:
    """After the rest was summarised: jump to where its data begin, or to the end."""
    if summary is None or not summary.hits:
        return replace(cutting, position_ms=cutting.end_ms)
    position_ms = max(cutting.position_ms, chunking.borders.floor(summary.earliest_ms))
    span_ms = _known_span_ms(chunking) or _fitting_span_ms(chunking, summary, cutting.end_ms - position_ms)
    whole_ms = Interval(chunking.borders.length_ms).ceil(span_ms)
    return replace(cutting, position_ms=position_ms, span_ms=whole_ms)


def _fitting_span_ms(chunking: Chunking, summary: Summary, rest_ms: int) -> int:
    spread_ms = summary.latest_ms - summary.earliest_ms
    if spread_ms <= 0:
        return rest_ms
    return max(_LEAST_SPAN_MS, _PAGES_PER_CHUNK * chunking.scroll_size * spread_ms // summary.hits)


def chunk_read(cutting: Cutting, chunk: Chunk, hits: int) -> Cutting:
    """After a chunk was read; where it was empty, the next step asks where the data go on."""
    return Cutting(chunk.end_ms, cutting.end_ms, cutting.span_ms if hits else None)
