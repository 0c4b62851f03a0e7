"""Sketches of values find modes where there are some, wherever the values of a row come from."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.modes import Modes

ROWS = 40
SHAPES = {
    "normal": lambda random: random.normal(0, 1, ROWS),
    "exponential": lambda random: random.exponential(1, ROWS),
    "lognormal": lambda random: random.lognormal(0, 1.5, ROWS),
    "heavy": lambda random: random.pareto(1.2, ROWS),
    "uniform": lambda random: random.random(ROWS),
    "counts": lambda random: random.poisson(3, ROWS).astype(float),
    "constant": lambda random: np.full(ROWS, 5.0),
}
MIXED = {
    (10, 100): (0.5, 0.5),
    (10, 25): (0.9, 0.1),
    (0, 50, 200): (0.4, 0.3, 0.3),
}


def learnt(draw, buckets=400):
    modes, random = Modes(), np.random.default_rng(1)
    modes.grow_to(ROWS)
    for bucket in range(buckets):
        modes.learn(bucket, np.arange(ROWS), draw(random))
    return modes


@pytest.mark.parametrize("shape", SHAPES)
def test_one_heap_of_values_has_one_mode(shape):
    modes = learnt(SHAPES[shape])
    assert [len(modes.of(row)) for row in range(ROWS)] == [1] * ROWS


@pytest.mark.parametrize("means", MIXED, ids=str)
def test_several_heaps_are_told_apart(means):
    modes = learnt(lambda random: random.choice(means, ROWS, p=MIXED[means]) + random.normal(0, 1, ROWS))
    found = [modes.of(row) for row in range(ROWS)]
    right = [len(f) == len(means) and np.allclose(f, means, atol=1.5) for f in found]
    assert np.mean(right) >= 0.9


def test_a_series_of_few_values_has_no_modes_to_speak_of():
    modes = learnt(lambda random: random.choice((10.0, 100.0), ROWS), buckets=10)
    assert {len(modes.of(row)) for row in range(ROWS)} == {1}
    assert modes.nearest(0, 100.0, 50.0) is None


def test_the_nearest_mode_counts_only_where_the_model_does_not_know_which_is_next():
    modes = learnt(lambda random: random.choice((10.0, 100.0), ROWS) + random.normal(0, 1, ROWS))
    assert modes.nearest(0, 130.0, 50.0) == pytest.approx(100, abs=1)
    assert modes.nearest(0, -30.0, 50.0) == pytest.approx(10, abs=1)
    assert modes.nearest(0, 130.0, 5.0) is None


def test_old_values_give_way_to_new_ones():
    modes = learnt(lambda random: random.choice((10.0, 100.0), ROWS) + random.normal(0, 1, ROWS), buckets=200)
    random = np.random.default_rng(2)
    for bucket in range(200, 60_000):
        modes.learn(bucket, np.arange(1), random.normal(100, 1, 1))
    assert modes.of(0) == pytest.approx([100], abs=1)
    assert len(modes.of(1)) == 2


@pytest.mark.parametrize("draw", [*SHAPES.values(), *(lambda r, m=m: r.choice(m, ROWS, p=MIXED[m]) for m in MIXED)])
def test_a_gap_is_kept_where_there_are_several_modes(draw):
    modes = learnt(draw)
    assert modes.has_several(np.arange(ROWS)).tolist() == [len(modes.of(row)) > 1 for row in range(ROWS)]


def test_what_lies_off_two_modes_is_as_unusual_as_what_leaves_the_range():
    modes = learnt(lambda random: random.choice((20.0, 50.0), ROWS) + random.normal(0, 1, ROWS), buckets=190)
    rows, wide = np.arange(ROWS), np.full(ROWS, 15.0)
    middle = modes.off_modes(rows, np.full(ROWS, 35.0), wide)
    assert (middle < 1 / (191 * 25)).all() and (middle > 1 / (191 * 36.1)).all()
    assert (modes.off_modes(rows, np.full(ROWS, 20.0), wide) == 1).all()
    assert (modes.off_modes(rows, np.full(ROWS, 53.0), wide) == 1).all()
    assert (modes.off_modes(rows, np.full(ROWS, 70.0), wide) < 1e-4).all()
    assert (modes.off_modes(rows, np.full(ROWS, 0.0), wide) < 1e-4).all()
    assert (modes.off_modes(rows, np.full(ROWS, 35.0), np.ones(ROWS)) == 1).all()
    assert float(modes.off_modes(3, np.float64(35.0), np.float64(15.0))) == middle[3]


def test_a_value_has_the_place_of_its_nearest_mode():
    modes = learnt(lambda random: random.choice((20.0, 50.0), ROWS) + random.normal(0, 1, ROWS))
    mean, spread = modes.places(0, np.array([10.0, 34.0, 36.0, 70.0]))
    assert mean == pytest.approx([20, 20, 50, 50], abs=0.5)
    assert spread == pytest.approx(np.ones(4), abs=0.3)
