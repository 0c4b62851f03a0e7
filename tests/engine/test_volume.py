"""volume.py: what it expects of a bucket."""

from __future__ import annotations

import json

import numpy as np
import pytest

from proxy.engine.volume import Volume

DAY = 86400


def fed(span, days, records_at):
    """After some days of buckets that hold `records_at(time)` records, give or take chance."""
    volume, rng = Volume(span), np.random.default_rng(0)
    for time in range(0, days * DAY, span):
        volume.learn(time, int(rng.poisson(records_at(time))))
    return volume


def office(time):
    return 400 if 8 <= time % DAY // 3600 < 18 and time // DAY % 7 < 5 else 40


def test_nothing_is_expected_before_the_first_bucket():
    assert Volume(900).expected(0) == 0.0


@pytest.mark.parametrize("span", [60, 900, 3600, 10800, 50_000, DAY, 7 * DAY])
def test_a_steady_number_is_expected_at_once(span):
    volume = Volume(span)
    for bucket in range(3):
        volume.learn(bucket * span, 70)
    assert volume.expected(3 * span) == 70.0


@pytest.mark.parametrize("span", [900, 3600])
def test_hours_and_weekends_are_expected_in_the_third_week(span):
    volume = fed(span, 14, office)
    for hour in (3, 12, 20, 5 * 24 + 12, 6 * 24 + 3):
        time = 14 * DAY + hour * 3600
        assert volume.expected(time) == pytest.approx(office(time), rel=0.2)


def test_a_level_that_doubles_for_good_is_followed_within_hours():
    volume = fed(900, 10, lambda time: office(time % DAY) * (2 if time >= 9 * DAY + 8 * 3600 else 1))
    # At noon of the next day, and before people come.
    for hour in (12, 5):
        assert volume.expected(10 * DAY + hour * 3600) == pytest.approx(2 * office(hour * 3600), rel=0.2)


def test_two_hours_without_records_are_not_expected_again():
    volume = fed(900, 14, lambda time: 0 if 0 <= time - 13 * DAY - 12 * 3600 < 7200 else office(time % DAY))
    assert volume.expected(14 * DAY + 12 * 3600) == pytest.approx(400, rel=0.2)


def test_it_goes_on_from_its_state():
    volume, again = fed(3600, 9, office), Volume(3600)
    again.restore(json.loads(json.dumps(volume.state())))
    for time in range(9 * DAY, 11 * DAY, 3600):
        assert again.expected(time) == volume.expected(time)
        volume.learn(time, office(time))
        again.learn(time, office(time))
