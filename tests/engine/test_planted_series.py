"""Every function over single series finds what it is for, on its own side, and blames who did it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.engine.planted import HOUR, MALLORY, PLANTED, blamed, config, records_at, run, world

COUNTS = ["count", "non_zero_count"]
TEXTS = ["distinct_count", "info_content"]
METRICS = ["mean", "median", "sum", "non_null_sum", "varp"]
FIELD = dict.fromkeys(TEXTS, "word") | dict.fromkeys([*METRICS, "min", "max", "metric", "avg"], "value")
BOTH_SIDES = [*COUNTS, *TEXTS, *METRICS, "metric"]
HIGH = [f"high_{name}" for name in [*COUNTS, *TEXTS, *METRICS]] + ["max"]
LOW = [f"low_{name}" for name in [*COUNTS, *TEXTS, *METRICS]] + ["min"]
ALL = BOTH_SIDES + HIGH + LOW
FEATURES_OF_EMPTY_BUCKETS = {"count", "distinct_count", "info_content", "sum"}


def detector(function):
    """A detector of this function, split by host."""
    field = FIELD.get(function.removeprefix("high_").removeprefix("low_"))
    return {"function": function, "partition_field_name": "host"} | ({"field_name": field} if field else {})


def surge(rows):
    """Mallory comes, with many events, strange words and huge values."""
    times = PLANTED + np.arange(300) * 12
    words = [f"w{i * 7919 % 100_000:05d}" for i in range(300)]
    values = np.random.default_rng(5).normal(400, 60, 300)
    rows.add(times, host="sick", user=MALLORY, word=words, numbers={"value": values.tolist()})


def slump(rows):
    """Nearly everything stops; what is left is one user's, one word's, low and all the same."""
    rows.drop(rows.where(PLANTED, host="sick"))
    rows.add(PLANTED + np.arange(4) * 60, host="sick", user=MALLORY, word="word01", numbers={"value": -50.0})


def silence(rows):
    """The sick host says nothing for an hour."""
    rows.drop(rows.where(PLANTED, host="sick"))


PLANTS = {"surge": surge, "slump": slump, "silence": silence}


@cache
def results_of(plant):
    """One job with all functions over one world."""
    rows = world()
    PLANTS[plant](rows)
    return run(config(*map(detector, ALL)), rows)


def planted_records(plant, function):
    return records_at(results_of(plant), PLANTED, detector_index=ALL.index(function), partition_field_value="sick")


@pytest.mark.parametrize("function", BOTH_SIDES + HIGH)
def test_a_surge_is_critical_and_blamed_on_who_caused_it(function):
    (record,) = planted_records("surge", function)
    assert record["record_score"] >= 75
    assert record["function"] == function
    assert record["actual"][0] > record["typical"][0]
    assert record["anomaly_score_explanation"]["anomaly_type"] == "spike"
    assert blamed(record, "user")[0] == MALLORY
    assert blamed(record, "host") == ["sick"]


@pytest.mark.parametrize("function", BOTH_SIDES + LOW)
def test_a_slump_is_critical(function):
    (record,) = planted_records("slump", function)
    assert record["record_score"] >= 75
    assert record["actual"][0] < record["typical"][0]
    assert record["anomaly_score_explanation"]["anomaly_type"] == "dip"
    assert blamed(record, "host") == ["sick"]


@pytest.mark.parametrize("function", LOW)
def test_low_functions_do_not_mind_a_surge(function):
    assert planted_records("surge", function) == []


@pytest.mark.parametrize("function", HIGH)
def test_high_functions_do_not_mind_a_slump(function):
    assert planted_records("slump", function) == []


@pytest.mark.parametrize("function", ALL)
def test_silence_means_zero_only_to_functions_that_count_it(function):
    counted = function.removeprefix("low_") in FEATURES_OF_EMPTY_BUCKETS
    records = planted_records("silence", function)
    assert [record["actual"] for record in records] == ([[0.0]] if counted else [])
    assert all(record["record_score"] >= 75 for record in records)


@pytest.mark.parametrize("host", ["sick", "well"])
@pytest.mark.parametrize("function", ALL)
def test_healthy_series_stay_quiet(function, host):
    results, index = results_of("surge"), ALL.index(function)
    loud = [
        record
        for record in results.records
        if record["detector_index"] == index
        and record["partition_field_value"] == host
        and record["record_score"] >= 75
        and not (host == "sick" and 0 <= record["timestamp"] // 1000 - PLANTED < 24 * HOUR)
    ]
    assert len(loud) <= 1


def test_avg_reads_as_mean():
    rows = world()
    surge(rows)
    (record,) = records_at(run(config(detector("avg")), rows), PLANTED)
    assert (record["function"], record["function_description"]) == ("avg", "mean")
    assert record["record_score"] >= 75


def test_metric_says_which_of_its_features_stood_out():
    assert planted_records("slump", "metric")[0]["function_description"] in ("min", "mean")
    assert planted_records("surge", "metric")[0]["function_description"] in ("max", "mean")


def test_the_influencer_and_the_bucket_of_a_surge_are_critical():
    results = results_of("surge")
    at = [i for i in results.influencers if i["timestamp"] == PLANTED * 1000]
    scores = {i["influencer_field_value"]: i["influencer_score"] for i in at}
    assert scores[MALLORY] >= 75
    assert scores["sick"] >= 75
    assert "well" not in scores
    (bucket,) = [b for b in results.buckets if b["timestamp"] == PLANTED * 1000]
    assert bucket["anomaly_score"] >= 75
    names = {i["influencer_field_name"] for i in bucket["bucket_influencers"]}
    assert names == {"host", "user", "bucket_time"}


def test_no_hour_is_as_unusual_as_the_planted_one():
    sizes = {
        bucket["timestamp"]: influencer["raw_anomaly_score"]
        for bucket in results_of("surge").buckets
        for influencer in bucket["bucket_influencers"]
        if influencer["influencer_field_name"] == "bucket_time"
    }
    planted = sizes.pop(PLANTED * 1000)
    assert planted > 2 * max(sizes.values())
