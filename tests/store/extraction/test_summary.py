"""Bounds, counts and previews of real indices."""

from proxy.store.extraction.preview import preview
from proxy.store.extraction.summary import Bounds, bounds, counts
from tests.store.extraction.sources import LATER_MS, PREFIX, START_MS, Interfering, fill, source

MINUTE = 60_000
BEGIN = START_MS - START_MS % MINUTE
NUMBER = {"number": {"type": "integer"}}
TIMES = [BEGIN + 5, BEGIN + 6, BEGIN + MINUTE, BEGIN + 7 * MINUTE + 1]


def fill_times(cluster_client):
    documents = [{"time": time, "number": number} for number, time in enumerate(TIMES)]
    return fill(cluster_client, "a", documents, properties=NUMBER)


async def test_bounds_are_those_within_the_range(store_client, cluster_client):
    fill_times(cluster_client)
    assert await bounds(store_client, source(), 0, None) == Bounds(BEGIN + 5, BEGIN + 7 * MINUTE + 1, 4)
    assert await bounds(store_client, source(), BEGIN + 6, BEGIN + 7 * MINUTE) == Bounds(BEGIN + 6, BEGIN + MINUTE, 2)
    assert await bounds(store_client, source(), BEGIN + 2 * MINUTE, None) == Bounds(TIMES[3], TIMES[3], 1)


async def test_nothing_has_no_bounds(store_client, cluster_client):
    fill_times(cluster_client)
    for read in (source(query={"term": {"number": 99}}), source(f"{PREFIX}-none-*")):
        assert await bounds(store_client, read, 0, None) == Bounds(None, None, 0)


async def test_bounds_count_past_what_a_search_counts_by_default(store_client, cluster_client):
    fill(cluster_client, "a", [{"time": BEGIN + number} for number in range(10_001)])
    assert (await bounds(store_client, source(), 0, None)).count == 10_001


async def test_documents_are_counted_bucket_by_bucket(store_client, cluster_client):
    fill_times(cluster_client)
    found = await counts(store_client, source(), BEGIN, BEGIN + 8 * MINUTE, MINUTE)
    assert found == {BEGIN: 2, BEGIN + MINUTE: 1, BEGIN + 7 * MINUTE: 1}
    assert await counts(store_client, source(f"{PREFIX}-none-*"), BEGIN, LATER_MS, MINUTE) == {}


async def test_a_preview_shows_the_first_page(store_client, cluster_client):
    fill_times(cluster_client)
    read = source(fields=["number"], scroll_size=2)
    expected = [{"time": BEGIN + 5, "number": 0}, {"time": BEGIN + 6, "number": 1}]
    assert await preview(store_client, read, None, LATER_MS) == expected
    assert await preview(store_client, read, 0, LATER_MS) == expected
    assert await preview(store_client, read, BEGIN + MINUTE, LATER_MS) == [
        {"time": BEGIN + MINUTE, "number": 2}, {"time": TIMES[3], "number": 3},
    ]  # fmt: skip
    assert await preview(store_client, read, 0, BEGIN) == []


async def test_a_preview_shows_the_first_buckets(store_client, cluster_client):
    fill_times(cluster_client)
    inner = {"time": {"max": {"field": "time"}}, "number": {"sum": {"field": "number"}}}
    histogram = {"b": {"date_histogram": {"field": "time", "fixed_interval": "1m"}, "aggs": inner}}
    composite = {"b": {"composite": {"sources": [{"t": {"date_histogram": histogram["b"]["date_histogram"]}}]},
                       "aggs": inner}}  # fmt: skip
    for aggregations in (histogram, composite):
        read = source(fields=["number"], aggregations=aggregations)
        assert await preview(store_client, read, None, LATER_MS) == [
            {"time": BEGIN + 6, "number": 1.0}, {"time": BEGIN + MINUTE, "number": 2.0},
            {"time": TIMES[3], "number": 3.0},
        ]  # fmt: skip
        assert await preview(store_client, read, 0, BEGIN) == []


async def test_a_preview_without_a_start_leaves_cold_data_alone(store_client, cluster_client):
    fill_times(cluster_client)
    inner = {"time": {"max": {"field": "time"}}}
    histogram = {"b": {"date_histogram": {"field": "time", "fixed_interval": "1m"}, "aggs": inner}}
    for read in (source(), source(aggregations=histogram)):
        assert await is_cold_left_out(store_client, read, None)
        assert not await is_cold_left_out(store_client, read, 0)


async def is_cold_left_out(store_client, read, start_ms):
    """Of all searches of a preview; or of none of them."""
    asked = []
    searcher = Interfering(store_client, lambda number, path, body: asked.append((path, body)))
    assert await preview(searcher, read, start_ms, LATER_MS)
    searches = [str(body) for path, body in asked if path.endswith("_search")]
    kinds = {"'must_not': [{'terms': {'_tier': ['data_frozen', 'data_cold']}}]" in text for text in searches}
    assert len(kinds) == 1
    return kinds.pop()
