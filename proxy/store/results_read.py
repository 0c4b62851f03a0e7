"""Runs the searches over results and hands out stored documents. The queries are built in ``result_queries``,
``overall_queries``; what documents look like to clients is in ``result_docs``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from proxy.store.client import ClusterClient, ClusterError, Json, quote_expression
from proxy.store.names import Names
from proxy.store.overall_buckets import overall_buckets
from proxy.store.overall_reader import ahead
from proxy.store.overall_reduce import OverallBuckets
from proxy.store.overall_request import OverallRequest
from proxy.store.result_queries import Query

# Below this a page is one answer; above it, parts of this size keep the cluster and this process busy side by side.
_PART_OF_PAGE = 2_500
_LARGE_PAGE = 2 * _PART_OF_PAGE
_KEEP_POINT_IN_TIME = "1m"
# Beyond the window of an index the cluster refuses the page, and it is to name the whole of it.
_RESULT_WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored document and where it stands."""

    index: str
    id: str
    source: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Found:
    """One page of documents, and how many there are in all."""

    total: int
    hits: list[Hit]

    def sources(self) -> list[dict[str, Json]]:
        return [hit.source for hit in self.hits]


class Results:
    """Reads results through the jobs' read aliases."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names

    async def find(self, job_id: str, query: Query) -> Found:
        """A page of a job's documents; an absent alias or index means there are none."""
        path = f"/{quote_expression(self._names.read_alias(job_id))}/_search"
        params = {"ignore_unavailable": True, "allow_no_indices": True, "allow_partial_search_results": False}
        answer = await self._client.request("POST", path, params=params, body=query, retry=True)
        return _found(answer)

    async def find_in_parts(self, job_id: str, query: Query) -> AsyncIterator[Found]:
        """A page as consecutive parts of one point in time, read ahead while the caller works on the last.

        Parts of a large page cost the cluster together what the whole would, but they come while it goes on.
        """
        size, start = query["size"], query["from"]
        if size < _LARGE_PAGE or start + size > _RESULT_WINDOW:
            yield await self.find(job_id, query)
            return
        pit = await self._open_point_in_time(job_id)
        if pit is None:
            yield Found(0, [])
            return

        async def part(offset: int) -> Found:
            length = min(_PART_OF_PAGE, size - offset)
            point = {"id": pit, "keep_alive": _KEEP_POINT_IN_TIME}
            counted = {"track_total_hits": offset == 0}
            body = query | counted | {"from": start + offset, "size": length, "pit": point}
            params = {"allow_partial_search_results": False}
            return _found(await self._client.request("POST", "/_search", params=params, body=body, retry=True))

        try:
            async with aclosing(ahead(range(0, size, _PART_OF_PAGE), part)) as parts:
                async for found in parts:
                    yield found
                    if len(found.hits) < _PART_OF_PAGE:
                        return
        finally:
            await self._client.request("DELETE", "/_pit", body={"id": pit})

    async def _open_point_in_time(self, job_id: str) -> str | None:
        path = f"/{quote_expression(self._names.read_alias(job_id))}/_pit"
        try:
            params = {"keep_alive": _KEEP_POINT_IN_TIME, "ignore_unavailable": True}
            return str((await self._client.request("POST", path, params=params))["id"])
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def overall_buckets(self, request: OverallRequest) -> OverallBuckets:
        owners = await self._owners(request.job_ids)
        if not owners:
            return OverallBuckets.none(len(request.job_ids))
        path = f"/{','.join(quote_expression(index) for index in sorted(owners))}/_search"

        async def search(query: Query, filter_path: str, may_cache: bool) -> Json:
            params = {
                "filter_path": filter_path,
                "request_cache": may_cache,
                "ignore_unavailable": True,
                "allow_partial_search_results": False,
            }
            return await self._client.request("POST", path, params=params, body=query, retry=True)

        wanted = frozenset(request.job_ids)
        strangers = {index: tuple(sorted(wanted - jobs)) for index, jobs in owners.items() if wanted - jobs}
        return await overall_buckets(search, request, strangers)

    async def _owners(self, job_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Results indices -> which of the jobs have their read alias there.

        The indices are searched by name instead of by alias: a hundred aliases in a URL are too long for the
        cluster, and a hundred alias filters cost more than the search.
        """
        wanted = {self._names.read_alias(job_id): job_id for job_id in job_ids}
        path = f"/_alias/{quote_expression(self._names.all_results)}"
        try:
            answer = await self._client.request("GET", path, params={"expand_wildcards": "all"}, retry=True)
        except ClusterError as error:
            if error.status == 404:
                return {}
            raise
        owners = {
            index: frozenset(wanted[alias] for alias in entry["aliases"] if alias in wanted)
            for index, entry in answer.items()
        }
        return {index: jobs for index, jobs in owners.items() if jobs}


def _found(answer: Json) -> Found:
    """Without a count of its own (a later part of a page), the total is zero."""
    hits = answer["hits"]
    total = hits["total"]["value"] if "total" in hits else 0
    return Found(total, [Hit(hit["_index"], hit["_id"], hit["_source"]) for hit in hits["hits"]])
