"""Runs the searches over results and hands out stored documents. The queries are built in ``queries``,
``store.overall.queries``; what documents look like to clients is in ``docs``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from proxy.store.client import KEEP_POINT_IN_TIME, ClusterClient, Json, Params, quote_expression
from proxy.store.names import Names
from proxy.store.overall.buckets import overall_buckets
from proxy.store.overall.reduce import OverallBuckets
from proxy.store.overall.request import OverallRequest
from proxy.store.removal import all_of, of_job
from proxy.store.results.queries import Query

# Larger pages come in parts of this size: the cluster fetches the documents of one search one after the other.
PART_OF_PAGE = 5_000
_SEARCH: Params = {"ignore_unavailable": True, "allow_no_indices": True, "allow_partial_search_results": False}
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
        query = _narrowed(query, job_id)
        path = f"/{quote_expression(self._names.read_alias(job_id))}/_search"
        hits = (await self._client.request("POST", path, params=_SEARCH, body=query, retry=True))["hits"]
        return Found(hits["total"]["value"], [Hit(hit["_index"], hit["_id"], hit["_source"]) for hit in hits["hits"]])

    async def answers_in_parts(self, job_id: str, query: Query) -> AsyncGenerator[bytes, None]:
        """The search answers, undecoded, that make up a page. The cluster works on all of them at once.

        All are of one point in time. Those behind the last document are empty: a caller stops at one with less than
        ``PART_OF_PAGE`` documents. None at all where the alias is absent.
        """
        query = _narrowed(query, job_id)
        size, start = query["size"], query["from"]
        if size <= PART_OF_PAGE or start + size > _RESULT_WINDOW:
            path = f"/{quote_expression(self._names.read_alias(job_id))}/_search"
            yield await self._client.request("POST", path, params=_SEARCH, body=query, retry=True, raw=True)
            return
        pit = await self._client.open_point_in_time(self._names.read_alias(job_id))
        if pit is None:
            return

        async def part(offset: int) -> bytes:
            point = {"id": pit, "keep_alive": KEEP_POINT_IN_TIME}
            where = {"from": start + offset, "size": min(PART_OF_PAGE, size - offset), "pit": point}
            body = query | where | {"track_total_hits": offset == 0}
            params: Params = {"allow_partial_search_results": False}
            answer: bytes = await self._client.request(
                "POST", "/_search", params=params, body=body, retry=True, raw=True
            )
            return answer

        parts = [asyncio.ensure_future(part(offset)) for offset in range(0, size, PART_OF_PAGE)]
        closing: asyncio.Future[None] | None = None
        try:
            for one in parts:
                answer = await one
                if one is parts[-1]:  # the caller's work on it hides the time that closing takes
                    closing = asyncio.ensure_future(self._client.close_point_in_time(pit))
                yield answer
        finally:
            for one in parts:
                one.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await (closing or self._client.close_point_in_time(pit))

    async def overall_buckets(self, request: OverallRequest) -> OverallBuckets:
        owners = await self._owners(request.job_ids)
        if not owners:
            return OverallBuckets.none(len(request.job_ids))
        path = f"/{','.join(quote_expression(index) for index in sorted(owners))}/_search"

        async def search(query: Query, filter_path: str, may_cache: bool) -> bytes:
            params: Params = {
                "filter_path": filter_path,
                "request_cache": may_cache,
                "ignore_unavailable": True,
                "allow_partial_search_results": False,
            }
            answer: bytes = await self._client.request("POST", path, params=params, body=query, retry=True, raw=True)
            return answer

        wanted = frozenset(request.job_ids)
        jobs_elsewhere = {index: tuple(sorted(wanted - jobs)) for index, jobs in owners.items() if wanted - jobs}
        return await overall_buckets(search, request, jobs_elsewhere)

    async def _owners(self, job_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """Results indices -> which of the jobs have their read alias there.

        The indices are searched by name instead of by alias: a hundred aliases in a URL are too long for the
        cluster, and a hundred alias filters cost more than the search.
        """
        wanted = {self._names.read_alias(job_id): job_id for job_id in job_ids}
        path = f"/_alias/{quote_expression(self._names.all_results)}"
        answer = await self._client.find("GET", path, params={"expand_wildcards": "all"}) or {}
        owners = {
            index: frozenset(wanted[alias] for alias in entry["aliases"] if alias in wanted)
            for index, entry in answer.items()
        }
        return {index: jobs for index, jobs in owners.items() if jobs}


def _narrowed(query: Query, job_id: str) -> Query:
    """The alias narrows it already; but an alias can be changed by others, or share its name with an index."""
    return query | {"query": all_of(of_job(job_id), query["query"])}
