"""Searches of several datafeeds in one request bring what each of them would bring alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.store.client import ClusterClient
from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.grouped import GroupedSearches
from proxy.store.extraction.searcher import MeasuredSearcher
from proxy.store.extraction.source import Source
from tests.http_client import HttpClient
from tests.store.extraction.sources import PREFIX, START_MS, fill, records_of, source

HOST = {"host": {"type": "keyword"}}
BUCKETS = {
    "buckets": {
        "date_histogram": {"field": "time", "fixed_interval": "1s"},
        "aggs": {"time": {"max": {"field": "time"}}},
    }
}


class Counting:
    """The real client, which notes what it was asked."""

    def __init__(self, client: ClusterClient) -> None:
        self._client = client
        self.paths: list[str] = []

    async def request(self, method: str, path: str, **options: Any) -> Any:
        self.paths.append(path)
        return await self._client.request(method, path, **options)


def together(client: Counting, groups: GroupedSearches) -> MeasuredSearcher:
    searcher = MeasuredSearcher(client, groups)
    searcher.is_grouping = True
    return searcher


async def all_records(client: ClusterClient, sources: list[Source]) -> tuple[list[Any], list[str]]:
    counting = Counting(client)
    groups = GroupedSearches(counting)  # type: ignore[arg-type]  # of a client it needs nothing but `request`
    searchers = [together(counting, groups) for _ in sources]
    reading = (records_of(searcher, each) for searcher, each in zip(searchers, sources, strict=True))
    return await asyncio.gather(*reading, return_exceptions=True), counting.paths


async def test_what_is_grouped_brings_the_same(store_client: ClusterClient, cluster_client: HttpClient) -> None:
    documents = [{"time": START_MS + number * 300, "host": f"h{number % 3}"} for number in range(30)]
    fill(cluster_client, "a", documents, properties=HOST)
    sources = [source(fields=["host"], query={"term": {"host": f"h{number}"}}) for number in range(3)]
    sources += [source(fields=["doc_count"], aggregations=BUCKETS), source(f"{PREFIX}-a,{PREFIX}-no*")]
    alone = [await records_of(store_client, each) for each in sources]
    found, paths = await all_records(store_client, sources)
    assert found == alone
    assert len(alone[0]) == 10 and len(alone[3]) == 9 and len(alone[4]) == 30
    assert not [path for path in paths if path.endswith("/_search")]
    assert len([path for path in paths if path == "/_msearch"]) < len(sources)


async def test_what_fails_in_a_group_is_told_as_if_it_were_alone_and_fails_nobody_else(
    store_client: ClusterClient, cluster_client: HttpClient
) -> None:
    fill(cluster_client, "a", [{"time": START_MS}], properties=HOST)
    broken = source(fields=["host"], query={"script": {"script": {"lang": "none", "source": "true"}}})
    with pytest.raises(ExtractionError) as alone:
        await records_of(store_client, broken)
    (records, failed), _ = await all_records(store_client, [source(fields=["host"]), broken])
    assert records == [{"time": START_MS}]
    assert isinstance(failed, ExtractionError)
    assert failed.cause == alone.value.cause
