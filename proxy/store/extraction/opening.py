"""How a source is read, found out once for a run of a datafeed, and extractions of ranges of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from proxy.store.extraction import queries
from proxy.store.extraction.aggregated import AggregatedExtraction
from proxy.store.extraction.documents import DocumentExtraction
from proxy.store.extraction.fields import Plan, plan
from proxy.store.extraction.pages import Page
from proxy.store.extraction.searcher import Searcher, ask, path_of
from proxy.store.extraction.source import Source

# Each kind of extraction has answers of its own kind, which go from one of its methods to the other.
AnyAnswer = Any


class Extraction(Protocol):
    """One range of a source. The next answer may be fetched while one is read."""

    def answers(self) -> AsyncGenerator[AnyAnswer, None]: ...

    def read(self, answer: AnyAnswer) -> Page: ...


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source that can be read; ``plan`` is None where aggregations are."""

    searcher: Searcher
    source: Source
    plan: Plan | None

    def extraction(self, start_ms: int, end_ms: int) -> Extraction:
        """Of times from ``start_ms`` inclusive to ``end_ms`` exclusive."""
        if self.plan is None:
            return AggregatedExtraction(self.searcher, self.source, start_ms, end_ms)
        return DocumentExtraction(self.searcher, self.source, self.plan, start_ms, end_ms)


async def open_source(searcher: Searcher, source: Source) -> OpenSource:
    """Asks for the types of the fields, where documents are read.

    Raises:
        ExtractionError: 404 for a missing index, 400 for a closed one or a field that cannot be retrieved.
    """
    if source.aggregations:
        return OpenSource(searcher, source, None)
    params, body = queries.capabilities(source)
    answer = await ask(searcher, path_of(source, "_field_caps"), body, params)
    return OpenSource(searcher, source, plan(source, answer["fields"]))
