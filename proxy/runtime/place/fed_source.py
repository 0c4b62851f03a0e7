"""What a job's place has open of the source of a datafeed, from one step of a run to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from proxy.runtime.datafeeds.actions import Search
from proxy.runtime.datafeeds.chunking import chunking_of
from proxy.runtime.datafeeds.pages import read_search
from proxy.runtime.datafeeds.progress import Progress
from proxy.runtime.datafeeds.source import fields_for, source_for
from proxy.runtime.datafeeds.timing import SearchTiming
from proxy.runtime.extraction.reading import Extracted
from proxy.runtime.place.commands import FeedRun
from proxy.store import Store
from proxy.store.extraction.opening import OpenSource, open_source
from proxy.store.extraction.searcher import MeasuredSearcher


class FedSource:
    """One run: its source once that is open, and the search that is being read."""

    def __init__(self, store: Store, job: Mapping[str, Any], run: FeedRun, timing: SearchTiming) -> None:
        """``job`` is the configuration of the job that the run is for."""
        self.run = run
        self.timing = timing
        identity = None if run.api_key is None else {"authorization": f"ApiKey {run.api_key}"}
        client = store.client
        if identity is None:
            self.searcher = MeasuredSearcher(client, store.grouped_searches)
        else:
            self.searcher = MeasuredSearcher(client.acting_as(identity))
        self.source = source_for(run.datafeed, job)
        self._fields = fields_for(job)
        self._chunking = chunking_of(run.datafeed)
        self._opened: OpenSource | None = None
        self._pages: AsyncGenerator[Extracted, None] | None = None
        self._reads_to: tuple[int, int | None] | None = None
        self._flushed_bucket: int | None = None
        self._coming: asyncio.Task[Extracted | None] | None = None

    def changes_by_flush(self, search: Search, progress: Progress | None, bucket_span_ms: int) -> bool:
        """Whether a flush behind a search would show anything new; to be asked once for each search.

        An empty search within the bucket of the one before leaves all results as they are.
        """
        reached = None if search.advance_to_ms is None else search.advance_to_ms // bucket_span_ms
        is_same = reached is not None and reached == self._flushed_bucket
        self._flushed_bucket = reached
        return not is_same or progress is None or progress.records_in_search > 0

    async def look_ahead(self, search: Search) -> None:
        """Begins to read the next batch of a search, while whoever wants it is busy with something else.

        Raises:
            ExtractionError: the source cannot be read.
        """
        if self._pages is None or self._reads_to != (search.end_ms, search.advance_to_ms):
            await self.let_go()
            # In real time many are due at the same moment; a lookback asks for full pages.
            self.searcher.is_grouping = search.advance_to_ms is not None
            self._opened = self._opened or await open_source(self.searcher, self.source)
            self._pages = read_search(self._opened, self._fields, self._chunking, search)
            self._reads_to = (search.end_ms, search.advance_to_ms)
        if self._coming is None:
            self._coming = asyncio.create_task(anext(self._pages, None))

    async def next_page(self, search: Search) -> Extracted | None:
        """The next batch of a search; None where all of it is read. The one after it is on its way then.

        Raises:
            ExtractionError: the source cannot be read.
            asyncio.CancelledError: it was cut, or the caller was.
        """
        await self.look_ahead(search)
        assert self._coming is not None, "it was begun just now"
        try:
            page = await self._coming
        finally:
            self._coming.cancel()
            self._coming = None
        if page is not None:
            await self.look_ahead(search)
        return page

    def cut(self) -> None:
        """Lets go of the batch that is waited for."""
        if self._coming is not None:
            self._coming.cancel()

    async def let_go(self) -> None:
        """Ends what is being read."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.cancel()
            # Whatever became of it, nobody wants it any more.
            await asyncio.gather(coming, return_exceptions=True)
        pages, self._pages, self._reads_to = self._pages, None, None
        if pages is not None:
            await pages.aclose()

    async def forget_source(self) -> None:
        """How it is read is found out anew: fields and indices may have changed."""
        await self.let_go()
        self._opened = None
