"""Each flag and number of an explanation has a world in which it must be there, and one in which it must not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tests.engine.planted import DAYS, HOUR, PLANTED, START, Rows, config, records_at, run, world

MEAN = {"function": "mean", "field_name": "value"}
HOURS = START + np.arange(DAYS * 24) * HOUR


def explained(results, time=PLANTED):
    """The one record of an hour and its explanation."""
    (record,) = records_at(results, time)
    return record, record["anomaly_score_explanation"]


@cache
def series(values, planted, function="mean"):
    """One value an hour; a function of (random, hours) -> values, then the planted value."""
    column = values(np.random.default_rng(6), (HOURS - START) // HOUR)
    column[(PLANTED - START) // HOUR] = planted
    rows = Rows()
    rows.add(HOURS + 10, host="sick", numbers={"value": column.tolist()})
    return run(config({"function": function, "field_name": "value"}), rows)


def two_modes(random, hours):
    return np.where(
        random.random(len(hours)) < 0.5, random.normal(10, 1, len(hours)), random.normal(100, 3, len(hours))
    )


def day_and_night(random, hours):
    return np.where(hours % 24 < 12, 10.0, 100.0) + random.normal(0, 2, len(hours))


def long_tail(random, hours):
    return np.exp(random.normal(2, 0.7, len(hours)))


@pytest.mark.parametrize(("planted", "mode", "kind"), [(500.0, 100, "spike"), (-200.0, 10, "dip")])
def test_a_value_far_from_several_modes_is_compared_with_the_nearest(planted, mode, kind):
    record, explanation = explained(series(two_modes, planted))
    assert record["record_score"] >= 75
    assert explanation["multimodal_distribution"] is True
    assert explanation["anomaly_type"] == kind
    assert record["typical"] == [explanation["typical_value"]] == [pytest.approx(mode, abs=2)]


@pytest.mark.parametrize("function", ["mean", "high_mean", "low_mean"])
def test_a_spike_is_above_what_is_typical_and_a_dip_below(function):
    """Whichever of several modes that is; what looks at one side alone finds nothing else."""
    kinds = {"high_mean": {"spike"}, "low_mean": {"dip"}}.get(function, {"spike", "dip"})
    for record in [r for planted in (500.0, -200.0) for r in series(two_modes, planted, function).records]:
        kind = record["anomaly_score_explanation"]["anomaly_type"]
        assert kind in kinds
        if function == "mean":
            assert kind == ("spike" if record["actual"][0] > record["typical"][0] else "dip")


@pytest.mark.parametrize(("values", "typical"), [(day_and_night, 100), (long_tail, None)])
def test_a_rhythm_or_a_long_tail_is_no_sign_of_several_modes(values, typical):
    record, explanation = explained(series(values, 900.0))
    assert record["record_score"] >= 75
    assert "multimodal_distribution" not in explanation
    if typical:
        assert record["typical"] == [pytest.approx(typical, abs=15)]


def restless_afternoons(random, hours):
    return 100.0 + np.where((hours % 24 >= 12) & (hours % 24 < 18), 40.0, 2.0) * random.normal(0, 1, len(hours))


def test_a_noisy_time_of_day_is_a_penalty():
    _, explanation = explained(series(restless_afternoons, 900.0))
    assert explanation["high_variance_penalty"] is True
    quiet = series(lambda random, hours: 100 + random.normal(0, 2, len(hours)), 900.0)
    assert "high_variance_penalty" not in explained(quiet)[1]


@pytest.mark.parametrize("events", [4, 60])
def test_a_mean_of_few_records_is_a_penalty(events):
    rows = world(hosts=("sick",))
    rows.drop(rows.where(PLANTED))
    rows.add(PLANTED + np.arange(events), host="sick", user="ann", word="w", numbers={"value": 400.0})
    record, explanation = explained(run(config(MEAN), rows))
    assert record["record_score"] >= 75
    assert explanation.get("incomplete_bucket_penalty", False) == (events == 4)


def test_a_lasting_anomaly_grows_longer_and_becomes_a_matter_of_several_buckets():
    rows = world(hosts=("sick",))
    rows.numbers["value"] = [
        value + 12 * (PLANTED <= time < PLANTED + 5 * HOUR)
        for time, value in zip(rows.time, rows.numbers["value"], strict=True)
    ]
    results = run(config(MEAN), rows)
    told = [explained(results, PLANTED + later * HOUR) for later in range(5)]
    assert [explanation["anomaly_length"] for _, explanation in told] == [1, 2, 3, 4, 5]
    first, _, third, _, fifth = (record["multi_bucket_impact"] for record, _ in told)
    assert first < third < fifth
    assert told[4][1]["multi_bucket_impact"] >= 2


def test_the_same_spike_again_and_again_says_that_it_has_been_there():
    rows = world(hosts=("sick",), days=22)
    spikes = [START + day * 24 * HOUR + (7 * day % 24) * HOUR for day in range(5, 22, 2)]
    for time in spikes:
        rows.add(time + np.arange(200), host="sick", user="ann", word="w", numbers={"value": 100.0})
    results = run(config({"function": "count"}), rows)
    records = [records_at(results, time) for time in spikes]
    assert records[0][0]["record_score"] >= 75
    assert "anomaly_characteristics_impact" not in records[0][0]["anomaly_score_explanation"]
    later = [record for found in records[1:] for record in found]
    # A second of its kind is reported.
    assert records[1][0]["record_score"] >= 75
    assert max(r["anomaly_score_explanation"].get("anomaly_characteristics_impact", 0) for r in later) >= 1
    # What has come seven times is hardly news.
    assert max((record["record_score"] for found in records[7:] for record in found), default=0) < 30


def test_bounds_hold_nearly_everything_but_the_planted_value():
    results = series(long_tail, 900.0, function="high_mean")
    record, explanation = explained(results)
    assert 0 <= explanation["lower_confidence_bound"] <= record["typical"][0] <= explanation["upper_confidence_bound"]
    assert record["actual"][0] == 900.0 > explanation["upper_confidence_bound"]
