"""The arithmetic of overall buckets, as pure functions."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.store.overall.answers import Cells
from proxy.store.overall.presence import Presence, is_progression
from proxy.store.overall.pruning import bounds, cut_for
from proxy.store.overall.reduce import (
    CHUNK_INTERVALS,
    OverallBuckets,
    averages,
    filled_within_chunks,
    grid_of,
    joined,
    merged,
)
from proxy.store.overall.slices import runs, slices

NAN = np.nan


@pytest.mark.parametrize(("top_n", "expected"), [(1, 60.0), (2, 50.0), (3, 40.0), (333, 40.0)])
def test_the_highest_scores_are_averaged(top_n: int, expected: float) -> None:
    assert averages(np.array([[20.0, 40.0, 60.0]]), top_n).tolist() == [expected]


def test_absent_jobs_do_not_lower_an_average_but_zeros_do() -> None:
    grid = np.array([[30.0, NAN, NAN], [30.0, 0.0, NAN], [NAN, NAN, NAN]])
    assert averages(grid, 2).tolist() == [30.0, 15.0, 0.0]


def test_cells_outside_the_wanted_intervals_are_passed_over() -> None:
    cells = Cells(np.array([4, 5, 9]), np.array([0, 1, 1]), np.array([1.0, 2.0, 3.0]))
    grid = grid_of(np.array([5, 7]), cells, None, 2)
    np.testing.assert_array_equal(grid, [[NAN, 2.0], [NAN, NAN]])


def test_a_present_job_without_a_cell_scores_zero() -> None:
    cells = Cells(np.array([5]), np.array([0]), np.array([9.0]))
    present = np.array([[True, True], [False, True]])
    np.testing.assert_array_equal(grid_of(np.array([5, 6]), cells, present, 2), [[9.0, 0.0], [NAN, 0.0]])


def test_gaps_are_filled_inside_a_chunk_but_not_between_chunks() -> None:
    occupied = np.array([10, 13, 10 + CHUNK_INTERVALS - 1, 10 + CHUNK_INTERVALS + 5, 10 + CHUNK_INTERVALS + 7])
    filled = filled_within_chunks(occupied, 10)
    assert filled.tolist() == [
        *range(10, 10 + CHUNK_INTERVALS),
        *range(10 + CHUNK_INTERVALS + 5, 10 + CHUNK_INTERVALS + 8),
    ]


def test_merging_keeps_the_highest_scores_and_any_interim() -> None:
    rows = OverallBuckets(
        np.array([0, 60, 120, 240]),
        np.array([1.0, 5.0, 2.0, 7.0]),
        np.array([[1.0, NAN], [5.0, 3.0], [NAN, 2.0], [7.0, NAN]]),
        np.array([False, False, True, False]),
    )
    wide = merged(rows, 120)
    assert wide.timestamps_ms.tolist() == [0, 120, 240]
    assert wide.scores.tolist() == [5.0, 2.0, 7.0]
    assert wide.is_interim.tolist() == [False, True, False]
    np.testing.assert_array_equal(wide.job_scores, [[5.0, 3.0], [NAN, 2.0], [7.0, NAN]])


def test_joining_nothing_keeps_the_width() -> None:
    assert joined([], 3).job_scores.shape == (0, 3)


def test_neighbouring_intervals_become_one_range() -> None:
    assert runs(np.array([3, 4, 5, 9, 11, 12])) == [(3, 6), (9, 10), (11, 13)]
    assert runs(np.array([], dtype=np.int64)) == []


def test_a_progression_needs_its_count_its_ends_and_its_sum() -> None:
    assert is_progression(3, 0, 120, 180.0, 60)
    assert not is_progression(2, 0, 120, 120.0, 60), "one is missing"
    assert not is_progression(3, 0, 120, 120.0, 60), "one is doubled where another is missing"
    assert not is_progression(2, 0, 90, 90.0, 60), "the ends do not fit the span"


def test_a_sum_too_large_to_be_exact_counts_as_having_gaps() -> None:
    assert not is_progression(2, 0, 1, float(1 << 60), 1)


def test_presence_is_a_range_per_job_or_what_is_listed() -> None:
    presence = Presence(np.array([1, 0, 0]), np.array([2, 3, -1]), np.array([False, True, False]))
    grid = presence.grid(np.array([0, 1, 2, 3]), {1: np.array([0, 3])})
    assert grid.T.tolist() == [[False, True, True, False], [True, False, False, True], [False] * 4]
    assert presence.union(0, 4, {1: np.array([0, 3])}).tolist() == [0, 1, 2, 3]
    assert presence.bounds() == (0, 3)


def test_slices_hold_few_intervals_and_only_their_ranges() -> None:
    intervals = np.array([0, 1, 2, 5, 6])
    cut = list(slices(intervals, runs(intervals), 2))
    assert [(part.intervals.tolist(), part.ranges) for part in cut] == [
        ([0, 1], ((0, 2),)),
        ([2, 5], ((2, 3), (5, 6))),
        ([6], ((6, 7),)),
    ]


def test_a_slice_never_has_more_ranges_than_a_query_may() -> None:
    intervals = np.arange(0, 4000, 2)
    assert max(len(part.ranges) for part in slices(intervals, runs(intervals), 10_000)) == 500


def test_high_scores_bound_an_average_from_above() -> None:
    cells = Cells(np.array([1, 1, 2]), np.array([0, 1, 0]), np.array([90.0, 80.0, 100.0]))
    everywhere = Presence(np.array([0, 0, 0]), np.array([9, 9, 9]), np.array([False] * 3))
    highest = bounds(np.array([1, 2, 3]), cells, everywhere, cut=50.0, top_n=3)
    assert highest.tolist() == [pytest.approx(220 / 3), pytest.approx(200 / 3), pytest.approx(50.0)]


def test_only_jobs_that_are_surely_there_lower_the_bound() -> None:
    cells = Cells(np.array([1]), np.array([0]), np.array([90.0]))
    unsure = Presence(np.array([0, 0]), np.array([9, 9]), np.array([False, True]))
    assert bounds(np.array([1]), cells, unsure, cut=10.0, top_n=2).tolist() == [90.0]


@pytest.mark.parametrize(("minimum", "top_n"), [(75.0, 10), (50.0, 3), (90.0, 2)])
def test_one_high_score_does_not_pass_the_cut_alone(minimum: float, top_n: int) -> None:
    assert (100 + (top_n - 1) * cut_for(minimum, top_n)) / top_n <= minimum + 1e-9
