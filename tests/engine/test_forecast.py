"""Forecasts hold what comes later, whatever a series does; and step by step, what is added to the model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.engine.forecast import Course
from proxy.engine.models.grid import Grid
from proxy.engine.models.history import History
from proxy.engine.models.judged import Prediction
from proxy.engine.models.location import Location
from proxy.engine.models.views import SeenRange
from proxy.engine.trend import Trend
from tests.engine.jobs import DAY, HOUR, START, batch, engine, forecast_documents, run

SPANS = [60, 3600, DAY // 2]


@dataclass(frozen=True)
class FlatModel:
    """A model that expects the same at all times: only what a forecast adds is left."""

    span: int
    grid: Grid
    seen_range: SeenRange
    history: History
    location: Location
    typical: np.ndarray
    spread: np.ndarray
    factor: np.ndarray

    def predict(self, time, rows, ahead=0):
        typical, spread = self.typical[rows], self.spread[rows]
        return Prediction(typical, spread, typical, spread, self.factor[rows], *[np.empty(0)] * 3)


def course(span, trend, *, typical=0.0, spread=1.0, factor=1.0, low=-1.0, noise=0.0):
    grid = replace(Grid.of(span), level_memory=500.0)
    seen, history, location = SeenRange(span), History(), Location(grid)
    for kept in (seen, history, *location.parts.values()):
        kept.grow_to(2)
    seen.learn(np.arange(2), np.array([-9.0, low]), np.zeros(2), np.ones(2))
    parts = (np.array([0.0, value]) for value in (typical, spread, factor))
    model = FlatModel(span, grid, seen, history, location, *parts)
    each = Trend(*(np.array([value]) for value in trend))
    return Course(model, np.array([1]), each, np.array([False]), np.array([noise]), 0, 0, DAY)


@given(
    span=st.sampled_from(SPANS),
    typical=st.floats(-100, 100),
    spread=st.floats(0.1, 10),
    factor=st.floats(0.6, 6),
    low=st.floats(-10, 10),
    ahead=st.integers(0, 400),
)
def test_without_days_to_learn_from_the_bounds_of_the_model_widen(span, typical, spread, factor, low, ahead):
    alone = course(span, (0, 0, 0, 0, 0), typical=typical, spread=spread, factor=factor, low=low)
    found = [float(curve[0, 0]) for curve in alone.at(np.array([ahead * span]))]
    width = 2.776 * spread * factor * math.sqrt(1.0 + ahead / 500.0)
    wanted = [typical - width, typical, typical + width]
    # What never was negative is not forecast to be.
    assert found == pytest.approx([max(w, 0.0) if low >= 0 else w for w in wanted], rel=1e-9, abs=1e-9)


@given(
    span=st.sampled_from(SPANS),
    level=st.floats(-10, 10),
    slope=st.floats(-3, 3),
    start=st.floats(0, 4),
    growth=st.floats(0, 4),
    ahead=st.integers(0, 400),
)
def test_a_trend_is_added_bucket_by_bucket_for_as_long_as_it_was_seen(span, level, slope, start, growth, ahead):
    going = course(span, (level, slope, start, growth, 20), typical=50.0, noise=1.0)
    lower, prediction, upper = (float(curve[0, 0]) for curve in going.at(np.array([ahead * span])))
    # A trend stands at noon of its last day, a bucket for its middle.
    days = (ahead * span + 0.5 * span) / DAY - 0.5
    near = 0.75**ahead if 0.75**ahead > 1e-3 else 0.0
    assert prediction == pytest.approx(50.0 + (1.0 - near) * (level + slope * min(days, 20)), abs=1e-9)
    width = 2.776 * math.sqrt(1.0 + max(start + growth * days - 1.0, 0.0))
    assert (lower, upper) == pytest.approx((prediction - width, prediction + width), abs=1e-9)


def noise(rng, size, spread=5.0):
    return rng.normal(0.0, spread, size)


def wave(hour):
    return 20.0 * np.sin(2 * np.pi * hour / 24)


WORLDS = {
    "a day": lambda rng, hour: 100 + wave(hour) + noise(rng, len(hour)),
    "a ramp": lambda rng, hour: 100 + hour / 8 + noise(rng, len(hour)),
    "a ramp with a day": lambda rng, hour: 100 + hour / 8 + wave(hour) + noise(rng, len(hour)),
    "a slope below zero": lambda rng, hour: -50 - hour / 8 + noise(rng, len(hour)),
    "a walk": lambda rng, hour: 1000 + np.cumsum(noise(rng, len(hour))),
    "a shift three days before": lambda rng, hour: (
        100 + wave(hour) + noise(rng, len(hour)) + 100 * (hour > (DAYS - 3) * 24)
    ),
    "an incident at the end": lambda rng, hour: (
        100 + wave(hour) + noise(rng, len(hour)) + 100 * ((hour > DAYS * 24 - 4) & (hour < DAYS * 24))
    ),
    "a saw of 31 hours": lambda rng, hour: 50 + 10 * (hour % 31) + noise(rng, len(hour)),
    "three days on a slope": lambda rng, hour: 100 + hour / 8 + 3 * wave(hour / 3) + noise(rng, len(hour)),
    "days missing": lambda rng, hour: np.where(
        hour // 24 % 7 == 3, np.nan, 100 + hour / 8 + wave(hour) + noise(rng, len(hour))
    ),
}
DAYS, AHEAD = 28, 7


def foreseen(values, days, ahead):
    """(lower, prediction, upper, what came) for `ahead` days after the first `days`."""
    hours = np.arange(days * 24)[np.isfinite(values[: days * 24])]
    job = engine({"function": "mean", "field_name": "value"})
    run(job, batch(START + HOUR * hours, {}, {"value": values[hours]}))
    documents = forecast_documents(job, ahead * DAY)
    hour = np.array([(d["timestamp"] // 1000 - START) // HOUR for d in documents])
    curves = (np.array([d[f"forecast_{name}"] for d in documents]) for name in ("lower", "prediction", "upper"))
    return *curves, values[hour]


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_bounds_hold_what_comes_later(name, seed):
    hour = np.arange((DAYS + AHEAD) * 24)
    values = WORLDS[name](np.random.default_rng(seed), hour)
    lower, prediction, upper, came = foreseen(values, DAYS, AHEAD)
    known = np.isfinite(came)
    assert np.mean((came >= lower)[known] & (came <= upper)[known]) >= 0.9
    # Nobody knows where a walk goes, and an incident hides the hours of the day for some time.
    if name not in ("a walk", "an incident at the end"):
        assert np.nanmean(np.abs(came - prediction)) < 10.0
        assert np.mean(upper - lower) < 100.0


def test_growth_over_a_few_days_is_a_trend_and_no_week():
    hour = np.arange(17 * 24)
    values = 50 + hour / 8 + wave(hour) / 4 + noise(np.random.default_rng(3), len(hour), 0.5)
    lower, prediction, upper, came = foreseen(values, 10, 7)
    assert np.mean((came >= lower) & (came <= upper)) >= 0.9
    assert np.mean(np.abs(came - prediction)) < 2.0


def daily(values):
    """(lower, prediction, upper) of four weeks after a value a day."""
    job = engine({"function": "mean", "field_name": "value"}, span="1d")
    run(job, batch(START + DAY * np.arange(len(values)), {}, {"value": values}))
    documents = forecast_documents(job, 28 * DAY)
    return tuple(np.array([d[f"forecast_{name}"] for d in documents]) for name in ("lower", "prediction", "upper"))


def test_daily_buckets_go_on_with_their_weekdays_and_their_line():
    """A year with a weekend and a line, of which the last four weeks are foretold."""
    days = np.arange(365)
    values = 100 + 0.3 * days + 20.0 * (days % 7 >= 5) + noise(np.random.default_rng(4), 365, 3.0)
    lower, prediction, upper = daily(values[:337])
    # The first point is the last finished bucket, so that the last four weeks begin with it.
    came = values[336 : 336 + 28]
    assert np.mean(np.abs(came - prediction)) < 3.5
    assert np.mean((came >= lower) & (came <= upper)) >= 0.9
    seasonal = np.resize(values[329:336], 28)
    assert np.mean(np.abs(came - prediction)) < 0.8 * np.mean(np.abs(came - seasonal))


def test_a_week_of_zeros_two_days_ago_does_not_widen_the_bounds():
    values = 100 + noise(np.random.default_rng(5), 60, 3.0)
    values[50:57] = 0
    lower, prediction, upper = daily(values)
    assert np.abs(prediction - 100).max() < 5
    assert lower.min() > 60 and upper.max() < 140


def test_two_weeks_of_days_are_enough_to_begin():
    _, prediction, _ = daily(100 + noise(np.random.default_rng(6), 15, 3.0))
    assert len(prediction) == 28 and np.abs(prediction - 100).max() < 10
    assert len(daily(np.full(5, 1.0))[0]) == 0


def test_a_forecast_is_on_a_copy_of_the_model():
    values = 100 + wave(np.arange(20 * 24)) + noise(np.random.default_rng(7), 20 * 24)
    job = engine({"function": "mean", "field_name": "value"})
    run(job, batch(START + HOUR * np.arange(len(values)), {}, {"value": values}))
    wanted = forecast_documents(job, 3 * DAY)
    under_way = job.forecast(3 * DAY)
    parts = under_way.documents()
    found = next(parts)
    run(job, batch(START + HOUR * (len(values) + np.arange(48)), {}, {"value": np.full(48, 900.0)}))
    found += [document for part in parts for document in part]
    assert found == wanted
    assert under_way.size == len(wanted) == 72


def test_times_of_the_week_remembered_are_those_worked_out():
    """The whole second week ahead repeats the first, but for the trend; and no point is left out."""
    values = 100 + wave(np.arange(35 * 24)) + noise(np.random.default_rng(8), 35 * 24)
    job = engine({"function": "mean", "field_name": "value"})
    run(job, batch(START + HOUR * np.arange(len(values)), {}, {"value": values}))
    documents = forecast_documents(job, 21 * DAY)
    assert [d["timestamp"] for d in documents] == [(START + HOUR * (35 * 24 - 1 + i)) * 1000 for i in range(21 * 24)]
    prediction = np.array([d["forecast_prediction"] for d in documents])
    steps = prediction[14 * 24 :] - prediction[7 * 24 : 14 * 24]
    assert steps == pytest.approx(np.full(7 * 24, steps[0]), abs=1e-9)
