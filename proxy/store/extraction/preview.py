"""The first records that a datafeed would bring, as a client is shown them."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

from proxy.store.extraction.intervals import interval_of
from proxy.store.extraction.readiness import open_readable
from proxy.store.extraction.searcher import Searcher
from proxy.store.extraction.source import Source
from proxy.store.extraction.summary import bounds

# As many intervals as a chunk of an aggregated datafeed has by default.
_INTERVALS = 1000
_COLD_TIERS = ["data_frozen", "data_cold"]


async def preview(searcher: Searcher, source: Source, start_ms: int | None, end_ms: int) -> list[dict[str, object]]:
    """The records of the first page before ``end_ms``; without a start, frozen and cold data do not count.

    Raises:
        MlError: 404 for a missing index.
        ExtractionError: the source cannot be read.
    """
    shown = _without_cold(source) if start_ms is None else source
    first_ms = start_ms or 0
    opened = await open_readable(searcher, shown)
    if shown.aggregations:
        found = await bounds(searcher, shown, first_ms, end_ms)
        if found.earliest_ms is None:
            return []
        interval = interval_of(shown.aggregations)
        first_ms = max(first_ms, interval.floor(found.earliest_ms))
        end_ms = min(end_ms, first_ms + _INTERVALS * interval.length_ms)
    extraction = opened.extraction(first_ms, end_ms)
    async with aclosing(extraction.answers()) as answers:
        async for answer in answers:
            return extraction.read(answer.as_last(end_ms)).records(shown.time_field)
    return []


def _without_cold(source: Source) -> Source:
    """These tiers are slow and dear to search, and recent data show the records as well."""
    is_cold = {"terms": {"_tier": _COLD_TIERS}}
    return replace(source, query={"bool": {"filter": [source.query], "must_not": [is_cold]}})
