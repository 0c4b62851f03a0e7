"""What is wrong with datafeeds, their updates, starts and previews: pure rules, without a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from proxy.api.rules import datafeed
from proxy.api.rules.datafeed_preview import check_sources, range_ms
from proxy.api.rules.datafeed_start import run_of
from proxy.errors import MlError
from proxy.job_config.datafeed import normalise
from proxy.job_config.datafeed_update import merged

NOW_MS = 1_750_000_000_000
JOB = {
    "job_id": "j",
    "analysis_config": {"bucket_span": "1h", "summary_count_field_name": "doc_count"},
    "data_description": {"time_field": "t"},
}


def aggregated(interval: str, **fields: object) -> dict[str, Any]:
    inner = {"t": {"max": {"field": "t"}}}
    aggregations = {"h": {"date_histogram": {"field": "t", "fixed_interval": interval}, "aggs": inner}}
    return {"indices": ["a"], "aggregations": aggregations, **fields}


def reasons(found) -> list[str]:
    return [breach.error.reason for breach in found]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"indices": ["a"]}, "[job_id] must not be null."),
        ({"job_id": "j"}, "Invalid indices value 'null' in datafeed configuration"),
        ({"job_id": "j", "indices": []}, "Invalid indices value '[]' in datafeed configuration"),
        ({"job_id": "j", "indices": ["a", ""]}, "Invalid indices value '[a, ]' in datafeed configuration"),
        ({"job_id": "j", "indices": ["a"], "query_delay": "-1"}, "query_delay cannot be less than 0. Value = -1"),
        ({"job_id": "j", "indices": ["a"], "frequency": "0s"}, "frequency cannot be less or equal than 0. Value = 0s"),
        ({"job_id": "j", "indices": ["a"], "frequency": "1500ms"},
         "frequency has to be a multiple of 1s; actual was '1.5s'"),
        ({"job_id": "j", "indices": ["a"], "scroll_size": -1},
         "Invalid scroll_size value '-1' in datafeed configuration"),
        ({"job_id": "j", "indices": ["a"], "max_empty_searches": 0},
         "Invalid max_empty_searches value '0' in datafeed configuration"),
        ({"job_id": "j", "indices": ["a"], "max_empty_searches": -2},
         "Invalid max_empty_searches value '-2' in datafeed configuration"),
        ({"job_id": "j", "indices": ["a"], "max_consecutive_extraction_failures": 0},
         "Invalid max_consecutive_extraction_failures value '0' in datafeed configuration"),
        ({"job_id": "j", "indices": ["a"], "query": {"a": {}, "b": {}}}, "Datafeed query is not parsable"),
        ({"job_id": "j", "script_fields": {"a": {}}, **aggregated("1h")},
         "script_fields cannot be used in combination with aggregations"),
        ({"job_id": "j", "indices": ["a"], "aggs": {"a": {}}, "aggregations": {"a": {}}},
         "Found two aggregation definitions: [aggs] and [aggregations]"),
        ({"job_id": "j", "indices": ["a"], "aggs": {}}, "Datafeed aggregations are not parsable"),
        ({"job_id": "j", "indices": ["a"], "chunking_config": {"mode": "manual"}},
         "when chunk mode is manual time_span is required"),
        ({"job_id": "j", "indices": ["a"], "chunking_config": {"mode": "manual", "time_span": "0s"}},
         "chunk time_span has to be positive"),
        ({"job_id": "j", "indices": ["a"], "chunking_config": {"mode": "auto", "time_span": "1h"}},
         "chunk time_span may only be set when mode is manual"),
        ({"job_id": "j", "indices": ["a"], "delayed_data_check_config": {"enabled": True, "check_window": "25h"}},
         "check_window [1d] must be less than or equal to [24h]"),
    ],
)  # fmt: skip
def test_a_new_datafeed_is_refused(body, reason):
    assert reasons(datafeed.creation_breaches(body, "d"))[0] == reason


@pytest.mark.parametrize("datafeed_id", ["UPPER", "_all", "-a", "a b", "é"])
def test_its_id_is_that_of_the_path(datafeed_id):
    body = {"datafeed_id": "other", "job_id": "j", "indices": ["a"]}
    (reason,) = reasons(datafeed.creation_breaches(body, datafeed_id))
    assert reason.startswith(f"Invalid datafeed_id; '{datafeed_id}' can contain lowercase alphanumeric")
    assert reasons(datafeed.creation_breaches(body, "a.b-c_1")) == []


@pytest.mark.parametrize(
    ("body", "job", "reason"),
    [
        ({"indices": ["a"]}, {"analysis_config": {"bucket_span": "1h", "latency": "1m"}},
         "A job configured with datafeed cannot support latency"),
        (aggregated("1h"), {"analysis_config": {"bucket_span": "1h"}},
         "A job configured with a datafeed with aggregations must set summary_count_field_name; "
         "use doc_count or suitable alternative"),
        (aggregated("2h"), {},
         "Aggregation interval [7200000ms] must be less than or equal to the bucket_span [1h]"),
        (aggregated("7m"), {}, "Aggregation interval [420000ms] must be a divisor of the bucket_span [1h]"),
        (aggregated("1m", frequency="90s"), {},
         "Datafeed frequency [1.5m] must be a multiple of the aggregation interval [60000ms]"),
        ({"indices": ["a"], "delayed_data_check_config": {"enabled": True, "check_window": "30m"}}, {},
         "delayed_data_check_config: check_window [30m] must be greater than the bucket_span [1h]"),
        ({"indices": ["a"], "delayed_data_check_config": {"enabled": True, "check_window": "24h"}},
         {"analysis_config": {"bucket_span": "1s"}},
         "delayed_data_check_config: check_window [1d] must be less than 10,000x the bucket_span [1s]"),
        ({"indices": ["a"], "runtime_mappings": {"t": {"type": "date"}}}, {},
         "data_description.time_field [t] cannot be a runtime field"),
    ],
)  # fmt: skip
def test_a_datafeed_that_does_not_fit_its_job_is_refused(body, job, reason):
    assert reasons(datafeed.fits_job(normalise(body, "j"), JOB | job))[0] == reason


@pytest.mark.parametrize(
    "body",
    [
        {"indices": ["remote:a*", "b"], "max_empty_searches": -1, "max_consecutive_extraction_failures": -1},
        aggregated("15m", frequency="30m"),
        {"indices": ["a"], "delayed_data_check_config": {"enabled": False, "check_window": "1m"}},
    ],
)
def test_a_sensible_datafeed_is_taken(body):
    assert reasons(datafeed.creation_breaches(body | {"job_id": "j"}, "d")) == []
    assert reasons(datafeed.fits_job(normalise(body, "j"), JOB)) == []


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"indices": []}, "Invalid indices value '[]' in datafeed configuration"),
        ({"max_empty_searches": 0}, "Invalid max_empty_searches value '0' in datafeed configuration"),
        ({"script_fields": {"a": {}}}, "script_fields cannot be used in combination with aggregations"),
        ({"aggregations": {}}, "Datafeed aggregations are not parsable"),
        ({"query_delay": "soon"}, "failed to parse setting [query_delay] with value [soon] as a time value: "
         "unit is missing or unrecognized"),
    ],
)  # fmt: skip
def test_an_update_is_refused_for_what_it_says_or_makes(update, reason):
    stored = normalise(aggregated("1h"), "j")
    found = reasons(datafeed.update_breaches(update)) or reasons(datafeed.merged_breaches(merged(stored, update, {})))
    assert found[0] == reason


def test_an_update_does_not_move_a_datafeed_to_another_job():
    stored = normalise({"indices": ["a"]}, "j")
    assert reasons(datafeed.job_stays({"job_id": "k"}, stored)) == ["Datafeed's job_id cannot be changed."]
    assert reasons(datafeed.job_stays({"job_id": "j"}, stored)) == []


@dataclass
class Options:
    """The part of a call that rules of options look at."""

    given: dict[str, Any]

    def option(self, name: str, default: Any = None) -> Any:
        return self.given.get(name, default)


@pytest.mark.parametrize(
    ("given", "run"),
    [
        ({}, (0, None, 20_000)),
        ({"start": "2025-06-15T15:00:00Z", "end": "now", "timeout": "1m"}, (1_749_999_600_000, NOW_MS, 60_000)),
        ({"start": "now-1d", "end": "now/d"}, (NOW_MS - 86_400_000, 1_749_945_600_000, 20_000)),
        ({"start": "1403481600000", "end": 1403481700000}, (1403481600000, 1403481700000, 20_000)),
        ({"start": 2016}, (2016, None, 20_000)),
        ({"start": "2016"}, (1_451_606_400_000, None, 20_000)),
        ({"start": ""}, (0, None, 20_000)),
    ],
)
def test_the_times_of_a_run(given, run):
    found = run_of(Options(given), NOW_MS)
    assert (found.start_ms, found.end_ms, found.timeout_ms) == run


@pytest.mark.parametrize(
    ("given", "kind", "reason"),
    [
        ({"start": "yesterday"}, "parse_exception",
         "Query param [start] with value [yesterday] cannot be parsed as a date or converted to a number (epoch)."),
        ({"end": "x"}, "parse_exception",
         "Query param [end] with value [x] cannot be parsed as a date or converted to a number (epoch)."),
        ({"start": 10, "end": 10}, "action_request_validation_exception",
         "Validation Failed: 1: start [10] must be earlier than end [10];"),
    ],
)  # fmt: skip
def test_times_that_make_no_run(given, kind, reason):
    with pytest.raises(MlError) as refusal:
        run_of(Options(given), NOW_MS)
    assert (refusal.value.type, refusal.value.reason) == (kind, reason)


FEED, JOB_CONFIG = {"indices": ["a"]}, {"analysis_config": {}}


@pytest.mark.parametrize(
    ("datafeed_id", "body", "reason"),
    [
        ("d", {"datafeed_config": FEED},
         "[datafeed_id] cannot be supplied when either [job_config] or [datafeed_config] is present"),
        ("d", {"job_config": JOB_CONFIG},
         "[datafeed_id] cannot be supplied when either [job_config] or [datafeed_config] is present"),
        (None, {"datafeed_config": FEED}, "[datafeed_config.job_id] must be set or a [job_config] must be provided"),
        (None, None, "[datafeed_config.job_id] must be set or a [job_config] must be provided"),
        (None, {"job_config": JOB_CONFIG},
         "[datafeed_config] must be present when a [job_config.datafeed_config] is not present"),
        (None, {"datafeed_config": FEED, "job_config": JOB_CONFIG | {"datafeed_config": FEED}},
         "[datafeed_config] must not be present when a [job_config.datafeed_config] is present"),
    ],
)  # fmt: skip
def test_a_preview_needs_one_source(datafeed_id, body, reason):
    with pytest.raises(MlError) as refusal:
        check_sources(datafeed_id, body)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("datafeed_id", "body"),
    [
        ("d", None),
        ("d", {}),
        (None, {"datafeed_config": FEED | {"job_id": "j"}}),
        (None, {"datafeed_config": FEED, "job_config": JOB_CONFIG}),
        (None, {"job_config": JOB_CONFIG | {"datafeed_config": FEED}}),
    ],
)
def test_one_source_is_enough_for_a_preview(datafeed_id, body):
    check_sources(datafeed_id, body)


def test_the_range_of_a_preview_is_open_where_nothing_is_said():
    assert range_ms({}, NOW_MS) == (None, None)
    assert range_ms({"start": "now", "end": "now+1h"}, NOW_MS) == (NOW_MS, NOW_MS + 3_600_000)
    with pytest.raises(MlError):
        range_ms({"start": "now", "end": "now"}, NOW_MS)
