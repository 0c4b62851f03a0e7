"""Series whose errors are factors, and what a series says before it has shown its day."""

from __future__ import annotations

import numpy as np

from proxy.engine.models.series import SeriesModel

START, HOUR, SERIES = 1_704_067_200, 3600, 10
CRITICAL = 3.3


def surprises(values, span=HOUR):
    """-log10 p of every bucket x series of values."""
    model = SeriesModel(span, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(values.shape[1])
    rows, out = np.arange(values.shape[1]), np.zeros(values.shape)
    for i, row in enumerate(values):
        judged = model.judge(START + span * i, rows, row)
        model.learn(START + span * i, judged, np.ones(len(rows)))
        out[i] = judged.surprise
    return out, model


def test_a_month_of_errors_that_are_factors_has_no_more_than_one_serious_anomaly():
    values = 50.0 * np.exp(np.random.default_rng(1).normal(0, 0.8, (720, SERIES)))
    found, model = surprises(values)
    assert model.factors.wins(np.arange(SERIES)).all()
    assert (found >= CRITICAL).sum() <= SERIES


def test_a_value_that_is_far_as_a_factor_too_is_found():
    values = 50.0 * np.exp(np.random.default_rng(2).normal(0, 0.8, (400, SERIES)))
    values[-1] = 50.0 * np.exp(0.8 * 8)
    assert (surprises(values)[0][-1] >= CRITICAL).all()


def test_errors_that_add_are_no_factors_whatever_their_tails():
    rng = np.random.default_rng(3)
    normal, heavy = rng.normal(100, 1, (400, SERIES)), 100 + rng.standard_t(3, (400, SERIES))
    for values in (normal, heavy):
        assert not surprises(values)[1].factors.wins(np.arange(SERIES)).any()


def test_the_first_days_of_minutes_are_quiet():
    rng, span = np.random.default_rng(4), 60
    at = span * np.arange(2 * 1440)[:, None]
    phase = 2 * np.pi * (at / 86400 + np.arange(SERIES) / SERIES)
    values = 100 + 10 * np.sin(phase) + rng.normal(0, 1, (len(at), SERIES))
    assert (surprises(values, span)[0] >= CRITICAL).sum() <= 3
