"""What a range of a source holds, without reading it: its first and last time, and the documents of each bucket."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.store.extraction import queries
from proxy.store.extraction.searcher import Searcher, search
from proxy.store.extraction.source import Source


@dataclass(frozen=True, slots=True)
class Bounds:
    """Times of the first and the last document in epoch milliseconds, None where there is none."""

    earliest_ms: int | None
    latest_ms: int | None
    count: int


async def bounds(searcher: Searcher, source: Source, start_ms: int, end_ms: int | None) -> Bounds:
    """What chunks are planned by, and where the next data are after an empty stretch.

    Raises ExtractionError.
    """
    body = queries.bounds(source, start_ms, end_ms)
    answer = await search(searcher, source, body)
    found = answer.get("aggregations", {})
    times = [found.get(name, {}).get("value") for name in ("earliest", "latest")]
    earliest_ms, latest_ms = (None if time is None else int(time) for time in times)
    return Bounds(earliest_ms, latest_ms, answer["hits"]["total"]["value"])


async def counts(searcher: Searcher, source: Source, start_ms: int, end_ms: int, bucket_span_ms: int) -> dict[int, int]:
    """Documents that the index has now, by the start of their bucket; a bucket without any is left out.

    The range should begin and end on borders of buckets: what it cuts is counted in part.

    Raises ExtractionError.
    """
    answer = await search(searcher, source, queries.counts(source, start_ms, end_ms, bucket_span_ms))
    buckets = answer.get("aggregations", {}).get("buckets", {}).get("buckets", [])
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}
