"""What an update makes of a datafeed, and what is left of one without all that the server filled in."""

from __future__ import annotations

from proxy.job_config.datafeed import normalise, without_generated
from proxy.job_config.datafeed_update import merged

HISTOGRAM = {
    "h": {"date_histogram": {"field": "t", "fixed_interval": "1h"}, "aggs": {"t": {"max": {"field": "t"}}}},
}


def test_each_given_key_replaces_the_whole_of_what_was_there():
    stored = normalise({"indices": ["a"], "query": {"term": {"x": 1}}, "chunking_config": {"mode": "off"}}, "j")
    update = {"indexes": ["b", "c"], "query": {"match": {"y": 2}}, "delayed_data_check_config": {"enabled": False}}
    changed = merged(stored, update, {})
    assert changed == stored | {
        "indices": ["b", "c"],
        "query": {"match": {"y": 2}},
        "delayed_data_check_config": {"enabled": False},
    }
    assert list(changed) == list(stored)


def test_names_stay_and_an_update_of_nothing_changes_nothing():
    stored = normalise({"datafeed_id": "d", "indices": ["a"], "frequency": "90s"}, "j")
    assert merged(stored, {"datafeed_id": "x", "job_id": "j"}, {}) == stored


def test_a_number_of_empty_searches_can_be_taken_back():
    stored = normalise({"indices": ["a"], "max_empty_searches": 5}, "j")
    assert stored["max_empty_searches"] == 5
    assert "max_empty_searches" not in merged(stored, {"max_empty_searches": -1}, {})


def test_index_options_of_the_request_count_where_the_body_has_none():
    stored = normalise({"indices": ["a"], "indices_options": {"ignore_unavailable": True}}, "j")
    by_query = merged(stored, {}, {"allow_no_indices": False})["indices_options"]
    assert by_query == {
        "expand_wildcards": ["open"], "ignore_unavailable": False, "allow_no_indices": False, "ignore_throttled": True,
    }  # fmt: skip
    by_body = merged(stored, {"indices_options": {"expand_wildcards": "all"}}, {"allow_no_indices": False})
    assert by_body["indices_options"]["expand_wildcards"] == ["open", "closed", "hidden"]
    assert by_body["indices_options"]["allow_no_indices"] is True


def test_a_changed_datafeed_keeps_its_authorization():
    stored = normalise({"indices": ["a"], "authorization": {"roles": ["r"]}}, "j")
    assert merged(stored, {"frequency": "1m"}, {})["authorization"] == {"roles": ["r"]}


def test_what_the_server_filled_in_is_left_out():
    plain = normalise({"datafeed_id": "d", "indices": ["a"], "authorization": {"roles": ["r"]}}, "j")
    assert list(without_generated(plain)) == [
        "datafeed_id", "job_id", "query", "indices", "scroll_size", "delayed_data_check_config", "runtime_mappings",
    ]  # fmt: skip
    aggregated = normalise({"indices": ["a"], "aggregations": HISTOGRAM}, "j")
    assert "chunking_config" not in without_generated(aggregated)
    chosen = {"query_delay": "2m", "chunking_config": {"mode": "off"}, "indices_options": {"ignore_unavailable": True}}
    assert set(chosen) <= set(without_generated(normalise({"indices": ["a"]} | chosen, "j")))
