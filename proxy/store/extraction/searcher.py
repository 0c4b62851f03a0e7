"""Sends the requests of an extraction, and tells their failures from ours."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

import orjson

from proxy.errors import MlError
from proxy.store.client import quote_expression
from proxy.store.extraction.errors import ExtractionError, skipped_clusters
from proxy.store.extraction.grouped import GroupedSearches
from proxy.store.extraction.queries import Params, search_params
from proxy.store.extraction.source import Json, Source


class Searcher(Protocol):
    """Who asks the cluster, with the rights of the datafeed; a ``ClusterClient`` is one."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | bool] | None = None,
        body: Json = None,
        retry: bool = False,
        raw: bool = False,
    ) -> Json: ...


class MeasuredSearcher:
    """Searches as somebody else does, and counts how often and for how many milliseconds, until it is asked.

    While it ``is_grouping``, searches go together with those of others where they can.
    """

    def __init__(self, searcher: Searcher, groups: GroupedSearches | None = None) -> None:
        self._searcher = searcher
        self._groups = groups
        self.is_grouping = False
        self._searches = 0
        self._took_ms = 0.0

    def taken(self) -> tuple[int, float]:
        """Searches and milliseconds since the last time."""
        taken = (self._searches, self._took_ms)
        self._searches, self._took_ms = 0, 0.0
        return taken

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | bool] | None = None,
        body: Json = None,
        retry: bool = False,
        raw: bool = False,
    ) -> Json:
        begun = time.perf_counter()
        together = None
        if self.is_grouping and self._groups is not None:
            together = await self._groups.search(path, params or {}, body)
        if together is None:
            answer = await self._searcher.request(method, path, params=params, body=body, retry=retry, raw=raw)
        else:
            answer = together if raw else orjson.loads(together)
        if path.endswith("/_search"):
            self._searches += 1
            self._took_ms += (time.perf_counter() - begun) * 1000
        return answer


def path_of(source: Source, endpoint: str) -> str:
    return f"/{quote_expression(','.join(source.indices))}/{endpoint}"


async def ask(searcher: Searcher, path: str, body: Json, params: Params, *, raw: bool = False) -> Json:
    """Raises ExtractionError."""
    try:
        return await searcher.request("POST", path, params=params, body=body, retry=True, raw=raw)
    except MlError as error:
        raise ExtractionError(error) from error


async def search(searcher: Searcher, source: Source, body: Json, params: Params | None = None) -> Json:
    """The decoded answer to a search in the source's indices; one that lacks a remote cluster is none.

    A shard failure is tried once more.
    """
    path, options = path_of(source, "_search"), search_params(source) | (params or {})
    try:
        answer = await ask(searcher, path, body, options)
    except ExtractionError as error:
        if not error.is_shard_failure:
            raise
        answer = await ask(searcher, path, body, options)
    clusters = answer.get("_clusters", {})
    refuse_skipped(clusters.get("skipped", 0), clusters.get("total", 0))
    return answer


def refuse_skipped(skipped: int, total: int) -> None:
    """Records that a remote cluster did not bring would be missing for good, without anybody knowing."""
    if skipped:
        raise skipped_clusters(skipped, total)
