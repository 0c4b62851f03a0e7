"""The vectorised model of a series against its twin in plain Python, bucket by bucket."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from proxy.engine.models.series import SeriesModel
from tests.engine.naive_series_model import NaiveSeries

DAY = 86400
SERIES = 3
KINDS = {
    "metric": {"side": 0, "is_count": False, "non_negative": False, "zero_empty": False},
    "high": {"side": 1, "is_count": False, "non_negative": False, "zero_empty": False},
    "low": {"side": -1, "is_count": False, "non_negative": False, "zero_empty": False},
    "count": {"side": 0, "is_count": True, "non_negative": True, "zero_empty": True},
    "low count": {"side": -1, "is_count": True, "non_negative": True, "zero_empty": False},
}


def times_of(span, count, seconds_open):
    """The starts of `count` buckets of the first seconds of each day."""
    a_day = max(1, seconds_open // span)
    start = 1_700_006_400 // span * span
    return [start + (i // a_day * DAY + i % a_day * span) // span * span for i in range(count)]


def values_of(rng, times, is_count, day, week, shift, level):
    """buckets x series: a level, patterns, noise, spikes, a shift for a while or for good."""
    time = np.array(times)[:, None]
    size = level * np.ones((len(times), SERIES))
    size += day * level * np.sin(time / DAY * 2 * np.pi + np.arange(SERIES))
    size *= np.where(time // DAY % 7 >= 5, 1.0 - week, 1.0)
    size[len(times) // 2 :, 1] += shift * level
    size[3 * len(times) // 4 :, 2] *= 1.0 + shift
    values = rng.poisson(np.maximum(size, 0.02)).astype(float) if is_count else rng.normal(size, 0.05 * level)
    spiky = rng.random(values.shape) < 0.01
    values[spiky] += np.round(level * rng.choice([-3.0, 2.0, 10.0], spiky.sum()))
    return np.maximum(values, 0.0) if is_count else values


def assert_same(time, row, model, judged, i, twin):
    p_new = model.seen_range.novelty(model.history.at(time, judged.rows), judged.value, judged.spread, model.side)
    found = {name: float(getattr(judged, name)[i]) for name in ("typical", "spread", "factor", "p")}
    found |= {"z": float(judged.views.z[i]), "p_new": float(p_new[i]), "ready": bool(judged.ready[i])}
    wanted = {name: getattr(twin, name) for name in found}
    for side in (found, wanted):
        side["p"], side["p_new"] = math.log10(side["p"]), math.log10(side["p_new"])
    size = max(abs(twin.value), twin.spread)
    where = f"series {row} at {time}"
    assert found.pop("typical") == pytest.approx(wanted.pop("typical"), rel=1e-4, abs=1e-4 * size), where
    # What fades from past events is stored in two bytes.
    assert found.pop("p") == pytest.approx(wanted.pop("p"), rel=2e-3, abs=5e-3), where
    assert found == pytest.approx(wanted, rel=1e-3, abs=1e-3), where
    scores = [float(s) for s in judged.views.scores[:, i]]
    assert scores == pytest.approx(twin.scores, rel=1e-3, abs=2e-3, nan_ok=True), where


def compare(rng, span, kind, times, values, absent, has_samples):
    """Feeds both; every number of every bucket must agree. Returns the lasting changes found."""
    model = SeriesModel(span, **KINDS[kind])
    model.grow_to(SERIES)
    twins = {row: NaiveSeries(span, **KINDS[kind]) for row in range(SERIES)}
    found = []
    for time, row in zip(times, values, strict=True):
        rows = np.array([r for r in twins if rng.random() >= absent], np.intp)
        samples = rng.integers(1, 20, len(rows)).astype(float)
        weight = rng.choice([1.0, 0.005, 0.0], len(rows), p=[0.97, 0.015, 0.015])
        if not len(rows):
            continue
        judged = model.judge(time, rows, row[rows], samples if has_samples else None)
        each = {}
        for i, r in enumerate(rows.tolist()):
            each[r] = twins[r].judge(time, float(row[r]), float(samples[i]) if has_samples else None)
            assert_same(time, r, model, judged, i, each[r])
        changes = model.learn(time, judged, weight)
        for i, r in enumerate(rows.tolist()):
            changed = {c.kind: c.size for c in changes if c.row == r}
            wanted = twins[r].learn(time, each[r], float(weight[i]))
            if changed.pop("time shift", 0):
                # The twin's clocks stand still.
                del twins[r]
            assert changed == pytest.approx(wanted, rel=1e-3)
            found += wanted
    return found


@settings(max_examples=16, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(sorted(KINDS)),
    span=st.sampled_from([10, 300, 900, 1000, 3600, 10800, 43200, 86400]),
    seconds_open=st.sampled_from([DAY, 7200, 600]),
    absent=st.sampled_from([0.0, 0.15]),
    day=st.sampled_from([0.0, 0.6]),
    week=st.sampled_from([0.0, 0.8]),
    shift=st.sampled_from([0.0, 1.0]),
    level=st.sampled_from([0.2, 1.0, 6.0, 25.0, 300.0]),
    has_samples=st.booleans(),
)
def test_a_series_is_judged_and_learnt_as_by_its_naive_twin(
    seed, kind, span, seconds_open, absent, day, week, shift, level, has_samples
):
    rng = np.random.default_rng(seed)
    times = times_of(span, 350, seconds_open)
    values = values_of(rng, times, KINDS[kind]["is_count"], day, week, shift, level)
    compare(rng, span, kind, times, values, absent, has_samples)


@pytest.mark.parametrize(("pattern", "change"), [(0.0, "level shift"), (0.8, "linear scale")])
def test_lasting_changes_are_learnt_as_by_the_naive_twin(pattern, change):
    rng = np.random.default_rng(1)
    times = times_of(10800, 300, DAY)
    values = values_of(rng, times, False, pattern, pattern, 1.0, 300.0)
    assert change in compare(rng, 10800, "metric", times, values, 0.0, False)


def test_a_shift_that_is_taken_back_is_taken_back_by_the_naive_twin():
    times = times_of(3600, 360, DAY)
    values = 100 + np.random.default_rng(3).normal(0, 1, (360, SERIES))
    values[300:330] += 40
    found = compare(np.random.default_rng(4), 3600, "metric", times, values, 0.0, False)
    assert found == ["level shift"] * 2 * SERIES


@pytest.mark.parametrize(("span", "kind"), [(3600, "metric"), (300, "low")])
def test_errors_that_are_factors_are_judged_and_learnt_as_by_the_naive_twin(span, kind):
    times, rng = times_of(span, 800, DAY), np.random.default_rng(8)
    values = 50.0 * np.exp(rng.normal(0, 0.5, (len(times), SERIES)))
    values[::97] *= 30.0
    values[50::97] /= 30.0
    compare(rng, span, kind, times, values, 0.05, False)


@pytest.mark.parametrize(
    ("span", "period", "day", "buckets"), [(3600, 31, 0, 420), (3600, 60, 10, 420), (300, 1.5, 0, 300)]
)
def test_a_period_is_learnt_as_by_the_naive_twin(span, period, day, buckets):
    times = times_of(span, buckets, DAY)
    at = np.array(times)[:, None] + 7200 * np.arange(SERIES)
    values = 100 + 10 * np.sin(2 * np.pi * at / (period * 3600)) + day * np.sin(2 * np.pi * at / DAY)
    values += np.random.default_rng(6).normal(0, 1, values.shape)
    found = compare(np.random.default_rng(7), span, "metric", times, values, 0.03, False)
    assert found.count("period") == SERIES


@pytest.mark.parametrize(("span", "elsewhere"), [(3600, 0.0), (900, 300.0)])
def test_a_series_comes_home_as_its_naive_twin_does(span, elsewhere):
    """Away for five days, home for two, away for three, and back to a level that is not its home."""
    times = times_of(span, 34 * DAY // span, DAY)
    day, at = np.sin(np.array(times)[:, None] / DAY * 2 * np.pi), (np.array(times) - times[0]) // DAY
    values = 100 + 10 * day + np.random.default_rng(5).normal(0, 1, (len(times), SERIES))
    values[(at >= 21) & (at < 26)] = elsewhere
    values[(at >= 28) & (at < 31)] += 400.0
    values[at >= 31, 0] += 200.0
    found = compare(np.random.default_rng(4), span, "metric", times, values, 0.0, False)
    assert found.count("level shift") >= 4 * SERIES
