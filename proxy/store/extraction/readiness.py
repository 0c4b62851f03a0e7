"""Whether a datafeed can be started: its indices are there, and the fields that it needs."""

from __future__ import annotations

from dataclasses import replace

from proxy.errors import MlError
from proxy.job_config.datafeed_errors import no_index, nothing_matches
from proxy.store.extraction import queries
from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.opening import OpenSource, open_source
from proxy.store.extraction.searcher import Searcher, ask, path_of
from proxy.store.extraction.source import Source

_MISSING = "index_not_found_exception"


async def check_readable(searcher: Searcher, source: Source) -> None:
    """
    Raises:
        MlError: 404 for a missing index, 409 for wildcards that match none, 400 for a field that cannot be retrieved.
    """
    await _check_indices(searcher, source)
    await open_readable(searcher, source)


async def open_readable(searcher: Searcher, source: Source) -> OpenSource:
    """
    Raises:
        MlError: 404 for a missing index.
        ExtractionError: the source cannot be read.
    """
    try:
        return await open_source(searcher, source)
    except ExtractionError as error:
        if error.type == _MISSING:
            raise no_index(source.datafeed_id, _index_of(error, source)) from error
        raise


async def _check_indices(searcher: Searcher, source: Source) -> None:
    """Of each pattern; what remote clusters have is found out by the first search."""
    if not source.options.get("allow_no_indices", True):
        return
    for pattern in source.indices:
        if "*" not in pattern or ":" in pattern or pattern.startswith("-"):
            continue
        params, _ = queries.capabilities(replace(source, indices=(pattern,)))
        body = {"fields": [source.time_field]}
        found = await ask(searcher, path_of(replace(source, indices=(pattern,)), "_field_caps"), body, params)
        if not found["indices"]:
            raise nothing_matches(source.datafeed_id, pattern)


def _index_of(error: MlError, source: Source) -> str:
    """The cluster names it within brackets."""
    named = error.reason.partition("[")[2].partition("]")[0]
    return named or source.indices[0]
