"""Paged extraction: the documents of a range in order of their time, each exactly once.

A page is a search from the last millisecond of the page before: that one may have more documents than it brought, so
all of them are held back and come with the next page. This needs nothing but times, costs one request a page, and
brings what a scroll would; a search has no second order that lasts, because `_doc` and `_shard_doc` change with every
refresh and `_id` has no doc values. Where times are coarse, a millisecond can fill whole pages. Then the rest of the
range is read in a point in time, in which `_shard_doc` is a fixed order; every Elasticsearch from 7.12 on has both.

The last sort values are cut out of the answer's bytes, so that the next page can be on its way before this one is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

import orjson

from proxy.errors import MlError
from proxy.store.extraction import queries
from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.fields import Plan
from proxy.store.extraction.hits import HitReader
from proxy.store.extraction.pages import Page, WholeMilliseconds
from proxy.store.extraction.searcher import Searcher, ask, path_of
from proxy.store.extraction.source import Json, Source

_log = logging.getLogger(__name__)

# A hit ends with its sort values. Inside a text the quotes would be escaped.
_SORT = b'"sort":['
_PIT = re.compile(rb'\{"pit_id":"([^"]+)"')
# A search in a point in time names no indices and takes none of their options.
_IN_PIT: queries.Params = {"allow_partial_search_results": False}


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of one page. One that ``begins_anew`` repeats what has been held back of the page before.

    ``ends_at_ms`` is the end of the range on its last page.
    """

    body: bytes
    begins_anew: bool
    ends_at_ms: int | None

    def as_last(self, end_ms: int) -> Answer:
        """The same where nothing more will be asked for."""
        return replace(self, ends_at_ms=end_ms)


class DocumentExtraction:
    """One range of a source: ``answers`` fetches, ``read`` makes pages of the answers in their order."""

    def __init__(self, searcher: Searcher, source: Source, plan: Plan, start_ms: int, end_ms: int) -> None:
        self._searcher = searcher
        self._source = source
        self._plan = plan
        self._from_ms = start_ms
        self._end_ms = end_ms
        self._size = source.scroll_size
        self._reader = HitReader(plan)
        self._pages = WholeMilliseconds(source.fields)

    async def answers(self) -> AsyncGenerator[Answer, None]:
        """The pages as they came. After a shard failure it begins again once, with the last millisecond.

        Raises:
            ExtractionError: the cluster refused, or failed for the second time.
        """
        has_failed = False
        while True:
            try:
                async with aclosing(self._answers()) as found:
                    async for answer in found:
                        yield answer
                return
            except ExtractionError as error:
                if has_failed or not error.is_shard_failure:
                    raise
                has_failed = True
                _log.info("datafeed [%s] searches again: %s", self._source.datafeed_id, error.cause)

    def read(self, answer: Answer) -> Page:
        """The page of an answer, without its last millisecond unless it is the last of the range."""
        if answer.begins_anew:
            self._pages.drop()
        times, columns = self._reader.read(answer.body)
        return self._pages.add(times, columns, ends_at_ms=answer.ends_at_ms)

    async def _answers(self) -> AsyncGenerator[Answer, None]:
        path, params = path_of(self._source, "_search"), queries.search_params(self._source)
        while True:
            began_ms = self._from_ms
            body = await self._search(path, self._page(), params)
            answer = self._answer(body, begins_anew=True)
            yield answer
            if answer.ends_at_ms is not None:
                return
            if self._from_ms <= began_ms or self._is_coarse(body):
                break
        async with aclosing(self._in_point_in_time()) as found:
            async for answer in found:
                yield answer

    async def _in_point_in_time(self) -> AsyncGenerator[Answer, None]:
        params = queries.index_params(self._source) | {"keep_alive": queries.KEEP_ALIVE}
        pit = (await ask(self._searcher, path_of(self._source, "_pit"), None, params))["id"]
        after: list[Json] | None = None
        try:
            while True:
                page = queries.in_point_in_time(self._page(), pit, after)
                body = await self._search("/_search", page, _IN_PIT)
                answer = self._answer(body, begins_anew=after is None)
                yield answer
                if answer.ends_at_ms is not None:
                    return
                after = last_sort(body)
                renamed = _PIT.match(body)
                pit = renamed[1].decode() if renamed else pit
        finally:
            await self._close(pit)

    def _page(self) -> Json:
        """From the last time that was seen on, because the cluster counts a narrow range faster than a wide one."""
        within = queries.within(self._source, self._from_ms, self._end_ms)
        fetch = self._plan.fetch(self._source)
        return queries.page(self._source, fetch, within, sorts_nanos=self._plan.sorts_nanos)

    async def _search(self, path: str, body: Json, params: queries.Params) -> bytes:
        """With smaller pages from now on where an index does not let as many hits be returned."""
        while True:
            try:
                answer: bytes = await ask(self._searcher, path, body | {"size": self._size}, params, raw=True)
                return answer
            except ExtractionError as error:
                if error.largest_page is None or error.largest_page >= self._size:
                    raise
                self._size = error.largest_page

    def _answer(self, body: bytes, *, begins_anew: bool) -> Answer:
        # Counts high where a source document has a list `sort`: then pages are asked for until one is empty.
        is_full = body.count(_SORT) >= self._size
        if is_full:
            self._from_ms = int(last_sort(body)[0])
        return Answer(body, begins_anew, None if is_full else self._end_ms)

    def _is_coarse(self, body: bytes) -> bool:
        """Whether most of a full page would be read again."""
        return 2 * body.count(_SORT + b"%d]" % self._from_ms) > self._size

    async def _close(self, pit: str) -> None:
        """Where that fails it ends by itself, and what was read stays read."""
        try:
            await self._searcher.request("DELETE", "/_pit", body={"id": pit})
        except MlError as error:
            _log.info("a point in time was left to expire: %s", error.reason)


def last_sort(body: bytes) -> list[Json]:
    """The sort values of the last hit."""
    start = body.rfind(_SORT) + len(_SORT) - 1
    values: list[Json] = orjson.loads(body[start : body.index(b"]", start) + 1])
    return values
