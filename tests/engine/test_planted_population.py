"""A person unlike all others is found among them, whatever the function; the others stay quiet."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.engine.planted import DAY, HOUR, MALLORY, START, Rows, blamed, config, records_at, run

WHEN = START + 8 * DAY + 14 * HOUR
RECLUSE = "zed"
FIELD = {"distinct_count": "word", "info_content": "word", "count": None}
BOTH_SIDES = ["count", "distinct_count", "info_content", "mean", "median", "sum", "non_null_sum", "varp"]
HIGH = [f"high_{name}" for name in BOTH_SIDES] + ["max"]
LOW = ["low_mean", "low_median", "low_sum", "low_non_null_sum", "min"]
ALL = BOTH_SIDES + HIGH + [*LOW, "metric"]


def people(count=40, days=10):
    """Most people do about six things an hour."""
    random, rows = np.random.default_rng(2), Rows()
    for hour in range(days * 24):
        rate = 6 * (1 + 0.5 * np.sin(2 * np.pi * (hour % 24 - 8) / 24))
        present = np.flatnonzero(random.random(count) < 0.7)
        who = np.repeat(present, 1 + random.poisson(rate, len(present)))
        size = len(who)
        rows.add(
            START + hour * HOUR + random.integers(0, HOUR, size),
            host="sick",
            user=[f"u{i:02d}" for i in who],
            word=[f"word{i:02d}" for i in random.integers(0, 15, size)],
            numbers={"value": random.normal(100, 10, size).tolist()},
        )
    return rows


@cache
def results():
    rows = people()
    values = np.random.default_rng(1).normal(300, 80, 120).tolist()
    words = [f"x{i * 7919 % 10_000:04d}" for i in range(120)]
    rows.add(WHEN + np.arange(120) * 20, host="well", user=MALLORY, word=words, numbers={"value": values})
    rows.add(WHEN + np.arange(5) * 20, host="well", user=RECLUSE, word="word01", numbers={"value": -100.0})
    detectors = []
    for function in ALL:
        field = FIELD.get(function.removeprefix("high_").removeprefix("low_"), "value")
        detectors.append({"function": function, "over_field_name": "user"} | ({"field_name": field} if field else {}))
    return run(config(*detectors), rows)


def record_of(function, person):
    found = records_at(results(), WHEN, detector_index=ALL.index(function), over_field_value=person)
    return found[0] if found else None


@pytest.mark.parametrize("function", BOTH_SIDES + HIGH + ["metric"])
def test_who_does_far_too_much_is_critical(function):
    record = record_of(function, MALLORY)
    assert record["record_score"] >= 75
    assert blamed(record, "user") == [MALLORY]
    assert blamed(record, "host") == ["well"]
    (cause,) = record["causes"]
    assert cause["actual"][0] > cause["typical"][0]
    assert cause["over_field_value"] == MALLORY


@pytest.mark.parametrize("function", [*LOW, "metric"])
def test_who_is_far_too_low_is_critical(function):
    record = record_of(function, RECLUSE)
    assert record["record_score"] >= 75
    (cause,) = record["causes"]
    assert cause["actual"][0] < cause["typical"][0]


@pytest.mark.parametrize(("function", "person"), [(f, MALLORY) for f in LOW] + [(f, RECLUSE) for f in HIGH])
def test_the_other_side_is_not_looked_at(function, person):
    assert record_of(function, person) is None


@pytest.mark.parametrize("function", ALL)
def test_a_population_record_keeps_values_to_its_causes(function):
    record = next(r for r in results().records if r["detector_index"] == ALL.index(function))
    assert not {"actual", "typical", "multi_bucket_impact", "anomaly_score_explanation"} & set(record)


@pytest.mark.parametrize("function", ALL)
def test_ordinary_people_are_hardly_ever_critical(function):
    loud = [
        record
        for record in results().records
        if record["detector_index"] == ALL.index(function)
        and record["over_field_value"].startswith("u")
        and record["record_score"] >= 75
    ]
    assert len(loud) <= 2


def test_an_attribute_of_a_person_is_named_as_cause():
    rows = people()
    rows.add(WHEN + np.arange(4), host="well", user="u01", word="word03", numbers={"value": 400.0})
    detector = {"function": "mean", "field_name": "value", "by_field_name": "word", "over_field_name": "user"}
    (record,) = records_at(run(config(detector), rows), WHEN, over_field_value="u01")
    assert record["record_score"] >= 75
    assert record["causes"][0]["by_field_value"] == "word03"
    assert "by_field_value" not in record


def test_influencers_and_bucket_follow_the_person():
    at = [i for i in results().influencers if i["timestamp"] == WHEN * 1000]
    scores = {i["influencer_field_value"]: i["influencer_score"] for i in at}
    assert scores[MALLORY] >= 75
    assert max((s for name, s in scores.items() if name.startswith("u")), default=0) < 50
    (bucket,) = [b for b in results().buckets if b["timestamp"] == WHEN * 1000]
    assert bucket["anomaly_score"] >= 75
