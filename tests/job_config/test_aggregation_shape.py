"""The one histogram that aggregations of a datafeed have, and what is said where they have none."""

from __future__ import annotations

import pytest

from proxy.errors import MlError
from proxy.job_config.aggregation_shape import Histogram, histogram_of
from proxy.job_config.old_intervals import with_named_intervals

INNER = {"t": {"max": {"field": "t"}}}
HOUR = {"date_histogram": {"field": "t", "fixed_interval": "1h"}}
HOURLY = HOUR | {"aggs": INNER}


def dated(**settings: object) -> dict[str, object]:
    return {"h": {"date_histogram": {"field": "t", **settings}, "aggs": INNER}}


def composed(*sources: dict[str, object], **around: object) -> dict[str, object]:
    return {"c": {"composite": {"sources": list(sources)}, "aggs": INNER}, **around}


BY_TIME = {"when": {"date_histogram": {"field": "t", "fixed_interval": "5m"}}}
BY_HOST = {"host": {"terms": {"field": "host"}}}


@pytest.mark.parametrize(
    ("aggregations", "interval_ms"),
    [
        (dated(fixed_interval="90s"), 90_000),
        (dated(fixed_interval="2d"), 172_800_000),
        (dated(calendar_interval="week", time_zone="Etc/UTC"), 604_800_000),
        (dated(calendar_interval="1d"), 86_400_000),
        (dated(interval="1h"), 3_600_000),
        (dated(interval="90m"), 5_400_000),
        (dated(interval=60_000), 60_000),
        ({"h": {"histogram": {"field": "t", "interval": 300_000.5}, "aggregations": INNER}}, 300_000),
        ({"outer": {"terms": {"field": "host"}, "aggs": {"h": HOURLY}}}, 3_600_000),
        ({"h": HOURLY, "best": {"max_bucket": {"buckets_path": "h"}}}, 3_600_000),
        ({"h": HOURLY | {"aggs": INNER | {"by": {"terms": {"field": "host"}}, "d": {"derivative": {}}}}}, 3_600_000),
    ],
)  # fmt: skip
def test_one_histogram_over_time_makes_the_records(aggregations, interval_ms):
    found = histogram_of(aggregations)
    assert (found.field, found.interval_ms, found.is_composite) == ("t", interval_ms, False)


def test_a_composite_aggregation_has_it_among_its_sources():
    assert histogram_of(composed(BY_HOST, BY_TIME)) == Histogram("c", True, "t", 300_000)


ALONE = "Composite aggregation [c] must be the only composite agg and should be the only top level aggregation"
LONG = (
    "When specifying a date_histogram calendar interval [1M], ML does not accept intervals longer than a week "
    "because of variable lengths of periods greater than a week"
)
REQUIRED = "A date_histogram (or histogram) aggregation is required"
SIBLINGS = "The date_histogram (or histogram) aggregation cannot have sibling aggregations"
ONE = "Aggregations can only have 1 date_histogram or histogram aggregation"
NESTED_MAX = "Date histogram must have nested max aggregation for time_field [t]"
NOT_PARSABLE = "Datafeed aggregations are not parsable"
LEAD = "Datafeed composite aggregation [c] date_histogram [when] source"


def with_source(**settings: object) -> dict[str, object]:
    return composed({"when": {"date_histogram": {"field": "t", "fixed_interval": "5m", **settings}}})


@pytest.mark.parametrize(
    ("aggregations", "reason"),
    [
        ({"a": {"terms": {"field": "x"}}}, REQUIRED),
        ({"a": {"terms": {"field": "x"}, "aggs": {"b": {"avg": {"field": "y"}}}}}, REQUIRED),
        ({"best": {"max_bucket": {}}}, REQUIRED),
        ({"h": HOURLY, "other": {"avg": {"field": "y"}}}, SIBLINGS),
        ({"a": {"terms": {"field": "x"}, "aggs": {"h": HOURLY, "b": {"avg": {"field": "y"}}}}}, SIBLINGS),
        ({"h": HOUR | {"aggs": INNER | {"again": HOURLY}}}, ONE),
        ({"h": HOUR | {"aggs": INNER | {"by": {"terms": {"field": "x"}, "aggs": {"again": HOURLY}}}}}, ONE),
        ({"h": HOUR}, NESTED_MAX),
        ({"h": HOUR | {"aggs": {"t": {"max": {"field": "other"}}}}}, NESTED_MAX),
        ({"h": HOUR | {"aggs": {"t": {"min": {"field": "t"}}}}}, NESTED_MAX),
        (dated(fixed_interval="0s"), "Aggregation interval must be greater than 0"),
        ({"h": {"histogram": {"field": "t", "interval": 0.5}, "aggs": INNER}},
         "Aggregation interval must be greater than 0"),
        (dated(), "Must specify an interval for date_histogram"),
        (dated(fixed_interval="1h", time_zone="Europe/Berlin"), "ML requires date_histogram.time_zone to be UTC"),
        (dated(calendar_interval="1M"), LONG),
        (dated(calendar_interval="2h"), NOT_PARSABLE),
        (dated(fixed_interval="1w"), NOT_PARSABLE),
        (dated(fixed_interval="1h", calendar_interval="1h"), NOT_PARSABLE),
        ({"h": {"histogram": {"field": "t"}, "aggs": INNER}}, NOT_PARSABLE),
        ({}, NOT_PARSABLE),
        ({"a": 1}, NOT_PARSABLE),
        ({"a": {}}, NOT_PARSABLE),
        ({"a": {"terms": {}, "avg": {}}}, NOT_PARSABLE),
        ({"a": {"terms": 3}}, NOT_PARSABLE),
        ({"a": HOUR | {"aggs": INNER, "aggregations": INNER}}, NOT_PARSABLE),
        (composed(BY_HOST), "Composite aggregation [c] must have exactly one date_histogram source"),
        (composed(BY_TIME, {"again": BY_TIME["when"]}),
         "Composite aggregation [c] must have exactly one date_histogram source"),
        (with_source(missing_bucket=True), f"{LEAD} does not support missing_buckets"),
        (with_source(order="desc"), f"{LEAD} must be sorted in ascending order"),
        (composed(BY_TIME, other={"avg": {"field": "y"}}), ALONE),
        ({"a": {"terms": {"field": "x"}, "aggs": composed(BY_TIME)}}, ALONE),
        ({"h": HOUR | {"aggs": INNER | composed(BY_HOST)}}, ALONE),
        (composed(BY_TIME, best={"max_bucket": {}}),
         "when using composite aggregations, top level pipeline aggregations are not supported"),
        ({"c": {"composite": {"sources": [BY_TIME]}}}, NESTED_MAX),
        (composed("host"), NOT_PARSABLE),
    ],
)  # fmt: skip
def test_any_other_shape_is_refused(aggregations, reason):
    with pytest.raises(MlError) as refusal:
        histogram_of(aggregations)
    assert (refusal.value.reason, refusal.value.status) == (reason, 400)


def test_intervals_get_the_names_that_clusters_know_today():
    old = {
        "h": {"date_histogram": {"interval": "1d"}, "aggs": composed({"w": {"date_histogram": {"interval": "90m"}}})}
    }
    new = with_named_intervals(old)
    assert new["h"]["date_histogram"] == {"calendar_interval": "1d"}
    assert new["h"]["aggs"]["c"]["composite"]["sources"] == [{"w": {"date_histogram": {"fixed_interval": "90m"}}}]
    assert with_named_intervals(new) == new
    assert with_named_intervals({"date_histogram": {"interval": 500}}) == {
        "date_histogram": {"fixed_interval": "500ms"}
    }
    assert old["h"]["date_histogram"] == {"interval": "1d"}
