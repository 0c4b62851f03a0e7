"""What does not come, and what comes back: silence at hours that are never silent, entities gone for weeks."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.models.component import Moment
from proxy.engine.models.grid import Grid
from proxy.engine.models.silence import Silence
from proxy.engine.returns import Returns
from tests.engine.test_incidents import DAY, HOUR, START, scores_of, times_of

DEAD_DAY = 23


def office(random, opens):
    """Requests of an office, hourly, that is dead on a Wednesday after three weeks; opening hours apart."""
    time = times_of(DEAD_DAY + 2, HOUR)
    is_open = (time % DAY >= opens * HOUR) & (time % DAY < 18 * HOUR) & ((time - START) // DAY % 7 < 5)
    busy = np.sin(np.pi * (time % DAY / HOUR - opens + 0.5) / (18 - opens))
    rates = np.array([[20.0], [200.0], [200.0 * busy]], dtype=object)
    values = np.stack([random.poisson(np.where(is_open, rate, 0.0).astype(float)) for (rate,) in rates], axis=1)
    values[DEAD_DAY * 24 : (DEAD_DAY + 1) * 24] = 0
    return values.astype(float), is_open


@pytest.mark.parametrize(("function", "field", "opens"), [("count", None, 8), ("low_sum", "value", 7)])
def test_a_dead_day_of_an_office_is_found_while_it_lasts_and_not_at_night(function, field, opens):
    values, is_open = office(np.random.default_rng(opens), opens)
    if field:
        values[values == 0] = np.nan
    scores, dead = (
        scores_of(values, HOUR, function=function, field_name=field),
        slice(DEAD_DAY * 24, DEAD_DAY * 24 + 24),
    )
    assert (scores[dead][is_open[dead]].max(axis=0) >= 75).all()
    assert (scores[dead][~is_open[dead]] < 25).all()
    assert ((scores[dead.stop :] >= 75).sum(axis=0) <= 1).all()


# Days that a status code is known for, and days that it is gone.
KNOWN_DAYS, GONE_DAYS = 12, 27
BACK = (KNOWN_DAYS + GONE_DAYS) * 24 + 10


def codes(random):
    """Hourly counts of codes: one always there; a steady, a rare and a daytime one that vanish and come back."""
    time = times_of(KNOWN_DAYS + GONE_DAYS + 1, HOUR)[: BACK + 3]
    by_day = np.where((time % DAY >= 8 * HOUR) & (time % DAY < 18 * HOUR), 10.0, 0.0)
    values = random.poisson(np.stack([200.0 + 0 * by_day, 8.0 + 0 * by_day, 1.0 + 0 * by_day, by_day], axis=1))
    values[KNOWN_DAYS * 24 : BACK, 1:] = 0
    values[BACK, 1:] = (8, 2, 10)
    return values.astype(float)


@pytest.mark.parametrize("function", ["count", "non_zero_count"])
def test_a_status_code_that_returns_after_a_month_is_found(function):
    scores = scores_of(codes(np.random.default_rng(5)), HOUR, function=function, field_name=None)
    assert (scores[BACK, 1:] >= 75).all()
    assert (scores[:, 0] < 75).all()
    # That it went is one event of a day, not a month of alarms.
    third_day = (KNOWN_DAYS + 2) * 24
    assert ((scores[KNOWN_DAYS * 24 : third_day] >= 75).sum(axis=0) <= 26).all()
    assert ((scores[third_day:BACK] >= 75).sum(axis=0) <= 2).all()


def test_who_is_back_after_weeks_is_less_usual_the_more_steady_it_was():
    returns, week = Returns(), 7 * 24
    returns.grow_to(3)
    for hour in range(2 * week):
        returns.learn(np.array([0, 1, 2] if hour % 24 == 0 else [0, 1]), HOUR)
    assert returns.p(np.arange(3)).tolist() == [1.0, 1.0, 1.0]
    for _ in range(4 * week):
        returns.learn(np.array([0]), HOUR)
    # Gone for four weeks and an hour: three and a bit longer than the week that counts at least.
    excess = (4 * week + 1) / week - 1.05
    assert returns.p(np.array([0, 1])) == pytest.approx([1.0, 1 / (2 * week + 1) / (1 + 10 * excess) ** 2], rel=1e-6)
    assert returns.p(np.array([2]))[0] > 10 * returns.p(np.array([1]))[0]
    returns.learn(np.array([0, 1]), HOUR)
    # One of all those seen is back: what happens now and then is no surprise, the same silence again is none.
    present = 2 * (2 * week) + 14 + 4 * week + 2
    assert returns.p(np.array([2]))[0] == pytest.approx(1 / (present + 1))
    for _ in range(4 * week):
        returns.learn(np.array([0]), HOUR)
    assert returns.p(np.array([1]))[0] == 1.0


def test_nobody_is_gone_where_all_are_silent():
    returns = Returns()
    returns.grow_to(2)
    for _ in range(100):
        returns.learn(np.arange(2), HOUR)
    # Nothing is learnt of buckets without data: however many there were, nobody is back.
    assert returns.p(np.arange(2)).tolist() == [1.0, 1.0]


def test_a_silence_ends_when_it_has_become_normal():
    grid = Grid.of(HOUR)
    silence, rows, due = Silence(grid), np.arange(1), np.array([0.8])
    silence.grow_to(1)
    one = np.ones(1)
    for hour in range(200):
        silence.learn(Moment(hour * HOUR, rows, rows, one, rows), rows > 0, due, one)
    found = []
    for hour in range(200, 240):
        at = Moment(hour * HOUR, rows, rows, one, rows)
        found.append(float(silence.p(at, rows == 0, due)[0]))
        silence.learn(at, rows == 0, due, one)
    # What one visit missed, then ever less, to one in a million; a day's visits of 0.8 are over after 30.
    assert found[0] == 1.0
    assert found[4] == pytest.approx(0.2**5, rel=1e-5)
    assert min(found) == found[20] == 1e-6
    assert found[31:] == [1.0] * 9
    silence.learn(at, rows > 0, due, one)
    assert silence.p(at, rows == 0, np.array([0.0]))[0] == 1.0
