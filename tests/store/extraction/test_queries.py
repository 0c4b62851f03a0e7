"""What is asked of the cluster for a source."""

from proxy.store.extraction import aggregated_queries, queries
from tests.store.extraction.sources import source

RANGE = {"range": {"time": {"gte": 5, "lt": 9, "format": "epoch_millis"}}}


def test_the_query_of_the_datafeed_and_the_time_are_filters():
    read = source(query={"term": {"a": 1}})
    assert queries.within(read, 5, 9) == {"bool": {"filter": [{"term": {"a": 1}}, RANGE]}}
    assert queries.within(read, None, None) == {"bool": {"filter": [{"term": {"a": 1}}]}}
    assert queries.within(read, 0, None)["bool"]["filter"][1] == {
        "range": {"time": {"gte": 0, "format": "epoch_millis"}}
    }


def test_index_options_are_parameters():
    assert queries.index_params(source()) == {
        "expand_wildcards": "open",
        "ignore_unavailable": False,
        "allow_no_indices": True,
    }
    options = {"expand_wildcards": [], "ignore_unavailable": True, "allow_no_indices": False, "ignore_throttled": False}
    assert queries.index_params(source(indices_options=options)) == options | {"expand_wildcards": "none"}
    options = {"expand_wildcards": ["closed", "open"]}
    assert queries.index_params(source(indices_options=options))["expand_wildcards"] == "open,closed"


def test_partial_answers_are_never_wanted():
    assert queries.search_params(source())["allow_partial_search_results"] is False


def test_types_are_asked_for_fields_and_their_parents_but_not_for_what_a_script_makes():
    read = source(fields=["a.b.c", "d", "made"], script_fields={"made": {"script": "1"}})
    _, body = queries.capabilities(read)
    assert body == {"fields": ["time", "a.b.c", "d", "a.b"]}
    read = source(fields=["d"], runtime_mappings={"d": {"type": "long"}})
    assert queries.capabilities(read)[1]["runtime_mappings"] == {"d": {"type": "long"}}


def test_pages_are_sorted_by_time_as_milliseconds():
    read = source(runtime_mappings={"d": {"type": "long"}})
    page = queries.page(read, {"_source": False}, RANGE, sorts_nanos=True)
    assert page == {
        "query": RANGE,
        "track_total_hits": False,
        "_source": False,
        "sort": [{"time": {"order": "asc", "unmapped_type": "date", "numeric_type": "date"}}],
        "runtime_mappings": {"d": {"type": "long"}},
    }
    assert "numeric_type" not in queries.page(read, {}, RANGE, sorts_nanos=False)["sort"][0]["time"]


def test_pages_of_a_point_in_time_have_a_second_order():
    page = queries.page(source(), {}, RANGE, sorts_nanos=False)
    first = queries.in_point_in_time(page, "id", None)
    assert first["sort"] == [*page["sort"], "_shard_doc"]
    assert "search_after" not in first
    assert queries.in_point_in_time(page, "id", [5, 1]) == first | {"search_after": [5, 1]}


def test_a_composite_has_its_time_first_and_unformatted():
    by_time = {"t": {"date_histogram": {"field": "time", "fixed_interval": "1m", "format": "yyyy"}}}
    by_term = {"a": {"terms": {"field": "a"}}}
    aggregations = {"c": {"composite": {"size": 7, "sources": [by_term, by_time]}, "aggs": {"m": {}}}}
    sources = [{"t": {"date_histogram": {"field": "time", "fixed_interval": "1m"}}}, by_term]
    assert aggregated_queries.composite_name(aggregations) == "c"
    assert aggregated_queries.time_source(aggregations, "c") == "t"
    assert aggregated_queries.composite_page(aggregations, "c", {"t": 1, "a": "x"}) == {
        "c": {"composite": {"size": 7, "sources": sources, "after": {"t": 1, "a": "x"}}, "aggs": {"m": {}}}
    }
    assert "after" not in aggregated_queries.composite_page(aggregations, "c", None)["c"]["composite"]
