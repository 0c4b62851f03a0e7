"""A person unlike all others is found among them, whatever the function; the others stay quiet.

One world for all ways of splitting: people as a whole, within their sites (partition), per site (by) of a person.
Mallory does far too much for an hour, a day earlier Zed does next to nothing.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.engine.planted import (
    DAY,
    HOUR,
    MALLORY,
    START,
    Rows,
    blamed,
    bucket_at,
    config,
    influencers_at,
    records_at,
    run,
)

RARELY, OFTEN = START + 3 * DAY + 14 * HOUR, START + 4 * DAY + 14 * HOUR
DAYS = 5
RECLUSE = "zed"
COUNTS = ["count", "non_zero_count", "distinct_count", "info_content"]
METRICS = ["mean", "median", "sum", "non_null_sum", "varp"]
FIELD = {"count": None, "non_zero_count": None, "distinct_count": "word", "info_content": "word"}
BOTH_SIDES = [*COUNTS, *METRICS, "metric"]
HIGH = [f"high_{name}" for name in [*COUNTS, *METRICS]] + ["max"]
LOW = [f"low_{name}" for name in [*COUNTS, *METRICS]] + ["min"]
ALL = BOTH_SIDES + HIGH + LOW
SPLITS = {"whole": {}, "partition": {"partition_field_name": "site"}, "by": {"by_field_name": "site"}}
every_split = pytest.mark.parametrize("split", SPLITS)


def people(count=24, days=DAYS):
    """Most people do about twenty things an hour at one of two sites."""
    random, rows = np.random.default_rng(2), Rows()
    for hour in range(days * 24):
        rate = 18 * (1 + 0.3 * np.sin(2 * np.pi * (hour % 24 - 8) / 24))
        present = np.flatnonzero(random.random(count) < 0.8)
        who = np.repeat(present, 1 + random.poisson(rate, len(present)))
        size = len(who)
        rows.add(
            START + hour * HOUR + random.integers(0, HOUR, size),
            host="usual",
            site=["north" if i % 2 else "south" for i in who],
            user=[f"u{i:02d}" for i in who],
            word=[f"word{i:02d}" for i in random.integers(0, 15, size)],
            numbers={"value": random.normal(100, 10, size).tolist()},
        )
    return rows


def detector(function, split):
    field = FIELD.get(function.removeprefix("high_").removeprefix("low_"), "value")
    named = {"field_name": field} if field else {}
    return {"function": function, "over_field_name": "user"} | SPLITS[split] | named


@cache
def results(split):
    rows = people()
    values = np.random.default_rng(1).normal(500, 120, 240).tolist()
    words = [f"x{i * 7919 % 10_000:04d}" for i in range(240)]
    rows.add(OFTEN + np.arange(240) * 15, host="odd", site="north", user=MALLORY, word=words, numbers={"value": values})
    rows.add(RARELY + np.arange(2) * 20, host="odd", site="south", user=RECLUSE, word="w", numbers={"value": -100.0})
    return run(config(*(detector(function, split) for function in ALL)), rows)


def record_of(split, function, time, person):
    found = records_at(results(split), time, detector_index=ALL.index(function), over_field_value=person)
    return found[0] if found else None


def assert_explained(record, person, split):
    """A population record tells its story in its causes and names who it is about."""
    (cause,) = record["causes"]
    assert cause["over_field_value"] == person
    assert cause["function"] == record["function"]
    assert cause["probability"] < 0.01
    assert blamed(record, "user") == [person]
    assert blamed(record, "host") == ["odd"]
    site = "north" if person == MALLORY else "south"
    assert (cause.get("by_field_value"), cause.get("partition_field_value")) == (
        site if split == "by" else None,
        site if split == "partition" else None,
    )
    assert "by_field_value" not in record
    return cause["actual"][0], cause["typical"][0]


@every_split
@pytest.mark.parametrize("function", BOTH_SIDES + HIGH)
def test_who_does_far_too_much_is_critical(function, split):
    record = record_of(split, function, OFTEN, MALLORY)
    assert record["record_score"] >= 75
    actual, typical = assert_explained(record, MALLORY, split)
    assert actual > typical


@every_split
@pytest.mark.parametrize("function", BOTH_SIDES + LOW)
def test_who_does_far_too_little_is_found(function, split):
    record = record_of(split, function, RARELY, RECLUSE)
    # Two equal values are hardly less spread than those of others.
    assert record["record_score"] >= (25 if "varp" in function else 75)
    actual, typical = assert_explained(record, RECLUSE, split)
    assert actual < typical


@every_split
@pytest.mark.parametrize(("function", "person"), [(f, MALLORY) for f in LOW] + [(f, RECLUSE) for f in HIGH])
def test_the_other_side_is_not_looked_at(function, person, split):
    assert record_of(split, function, OFTEN if person == MALLORY else RARELY, person) is None


@every_split
def test_a_population_record_keeps_values_to_its_causes(split):
    for record in results(split).records:
        assert not {"actual", "typical", "multi_bucket_impact", "anomaly_score_explanation"} & set(record)


@every_split
def test_ordinary_people_are_hardly_ever_critical(split):
    loud = [
        record["function"]
        for record in results(split).records
        if record["over_field_value"].startswith("u") and record["record_score"] >= 75
    ]
    assert all(loud.count(function) <= 2 for function in ALL), loud


@every_split
def test_influencers_and_bucket_follow_the_person(split):
    scores = {i["influencer_field_value"]: i["influencer_score"] for i in influencers_at(results(split), OFTEN)}
    assert scores[MALLORY] >= 75
    assert scores["odd"] >= 75
    assert max((score for name, score in scores.items() if name.startswith("u")), default=0) < 50
    assert bucket_at(results(split), OFTEN)["anomaly_score"] >= 75


def test_the_odd_one_of_several_attributes_is_named_as_cause():
    rows = people()
    rows.add(OFTEN + np.arange(4), host="odd", site="north", user="u01", word="word03", numbers={"value": 400.0})
    job = config({"function": "mean", "field_name": "value", "by_field_name": "word", "over_field_name": "user"})
    (record,) = records_at(run(job, rows), OFTEN, over_field_value="u01")
    assert record["record_score"] >= 75
    assert record["causes"][0]["by_field_value"] == "word03"
    assert "by_field_value" not in record


def test_an_attribute_only_a_little_odd_is_a_cause_but_not_to_blame():
    rows = people()
    rows.add(OFTEN + np.arange(4), site="north", user="u01", word="word03", numbers={"value": 700.0})
    rows.drop(rows.where(OFTEN, user="u01", word="word05"))
    rows.add(OFTEN + np.arange(2), site="north", user="u01", word="word05", numbers={"value": 127.0})
    detector = {"function": "mean", "field_name": "value", "by_field_name": "word", "over_field_name": "user"}
    found = run(config(detector, influencers=("word",)), rows)
    (record,) = records_at(found, OFTEN, over_field_value="u01")
    assert [cause["by_field_value"] for cause in record["causes"]] == ["word03", "word05"]
    assert blamed(record, "word") == ["word03"]
    scores = {i["influencer_field_value"]: i["influencer_score"] for i in influencers_at(found, OFTEN)}
    assert scores["word03"] >= 75
    assert scores.get("word05", 0) < 50
