"""Aggregated datafeeds on a real index: every shape that makes records, and those that make none."""

import pytest

from proxy.store.extraction.errors import ExtractionError
from tests.store.extraction.sources import START_MS, fill, pages_of, records_of, source

MINUTE = 60_000
BEGIN = START_MS - START_MS % (10 * MINUTE)
PROPERTIES = {
    "airline": {"type": "keyword"},
    "took": {"type": "double"},
    "delayed": {"type": "boolean"},
    "where": {"type": "geo_point"},
}
TIME = {"time": {"max": {"field": "time"}}}
AVERAGE = {"took": {"avg": {"field": "took"}}}


def documents():
    """Ten minutes, the fourth empty: AAL each minute, BAW each second one."""
    for minute in (0, 1, 2, 4, 5, 6, 7, 8, 9):
        begin = BEGIN + minute * MINUTE
        yield {"time": begin + 1000, "airline": "AAL", "took": minute, "delayed": True, "where": [10, 50]}
        yield {"time": begin + 2000, "airline": "AAL", "took": minute + 1, "delayed": False, "where": [20, 60]}
        if minute % 2:
            yield {"time": begin + 30_000, "airline": "BAW", "took": 100 + minute}


@pytest.fixture
def filled(cluster_client):
    fill(cluster_client, "a", documents(), properties=PROPERTIES, number_of_shards=2)


def histogram(inner, kind="date_histogram", **settings):
    settings = {"field": "time"} | (settings or {"fixed_interval": "1m"})
    return {"buckets": {kind: settings, "aggregations": TIME | inner}}


def terms(field, inner):
    return {field: {"terms": {"field": field}, "aggs": inner}}


async def records(searcher, aggregations, fields, start_ms=BEGIN, end_ms=BEGIN + 10 * MINUTE):
    return await records_of(searcher, source(fields=fields, aggregations=aggregations), start_ms, end_ms)


@pytest.mark.parametrize(
    "shape",
    [
        histogram(AVERAGE),
        histogram(AVERAGE, calendar_interval="1m"),
        histogram(AVERAGE, calendar_interval="minute", keyed=True),
        histogram(AVERAGE, kind="histogram", interval=MINUTE),
        {"all": {"global": {}, "aggs": histogram(AVERAGE)}},
    ],
    ids=["fixed", "calendar", "keyed", "number", "inside one bucket"],
)
async def test_each_bucket_of_a_histogram_is_a_record(store_client, filled, shape):
    found = await records(store_client, shape, ["took", "doc_count"])
    assert [record["time"] for record in found] == [
        BEGIN + minute * MINUTE + (30_000 if minute % 2 else 2000) for minute in (0, 1, 2, 4, 5, 6, 7, 8, 9)
    ]
    assert found[0] == {"time": BEGIN + 2000, "took": 0.5, "doc_count": 2}
    assert found[1] == {"time": BEGIN + MINUTE + 30_000, "took": (1 + 2 + 101) / 3, "doc_count": 3}


async def test_terms_inside_give_a_record_each_with_their_key(store_client, filled):
    aggregations = histogram(terms("airline", AVERAGE))
    found = await records(store_client, aggregations, ["airline", "took", "doc_count"], end_ms=BEGIN + 2 * MINUTE)
    # One time for all of a bucket: where it stands in the aggregations.
    assert found == [
        {"time": BEGIN + 2000, "airline": "AAL", "took": 0.5, "doc_count": 2},
        {"time": BEGIN + MINUTE + 30_000, "airline": "AAL", "took": 1.5, "doc_count": 2},
        {"time": BEGIN + MINUTE + 30_000, "airline": "BAW", "took": 101.0, "doc_count": 1},
    ]


async def test_terms_may_nest_and_need_not_be_text(store_client, filled):
    aggregations = histogram(terms("airline", terms("delayed", AVERAGE)))
    found = await records(store_client, aggregations, ["airline", "delayed", "took"], end_ms=BEGIN + 2 * MINUTE)
    assert [(record["airline"], record["delayed"], record["took"]) for record in found] == [
        ("AAL", 0, 1.0), ("AAL", 1, 0.0), ("AAL", 0, 2.0), ("AAL", 1, 1.0),
    ]  # fmt: skip


METRICS = {
    "average": {"avg": {"field": "took"}},
    "highest": {"max": {"field": "took"}},
    "lowest": {"min": {"field": "took"}},
    "total": {"sum": {"field": "took"}},
    "airlines": {"cardinality": {"field": "airline"}},
    "values": {"value_count": {"field": "took"}},
    "median": {"percentiles": {"field": "took", "percents": [50]}},
    "listed": {"percentiles": {"field": "took", "percents": [50], "keyed": False}},
    "weighted": {"weighted_avg": {"value": {"field": "took"}, "weight": {"field": "took"}}},
    "spread": {"median_absolute_deviation": {"field": "took"}},
    "so_far": {"cumulative_sum": {"buckets_path": "total"}},
}


async def test_every_metric_of_one_value_is_a_field(store_client, filled):
    found = await records(store_client, histogram(METRICS), list(METRICS), end_ms=BEGIN + MINUTE)
    assert found == [
        {"time": BEGIN + 2000, "average": 0.5, "highest": 1.0, "lowest": 0.0, "total": 1.0, "airlines": 1.0,
         "values": 2.0, "median": 0.5, "listed": 0.5, "weighted": 1.0, "spread": 0.5, "so_far": 1.0}
    ]  # fmt: skip


async def test_a_centroid_is_a_latitude_and_a_longitude(store_client, filled):
    aggregations = histogram({"centre": {"geo_centroid": {"field": "where"}}})
    found = await records(store_client, aggregations, ["centre"], end_ms=BEGIN + MINUTE)
    latitude, longitude = map(float, found[0]["centre"].split(","))
    assert (latitude, longitude) == (pytest.approx(55, abs=1e-3), pytest.approx(15, abs=1e-3))


async def test_what_has_no_value_is_no_field(store_client, filled):
    aggregations = histogram(
        terms("airline", {"where": {"geo_centroid": {"field": "where"}}, "none": {"avg": {"field": "absent"}}})
    )
    found = await records(store_client, aggregations, ["airline", "where", "none"], end_ms=BEGIN + 2 * MINUTE)
    assert [sorted(record) for record in found if record["airline"] == "BAW"] == [["airline", "time"]]


async def test_metrics_inside_a_filter_are_fields_of_its_bucket(store_client, filled):
    only_late = {"late": {"filter": {"term": {"delayed": True}}, "aggs": AVERAGE}}
    found = await records(store_client, histogram(only_late), ["took"], end_ms=BEGIN + 2 * MINUTE)
    assert [record["took"] for record in found] == [0.0, 1.0]


async def test_fields_that_the_job_does_not_have_are_left_out(store_client, filled):
    found = await records(store_client, histogram(METRICS), ["total"], end_ms=BEGIN + MINUTE)
    assert found == [{"time": BEGIN + 2000, "total": 1.0}]


async def test_only_whole_intervals_count(store_client, filled):
    aggregations = histogram(AVERAGE)
    (page,) = await pages_of(
        store_client, source(fields=["took"], aggregations=aggregations), BEGIN + 1, BEGIN + 5 * MINUTE - 1
    )
    assert [time // MINUTE * MINUTE for time in page.times] == [BEGIN + MINUTE, BEGIN + 2 * MINUTE]
    assert page.read_to_ms == BEGIN + 4 * MINUTE
    assert await records(store_client, aggregations, ["took"], BEGIN + 1, BEGIN + 2 * MINUTE - 1) == []


async def test_the_interval_before_is_seen_by_pipelines_and_brings_no_record(store_client, filled):
    aggregations = histogram(METRICS)
    found = await records(store_client, aggregations, ["so_far"], BEGIN + 2 * MINUTE, BEGIN + 3 * MINUTE)
    assert found == [{"time": BEGIN + 2 * MINUTE + 2000, "so_far": (1 + 2 + 101) + (2 + 3)}]


def composite(*sources, size=3):
    sources = [{name: kind} for name, kind in sources]
    return {"buckets": {"composite": {"size": size, "sources": sources}, "aggs": TIME | AVERAGE}}


BY_TIME = ("begin", {"date_histogram": {"field": "time", "fixed_interval": "1m"}})
BY_AIRLINE = ("airline", {"terms": {"field": "airline"}})


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize("order", [(BY_TIME, BY_AIRLINE), (BY_AIRLINE, BY_TIME)])
async def test_a_composite_is_read_page_by_page(store_client, filled, size, order):
    found = await records(store_client, composite(*order, size=size), ["airline", "took", "doc_count"])
    expected = []
    for minute in (0, 1, 2, 4, 5, 6, 7, 8, 9):
        begin = BEGIN + minute * MINUTE
        expected.append({"time": begin + 2000, "airline": "AAL", "took": minute + 0.5, "doc_count": 2})
        if minute % 2:
            expected.append({"time": begin + 30_000, "airline": "BAW", "took": 100.0 + minute, "doc_count": 1})
    assert found == expected


async def test_pages_of_a_composite_end_with_whole_intervals(store_client, filled):
    read = source(fields=["airline"], aggregations=composite(BY_TIME, BY_AIRLINE, size=2))
    every = [record["time"] for record in await records(store_client, read.aggregations, ["airline"])]
    count = 0
    for page in await pages_of(store_client, read, BEGIN, BEGIN + 10 * MINUTE):
        count += len(page.times)
        assert count == sum(time < page.read_to_ms for time in every)


async def test_keys_of_a_composite_may_be_missing_and_its_times_formatted(store_client, cluster_client):
    fill(cluster_client, "a", [{"time": BEGIN, "took": 1}, {"time": BEGIN, "airline": "AAL", "took": 2}],
         properties=PROPERTIES)  # fmt: skip
    by_time = ("begin", {"date_histogram": {"field": "time", "fixed_interval": "1m", "format": "yyyy-MM-dd"}})
    by_airline = ("airline", {"terms": {"field": "airline", "missing_bucket": True}})
    found = await records(store_client, composite(by_time, by_airline), ["airline", "took"])
    assert [(record["airline"], record["took"]) for record in found] == [(None, 1.0), ("AAL", 2.0)]


async def test_a_composite_of_nothing_has_no_records(store_client, filled):
    assert await records(store_client, composite(BY_TIME), ["took"], 0, BEGIN) == []


@pytest.mark.parametrize(
    ("inner", "cause"),
    [
        (
            terms("airline", AVERAGE) | terms("delayed", AVERAGE),
            "Multiple bucket aggregations at the same level are not supported",
        ),
        ({"took": {"percentiles": {"field": "took", "percents": [5, 95]}}},
         "Multi-percentile aggregation [took] is not supported"),
        ({"took": {"stats": {"field": "took"}}}, "Unsupported aggregation type [took]"),
        ({"took": {"percentile_ranks": {"field": "took", "values": [5]}}}, "Unsupported aggregation type [took]"),
        ({"time": {"min": {"field": "time"}}}, "Missing max aggregation for time_field [time]"),
    ],
)  # fmt: skip
async def test_shapes_that_make_no_records(store_client, filled, inner, cause):
    with pytest.raises(ExtractionError) as raised:
        await records(store_client, histogram(inner), ["took"])
    assert raised.value.cause == cause


async def test_without_the_greatest_time_there_is_no_record(store_client, filled):
    aggregations = histogram(AVERAGE)
    del aggregations["buckets"]["aggregations"]["time"]
    with pytest.raises(ExtractionError, match=r"Missing max aggregation for time_field \[time\]"):
        await records(store_client, aggregations, ["took"])


async def test_the_cluster_says_why_it_refuses_an_aggregation(store_client, filled):
    with pytest.raises(ExtractionError) as raised:
        await records(store_client, histogram({"took": {"avg": {"field": "airline"}}}), ["took"])
    assert raised.value.cause == "Field [airline] of type [keyword] is not supported for aggregation [avg]"
