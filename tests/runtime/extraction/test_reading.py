"""Ranges of a real index as batches, the next page on its way while one is analysed."""

import asyncio

import pytest

from proxy.config import Config
from proxy.runtime.extraction.reading import read_range
from proxy.runtime.ingest import Fields
from proxy.store.client import ClusterClient
from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.opening import open_source
from tests.store.extraction.sources import LATER_MS, START_MS, Interfering, fill, source

FIELDS = Fields("time", "epoch_ms", text=("who",), numbers=("took",))
PROPERTIES = {"who": {"type": "keyword"}, "took": {"type": "double"}}


@pytest.fixture
async def searcher(loop: asyncio.AbstractEventLoop, config: Config):
    client = ClusterClient(config.elasticsearch)
    yield client
    await client.close()


def fill_index(cluster_client, count=25):
    documents = [{"time": START_MS + number * 400, "who": f"w{number % 3}", "took": number} for number in range(count)]
    return fill(cluster_client, "a", documents, properties=PROPERTIES)


async def batches(searcher, size, fields=("who", "took"), **config):
    opened = await open_source(searcher, source(fields=fields, scroll_size=size, **config))
    return [each async for each in read_range(opened.extraction(0, LATER_MS), FIELDS)]


async def test_batches_hold_all_records_in_whole_seconds(searcher, cluster_client):
    fill_index(cluster_client)
    for size in (4, 100):
        found = await batches(searcher, size)
        times = [time for each in found for time in each.ingested.batch.time.tolist()]
        took = [value for each in found for value in each.ingested.batch.numbers["took"].tolist()]
        columns = [each.ingested.batch.text["who"] for each in found]
        who = [column.values[code] for column in columns for code in column.codes]
        assert times == [(START_MS + number * 400) // 1000 for number in range(25)]
        assert took == list(range(25))
        assert who == [f"w{number % 3}" for number in range(25)]
        assert found[-1].read_to_ms == LATER_MS


async def test_aggregated_records_are_batches_as_well(searcher, cluster_client):
    fill_index(cluster_client)
    inner = {"time": {"max": {"field": "time"}}, "took": {"sum": {"field": "took"}}}
    histogram = {"b": {"date_histogram": {"field": "time", "fixed_interval": "1h"}, "aggs": inner}}
    (found,) = await batches(searcher, 10, aggregations=histogram)
    assert found.ingested.batch.numbers["took"].tolist() == [sum(range(25))]
    assert found.ingested.missing_field_count == 1


async def test_the_next_pages_are_asked_for_while_one_is_analysed(searcher, cluster_client):
    fill_index(cluster_client)
    counting = Interfering(searcher, lambda *_: None)
    opened = await open_source(counting, source(fields=("who", "took"), scroll_size=4))
    reading = read_range(opened.extraction(0, LATER_MS), FIELDS)
    await anext(reading)
    for _ in range(100):
        if len(counting.requests) == 4:
            break
        await asyncio.sleep(0.05)
    # The first page, and without anybody asking the next two, but no more.
    await asyncio.sleep(0.2)
    assert [path.rpartition("/")[2] for _, path in counting.requests] == ["_field_caps", *3 * ["_search"]]
    await reading.aclose()


async def test_what_came_before_a_failure_stays_read(searcher, cluster_client):
    index = fill_index(cluster_client)

    def remove(number, path, body):
        if number == 3:
            cluster_client.delete(f"/{index}")

    opened = await open_source(Interfering(searcher, remove), source(fields=("who", "took"), scroll_size=8))
    read = []
    with pytest.raises(ExtractionError) as raised:
        async for each in read_range(opened.extraction(0, LATER_MS), FIELDS):
            read += each.ingested.batch.numbers["took"].tolist()
            read_to_ms = each.read_to_ms
    assert raised.value.cause == f"no such index [{index}]"
    assert read == [number for number in range(25) if START_MS + number * 400 < read_to_ms]
