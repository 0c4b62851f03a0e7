"""Sources on the real cluster: how tests fill an index and read it back."""

import asyncio
from collections.abc import Iterable, Mapping

from proxy.job_config import datafeed
from proxy.store.extraction.opening import open_source
from proxy.store.extraction.pages import Page
from proxy.store.extraction.source import Source
from tests.http_client import HttpClient

PREFIX = "lanewatch-test-source"
START_MS = 1_700_000_000_000
LATER_MS = START_MS + 10**12


def source(indices: str = f"{PREFIX}-a", fields: Iterable[str] = (), **config: object) -> Source:
    stored = datafeed.normalise({"indices": indices.split(","), "chunking_config": {"mode": "off"}} | config, "feed")
    summary = "doc_count" if "aggregations" in config else None
    return Source.of(stored, tuple(fields), time_field="time", summary_count_field=summary)


def fill(
    cluster: HttpClient,
    name: str,
    documents: Iterable[Mapping[str, object]],
    *,
    properties: Mapping[str, object] | None = None,
    **settings: object,
) -> str:
    """A new index of these documents; its name."""
    index = f"{PREFIX}-{name}"
    cluster.delete(f"/{index}", query={"ignore_unavailable": "true"})
    mappings = {"properties": {"time": {"type": "date"}} | dict(properties or {})}
    made = cluster.put(f"/{index}", json_body={"mappings": mappings, "settings": {"number_of_replicas": 0} | settings})
    assert made.status == 200, made.text
    add(cluster, index, documents)
    return index


def add(cluster: HttpClient, index: str, documents: Iterable[Mapping[str, object]]) -> None:
    rows = [row for document in documents for row in ({"index": {}}, document)]
    if rows:
        done = cluster.post(f"/{index}/_bulk", ndjson=rows, query={"refresh": "true"})
        assert done.status == 200 and not done.json()["errors"], done.text


async def pages_of(searcher, read: Source, start_ms: int = 0, end_ms: int = LATER_MS) -> list[Page]:
    opened = await open_source(searcher, read)
    extraction = opened.extraction(start_ms, end_ms)
    return [extraction.read(answer) async for answer in extraction.answers()]


async def records_of(searcher, read: Source, start_ms: int = 0, end_ms: int = LATER_MS) -> list[dict[str, object]]:
    pages = await pages_of(searcher, read, start_ms, end_ms)
    return [record for page in pages for record in page.records("time")]


class Interfering:
    """The real client, with something happening after each of its answers: `after` gets the number and the request."""

    def __init__(self, searcher, after) -> None:
        self._searcher = searcher
        self._after = after
        self.requests: list[tuple[str, str]] = []

    async def request(self, method, path, **options):
        answer = await self._searcher.request(method, path, **options)
        self.requests.append((method, path))
        await asyncio.to_thread(self._after, len(self.requests), path, options.get("body"))
        return answer
