"""time_of_day and time_of_week: arrivals at unusual times."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.circular import Circular
from tests.engine.naive_circular import NaiveCircular

HOUR, DAY = 3600, 86_400
BUCKET = st.tuples(
    st.integers(1, 30),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, HOUR - 1)), min_size=1, max_size=6),
)
ROWS = np.array([0, 1, 0])


def with_rows(*, is_weekly=False, rows=2):
    circular = Circular(is_weekly=is_weekly)
    circular.grow_to(rows)
    return circular


def split(events):
    group, time_s = (np.array(column, np.int64) for column in zip(*events, strict=True))
    return group, time_s


def office_worker(days, circular):
    """One login at a random minute of 9 to 17 o'clock on each day."""
    random = np.random.default_rng(5)
    for day in range(days):
        login = np.array([day * DAY + 9 * HOUR + int(random.integers(0, 8 * HOUR))])
        circular.learn(np.array([0]), np.array([0]), login)


def score_one(circular, time_s):
    return circular.score(np.array([0]), np.array([0]), np.array([time_s]))


@pytest.mark.parametrize("is_weekly", [False, True])
@settings(max_examples=40, deadline=None)
@given(buckets=st.lists(BUCKET, min_size=1, max_size=10))
def test_scores_agree_with_the_looping_twin(is_weekly, buckets):
    fast, slow, start = with_rows(is_weekly=is_weekly), NaiveCircular(is_weekly), 0
    for gap, offsets in buckets:
        start += gap * 5 * HOUR
        events = [(group, start + offset) for group, offset in offsets]
        scores = fast.score(ROWS, *split(events))
        np.testing.assert_allclose(scores.probability, slow.score(ROWS, events), rtol=1e-5)
        fast.learn(ROWS, *split(events))
        slow.learn(ROWS, events)


@settings(max_examples=20, deadline=None)
@given(buckets=st.lists(BUCKET, min_size=2, max_size=8), cut=st.integers(0, 7))
def test_a_restored_state_goes_on_bit_exactly(buckets, cut):
    straight, restored, start = with_rows(), with_rows(), 0
    for number, (gap, offsets) in enumerate(buckets):
        start += gap * 5 * HOUR
        group, time_s = split([(group, start + offset) for group, offset in offsets])
        if number == cut:
            restored = Circular.from_state(straight.state())
        expected = straight.score(ROWS, group, time_s)
        straight.learn(ROWS, group, time_s)
        if number >= cut:
            again = restored.score(ROWS, group, time_s)
            assert expected.probability.tobytes() == again.probability.tobytes()
        restored.learn(ROWS, group, time_s)


def test_a_login_at_night_is_unusual_for_an_office_worker():
    circular = with_rows()
    office_worker(30, circular)
    night = score_one(circular, 30 * DAY + 3 * HOUR)
    assert night.probability[0] < 2e-3
    assert night.actual[0] == 3 * HOUR
    assert 9 * HOUR <= night.typical[0] <= 17 * HOUR


def test_a_login_at_work_is_not():
    circular = with_rows()
    office_worker(30, circular)
    noons = [score_one(circular, 30 * DAY + 9 * HOUR + m * 600).probability[0] for m in range(48)]
    assert np.mean(noons) > 0.4
    assert min(noons) > 0.01


def test_arrivals_at_any_time_rarely_alarm():
    circular, random, alarms = with_rows(), np.random.default_rng(11), 0
    for day in range(90):
        arrival = np.array([day * DAY + int(random.integers(0, DAY))])
        alarms += circular.score(np.array([0]), np.array([0]), arrival).probability[0] < 0.01
        circular.learn(np.array([0]), np.array([0]), arrival)
    assert alarms <= 1


def test_a_quiet_but_daily_visit_is_a_habit_however_busy_the_day():
    circular = with_rows()
    for day in range(20):
        for hour in range(8, 18):
            times = day * DAY + hour * HOUR + np.arange(0, HOUR, 9)
            circular.learn(np.array([0]), np.zeros(times.size, np.int64), times)
        circular.learn(np.array([0]), np.array([0]), np.array([day * DAY + 3 * HOUR]))
    assert score_one(circular, 20 * DAY + 3 * HOUR).probability[0] > 0.02
    assert score_one(circular, 20 * DAY + 5 * HOUR).probability[0] < 0.002


def test_weekly_habits_tell_sunday_from_monday():
    circular = with_rows(is_weekly=True)
    monday = 4 * DAY
    for week in range(8):
        for day in range(5):
            login = np.array([monday + (7 * week + day) * DAY + 10 * HOUR])
            circular.learn(np.array([0]), np.array([0]), login)
    eighth = monday + 8 * 7 * DAY + 10 * HOUR
    assert score_one(circular, eighth).probability[0] > 0.2
    sunday = score_one(circular, eighth + 6 * DAY)
    assert sunday.probability[0] < 0.01
    assert sunday.actual[0] == 10 * HOUR


def test_nothing_is_claimed_on_the_first_day():
    circular = with_rows()
    for hour in range(9, 17):
        circular.learn(np.array([0]), np.array([0]), np.array([hour * HOUR]))
    assert score_one(circular, 23 * HOUR).probability[0] > 0.3


def test_persons_of_a_population_share_a_habit():
    circular = with_rows()
    people = np.arange(50)
    for day in range(5):
        noon = np.full(50, day * DAY + 12 * HOUR) + people * 60
        circular.learn(np.zeros(50, np.int64), people, noon)
    events = np.array([5 * DAY + 12 * HOUR + 600, 5 * DAY + 2 * HOUR])
    scores = circular.score(np.zeros(2, np.int64), np.array([0, 1]), events)
    assert scores.probability[0] > 0.5
    assert scores.probability[1] < 0.005


def test_inputs_are_left_alone_and_memory_stays_flat():
    circular = with_rows()
    rows, group, time_s = np.array([0, 1]), np.array([1, 0]), np.array([5, 7])
    for array in (rows, group, time_s):
        array.setflags(write=False)
    before = circular.nbytes
    for _ in range(50):
        circular.score(rows, group, time_s)
        circular.learn(rows, group, time_s)
    assert circular.nbytes == before


def test_rows_can_be_dropped_and_reset():
    circular = with_rows(rows=3)
    for row in range(3):
        circular.learn(np.array([row]), np.array([0]), np.array([row * 5 * HOUR]))
    circular.keep(np.array([2, 0]))
    circular.reset(np.array([1]))
    assert circular.size == 2
    assert circular.score(np.array([0]), np.array([0]), np.array([DAY])).typical[0] == 10.125 * HOUR
    assert np.isnan(circular.score(np.array([1]), np.array([0]), np.array([DAY])).typical[0])


def test_habits_move_with_the_clock():
    circular = with_rows()
    office_worker(30, circular)
    early = 30 * DAY + 7 * HOUR
    before = score_one(circular, early).probability[0]
    circular.shift(2 * HOUR)
    assert score_one(circular, early).probability[0] > 5 * before
