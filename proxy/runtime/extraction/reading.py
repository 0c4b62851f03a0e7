"""One range of a source as batches: while a page is analysed, the next ones are on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from proxy.runtime.extraction.columns import ingested
from proxy.runtime.ingest import Fields, Ingested
from proxy.runtime.tasks import Tasks
from proxy.store.extraction.opening import Extraction

# An answer of either kind of extraction: only the extraction itself looks into it.
_Answer = Any
# Answers that may wait to be read, while one more is on its way: now the cluster is slower, now the model.
_AHEAD = 1


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
    coming: asyncio.Queue[_Answer] = asyncio.Queue(_AHEAD)
    try:
        tasks.spawn(_fetch(answers, coming), "extraction")
        while (answer := await coming.get()) is not None:
            if isinstance(answer, Exception):
                raise answer
            await asyncio.sleep(0)  # lets the request go out before this page keeps the thread busy
            page = extraction.read(answer)
            yield Extracted(ingested(page, fields), page.read_to_ms)
    finally:
        await tasks.stop()
        await answers.aclose()


async def _fetch(answers: AsyncGenerator[_Answer, None], coming: asyncio.Queue[_Answer]) -> None:
    """Brings the answers, at last what they failed with, or None: whoever reads them is to hear of it."""
    try:
        async for answer in answers:
            await coming.put(answer)
    except Exception as error:
        await coming.put(error)
    else:
        await coming.put(None)
