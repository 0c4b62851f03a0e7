"""A series alone is judged and learnt in numbers: the same as in arrays of one element, to the last bit."""

import numpy as np
import pytest

from proxy.engine.models.series import SeriesModel
from tests.engine.test_series_twin import DAY, KINDS, times_of, values_of


def leaves(tree):
    """(name, array) of everything in a saved model."""
    return [(f"{part}.{name}", array) for part, arrays in tree.items() for name, array in arrays.items()]


NAMES = ("p", "surprise", "raw_surprise", "typical", "spread", "factor", "ready", "goes_on", "is_high", "lasts")


def run(span, kind, times, values, has_samples=False):
    """Feeds the same to both ways; every number and the state must be alike. Returns the lasting changes made."""
    in_numbers, in_arrays = (SeriesModel(span, **KINDS[kind]) for _ in range(2))
    rows, rng, made = np.zeros(1, np.intp), np.random.default_rng(0), []
    for model in (in_numbers, in_arrays):
        model.grow_to(1)
    for time, value in zip(times, values, strict=True):
        samples = rng.integers(1, 20, 1).astype(float) if has_samples else None
        weight = rng.choice([1.0, 0.005, 0.0], 1, p=[0.97, 0.015, 0.015])
        value = np.array([value])
        one = in_numbers.judge(time, rows, value, samples)
        other = in_arrays._judge(in_arrays.history.at(time, rows), value, samples)
        for name in NAMES:
            assert getattr(one, name).tolist() == getattr(other, name).tolist(), (name, time)
        for name in ("odd", "single", "multi"):
            assert getattr(one.evidence, name).tolist() == getattr(other.evidence, name).tolist(), (name, time)
        changes = in_numbers.learn(time, one, weight)
        assert changes == in_arrays.learn(time, other, weight), time
        made += [change.kind for change in changes]
    for (name, found), (_, wanted) in zip(leaves(in_numbers.state()), leaves(in_arrays.state()), strict=True):
        assert found.tobytes() == wanted.tobytes(), name
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("span", "count", "day", "week", "level"), [(300, 700, 0.6, 0.0, 300.0), (3600, 600, 0.6, 0.8, 6.0)]
)
def test_a_series_alone_is_the_same_in_numbers(kind, span, count, day, week, level):
    times = times_of(span, count, DAY)
    values = values_of(np.random.default_rng(1), times, KINDS[kind]["is_count"], day, week, 1.0, level)
    run(span, kind, times, values[:, 1], has_samples=kind == "high")


def test_lasting_changes_of_a_series_alone_are_the_same_in_numbers():
    times = times_of(10800, 8 * 60, DAY)
    time = np.array(times)
    noise = np.random.default_rng(2).normal(0, 1, len(times))
    daily = 100 + 30 * np.sin(2 * np.pi * time / DAY) + noise
    later = np.arange(len(times)) >= len(times) // 2
    assert "level shift" in run(10800, "metric", times, daily + 200 * later)
    assert "linear scale" in run(10800, "metric", times, 100 + (daily - 100) * np.where(later, 2.0, 1.0))


def test_a_period_and_a_changed_clock_of_a_series_alone_are_the_same_in_numbers():
    times = times_of(3600, 24 * 40, DAY)
    time, noise = np.array(times), np.random.default_rng(3).normal(0, 1, 24 * 40)
    assert "period" in run(3600, "metric", times, 100 + 30 * np.sin(2 * np.pi * time / (31 * 3600)) + noise)
    moved = time + 3600 * (np.arange(len(times)) >= 24 * 30)
    opens = (moved % DAY >= 8 * 3600) & (moved % DAY < 18 * 3600)
    assert "time shift" in run(3600, "metric", times, 100 + 50 * opens + noise)


def test_a_day_of_the_month_of_a_series_alone_is_the_same_in_numbers():
    times = times_of(10800, 8 * 330, DAY)
    number = np.array(times, "M8[s]").astype("M8[D]")
    is_fifth = (number - number.astype("M8[M]")).astype(int) == 4
    values = 100 + 60 * is_fifth + np.random.default_rng(4).normal(0, 2, len(times))
    assert "calendar" in run(10800, "metric", times, values)
