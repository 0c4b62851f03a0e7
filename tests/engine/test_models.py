"""The vectorised models against naive twins, and many series at once against each alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.models.calendar_days import MonthDay
from proxy.engine.models.component import Moment
from proxy.engine.models.events import Events
from proxy.engine.models.grid import Grid
from proxy.engine.models.series import SeriesModel
from proxy.engine.models.sums import RunningSums
from proxy.engine.models.tails import Tails
from tests.engine.naive_series import NaiveEvents, NaiveTail

HOUR = 3600
SCORE = st.one_of(st.floats(-6, 6), st.floats(-300, 300), st.just(float("nan")))


@settings(max_examples=40, deadline=None)
@given(history=st.lists(st.tuples(SCORE, SCORE), min_size=1, max_size=120), asked=st.floats(-200, 200))
def test_tails_equal_the_naive_twin(history, asked):
    tails = Tails(1)
    tails.grow_to(2)
    twins = NaiveTail(), NaiveTail()
    for pair in history:
        tails.learn(np.arange(2), np.array([pair]))
        for twin, z in zip(twins, pair, strict=True):
            twin.learn(z)
    found = tails.survival(0, np.arange(2), np.array([asked, -asked]))
    assert found == pytest.approx([twins[0].survival(asked), twins[1].survival(-asked)], rel=1e-3, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([300, 3600, 43200, 43500, 900_000]), st.booleans(), st.floats(0, 12), st.floats(0, 5)
        ),
        max_size=60,
    )
)
def test_events_equal_the_naive_twin(steps):
    events = Events()
    events.grow_to(2)
    twins = NaiveEvents(), NaiveEvents()
    time = 100
    for gap, is_lasting, *sizes in steps:
        time += gap
        surprise = np.float32(sizes).astype(float)
        lasts, rows = np.array([False, is_lasting]), np.arange(2)
        each = list(zip(twins, surprise, lasts, strict=True))
        wanted = [twin.discount(time, s, of_it) for twin, s, of_it in each]
        assert events.discount(rows, time, surprise, lasts) == pytest.approx(wanted, abs=2e-3)
        wanted = [twin.goes_on(time, s, of_it) for twin, s, of_it in each]
        assert events.goes_on(rows, time, surprise, lasts).tolist() == wanted
        events.learn(rows, time, surprise, lasts)
        for twin, s, of_it in each:
            twin.learn(time, s, of_it)
        assert [events.run_length(row) for row in (0, 1)] == [twin.run() for twin in twins]


KINDS = {
    "metric": {"side": 0, "is_count": False, "non_negative": False, "zero_empty": False},
    "count": {"side": 0, "is_count": True, "non_negative": True, "zero_empty": True},
    "high": {"side": 1, "is_count": False, "non_negative": False, "zero_empty": False},
}


def feed(model, rows, values):
    """Judges and learns a table of hours x series; NaN = absent. Returns p, hours x series."""
    model.grow_to(values.shape[1])
    out = np.full(values.shape, np.nan)
    for hour, row in enumerate(values):
        present = rows[np.isfinite(row)]
        if len(present):
            judged = model.judge(hour * HOUR, present, row[present])
            model.learn(hour * HOUR, judged, np.ones(len(present)))
            out[hour, present] = judged.p
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_many_series_at_once_equal_each_alone(kind):
    rng = np.random.default_rng(8)
    values = rng.poisson(6, (500, 5)).astype(float) if kind == "count" else rng.normal(50, 4, (500, 5))
    values[300:, 1] += 40
    values[rng.random(values.shape) < 0.2] = np.nan
    together = feed(SeriesModel(HOUR, **KINDS[kind]), np.arange(5), values)
    for k in range(5):
        alone = feed(SeriesModel(HOUR, **KINDS[kind]), np.arange(1), values[:, k : k + 1])
        assert np.array_equal(together[:, k], alone[:, 0], equal_nan=True)


def settled(values, **kind):
    model = SeriesModel(HOUR, **(KINDS["metric"] | kind))
    feed(model, np.arange(1), np.asarray(values, float)[:, None])
    return model


def judge_next(model, value, hours):
    return model.judge(hours * HOUR, np.arange(1), np.array([float(value)]))


def test_a_lone_spike_does_not_come_back_as_tomorrows_pattern():
    values = 100 + np.random.default_rng(1).normal(0, 1, 500)
    values[400] += 500
    model = settled(values)
    assert abs(float(judge_next(model, 100, 424).typical[0]) - 100) < 5


def test_a_daily_pattern_is_known_after_three_days():
    values = 100 + 30 * np.sin(np.arange(96) * 2 * np.pi / 24) + np.random.default_rng(2).normal(0, 0.5, 96)
    model = settled(values)
    assert float(judge_next(model, 130, 96 + 6).typical[0]) == pytest.approx(130, abs=6)


def test_a_lasting_shift_is_learnt_and_a_passing_one_is_not():
    noise = np.random.default_rng(3).normal(0, 1, 700)
    lasting, passing = 100 + noise, 100 + noise
    lasting[500:] += 8
    passing[500:506] += 8
    assert float(judge_next(settled(lasting[:560]), 108, 560).typical[0]) == pytest.approx(108, abs=1.5)
    assert float(judge_next(settled(passing[:560]), 100, 560).typical[0]) == pytest.approx(100, abs=1.5)


def test_a_shift_that_goes_back_is_undone():
    noise = np.random.default_rng(4).normal(0, 1, 700)
    values = 100 + noise
    values[500:530] += 8
    assert float(judge_next(settled(values[:580]), 100, 580).typical[0]) == pytest.approx(100, abs=2)


def test_silence_of_a_sparse_series_is_no_news():
    values = (np.random.default_rng(5).random(600) < 0.1).astype(float)
    model = settled(values, is_count=True, non_negative=True, zero_empty=True)
    assert float(judge_next(model, 0, 600).p[0]) > 0.2


def test_the_twentieth_similar_spike_surprises_less_than_the_first():
    values = 100 + np.random.default_rng(6).normal(0, 1, 24 * 100)
    values[24 * 14 :: 24 * 4] += 12
    model = SeriesModel(HOUR, **KINDS["metric"])
    p = feed(model, np.arange(1), values[:, None])[24 * 14 :: 24 * 4, 0]
    assert p[-1] > 30 * p[0]


def test_typical_counts_are_never_negative():
    values = np.concatenate([np.full(200, 5.0), np.zeros(300)])
    model = settled(values, is_count=True, non_negative=True, zero_empty=True)
    judged = judge_next(model, 0, 500)
    assert float(judged.typical[0]) >= 0
    assert model.bounds(float(judged.typical[0]), float(judged.spread[0]), 0)[0] >= 0


def test_a_running_sum_is_looked_at_once_it_holds_nine_values():
    sums, rows, is_told = RunningSums(HOUR), np.arange(1), []
    sums.grow_to(1)
    for number in range(20):
        at = Moment(number, rows, np.zeros(1, np.int64), np.array([float(number)]), np.array([number]))
        scores, new = sums.look(rows, np.ones(1))
        sums.learn(at, new, np.zeros(1, bool))
        is_told.append(bool(np.isfinite(scores).all()))
    assert is_told == [False] * 9 + [True] * 11


def test_a_day_of_the_month_has_an_hour_a_bin():
    assert [MonthDay(Grid.of(span)).bins for span in (300, 3600, 10800, 86400)] == [24, 24, 8, 1]
