"""Odd buckets in a row: what those before add, and that jobs tell a confirmed anomaly louder than its first bucket."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.models.streaks import Streaks
from tests.engine.test_incidents import DAY, HOUR, MINUTE, daily, scores_of

ROWS = np.arange(1)


def streaks_of(span=HOUR, *, learnt=()):
    streaks = Streaks(span)
    streaks.grow_to(1)
    for z, p in learnt:
        streaks.learn(ROWS, np.array([float(z)]), np.array([p]))
    return streaks


def added(streaks, z, p):
    return float(streaks.added(ROWS, np.array([float(z)]), np.array([p]))[0])


def test_an_odd_bucket_takes_half_of_what_the_hours_before_had_beyond_one_chance_in_ten():
    streaks = streaks_of(learnt=[(4, 1e-3), (3, 1e-2)])
    assert added(streaks, 4, 1e-3) == pytest.approx(0.5 * (0.8 * 0.8 * 2.0 + 0.8 * 1.0), rel=1e-6)
    # Not if it is on the other side, nor if it is not odd itself.
    assert added(streaks, -4, 1e-3) == 0.0
    assert added(streaks, 4, 0.02) == 0.0


def test_three_powers_of_ten_count_at_most():
    assert added(streaks_of(learnt=[(9, 1e-12)]), 4, 1e-3) == pytest.approx(1.5)


@pytest.mark.parametrize(("span", "share"), [(5 * MINUTE, 1 / 13), (HOUR, 1 / 2), (DAY, 24 / 25)])
def test_what_is_near_in_time_shares_its_causes(span, share):
    assert added(streaks_of(span, learnt=[(4, 1e-3)]), 4, 1e-3) == pytest.approx(share * 0.8 * 2.0, rel=1e-6)


def test_a_streak_fades_and_another_side_begins_a_new_one():
    quiet = [(0.5, 0.6)] * 5
    assert added(streaks_of(learnt=[(4, 1e-3), *quiet]), 4, 1e-3) == pytest.approx(0.5 * 0.8**6 * 2.0, rel=1e-6)
    assert added(streaks_of(learnt=[(4, 1e-9), (-4, 1e-3)]), -4, 1e-3) == pytest.approx(0.5 * 0.8 * 2.0, rel=1e-6)


def test_an_anomaly_that_goes_on_and_grows_is_louder_than_its_worst_hour_by_itself():
    """Where single wild values are common, so that none says much."""
    values = daily(40, HOUR, series=8)
    rng = np.random.default_rng(5)
    for series in range(8):
        for day in rng.choice(np.arange(3, 36), 12, replace=False):
            values[day * 24 + rng.integers(24), series] += rng.choice([-1, 1]) * rng.uniform(5, 9)
    hours = slice(37 * 24 + 10, 37 * 24 + 13)
    alone, grown = values.copy(), values.copy()
    grown[hours] += np.array([5.0, 6.5, 8.0])[:, None]
    alone[hours] += np.array([0.0, 0.0, 8.0])[:, None]
    loudest = [scores_of(those, HOUR)[hours].max(axis=0).mean() for those in (grown, alone)]
    assert loudest[0] >= loudest[1] + 15
