"""Documents of real indices: each once, whatever their times, types and indices."""

import pytest

from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.opening import open_source
from tests.store.extraction.sources import (
    LATER_MS,
    PREFIX,
    START_MS,
    Interfering,
    add,
    fill,
    pages_of,
    records_of,
    source,
)

NUMBER = {"number": {"type": "integer"}}


def numbered(times):
    return [{"time": time, "number": number} for number, time in enumerate(times)]


def numbers_in(pages):
    return [number for page in pages for number in page.columns["number"]]


# Many documents of one time, over several pages and shards; runs of equal times on the borders of pages.
TIMES = [START_MS + offset for offset in [0] * 25 + [1] * 9 + [2] + [3] * 11 + list(range(4, 40)) + [40] * 18]


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("size", [1, 7, 10, 100, 1000])
async def test_each_document_comes_once_however_its_times_and_pages_fall(store_client, cluster_client, shards, size):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER, number_of_shards=shards)
    pages = await pages_of(store_client, source(fields=["number"], scroll_size=size))
    assert sorted(numbers_in(pages)) == list(range(len(TIMES)))
    times = [time for page in pages for time in page.times]
    assert times == sorted(TIMES)


async def test_a_page_says_before_which_time_all_has_been_read(store_client, cluster_client):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER, number_of_shards=2)
    read = 0
    for page in await pages_of(store_client, source(fields=["number"], scroll_size=7)):
        read += len(page.times)
        assert read == sum(time < page.read_to_ms for time in TIMES)
    assert page.read_to_ms == LATER_MS


async def test_reading_begun_anew_from_any_page_gives_the_same(store_client, cluster_client):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER, number_of_shards=2)
    read = source(fields=["number"], scroll_size=9)
    pages = await pages_of(store_client, read)
    for stop in range(len(pages)):
        rest = await pages_of(store_client, read, pages[stop].read_to_ms)
        assert sorted(numbers_in(pages[: stop + 1]) + numbers_in(rest)) == list(range(len(TIMES)))


async def test_the_start_is_inclusive_and_the_end_exclusive(store_client, cluster_client):
    fill(cluster_client, "a", numbered(START_MS + second for second in range(5)), properties=NUMBER)
    pages = await pages_of(store_client, source(fields=["number"]), START_MS + 1, START_MS + 3)
    assert numbers_in(pages) == [1, 2]


async def test_what_fits_a_page_costs_one_search(store_client, cluster_client):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER)
    counting = Interfering(store_client, lambda *_: None)
    await pages_of(counting, source(fields=["number"]))
    assert [path.rpartition("/")[2] for _, path in counting.requests] == ["_field_caps", "_search"]


async def test_fine_times_cost_one_search_a_page(store_client, cluster_client):
    fill(cluster_client, "a", numbered(range(START_MS, START_MS + 20)), properties=NUMBER)
    counting = Interfering(store_client, lambda *_: None)
    pages = await pages_of(counting, source(fields=["number"], scroll_size=6))
    assert numbers_in(pages) == list(range(20))
    # Each page begins with the last document of the one before.
    assert [path.rpartition("/")[2] for _, path in counting.requests] == ["_field_caps", *["_search"] * 4]


async def test_documents_that_arrive_between_the_first_pages_are_read_once(store_client, cluster_client):
    index = fill(cluster_client, "a", numbered(TIMES), properties=NUMBER, number_of_shards=3)
    late = [{"time": START_MS + 40, "number": 1000 + number} for number in range(5)]

    def arrive(number, path, body):
        if number == 2:
            add(cluster_client, index, late)

    pages = await pages_of(Interfering(store_client, arrive), source(fields=["number"], scroll_size=20))
    assert sorted(numbers_in(pages)) == [*range(len(TIMES)), *range(1000, 1005)]


async def test_a_point_in_time_that_was_lost_costs_no_document_and_doubles_none(store_client, cluster_client):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER, number_of_shards=2)
    lost = []

    def lose(number, path, body):
        if path == "/_search" and "search_after" in body and not lost:
            lost.append(cluster_client.delete("/_pit", json_body={"id": body["pit"]["id"]}).status)

    pages = await pages_of(Interfering(store_client, lose), source(fields=["number"], scroll_size=8))
    assert lost == [200]
    assert sorted(numbers_in(pages)) == list(range(len(TIMES)))


async def test_a_second_shard_failure_is_raised_with_its_cause(store_client, cluster_client):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER)

    def lose(number, path, body):
        if path == "/_search":
            cluster_client.delete("/_pit", json_body={"id": body["pit"]["id"]})

    with pytest.raises(ExtractionError) as raised:
        await pages_of(Interfering(store_client, lose), source(fields=["number"], scroll_size=8))
    assert raised.value.cause.startswith("No search context found for id [")


async def test_points_in_time_are_closed_also_when_reading_stops_early(store_client, cluster_client):
    index = fill(cluster_client, "a", numbered(TIMES), properties=NUMBER)
    opened = await open_source(store_client, source(fields=["number"], scroll_size=8))
    answers = opened.extraction(0, LATER_MS).answers()
    for _ in range(3):
        await anext(answers)
    open_contexts = "/" + index + "/_stats/search?filter_path=_all.total.search.open_contexts"
    assert cluster_client.get(open_contexts).json()["_all"]["total"]["search"]["open_contexts"] > 0
    await answers.aclose()
    assert cluster_client.get(open_contexts).json()["_all"]["total"]["search"]["open_contexts"] == 0


async def test_pages_shrink_to_what_an_index_lets_be_returned(store_client, cluster_client):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER)
    fill(cluster_client, "b", numbered(TIMES), properties=NUMBER, **{"max_result_window": 12})
    pages = await pages_of(store_client, source(f"{PREFIX}-a,{PREFIX}-b", ["number"], scroll_size=50))
    assert len(numbers_in(pages)) == 2 * len(TIMES)
    assert len(pages) > 2 * len(TIMES) // 12


TYPES = {
    "keyword": {"type": "keyword"},
    "long": {"type": "long"},
    "double": {"type": "double"},
    "boolean": {"type": "boolean"},
    "date": {"type": "date"},
    "nanos": {"type": "date_nanos"},
    "ip": {"type": "ip"},
    "point": {"type": "geo_point"},
    "text": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
    "named": {"type": "keyword", "fields": {"words": {"type": "text"}}},
    "words": {"type": "text", "fields": {"more": {"type": "text"}}},
    "plain": {"type": "keyword", "doc_values": False},
    "inner": {"properties": {"keyword": {"type": "keyword"}, "text": {"type": "text"}}},
    "alias": {"type": "alias", "path": "keyword"},
}
FIELDS = [
    "keyword", "long", "double", "boolean", "date", "nanos", "ip", "point", "text", "text.raw", "named.words",
    "words.more", "plain", "inner.keyword", "inner.text", "alias",
]  # fmt: skip
DOCUMENT = {
    "time": START_MS,
    "keyword": "a",
    "long": 2**53 + 1,
    "double": 0.1,
    "boolean": True,
    "date": "2014-06-23T00:00:00.123Z",
    "nanos": "2014-06-23T00:00:00.123456789Z",
    "ip": "1.2.3.4",
    "point": {"lat": 40.5, "lon": -70.25},
    "text": "Hello, world",
    "named": "N",
    "words": "w x",
    "plain": "p",
    "inner": {"keyword": "ik", "text": "it"},
}


async def test_every_type_of_field_is_read(store_client, cluster_client):
    fill(cluster_client, "a", [DOCUMENT], properties=TYPES)
    (record,) = await records_of(store_client, source(fields=FIELDS))
    latitude, longitude = map(float, str(record.pop("point")).split(","))
    assert (latitude, longitude) == (pytest.approx(40.5, abs=1e-6), pytest.approx(-70.25, abs=1e-6))
    assert record == {
        "time": START_MS, "keyword": "a", "long": 2**53 + 1, "double": 0.1, "boolean": True,
        "date": 1403481600123, "nanos": 1403481600123, "ip": "1.2.3.4", "text": "Hello, world",
        "text.raw": "Hello, world", "named.words": "N", "words.more": "w x", "plain": "p", "inner.keyword": "ik",
        "inner.text": "it", "alias": "a",
    }  # fmt: skip


async def test_several_values_come_as_lists_and_absent_ones_not_at_all(store_client, cluster_client):
    documents = [
        {"time": START_MS, "keyword": ["b", "a"], "double": [2, 1], "boolean": [True, False], "text": ["x", "y"],
         "date": [1, 2], "inner.text": "dotted", "point": [[1, 2], [3, 4]]},
        {"time": START_MS + 1, "keyword": None, "text": [], "inner": None},
        {"time": START_MS + 2, "keyword": "c", "double": 3},
    ]  # fmt: skip
    fill(cluster_client, "a", documents, properties=TYPES)
    first, second, third = await records_of(store_client, source(fields=FIELDS))
    assert len(first.pop("point")) == 2
    assert first == {
        "time": START_MS, "keyword": ["a", "b"], "alias": ["a", "b"], "double": [1.0, 2.0], "boolean": [False, True],
        "text": ["x", "y"], "text.raw": ["x", "y"], "date": [1, 2], "inner.text": "dotted",
    }  # fmt: skip
    assert second == {"time": START_MS + 1}
    assert third == {"time": START_MS + 2, "keyword": "c", "alias": "c", "double": 3.0}


@pytest.mark.parametrize("size", [1, 3, 5, 8])
async def test_a_field_that_looks_like_sort_values_does_not_mislead(store_client, cluster_client, size):
    properties = {"sort": {"type": "double", "doc_values": False}, "tail": {"type": "keyword"}}
    times = [START_MS, START_MS, START_MS, START_MS + 1, START_MS + 1]
    fill(cluster_client, "a", [{"time": time, "sort": [1, 2], "tail": "z"} for time in times], properties=properties)
    found = await records_of(store_client, source(fields=["sort", "tail"], scroll_size=size))
    assert found == [{"time": time, "sort": [1, 2], "tail": "z"} for time in times]


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_the_time_may_be_a_number(store_client, cluster_client, size):
    times = [START_MS, START_MS, START_MS, START_MS + 1]
    fill(cluster_client, "a", numbered(times), properties={"time": {"type": "double"}} | NUMBER)
    pages = await pages_of(store_client, source(fields=["number"], scroll_size=size))
    assert sorted(numbers_in(pages)) == [0, 1, 2, 3]
    assert [time for page in pages for time in page.times] == times


@pytest.mark.parametrize("size", [2, 100])
async def test_times_in_nanoseconds_mix_with_those_in_milliseconds(store_client, cluster_client, size):
    fill(cluster_client, "a", numbered([START_MS, START_MS + 1, START_MS + 2]), properties=NUMBER)
    nanos = {"time": {"type": "date_nanos"}}
    texts = [f"2023-11-14T22:13:20.00{number // 3}{number:03d}001Z" for number in range(9)]
    fill(cluster_client, "b", [{"time": text, "number": 10} for text in texts], properties=nanos | NUMBER)
    read = source(f"{PREFIX}-a,{PREFIX}-b", ["number"], scroll_size=size)
    pages = await pages_of(store_client, read)
    assert [time - START_MS for page in pages for time in page.times] == [0] * 4 + [1] * 4 + [2] * 4
    assert sorted(numbers_in(pages)) == [0, 1, 2, *[10] * 9]


async def test_runtime_fields_are_read_where_the_cluster_has_them(store_client, cluster_client):
    fill(cluster_client, "a", [{"time": START_MS, "raw": "r"}], properties={"raw": {"type": "text"}})
    read = source(fields=["raw"], runtime_mappings={"raw": {"type": "keyword"}})
    assert await records_of(store_client, read) == [{"time": START_MS, "raw": "r"}]


async def test_script_fields_are_asked_for_as_they_were_written(store_client, cluster_client):
    fill(cluster_client, "a", [{"time": START_MS}])
    read = source(fields=["made"], script_fields={"made": {"script": {"lang": "none-such", "source": "1"}}})
    with pytest.raises(ExtractionError) as raised:
        await records_of(store_client, read)
    assert raised.value.cause == "script_lang not supported [none-such]"


async def test_the_query_of_the_datafeed_chooses(store_client, cluster_client):
    fill(cluster_client, "a", numbered(range(START_MS, START_MS + 9)), properties=NUMBER)
    read = source(fields=["number"], query={"terms": {"number": [2, 5]}})
    assert [record["number"] for record in await records_of(store_client, read)] == [2, 5]


async def test_a_wildcard_takes_what_is_there_and_a_new_empty_index_does_no_harm(store_client, cluster_client):
    for name in ("a", "b"):
        fill(cluster_client, name, numbered([START_MS]), properties=NUMBER)
    cluster_client.delete(f"/{PREFIX}-empty", query={"ignore_unavailable": "true"})
    assert cluster_client.put(f"/{PREFIX}-empty", json_body={}).status == 200
    try:
        assert len(await records_of(store_client, source(f"{PREFIX}-*", ["number"]))) == 2
    finally:
        cluster_client.delete(f"/{PREFIX}-empty")


async def test_a_missing_index_is_an_error_unless_it_may_be(store_client, cluster_client):
    fill(cluster_client, "a", numbered([START_MS]), properties=NUMBER)
    indices = f"{PREFIX}-a,{PREFIX}-none"
    with pytest.raises(ExtractionError) as raised:
        await records_of(store_client, source(indices, ["number"]))
    assert (raised.value.status, raised.value.cause) == (404, f"no such index [{PREFIX}-none]")
    read = source(indices, ["number"], indices_options={"ignore_unavailable": True})
    assert len(await records_of(store_client, read)) == 1


async def test_a_closed_index_is_an_error_unless_it_may_be(store_client, cluster_client):
    fill(cluster_client, "a", numbered([START_MS]), properties=NUMBER)
    closed = fill(cluster_client, "closed", numbered([START_MS]), properties=NUMBER)
    assert cluster_client.post(f"/{closed}/_close").status == 200
    try:
        with pytest.raises(ExtractionError) as raised:
            await records_of(store_client, source(f"{PREFIX}-a,{closed}", ["number"]))
        assert (raised.value.status, raised.value.type) == (400, "index_closed_exception")
        read = source(f"{PREFIX}-a,{closed}", ["number"], indices_options={"ignore_unavailable": True})
        assert len(await records_of(store_client, read)) == 1
        # A wildcard expands to open indices unless it is told otherwise.
        assert len(await records_of(store_client, source(f"{PREFIX}-a,{PREFIX}-clo*", ["number"]))) == 1
    finally:
        cluster_client.delete(f"/{closed}")


async def test_an_index_throttled_or_not_is_asked_for_as_configured(store_client, cluster_client):
    fill(cluster_client, "a", numbered([START_MS]), properties=NUMBER)
    for options in ({"ignore_throttled": False}, {"expand_wildcards": ["open", "hidden"]}, {"expand_wildcards": []}):
        assert len(await records_of(store_client, source(fields=["number"], indices_options=options))) == 1


async def test_a_wildcard_without_any_index_has_no_field(store_client):
    with pytest.raises(ExtractionError) as raised:
        await records_of(store_client, source(f"{PREFIX}-none-*", ["number"]))
    assert raised.value.cause == "[feed] cannot retrieve field [time] because it has no mappings"


async def test_indices_of_a_remote_cluster_are_read_by_its_name(store_client, cluster_client):
    fill(cluster_client, "a", numbered(TIMES), properties=NUMBER, number_of_shards=2)
    connect_to_itself(cluster_client)
    try:
        pages = await pages_of(store_client, source(f"myself:{PREFIX}-a", ["number"], scroll_size=13))
        assert sorted(numbers_in(pages)) == list(range(len(TIMES)))
        with pytest.raises(ExtractionError) as raised:
            await pages_of(store_client, source(f"{PREFIX}-a,myself:{PREFIX}-none", ["number"]))
        assert raised.value.cause in (
            f"no such index [{PREFIX}-none]",
            "[1] remote clusters out of [2] were skipped when performing datafeed search",
        )
    finally:
        set_remote(cluster_client, None)


def connect_to_itself(cluster_client):
    (node,) = cluster_client.get("/_nodes/transport").json()["nodes"].values()
    set_remote(cluster_client, [node["transport_address"]])


def set_remote(cluster_client, seeds):
    settings = {"persistent": {"cluster.remote.myself.seeds": seeds}}
    assert cluster_client.put("/_cluster/settings", json_body=settings).status == 200
