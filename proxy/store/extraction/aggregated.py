"""Aggregated extraction: the buckets of a range as records, in order of their time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace

from proxy.store.extraction import aggregated_queries as queries
from proxy.store.extraction.intervals import interval_of
from proxy.store.extraction.leaves import Leaf, Leaves, aggregations_in
from proxy.store.extraction.pages import ABSENT, Page
from proxy.store.extraction.searcher import Searcher, search
from proxy.store.extraction.source import Json, Source


@dataclass(frozen=True, slots=True)
class AggregatedAnswer:
    """One answer. ``next_ms`` is the first interval that may have more buckets, None on the last answer."""

    aggregations: Json
    next_ms: int | None

    def as_last(self, end_ms: int) -> AggregatedAnswer:
        """The same where nothing more will be asked for."""
        return replace(self, next_ms=None)


class AggregatedExtraction:
    """One range of an aggregated source: ``answers`` fetches, ``read`` makes pages of the answers in their order.

    Only whole intervals count: the start is rounded up, the end down. The histogram's first bucket has no derivative,
    so the interval before is asked for as well, and its records are dropped. A composite has no such bucket.
    """

    def __init__(self, searcher: Searcher, source: Source, start_ms: int, end_ms: int) -> None:
        aggregations = source.aggregations or {}
        self._searcher = searcher
        self._source = source
        self._aggregations = aggregations
        self._interval = interval_of(aggregations)
        self._composite = queries.composite_name(aggregations)
        self._time_source = queries.time_source(aggregations, self._composite) if self._composite else None
        self._start_ms = self._interval.ceil(start_ms)
        self._end_ms = self._interval.floor(end_ms)
        self._held: list[Leaf] = []

    async def answers(self) -> AsyncGenerator[AggregatedAnswer, None]:
        """Raises ExtractionError."""
        if self._start_ms >= self._end_ms:
            return
        if self._composite is None:
            first_ms = max(0, self._start_ms - self._interval.length_ms)
            yield AggregatedAnswer(await self._ask(self._aggregations, first_ms), None)
            return
        after: Json | None = None
        while True:
            page = queries.composite_page(self._aggregations, self._composite, after)
            found = await self._ask(page, self._start_ms)
            # Missing on the last page, which is empty; a page whose buckets a pipeline dropped has one.
            after = found.get(f"composite#{self._composite}", {}).get("after_key")
            yield AggregatedAnswer(found, after[self._time_source] if after else None)
            if after is None:
                return

    def read(self, answer: AggregatedAnswer) -> Page:
        """The records of an answer, without those of an interval that the next may continue.

        Raises:
            ExtractionError: the aggregations make no records.
        """
        leaves = Leaves(self._source, self._start_ms, self._time_source)
        found = self._held + leaves.read(aggregations_in(answer.aggregations))
        read_to_ms = self._end_ms if answer.next_ms is None else answer.next_ms
        # On the last page everything is ready, wherever the interval of the end begins.
        ready = [leaf for leaf in found if answer.next_ms is None or leaf.time_ms < answer.next_ms]
        self._held = found[len(ready) :]
        columns = {name: [leaf.values.get(name, ABSENT) for leaf in ready] for name in self._source.fields}
        return Page([leaf.time_ms for leaf in ready], columns, read_to_ms)

    async def _ask(self, aggregations: Mapping[str, Json], first_ms: int) -> Json:
        body = queries.search(self._source, aggregations, first_ms, self._end_ms)
        answer = await search(self._searcher, self._source, body, queries.TYPED)
        return answer.get("aggregations", {})
