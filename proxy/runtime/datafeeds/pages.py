"""One search of a datafeed, cut into chunks, as batches in order of their time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from proxy.runtime.datafeeds.actions import Search
from proxy.runtime.datafeeds.chunking import (
    Chunking,
    Summarise,
    Summary,
    chunk_read,
    cut,
    next_step,
    summarised,
)
from proxy.runtime.extraction.reading import Extracted, read_range
from proxy.runtime.ingest import Fields
from proxy.store.extraction.opening import OpenSource
from proxy.store.extraction.summary import bounds


async def read_search(
    opened: OpenSource, fields: Fields, chunking: Chunking, search: Search
) -> AsyncGenerator[Extracted, None]:
    """The batches of a search; each tells up to where everything has been read by then. Close it when it is cut short.

    Raises:
        ExtractionError: the cluster refused or failed; what was yielded before stays read.
    """
    cutting = cut(chunking, search.start_ms, search.end_ms)
    while (step := next_step(cutting)) is not None:
        if isinstance(step, Summarise):
            found = await bounds(opened.searcher, opened.source, step.start_ms, step.end_ms)
            summary = None
            if found.earliest_ms is not None and found.latest_ms is not None:
                summary = Summary(found.earliest_ms, found.latest_ms, found.count)
            cutting = summarised(chunking, cutting, summary)
            continue
        hits = 0
        async with aclosing(read_range(opened.extraction(step.start_ms, step.end_ms), fields)) as batches:
            async for batch in batches:
                hits += len(batch.ingested.batch.time)
                yield batch
        cutting = chunk_read(cutting, step, hits)
