"""One range of a source as batches: while a page is analysed, the next is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from proxy.runtime.extraction.columns import ingested
from proxy.runtime.ingest import Fields, Ingested
from proxy.runtime.tasks import Tasks
from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.opening import Extraction

# An answer of either kind of extraction: only the extraction itself looks into it.
_Answer = Any


@dataclass(frozen=True, slots=True)
class Extracted:
    """Records, and the time (epoch milliseconds) before which the range has been read whole."""

    ingested: Ingested
    read_to_ms: int


async def read_range(extraction: Extraction, fields: Fields) -> AsyncGenerator[Extracted, None]:
    """The range's batches in order of their time; close it where not all of them are wanted.

    A batch may be empty: then the page before it was one millisecond's.

    Raises:
        ExtractionError: the cluster refused or failed; what was yielded before stays read.
    """
    tasks, answers = Tasks(), extraction.answers()
    try:
        coming = tasks.spawn(_next(answers), "extraction")
        while (answer := await coming) is not None:
            if isinstance(answer, ExtractionError):
                raise answer
            coming = tasks.spawn(_next(answers), "extraction")
            await asyncio.sleep(0)  # lets the request go out before this page keeps the thread busy
            page = extraction.read(answer)
            yield Extracted(ingested(page, fields), page.read_to_ms)
    finally:
        await tasks.stop()
        await answers.aclose()


async def _next(answers: AsyncGenerator[_Answer, None]) -> _Answer:
    """The next answer, what it failed with, or None at the end: a task's own failures are logged as ours."""
    with suppress(StopAsyncIteration):
        try:
            return await anext(answers)
        except ExtractionError as error:
            return error
    return None
