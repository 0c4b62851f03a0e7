"""The days of a series and where they are going: means as a naive reader takes them, levels and slopes as planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.daily_means import DAYS, DailyMeans
from proxy.engine.trend import fit, weekdays, without_incidents

DAY = 86400


@settings(max_examples=60)
@given(
    span=st.sampled_from([6 * 3600, DAY, 2 * DAY]),
    seen=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(-1e12, 1e12)), min_size=1, max_size=200),
)
def test_days_are_averaged_as_they_come_and_forgotten_after_twelve_weeks(span, seen):
    slot_s, bucket = max(DAY, span), 0
    means, by_day = DailyMeans(span), {}
    means.grow_to(2)
    for gap, is_second, value in seen:
        bucket += 1 + 9 * gap * (span < DAY)
        means.learn(bucket * span, np.array([int(is_second)]), np.array([value]))
        by_day.setdefault((bucket * span // slot_s, is_second), []).append(value)
    last = bucket * span // slot_s
    found, count = means.until(last, np.arange(2))
    for row in (0, 1):
        mine = {d: v for (d, second), v in by_day.items() if second == row and d > last - DAYS}
        usual = np.median([len(v) for v in mine.values()]) if mine else 1
        for at, day in enumerate(range(last - DAYS + 1, last + 1)):
            values = mine.get(day, [])
            if values and len(values) >= 0.5 * usual:
                assert found[at, row] == pytest.approx(
                    np.mean(values), rel=1e-5, abs=1e-30 + 1e-5 * max(map(abs, values))
                )
                assert count[at, row] == len(values)
            else:
                assert np.isnan(found[at, row])


def one(values):
    trend = fit(np.array(values, float)[:, None])
    return float(trend.level[0]), float(trend.slope[0]), float(trend.start[0]), float(trend.growth[0])


def test_noise_has_no_slope_and_does_not_grow():
    for seed in range(10):
        values = np.random.default_rng(seed).normal(100, 1, 28)
        level, slope, start, growth = one(values)
        assert level == pytest.approx(100, abs=1)
        assert slope == 0
        assert start + 7 * growth < 6


@pytest.mark.parametrize("days", [6, 10, 28])
def test_a_ramp_is_a_slope(days):
    for seed in range(5):
        values = 3.0 * np.arange(days) + np.random.default_rng(seed).normal(0, 0.5, days)
        level, slope, _, _ = one(values)
        assert slope == pytest.approx(3, abs=0.6)
        assert level == pytest.approx(3 * (days - 1), abs=2)


def test_days_not_seen_do_not_hide_a_slope():
    values = 3.0 * np.arange(28)
    values[[0, 1, 5, 6, 13, 20]] = np.nan
    assert one(values)[:2] == pytest.approx((81, 3))


def test_who_moved_stays_where_he_is():
    level, slope, _, _ = one([100.0, 101, 99] * 8 + [150.0, 151, 149])
    assert (level, slope) == (150, 0)


def test_one_odd_day_moves_nothing():
    level, slope, _, growth = one([100.0, 101, 99] * 9 + [160.0])
    assert level == pytest.approx(100, abs=1)
    assert slope == 0
    assert growth < 1


def test_a_walk_strays_the_more_the_longer():
    grown = [one(np.cumsum(np.random.default_rng(seed).normal(0, 1, 28)))[3] for seed in range(20)]
    assert 0.3 < np.median(grown) < 3


def test_three_days_tell_nothing():
    trend = fit(np.array([[1.0, np.nan], [2.0, np.nan], [3.0, np.nan]]))
    assert trend.days.tolist() == [0, 0]
    assert trend.level.tolist() == [0, 0]


def test_a_line_through_noise_is_a_slope():
    """A tenth of the noise a day for a year, of which twelve weeks are seen."""
    for seed in range(10):
        values = 100 + 0.3 * np.arange(84) + np.random.default_rng(seed).normal(0, 3, 84)
        level, slope, _, _ = one(values)
        assert slope == pytest.approx(0.3, abs=0.1)
        assert level == pytest.approx(100 + 0.3 * 83, abs=3)


def test_a_week_of_zeros_that_is_over_leaves_the_bounds_alone():
    values = 100 + np.random.default_rng(7).normal(0, 3, 28)
    values[19:26] = 0
    level, slope, start, growth = one(values)
    assert (level, slope) == (pytest.approx(100, abs=3), 0)
    assert np.sqrt(start + 28 * growth) < 20
    assert np.isnan(without_incidents(values[:, None])[:, 0]).nonzero()[0].tolist() == list(range(19, 26))


def test_what_lasts_is_no_incident():
    values = 100 + np.random.default_rng(8).normal(0, 3, (28, 3))
    values[23:, 0] = 0
    values[10:, 1] = 0
    values[27, 2] = 0
    left = np.isfinite(without_incidents(values))
    assert left[23:, 0].all() and left[10:, 1].all() and left[27, 2]


def test_weekdays_are_what_the_last_four_weeks_say():
    """Sixty days; Saturdays (5 modulo 7) and Sundays are 30 lower, one Saturday far more."""
    rng, days = np.random.default_rng(9), np.arange(60)
    values = 200 + 0.5 * days - 30.0 * (days % 7 >= 5) + rng.normal(0, 1, 60)
    values[47] -= 100
    found = weekdays(values[:, None])[:, 0]
    # Row 6 is day 59, a Wednesday (3 modulo 7).
    by_number = {(59 - 6 + row) % 7: found[row] for row in range(7)}
    for number in range(7):
        wanted = 30.0 * 2 / 7 if number < 5 else -30.0 * 5 / 7
        assert by_number[number] == pytest.approx(wanted, abs=2.5)
    assert found.sum() == pytest.approx(0, abs=1e-9)


def test_less_than_two_weeks_have_no_weekdays():
    assert not weekdays(np.arange(13.0)[:, None]).any()
    assert not weekdays(np.full((84, 1), np.nan)).any()
