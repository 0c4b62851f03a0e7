"""Every function over single series finds what it is for, on its own side, and blames who did it.

Split by a field there is one world: one host falls silent for an hour, a day later another slumps, a day later a
third has a surge, the fourth is well. An undivided series is that of the host that is well, until it has each of these
in turn, the last two by the hands of the others.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from proxy.engine.functions import FUNCTIONS
from tests.engine.planted import (
    DAY,
    HOUR,
    MALLORY,
    START,
    blamed,
    bucket_at,
    config,
    influencers_at,
    records_at,
    run,
    world,
)

COUNTS = ["count", "non_zero_count"]
TEXTS = ["distinct_count", "info_content"]
METRICS = ["mean", "median", "sum", "non_null_sum", "varp"]
FIELD = dict.fromkeys(TEXTS, "word") | dict.fromkeys([*METRICS, "min", "max", "metric", "avg"], "value")
BOTH_SIDES = [*COUNTS, *TEXTS, *METRICS, "metric"]
HIGH = [f"high_{name}" for name in [*COUNTS, *TEXTS, *METRICS]] + ["max"]
LOW = [f"low_{name}" for name in [*COUNTS, *TEXTS, *METRICS]] + ["min"]
ALL = BOTH_SIDES + HIGH + LOW
COUNT_EMPTY_BUCKETS = {"count", "distinct_count", "info_content", "sum"}

DAYS = 9
SILENCE, SLUMP, SURGE = (START + day * DAY + 14 * HOUR for day in (6, 7, 8))
HOST_OF = {SILENCE: "mute", SLUMP: "ill", SURGE: "sick"}
SPLITS = {"whole": {}, "by": {"by_field_name": "host"}, "partition": {"partition_field_name": "host"}}
every_split = pytest.mark.parametrize("split", SPLITS)


def detector(function, split="partition"):
    """A detector of this function, split that way."""
    field = FIELD.get(function.removeprefix("high_").removeprefix("low_"))
    return {"function": function} | SPLITS[split] | ({"field_name": field} if field else {})


def sick_world(split):
    """Mallory is nearly all that is left at the ill host and brings many events, strange words and huge values to
    the sick one."""
    rows = world(days=DAYS, hosts=("well",) if split == "whole" else (*HOST_OF.values(), "well"))
    for time in (SILENCE, SLUMP):
        rows.drop(rows.where(time, host="well" if split == "whole" else HOST_OF[time]))
    rows.add(SLUMP + np.arange(10) * 60, host="ill", user=MALLORY, word="word01", numbers={"value": -50.0})
    words = [f"w{i * 7919 % 100_000:05d}" for i in range(300)]
    values = np.random.default_rng(5).normal(400, 60, 300).tolist()
    rows.add(SURGE + np.arange(300) * 12, host="sick", user=MALLORY, word=words, numbers={"value": values})
    return rows


@cache
def results_of(split):
    """One job with all functions."""
    return run(config(*(detector(function, split) for function in ALL)), sick_world(split))


def records_of(split, function, time):
    """What a function says about the host of that time."""
    of_host = {name.replace("_name", "_value"): HOST_OF[time] for name in SPLITS[split]}
    return records_at(results_of(split), time, detector_index=ALL.index(function), **of_host)


def assert_explained(record, kind):
    """Everything a reader is told fits together."""
    explanation, (actual,), (typical,) = record["anomaly_score_explanation"], record["actual"], record["typical"]
    low, high = explanation["lower_confidence_bound"], explanation["upper_confidence_bound"]
    assert explanation["anomaly_type"] == kind
    assert explanation["typical_value"] == typical
    assert low <= typical <= high
    # A bound ends where no value can be.
    assert actual > high if kind == "spike" else actual <= low
    assert 1 <= explanation["anomaly_length"] <= 3
    assert explanation["single_bucket_impact"] >= 2
    assert record["multi_bucket_impact"] < 0
    assert record["probability"] < 0.01


@every_split
@pytest.mark.parametrize("function", BOTH_SIDES + HIGH)
def test_a_surge_is_critical_explained_and_blamed_on_who_caused_it(function, split):
    (record,) = records_of(split, function, SURGE)
    assert record["record_score"] >= 75
    assert record["function"] == function
    if function in FUNCTIONS:
        assert record["function_description"] == FUNCTIONS[function].description
    assert_explained(record, "spike")
    assert blamed(record, "user") == [MALLORY]
    assert blamed(record, "host") == ["sick"]


@every_split
@pytest.mark.parametrize("function", BOTH_SIDES + LOW)
def test_a_slump_is_severe_and_explained(function, split):
    (record,) = records_of(split, function, SLUMP)
    # Even no variance at all is not far from little; and a day after silence little is the second of its kind.
    is_less = "varp" in function or split == "whole"
    assert record["record_score"] >= (50 if is_less else 75)
    assert_explained(record, "dip")
    assert blamed(record, "user") == [MALLORY]
    assert blamed(record, "host") == ["ill"]


@every_split
@pytest.mark.parametrize(("function", "time"), [(f, SURGE) for f in LOW] + [(f, SLUMP) for f in HIGH])
def test_the_other_side_is_not_looked_at(function, time, split):
    assert records_of(split, function, time) == []


@every_split
@pytest.mark.parametrize("function", ALL)
def test_silence_means_zero_only_to_functions_that_count_it(function, split):
    is_counted = function.removeprefix("low_") in COUNT_EMPTY_BUCKETS
    records = records_of(split, function, SILENCE)
    assert [record["actual"] for record in records] == ([[0.0]] if is_counted else [])
    assert all(record["record_score"] >= 75 for record in records)


@every_split
def test_healthy_hours_stay_quiet(split):
    loud = set()
    for record in results_of(split).records:
        named = blamed(record, "host")
        of_it = HOST_OF.values() if split == "whole" else named
        is_planted = any(h in of_it and 0 <= record["timestamp"] // 1000 - t <= DAY for t, h in HOST_OF.items())
        if record["record_score"] >= 75 and not is_planted:
            loud.add((record["function"], *named, record["timestamp"]))
    assert all([function for function, *_ in loud].count(name) <= 3 for name in ALL), loud
    assert len({(*host, time) for _, *host, time in loud}) <= 2 * (len(HOST_OF) + 1), loud


def test_avg_reads_as_mean():
    (record,) = records_at(run(config(detector("avg", "whole")), sick_world("whole")), SURGE)
    assert (record["function"], record["function_description"]) == ("avg", "mean")
    assert record["record_score"] >= 75


def test_metric_says_which_of_its_features_stood_out():
    assert records_of("by", "metric", SLUMP)[0]["function_description"] in ("min", "mean")
    assert records_of("by", "metric", SURGE)[0]["function_description"] in ("max", "mean")


@every_split
def test_the_influencer_and_the_bucket_of_a_surge_are_critical(split):
    results = results_of(split)
    scores = {i["influencer_field_value"]: i["influencer_score"] for i in influencers_at(results, SURGE)}
    assert scores[MALLORY] >= 75
    assert scores["sick"] >= 75
    assert "well" not in scores
    bucket = bucket_at(results, SURGE)
    assert bucket["anomaly_score"] >= 75
    names = {i["influencer_field_name"] for i in bucket["bucket_influencers"]}
    assert names == {"host", "user", "bucket_time"}


@every_split
@pytest.mark.parametrize("time", [SURGE, SLUMP, SILENCE], ids=["surge", "slump", "silence"])
def test_no_earlier_hour_is_as_unusual(split, time):
    sizes = {
        bucket["timestamp"] // 1000: influencer["raw_anomaly_score"]
        for bucket in results_of(split).buckets
        for influencer in bucket["bucket_influencers"]
        if influencer["influencer_field_name"] == "bucket_time"
    }
    assert sizes[time] > max(size for earlier, size in sizes.items() if earlier < time)
