"""Answers to aggregations as records: shapes that no build of ours can be asked for."""

import pytest

from proxy.store.extraction.errors import ExtractionError
from proxy.store.extraction.leaves import Aggregation, Leaves, aggregations_in, metric
from tests.store.extraction.sources import source

HISTOGRAM = {
    "b": {
        "date_histogram": {"field": "time", "fixed_interval": "1m"},
        "aggregations": {"time": {"max": {"field": "time"}}},
    }
}


def read(answer, fields, start_ms=0):
    leaves = Leaves(source(fields=fields, aggregations=HISTOGRAM), start_ms)
    return [(leaf.time_ms, dict(leaf.values)) for leaf in leaves.read(aggregations_in(answer))]


def bucket(begin_ms, **aggregations):
    inner = {name.replace("__", "#"): content for name, content in aggregations.items()}
    return {"key": begin_ms, "doc_count": 2, "max#time": {"value": begin_ms + 5.0}, **inner}


def test_the_first_derivative_is_missing_and_its_interval_dropped():
    buckets = [
        bucket(0),
        bucket(60, derivative__change={"value": 3.0}),
        bucket(120, derivative__change={"value": -1.0}),
    ]
    found = read({"date_histogram#b": {"buckets": buckets}}, ["change"], start_ms=60)
    assert found == [(65, {"change": 3.0, "doc_count": 2}), (125, {"change": -1.0, "doc_count": 2})]


def test_buckets_that_a_pipeline_needs_and_nobody_wants_make_no_records():
    wanted_by_pipeline = {"buckets": [{"key": "x", "doc_count": 1, "sum#other": {"value": 1.0}}]}
    buckets = [bucket(0, sterms__helper=wanted_by_pipeline, bucket_metric_value__best={"value": 4.0, "keys": ["x"]})]
    assert read({"date_histogram#b": {"buckets": buckets}}, ["best"]) == [(5, {"best": 4.0, "doc_count": 2})]


def test_a_bucket_may_be_wanted_for_what_is_far_inside():
    inner = {"buckets": [{"key": "y", "doc_count": 1, "sum#total": {"value": 1.0}}]}
    outer = {"buckets": [{"key": "x", "doc_count": 1, "sterms#helper": inner}]}
    found = read({"date_histogram#b": {"buckets": [bucket(0, sterms__outer=outer)]}}, ["total"])
    assert found == [(5, {"total": 1.0, "doc_count": 1})]


def test_branches_of_single_buckets_are_records_each():
    def within(name, count):
        return {"doc_count": 9, "filter#inner": {"doc_count": count, f"sum#{name}": {"value": 1.0}}}

    buckets = [bucket(0, filter__one=within("x", 3), filter__two=within("y", 4))]
    found = read({"date_histogram#b": {"buckets": buckets}}, ["x", "y"])
    assert found == [(5, {"x": 1.0, "doc_count": 9}), (5, {"y": 1.0, "doc_count": 9})]


def test_terms_in_two_single_buckets_are_at_the_same_level():
    inner = {"doc_count": 1, "sterms#who": {"buckets": [{"key": "x", "doc_count": 1}]}}
    with pytest.raises(ExtractionError, match="Multiple bucket aggregations at the same level are not supported"):
        read({"date_histogram#b": {"buckets": [bucket(0, filter__one=inner, filter__two=inner)]}}, ["who"])


def test_buckets_with_names_of_their_own_have_those_as_keys():
    named = {"buckets": {"good": {"doc_count": 1}, "bad": {"doc_count": 0}}}
    found = read({"date_histogram#b": {"buckets": [bucket(0, filters__state=named)]}}, ["state"])
    assert found == [(5, {"state": "good", "doc_count": 1})]


def test_records_come_in_order_of_their_time_and_otherwise_as_found():
    outer = [{"key": key, "doc_count": 2, "date_histogram#b": {"buckets": [bucket(0), bucket(60)]}} for key in "xy"]
    found = read({"sterms#who": {"buckets": outer}}, ["who"])
    assert [(time, values["who"]) for time, values in found] == [(5, "x"), (5, "y"), (65, "x"), (65, "y")]


@pytest.mark.parametrize(
    ("kind", "content", "value"),
    [
        ("avg", {"value": 1}, 1.0),
        ("avg", {"value": None}, None),
        ("avg", {"value": "NaN"}, None),
        ("avg", {"value": float("inf")}, None),
        ("tdigest_percentiles", {"values": {"50.0": 2.5, "50.0_as_string": "2.5"}}, 2.5),
        ("hdr_percentiles", {"values": [{"key": 50.0, "value": 2.5}]}, 2.5),
        ("tdigest_percentiles", {"values": {}}, None),
        ("percentiles_bucket", {"values": {"50.0": None}}, None),
        ("geo_centroid", {"count": 0}, None),
        ("geo_centroid", {"count": 2, "location": {"lat": 1.5, "lon": -2.0}}, "1.5,-2.0"),
    ],
)
def test_a_metric_has_one_finite_value_or_none(kind, content, value):
    assert metric(Aggregation(kind, "m", content)) == value


@pytest.mark.parametrize("kind", ["scripted_metric", "top_metrics"])
def test_a_metric_of_another_kind_is_refused(kind):
    content = {"value": 1} if kind == "scripted_metric" else {"top": []}
    with pytest.raises(ExtractionError, match=r"Unsupported aggregation type \[m\]"):
        metric(Aggregation(kind, "m", content))
