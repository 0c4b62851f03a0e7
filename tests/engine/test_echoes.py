"""Jumps that a model predicts and that do not come: which count, and what they prove."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.models.component import Moment
from proxy.engine.models.echoes import BY_ALL, BY_STEADY, Echoes
from proxy.engine.models.grid import Grid
from proxy.engine.models.location import Location
from proxy.engine.models.series import SeriesModel

HOUR, DAY = 3600, 86400
START = 1_704_067_200
ROWS, ONES = np.arange(2), np.ones(2)
LOW, HIGH = np.full(2, 20.0), np.full(2, 80.0)


def moment():
    return Moment(START, ROWS, np.full(2, START - 30 * DAY), np.full(2, 100.0), np.full(2, 30 * DAY))


def echoes_of(known=True):
    """Of two series that were 20 when they last were as expected."""
    location = Location(Grid.of(HOUR))
    echoes = Echoes(location)
    for part in (echoes, *location.parts.values()):
        part.grow_to(2)
    if known:
        learn(echoes, LOW, LOW)
    return echoes


def learn(echoes, value, typical, p=0.5, steady=None):
    foretold = np.array([typical, typical if steady is None else steady])
    echoes.learn(moment(), value, foretold, ONES, np.broadcast_to(p, 2))


def counts(echoes):
    """(jumps that came, jumps that failed) of each series, whatever was forgotten since."""
    return np.round(echoes._came).tolist(), np.round(echoes._failed).tolist()


def bound(echoes, value, typical, visits):
    return np.where(echoes.is_echo(ROWS, value, typical, BY_ALL), echoes.unproven(ROWS, visits), 0.0)


def test_a_prediction_that_jumps_alone_proves_little():
    value, visits = np.array([21.0, 45.0]), np.array([1.0, 8.0])
    assert bound(echoes_of(known=False), value, HIGH, visits).tolist() == [0.0, 0.0]
    # No jump was seen yet: one in two comes.
    assert bound(echoes_of(), value, HIGH, visits) == pytest.approx([1 / 6, 0.0])
    assert bound(echoes_of(), np.full(2, 21.0), HIGH, visits) == pytest.approx([1 / 6, 1 / 20])


def test_sums_take_of_an_echo_what_a_normal_law_has_with_its_p():
    # No visit is known: one in two comes at that time, and of all jumps.
    off = echoes_of().bounded(moment(), np.array([20.0, 45.0]), HIGH, ONES, np.array([-60.0, -35.0]))
    assert off == pytest.approx([-1.150, -35.0], abs=1e-3)


def test_for_sums_an_echo_is_as_far_off_as_the_value_was_before():
    echoes = echoes_of()
    # The predictors that follow have learnt that the level is 20; the others still expect 24.
    learn(echoes, LOW, LOW, steady=np.full(2, 24.0))
    # These move a little while the value stays: no new proof, and nothing of the old is taken back.
    assert echoes.is_echo(ROWS, LOW, np.full(2, 24.5), BY_STEADY).all()
    off = echoes.bounded(moment(), LOW, np.full(2, 24.5), ONES, np.full(2, -4.5))
    assert off == pytest.approx([-4.5, -4.5])
    assert echoes.bounded(moment(), LOW, np.full(2, 64.0), ONES, np.full(2, -44.0)) == pytest.approx(-5.150, abs=1e-3)


def test_a_prediction_that_jumps_to_the_value_is_not_bounded():
    echoes = echoes_of()
    learn(echoes, LOW, LOW, steady=np.zeros(2))
    assert echoes.bounded(moment(), LOW, LOW, ONES, np.zeros(2)).tolist() == [0.0, 0.0]


def test_how_often_jumps_failed_to_come_tells_what_the_next_one_proves():
    echoes = echoes_of()
    for _ in range(8):
        learn(echoes, LOW, LOW)
        # The jump comes for one series and not for the other; a second value of the same miss is no second one.
        came = np.array([80.0, 20.0])
        for _ in range(3):
            learn(echoes, came, HIGH, np.array([0.5, 1e-6]))
    learn(echoes, LOW, LOW)
    # 16 jumps came, up and down again; 8 did not. Each was forgotten a little.
    reliable, fickle = bound(echoes, LOW, HIGH, np.full(2, 8.0)).tolist()
    assert (reliable, fickle) == pytest.approx((1 / 18 / 10, 9 / 10 / 10), rel=0.03)


def test_a_jump_that_failed_counts_once_though_its_value_was_as_expected():
    echoes = echoes_of()
    # So wide is the spread that the miss is none: what is expected comes back from it, and that is no jump.
    for typical in (HIGH, LOW, LOW):
        learn(echoes, LOW, typical, p=0.2)
    assert counts(echoes) == ([0.0, 0.0], [1.0, 1.0])


@pytest.mark.parametrize("level", [0.0, 100.0, -1e6])
def test_the_first_value_of_a_series_is_no_jump(level):
    model = SeriesModel(HOUR, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(2)
    noise = np.random.default_rng(7).normal(size=(60, 2))
    for bucket, value in enumerate(level + noise):
        time = START + bucket * HOUR
        model.learn(time, model.judge(time, ROWS, value), ONES)
    assert counts(model.echoes) == ([0.0, 0.0], [0.0, 0.0])


def test_sums_take_a_lasting_shift_in_full_though_the_tracked_predictors_follow_it():
    rows, hours = np.arange(8), np.arange(20 * 24)
    model = SeriesModel(HOUR, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(8)
    # Within a day and a half three spreads more.
    shift = 5.0 * np.clip((hours - 18 * 24) / 12.0, 0.0, 3.0)
    values = 100.0 + 5.0 * np.random.default_rng(3).normal(size=(len(hours), 8)) + shift[:, None]
    for hour, value in zip(hours.tolist(), values, strict=True):
        time = START + hour * HOUR
        judged = model.judge(time, rows, value)
        wanted = judged.wanted
        if hour >= 18 * 24:
            off = (value - wanted.steady) / (wanted.steady_spread * wanted.factor)
            assert judged.views.sums.off == pytest.approx(off)
        model.learn(time, judged, np.ones(8))
