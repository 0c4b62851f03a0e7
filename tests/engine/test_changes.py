"""Lasting changes: what the series model takes for one, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.models.changes import LevelShifts
from proxy.engine.models.series import SeriesModel

HOUR, DAYS = 3600, 24


def office(hours, *, moved=None, scaled=None, seed=0):
    """Eighty from eight to eighteen on five days a week, else twenty, with noise of one."""
    at = np.arange(hours)
    clock = at + (0 if moved is None else (at >= moved))
    busy = (clock % 24 >= 8) & (clock % 24 < 18) & (clock // 24 % 7 < 5)
    values = np.where(busy, 80.0, 20.0)
    if scaled is not None:
        values = np.where(at >= scaled, 41.4 + 1.8 * (values - 41.4), values)
    return values + np.random.default_rng(seed).normal(0, 1, hours)


def feed(values, unlearnt=()):
    """The model after hourly values, and the changes it made: (hour, kind, size); it learns no `unlearnt` hours."""
    model = SeriesModel(HOUR, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(1)
    changes = []
    for hour, value in enumerate(values):
        judged = model.judge(hour * HOUR, np.zeros(1, np.intp), np.array([value]))
        weight = np.array([0.0 if hour in unlearnt else 1.0])
        changes += [(hour, c.kind, c.size) for c in model.learn(hour * HOUR, judged, weight)]
    return model, changes


def expected(model, hour):
    return float(model.predict(hour * HOUR, np.zeros(1, np.intp)).typical[0])


def test_a_week_of_business_makes_no_change():
    model, changes = feed(office(28 * DAYS))
    assert changes == []
    for hour, value in ((28 * DAYS + 12, 80.0), (28 * DAYS + 3, 20.0), (33 * DAYS + 12, 20.0)):
        assert expected(model, hour) == pytest.approx(value, abs=4)


def test_clocks_that_change_are_followed_within_two_days():
    model, changes = feed(office(24 * DAYS, moved=21 * DAYS))
    ((hour, kind, size),) = changes
    assert (kind, size) == ("time shift", 3600.0)
    assert hour <= 23 * DAYS
    assert expected(model, 24 * DAYS + 7) == pytest.approx(80, abs=8)


def test_one_late_morning_is_no_change_of_clocks():
    values = office(24 * DAYS)
    values[21 * DAYS + 8] = 20.0
    assert feed(values)[1] == []


def test_clocks_are_followed_where_no_day_is_learnt_from_its_first_hour():
    maintenance = range(0, 24 * DAYS, DAYS)
    ((hour, kind, size),) = feed(office(24 * DAYS, moved=21 * DAYS), maintenance)[1]
    assert (hour, kind, size) == (22 * DAYS + 1, "time shift", 3600.0)


def test_patterns_that_grow_for_good_are_scaled():
    _, changes = feed(office(26 * DAYS, scaled=21 * DAYS))
    scales = [(hour, size) for hour, kind, size in changes if kind == "linear scale"]
    (hour, size), *_ = scales
    assert 21 * DAYS < hour <= 24 * DAYS
    assert size == pytest.approx(1.8, abs=0.4)
    assert [kind for _, kind, _ in changes if kind == "time shift"] == []


def test_a_day_off_changes_nothing():
    values = office(24 * DAYS)
    values[21 * DAYS : 22 * DAYS] = 20.0 + np.random.default_rng(3).normal(0, 1, DAYS)
    model, changes = feed(values)
    assert [kind for _, kind, _ in changes if kind != "level shift"] == []
    assert expected(model, 24 * DAYS + 12) == pytest.approx(80, abs=8)


def test_the_second_weekend_is_expected():
    model, _ = feed(office(12 * DAYS))
    assert expected(model, 12 * DAYS + 12) == pytest.approx(20, abs=4)
    model, _ = feed(office(14 * DAYS))
    assert expected(model, 14 * DAYS + 12) == pytest.approx(80, abs=4)


@pytest.mark.parametrize(("far", "kept"), [(1, 5.0), (2, 1.0)])
def test_a_shift_is_measured_by_the_spread_from_before_it_began(far, kept):
    shifts, rows, one = LevelShifts(), np.arange(1), np.ones(1)
    shifts.grow_to(1)
    for bucket in range(far):
        shifts.observe(rows, bucket * HOUR, 9.0 * one, one)
    shifts.observe(rows, far * HOUR, 0.0 * one, 5.0 * one)
    assert shifts.state()["off_spread"].tolist() == [kept]
