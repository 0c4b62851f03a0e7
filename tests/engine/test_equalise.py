"""The equaliser takes from chatty detectors what they say too often, and nothing from the others."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.equalise import Equaliser
from proxy.engine.normalise import LN_FROM

CHATTY, QUIET, LAST = 0, 1, 2


def experienced(buckets=400):
    """The chatty detector finds something enormous every other time, the other two something small now and then."""
    random, equaliser = np.random.default_rng(1), Equaliser()
    for bucket in range(buckets):
        chatty = {CHATTY: -random.uniform(15, 40)} if bucket % 2 else {}
        equaliser.observe(chatty | {QUIET: -random.uniform(3, 8), LAST: -random.uniform(3, 8)})
    return equaliser


def test_a_chatty_detector_is_lowered_and_the_others_are_not():
    equaliser = experienced()
    assert -30 < equaliser.level(CHATTY, -30.0) + 0.0 < 0
    assert equaliser.level(CHATTY, -30.0) > -20
    assert equaliser.level(QUIET, -6.0) == pytest.approx(-6.0, abs=0.5)


def test_no_more_than_half_is_taken_and_nothing_is_raised():
    equaliser = experienced()
    for index in (CHATTY, QUIET, LAST):
        for ln_p in (-3.5, -8.0, -20.0, -60.0, -400.0):
            assert ln_p <= equaliser.level(index, ln_p) <= 0.5 * ln_p - 1.0


def test_order_is_kept():
    equaliser = experienced()
    levels = [equaliser.level(CHATTY, ln_p) for ln_p in np.linspace(-3, -100, 200)]
    assert (np.diff(levels) <= 1e-9).all()


@pytest.mark.parametrize("buckets", [0, 19])
def test_little_experience_changes_nothing(buckets):
    equaliser = experienced(buckets)
    assert [equaliser.level(index, -30.0) for index in (CHATTY, QUIET, 7)] == [-30.0] * 3


def test_one_and_twenty_unusual_buckets_are_enough():
    assert experienced(40).level(CHATTY, -30.0) == -30.0
    assert experienced(42).level(CHATTY, -30.0) > -30.0


def test_sizes_fade_by_half_in_a_thousand_unusual_buckets():
    equaliser = Equaliser()
    equaliser.observe({CHATTY: -10.0})
    for _ in range(1000):
        equaliser.observe({CHATTY: -20.0})
    (_, sizes), *_ = equaliser.state()
    assert sizes[14] == pytest.approx(0.5)  # 10 less ln 20, in half units


def test_sizes_are_told_apart_up_to_sixty_four():
    equaliser = Equaliser()
    for size in (0.2, 62.9, 63.6, 400.0):
        equaliser.observe({CHATTY: LN_FROM - size})
    (_, sizes), *_ = equaliser.state()
    assert np.flatnonzero(sizes).tolist() == [0, 125, 127]
    assert len(sizes) == 128


def test_a_lone_detector_is_left_alone():
    equaliser = Equaliser()
    for _ in range(100):
        equaliser.observe({CHATTY: -20.0})
    assert equaliser.level(CHATTY, -30.0) == -30.0


def test_a_restored_equaliser_answers_alike():
    equaliser, restored = experienced(), Equaliser()
    restored.restore(equaliser.state())
    assert restored.level(CHATTY, -25.0) == equaliser.level(CHATTY, -25.0)
