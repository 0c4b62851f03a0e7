"""Incidents, echoes and silence as users see them: scores of whole jobs on made-up series."""

from __future__ import annotations

import numpy as np
import pytest

from bench.jobs import run
from proxy.engine import Batch, Column

MINUTE, HOUR, DAY = 60, 3600, 86400
# A Monday.
START = 1_704_067_200
KEYS = [f"{n}" for n in range(12)]


def times_of(days, span):
    return START + span * np.arange(int(days * DAY / span))


def scores_of(values, span, **detector):
    """initial_record_score of buckets x series."""
    count, series = values.shape
    is_count = str(detector.get("function")).endswith("count")
    codes, flat = np.tile(np.arange(series, dtype=np.int32), count), values.reshape(-1)
    known = flat > 0 if is_count else np.isfinite(flat)
    time = np.repeat(START + span * np.arange(count), series)
    batch = Batch(time[known], {"key": Column(codes[known], KEYS[:series])}, {"value": flat[known]})
    detector = {"function": "mean", "field_name": "value"} | detector | {"partition_field_name": "key"}
    more = {"summary_count_field_name": "value"} if is_count else {}
    out = np.zeros(values.shape)
    for record in run(detector, batch, span, **more).records:
        at = (int(str(record["timestamp"])) // 1000 - START) // span
        out[at, KEYS.index(str(record["partition_field_value"]))] = record["initial_record_score"]
    return out


def daily(days, span, series=4, seed=1):
    wave = 10.0 * np.sin(2 * np.pi * times_of(days, span) / DAY)[:, None]
    return 100.0 + wave + np.random.default_rng(seed).normal(size=(len(wave), series))


# From when to when in the day, in minutes: whole hours, a pulse, edges within a bin of the day.
EDGES = np.array([(0, 720), (480, 1080), (490, 1070), (485, 1105), (1260, 1320)])


@pytest.mark.parametrize(("span", "days"), [(HOUR, 10), (15 * MINUTE, 5)])
def test_a_perfect_square_wave_is_quiet_after_three_days(span, days):
    minute = times_of(days, span)[:, None] % DAY // MINUTE
    scores = scores_of(np.where((minute >= EDGES[:, 0]) & (minute < EDGES[:, 1]), 80.0, 20.0), span)
    assert (scores[3 * DAY // span :] < 25).all()


def test_of_a_series_that_is_the_same_but_for_exceptions_tells_how_rare_they_are_how_odd_one_is():
    values = np.tile([0.0, 0.0, 100.0], (20 * 24, 1))
    for hour, value in ((240, (1.0, 1e6, 200.0)), (300, (1.0, 1.0, 200.0)), (400, (1.0, 1.0, 200.0))):
        values[hour] = value
    scores = scores_of(values, HOUR)
    assert (scores[240] >= 90).all()
    # A hundred has a spread: a thousandth of it.
    assert ((scores[[300, 400], :2] >= 25) & (scores[[300, 400], :2] < 75)).all()


def test_a_value_far_beyond_a_series_that_varies_a_little_is_not_taken_for_one_that_does_not():
    values = np.random.default_rng(2).normal(0.1, 0.001, (240, 4))
    values[-1] = (1.0, 1e3, 1e8, 1e12)
    assert (scores_of(values, HOUR)[-1] >= 90).all()


@pytest.mark.parametrize("span", [5 * MINUTE, 15 * MINUTE, HOUR])
def test_an_incident_and_a_second_one_a_day_and_a_half_later_are_found_at_every_span(span):
    values, first = daily(8, span), (5 * DAY + 10 * HOUR) // span
    second = first + 36 * HOUR // span
    for at in (first, second):
        values[at : at + 3 * HOUR // span] *= 3.0
    scores = scores_of(values, span)
    assert (scores[first] >= 75).all()
    assert (scores[second : second + 3 * HOUR // span].max(axis=0) >= 75).all()


def test_an_outage_of_two_hundred_times_normal_is_reported_again_a_week_later():
    values = daily(24, HOUR)
    for at in (15 * 24, 22 * 24):
        values[at : at + 2] *= 200.0
    scores = scores_of(values, HOUR)
    assert (scores[22 * 24] >= 75).all()


@pytest.mark.parametrize("span", [5 * MINUTE, 15 * MINUTE])
@pytest.mark.parametrize(("weekend", "share"), [(1.0, 0.8), (0.3, 0.3)])
def test_what_is_three_spreads_off_for_eight_hours_stays_on_the_score(span, weekend, share):
    """Neither a predictor that follows the last values nor a change of strength explains it away."""
    times, rng = times_of(28, span), np.random.default_rng(11)
    wave = 40.0 * np.sin(2 * np.pi * times / DAY) * np.where(times // DAY % 7 >= 5, weekend, 1.0)
    values = 100.0 + wave[:, None] + 5.0 * rng.normal(size=(len(times), 8))
    at, n = (26 * DAY + 10 * HOUR) // span, 8 * HOUR // span
    values[at : at + n] += 15.0
    scores = scores_of(values, span)
    assert np.median(scores[at : at + n].max(axis=0)) >= 75
    assert (scores[at + n // 4 : at + n] >= 25).mean() >= share


def test_after_two_outages_a_spike_still_scores():
    values = daily(22, HOUR)
    for at in (14 * 24, 17 * 24):
        values[at : at + 6] = 0.0
    values[20 * 24 + 5] += 10.0
    assert np.median(scores_of(values, HOUR)[20 * 24 + 5]) >= 50


def test_after_two_far_spikes_a_smaller_one_still_scores():
    values = daily(19, HOUR, series=8)
    for at, size in ((14 * 24, 15.0), (16 * 24 + 9, 15.0), (17 * 24 + 11, 8.0)):
        values[at] += size
    assert np.median(scores_of(values, HOUR)[17 * 24 + 11]) >= 60


def test_a_range_that_drifts_is_left_without_alarm():
    """Every few hours there is a highest value so far, for weeks."""
    values = 100.0 + 0.02 * np.arange(30 * 24)[:, None] + np.random.default_rng(6).normal(size=(30 * 24, 6))
    scores = scores_of(values, HOUR)
    assert (scores >= 75).sum() <= 3
    assert (scores[10 * 24 :] >= 25).mean() < 0.01


@pytest.mark.parametrize("span", [1, 5, 10, 15, 60])
def test_a_spike_of_twenty_times_is_critical_after_550_buckets(span):
    values = 10.0 + np.random.default_rng(4).normal(size=(560, 2))
    values[550] *= 20.0
    assert (scores_of(values, span)[550] >= 75).all()


def test_the_bucket_after_a_spike_never_ranks_with_it():
    values = daily(16, HOUR, series=8)
    values[15 * 24] *= 1.0 + np.arange(1, 9) / 10
    scores = scores_of(values, HOUR)
    assert (scores[15 * 24] >= 90).all()
    assert (scores[15 * 24 + 1 : 15 * 24 + 6] < 50).all()


@pytest.mark.parametrize(("span", "days"), [(5 * MINUTE, 5), (HOUR, 21)])
@pytest.mark.parametrize("wave", [0.0, 30.0])
@pytest.mark.parametrize("noise", [0.0, 0.1, 3.0])
def test_nor_where_a_series_is_flat_or_all_but_free_of_noise(span, days, wave, noise):
    times, at = times_of(days, span), days * DAY // span - DAY // span
    values = 100.0 + wave * np.sin(2 * np.pi * times / DAY)[:, None]
    values = values + noise * np.random.default_rng(5).normal(size=(len(times), 4))
    values[at] += (30.0, -30.0, 100.0, -1000.0)
    scores = scores_of(values, span)
    assert (scores[at] >= 75).all()
    assert (scores[at + 1 : at + 6] < 25).all()


def test_low_counts_that_fall_to_zero_for_two_hours_score_from_the_outage_on():
    values = np.random.default_rng(7).poisson(10.0, (17 * 96, 4)).astype(float)
    values[15 * 96 : 15 * 96 + 8] = 0.0
    scores = scores_of(values, 15 * MINUTE, function="count", field_name=None)
    outage = scores[15 * 96 : 15 * 96 + 8].max(axis=0)
    assert (outage >= 75).all()
    assert (scores[15 * 96 + 8 : 15 * 96 + 12].max(axis=0) < outage).all()


@pytest.mark.parametrize("function", ["count", "low_count"])
def test_an_office_that_falls_silent_in_the_afternoon_is_critical(function):
    time = times_of(31, HOUR)
    is_open = (time % DAY >= 8 * HOUR) & (time % DAY < 18 * HOUR) & ((time - START) // DAY % 7 < 5)
    values = np.random.default_rng(9).poisson(np.where(is_open, 200.0, 0.0)[:, None] * np.ones(3)).astype(float)
    dead = 29 * 24 + 14
    values[dead : dead + 4] = 0.0
    scores = scores_of(values, HOUR, function=function, field_name=None)
    assert (scores[dead] >= 75).all()


def test_daily_buckets_have_results_after_three_weeks():
    values = 100.0 + np.random.default_rng(3).normal(size=(24, 4))
    values[21] = 200.0
    assert (scores_of(values, DAY)[21] >= 25).all()


def test_buckets_that_a_rule_keeps_from_the_model_score_alike_however_many():
    values = daily(20, HOUR, series=2)
    values[15 * 24 : 15 * 24 + 30] = 200.0
    condition = {"applies_to": "actual", "operator": "gt", "value": 150.0}
    rule = {"actions": ["skip_model_update"], "conditions": [condition]}
    scores = scores_of(values, HOUR, custom_rules=[rule])[15 * 24 : 15 * 24 + 30]
    assert scores.min() >= 90
    assert np.ptp(scores) < 10


@pytest.mark.parametrize("span", [15 * MINUTE, HOUR])
def test_a_day_at_zero_stays_on_the_score_and_leaves_nothing_behind(span):
    values, first, day = daily(22, span, series=3), 20 * DAY // span, DAY // span
    values[first : first + day] = 0.0
    scores = scores_of(values, span)
    outage = scores[first : first + day]
    assert (outage[0] >= 90).all()
    assert (np.median(outage.reshape(24, -1, 3), axis=1) >= 50).all()
    assert ((scores[first + day :] >= 75).sum(axis=0) <= 4).all()


@pytest.mark.parametrize("span", [5 * MINUTE, 15 * MINUTE, HOUR])
def test_three_spreads_more_for_eight_hours_are_critical_and_stay_on_the_score(span):
    values, first = daily(17, span, series=12), (16 * DAY + 10 * HOUR) // span
    after = first + 8 * HOUR // span
    values[first:after] += 3.0
    scores = scores_of(values, span)
    incident = scores[first:after]
    assert np.median(incident.max(axis=0)) >= 75
    assert (incident >= 25).mean() >= 0.25
    assert (incident[len(incident) // 4 :] >= 25).any(axis=0).mean() >= 0.75
    assert (scores[after:] >= 75).sum() <= 3


def test_one_and_a_half_spreads_more_for_two_hours_of_five_minutes_are_found():
    values = 100.0 + np.random.default_rng(9).normal(size=(17 * DAY // 300, 12))
    first = (16 * DAY + 10 * HOUR) // 300
    values[first : first + 24] += 1.5
    assert np.median(scores_of(values, 300)[first : first + 24].max(axis=0)) >= 75


@pytest.mark.parametrize("span", [15 * MINUTE, HOUR])
@pytest.mark.parametrize("days", [3, 10])
@pytest.mark.parametrize(("wave", "elsewhere"), [(0.0, 0.0), (10.0, 0.0), (60.0, 0.0), (10.0, 400.0)])
def test_after_days_elsewhere_the_first_day_and_the_week_back_are_quiet(span, days, wave, elsewhere):
    values = 100.0 + wave * np.sin(2 * np.pi * times_of(40, span) / DAY)[:, None]
    values = values + np.random.default_rng(1).normal(size=(len(values), 3))
    a_day = DAY // span
    gone, back = 21 * a_day, (21 + days) * a_day
    values[gone:back] = elsewhere
    scores = scores_of(values, span)
    assert (scores[gone] >= 90).all()
    assert (scores[gone : gone + a_day] >= 25).mean() >= 0.9
    assert (scores[back:] < 75).all()
    assert (scores[back : back + a_day] >= 25).mean() <= 0.05
    assert (scores[back + a_day :] >= 25).mean() <= 0.01


def test_a_constant_series_comes_home():
    values = np.tile([100.0, 100.0, 0.0], (30 * 24, 1))
    values[21 * 24 : 24 * 24] = (0.0, 300.0, 100.0)
    scores = scores_of(values, HOUR)
    assert (scores[21 * 24] >= 90).all()
    assert (scores[24 * 24 :] < 25).all()


@pytest.mark.parametrize(("workday", "weekend"), [(100.0, 20.0), (50.0, 100.0), (100.0, 300.0)])
def test_a_weekend_is_not_away_from_home(workday, weekend):
    times = times_of(49, HOUR)
    is_weekend = times // DAY % 7 >= 5
    values = np.where(is_weekend, weekend, workday)[:, None] + np.random.default_rng(1).normal(size=(len(times), 4))
    scores = scores_of(values, HOUR)
    assert (scores[14 * 24 :] < 25).mean() >= 0.99
    assert (scores[14 * 24 :] < 75).all()


def test_an_outage_of_what_is_elsewhere_is_not_taken_for_home():
    times = times_of(40, HOUR)
    values = np.where(times // DAY % 7 >= 5, 20.0, 100.0)[:, None] + np.random.default_rng(1).normal(
        size=(len(times), 6)
    )
    at = 35 * 24
    values[at : at + 72] += 400.0
    values[at + 72 : at + 96] = 0.0
    assert (scores_of(values, HOUR)[at + 72 : at + 96].max(axis=0) >= 75).all()


def test_a_series_with_a_period_of_its_own_comes_home():
    times = times_of(54, HOUR)
    values = 100.0 + 30.0 * np.sin(2 * np.pi * times / (35 * HOUR))[:, None]
    values = values + np.random.default_rng(1).normal(size=(len(times), 4))
    values[50 * 24 : 53 * 24] = 0.0
    scores = scores_of(values, HOUR)
    assert (scores[50 * 24] >= 90).all()
    assert (scores[53 * 24 :] >= 25).mean() <= 0.05


def test_a_second_time_away_soon_after_is_an_incident_while_it_lasts():
    values = daily(32, HOUR, series=3)
    for gone, back in ((21, 25), (28, 29)):
        values[gone * 24 : back * 24] = 0.0
    scores = scores_of(values, HOUR)
    assert (scores[28 * 24] >= 75).all()
    assert (scores[28 * 24 : 29 * 24] >= 15).mean() >= 0.6


def test_what_lasts_for_longer_than_it_was_otherwise_is_where_a_series_is_at_home():
    values = daily(60, HOUR, series=3)
    values[14 * 24 : 44 * 24] += 100.0
    scores = scores_of(values, HOUR)
    assert (scores[14 * 24] >= 75).all()
    assert (scores[44 * 24] >= 75).all()
    assert (scores[44 * 24 : 45 * 24] >= 25).mean() >= 0.5


def test_a_value_between_the_modes_of_a_machine_is_found():
    random = np.random.default_rng(3)
    values = random.choice((20.0, 50.0), (18 * 24, 6)) + random.normal(size=(18 * 24, 6))
    values[17 * 24] = 35.0
    scores = scores_of(values, HOUR)
    assert (scores[17 * 24] >= 75).all()
    assert (np.delete(scores, 17 * 24, axis=0) < 75).all()


HALVES, ONE_BUSY = np.where(np.arange(30) < 15, 100.0, 300.0), np.where(np.arange(30) == 0, 300.0, 100.0)


@pytest.mark.parametrize(("usual", "odd"), [(HALVES, 200.0), (HALVES, 360.0), (ONE_BUSY, 200.0)])
def test_who_is_unlike_all_kinds_of_hosts_is_found(usual, odd):
    values = usual + 3.0 * np.random.default_rng(1).normal(size=(10 * 24, 30))
    at, who = 10 * 24 - 5, 20
    values[at, who] = odd
    batch = Batch(
        np.repeat(START + HOUR * np.arange(len(values)), 30),
        {"host": Column(np.tile(np.arange(30, dtype=np.int32), len(values)), [f"{n}" for n in range(30)])},
        {"value": values.reshape(-1)},
    )
    detector = {"function": "mean", "field_name": "value", "over_field_name": "host"}
    records = [r for r in run(detector, batch, HOUR).records if float(str(r["initial_record_score"])) >= 75]
    assert [(r["over_field_value"], r["timestamp"]) for r in records] == [(f"{who}", (START + at * HOUR) * 1000)]
