"""Running sums of a series: how far a bucket goes with them, and what their tails learn of excursions."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine.models.component import Moment
from proxy.engine.models.sums import LONGEST_EXCURSION, SUM_MEMORIES, RunningSums, Sums

HOUR, DAY = 3600, 86400
ROWS = np.arange(1)
FAR, NEAR = np.full((2, 1), 1e-5), np.full((2, 1), 0.5)


def sums_of(span=HOUR):
    sums = RunningSums(span)
    sums.grow_to(1)
    return sums


def learn(sums, score, p):
    """(score, buckets it stands for) that the tails of both sums are told."""
    scores = np.full((2, 1), float(score))
    told = sums.learn_excursions(ROWS, scores, p)
    scores, counts = (scores, np.ones((2, 1))) if told is None else told
    return [(float(s), float(c)) for s, c in zip(scores[:, 0], counts[:, 0], strict=True)]


@pytest.mark.parametrize(("off", "kept"), [(3.0, 1.0), (1.5, 1.0), (0.75, 0.5), (0.0, 0.0), (-3.0, 0.0)])
def test_a_sum_counts_as_far_as_the_bucket_goes_with_it(off, kept):
    total = np.array(SUM_MEMORIES)[:, None] * 3.0
    sums = Sums(np.array([off]), total, np.ones((2, 1)), total)
    assert sums.supported(FAR) == pytest.approx(FAR**kept)


def test_what_is_usual_is_as_it_was():
    sums = Sums(np.array([-3.0]), np.ones((2, 1)), np.ones((2, 1)), np.ones((2, 1)))
    assert sums.supported(NEAR) == pytest.approx(NEAR)


def test_while_an_excursion_lasts_nothing_is_told_and_then_its_size_for_as_many_buckets_as_the_sum_is_over():
    sums = sums_of()
    assert learn(sums, 1.0, NEAR) == [(1.0, 1.0), (1.0, 1.0)]
    for score in (-3.0, -5.0) * 5:
        assert [counts for _, counts in learn(sums, score, FAR)] == [0.0, 0.0]
        assert sums.lasts(ROWS, np.ones(1)).tolist() == [True]
        assert sums.lasts(ROWS, np.full(1, 1e-3)).tolist() == [False]
    (short, of_short), (long, of_long) = learn(sums, 0.5, NEAR)
    assert [short, long] == pytest.approx([-(17.0**0.5)] * 2, rel=1e-6)
    assert (of_short, of_long) == (6.0, 10.0)
    assert sums.lasts(ROWS, np.ones(1)).tolist() == [False]
    assert learn(sums, 1.0, NEAR) == [(1.0, 1.0), (1.0, 1.0)]


@pytest.mark.parametrize(("span", "longest"), [(300, DAY // 300), (HOUR, LONGEST_EXCURSION), (DAY, LONGEST_EXCURSION)])
def test_an_excursion_of_more_than_a_day_is_the_new_normal(span, longest):
    sums = sums_of(span)
    counts = [learn(sums, 4.0, FAR)[1][1] for _ in range(2 * longest + 2)]
    assert counts == [0.0] * longest + [SUM_MEMORIES[1]] + [1.0] * (longest + 1)
    assert not sums.lasts(ROWS, np.ones(1)).any()
    learn(sums, 1.0, NEAR)
    assert learn(sums, 4.0, FAR)[1][1] == 0.0


def test_what_is_understood_is_told_nobody():
    sums = sums_of()
    learn(sums, 4.0, FAR)
    _, new = sums.look(ROWS, np.full(1, 3.0))
    sums.learn(Moment(0, ROWS, ROWS, np.zeros(1), ROWS), new, np.zeros(1, bool))
    sums.forget(ROWS)
    assert (sums.look(ROWS, np.zeros(1))[1].sums == 0.0).all()
    assert learn(sums, 1.0, NEAR) == [(1.0, 1.0), (1.0, 1.0)]
