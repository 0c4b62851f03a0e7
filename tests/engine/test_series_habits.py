"""What a series has shown once, what is going on now, and what it moves about: none may mislead its model."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.models.series import SeriesModel

HOUR, DAY, WEEK = 3600, 86400, 604800
START = 1_704_067_200
SEEDS = 8


def judged(values, span=HOUR):
    """(p, typical) of every bucket x series of `values`, each bucket learnt after it was judged."""
    model = SeriesModel(span, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(values.shape[1])
    rows, one = np.arange(values.shape[1]), np.ones(values.shape[1])
    p, typical = [], []
    for i, value in enumerate(values):
        found = model.judge(START + i * span, rows, value)
        p.append(found.p)
        typical.append(found.typical)
        model.learn(START + i * span, found, one)
    return np.array(p), np.array(typical)


def noise(days, span=HOUR):
    return np.random.default_rng(5).normal(size=(int(days * DAY / span), SEEDS))


def wave(days, span=HOUR):
    return np.sin(2 * np.pi * np.arange(int(days * DAY / span)) * span / DAY)[:, None]


def test_a_spike_is_not_expected_again_a_week_later():
    values = 100.0 + 10.0 * wave(24) + noise(24)
    at = 10 * 24 + 7
    values[at] += 200.0
    p, typical = judged(values)
    assert (p[at] < 1e-4).all()
    assert np.abs(typical[at + 7 * 24] - values[at + 7 * 24]).max() < 10.0
    assert np.median(p[at + 7 * 24]) > 0.01


def test_weekends_that_begin_within_a_day_are_known_in_their_second_week():
    begins = START + 5 * DAY + 10 * HOUR
    time = START + HOUR * np.arange(16 * 24)[:, None]
    weekend = (time - begins) % WEEK < 2 * DAY
    values = np.where(weekend, 100.0, 130.0 + 20.0 * wave(16)) + noise(16)
    p, typical = judged(values)
    second = (weekend & (time >= begins + WEEK))[:, 0]
    assert np.median(np.abs(typical - values)[second]) < 2.5
    assert (p[second] > 1e-3).mean() > 0.95


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e6, 1e9])
def test_what_a_series_moves_about_does_not_matter(offset):
    values = 100.0 + 20.0 * wave(14) + 3.0 * noise(14)
    values[300] -= 60.0
    assert (judged(offset + values)[0][300] < 1e-4).all()


def test_an_incident_of_hours_goes_on_being_one():
    values = 100.0 + noise(28)
    values[600:606] = 112.0
    p, _ = judged(values)
    assert (np.median(p[600:606], axis=1) < 0.02).all()


def test_the_second_midnight_of_minute_buckets_is_quiet():
    values = 100.0 + 20.0 * wave(2.5, 60) + 3.0 * noise(2.5, 60)
    p, _ = judged(values, 60)
    switched_on = p[2 * 1440 : 2 * 1440 + 360]
    assert (switched_on < 1e-4).sum() <= 1
