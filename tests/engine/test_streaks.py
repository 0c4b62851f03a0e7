"""Odd buckets in a row: what those before add, and that jobs tell them louder than the worst of them by itself."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.models.history import History
from proxy.engine.models.streaks import Streaks
from tests.engine.test_incidents import DAY, HOUR, MINUTE, START, daily, scores_of

ROWS, ONE = np.arange(1), np.ones(1)


class Feed:
    """Streaks of one series that has a bucket every `span` seconds."""

    def __init__(self, span=HOUR, *, learnt=()):
        self.span, self.time, self.history = span, START, History()
        self.streaks = Streaks(span, self.history)
        for part in (self.history, self.streaks):
            part.grow_to(1)
        for z, p in learnt:
            at = self.history.at(self.time, ROWS)
            self.streaks.learn(at, np.array([float(z)]), np.array([p]))
            self.history.learn(at, ONE)
            self.time += span

    def added(self, z, p, *, gap_s=0):
        at = self.history.at(self.time + gap_s, ROWS)
        return float(self.streaks.added(at, np.array([float(z)]), np.array([p]))[0])


def test_an_odd_bucket_takes_half_of_what_the_hours_before_had_beyond_one_chance_in_ten():
    feed = Feed(learnt=[(4, 1e-3), (3, 1e-2)])
    assert feed.added(4, 1e-3) == pytest.approx(0.5 * (0.8 * 0.8 * 2.0 + 0.8 * 1.0), rel=1e-6)
    # Not if it is on the other side, nor if it is not odd itself.
    assert feed.added(-4, 1e-3) == 0.0
    assert feed.added(4, 0.02) == 0.0


def test_three_powers_of_ten_count_at_most():
    assert Feed(learnt=[(9, 1e-12)]).added(4, 1e-3) == pytest.approx(1.5)


@pytest.mark.parametrize(("span", "share"), [(5 * MINUTE, 1 / 13), (HOUR, 1 / 2), (DAY, 24 / 25)])
def test_what_is_near_in_time_shares_its_causes(span, share):
    assert Feed(span, learnt=[(4, 1e-3)]).added(4, 1e-3) == pytest.approx(share * 0.8 * 2.0, rel=1e-6)


def test_a_streak_fades_and_another_side_begins_a_new_one():
    quiet = [(0.5, 0.6)] * 5
    assert Feed(learnt=[(4, 1e-3), *quiet]).added(4, 1e-3) == pytest.approx(0.5 * 0.8**6 * 2.0, rel=1e-6)
    # What is usual on the other side ends nothing.
    assert Feed(learnt=[(4, 1e-3), (-0.5, 0.6)]).added(4, 1e-3) == pytest.approx(0.5 * 0.8**2 * 2.0, rel=1e-6)
    assert Feed(learnt=[(4, 1e-9), (-4, 1e-3)]).added(-4, 1e-3) == pytest.approx(0.5 * 0.8 * 2.0, rel=1e-6)


def test_after_half_a_day_without_data_a_streak_is_over():
    feed = Feed(learnt=[(4, 1e-3)])
    assert feed.added(4, 1e-3, gap_s=11 * HOUR) == feed.added(4, 1e-3)
    assert feed.added(4, 1e-3, gap_s=12 * HOUR) == 0.0
    # Of daily buckets one may be missing.
    assert Feed(DAY, learnt=[(4, 1e-3)]).added(4, 1e-3, gap_s=DAY) > 0.0
    assert Feed(DAY, learnt=[(4, 1e-3)]).added(4, 1e-3, gap_s=2 * DAY) == 0.0


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
