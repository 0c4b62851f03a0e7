"""From scores per (interval, job) to overall buckets: averaging, filtering, filling gaps, merging. Pure numpy.

Absent is NaN throughout: a job without a bucket in an interval neither lowers the average nor shows up.
Reading the scores is in ``buckets``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proxy.store.overall.answers import Cells

CHUNK_INTERVALS = 1000
"""Elasticsearch computes overall buckets in chunks of this many intervals from the first bucket on, and reports
the empty intervals between the first and the last bucket of a chunk, but not those between chunks."""


@dataclass(frozen=True, slots=True)
class OverallBuckets:
    """Rows in time order."""

    timestamps_ms: np.ndarray  # int64[rows]
    scores: np.ndarray  # float64[rows]
    job_scores: np.ndarray  # float64[rows, jobs], NaN where the job has no bucket
    is_interim: np.ndarray  # bool[rows]

    def __len__(self) -> int:
        return len(self.timestamps_ms)

    @staticmethod
    def none(jobs: int) -> OverallBuckets:
        return OverallBuckets(np.empty(0, dtype=np.int64), np.empty(0), np.empty((0, jobs)), np.empty(0, dtype=bool))

    def take(self, rows: np.ndarray | slice) -> OverallBuckets:
        return OverallBuckets(self.timestamps_ms[rows], self.scores[rows], self.job_scores[rows], self.is_interim[rows])


def joined(parts: list[OverallBuckets], jobs: int) -> OverallBuckets:
    parts = parts or [OverallBuckets.none(jobs)]
    return OverallBuckets(
        np.concatenate([part.timestamps_ms for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.job_scores for part in parts]),
        np.concatenate([part.is_interim for part in parts]),
    )


def grid_of(intervals: np.ndarray, cells: Cells, present: np.ndarray | None, jobs: int) -> np.ndarray:
    """Intervals x jobs scores. With ``present`` (intervals x jobs), cells without a score there count zero."""
    grid = np.full((len(intervals), jobs), np.nan)
    if present is not None:
        grid[present] = 0.0
    rows = np.searchsorted(intervals, cells.intervals)
    known = rows < len(intervals)
    known[known] = intervals[rows[known]] == cells.intervals[known]
    grid[rows[known], cells.jobs[known]] = cells.scores[known]
    return grid


def averages(grid: np.ndarray, top_n: int) -> np.ndarray:
    """Per row the mean of its ``top_n`` highest scores, or of all where there are fewer; 0 for an empty row."""
    counts = np.minimum(top_n, (~np.isnan(grid)).sum(axis=1))
    filled = np.where(np.isnan(grid), -np.inf, grid)
    jobs = grid.shape[1]
    if top_n < jobs:
        filled = np.partition(filled, jobs - top_n, axis=1)[:, jobs - top_n :]
    filled = np.sort(filled, axis=1)
    totals = np.where(filled == -np.inf, 0.0, filled).sum(axis=1)
    means: np.ndarray = np.divide(totals, counts, out=np.zeros(len(grid)), where=counts > 0)
    return means


def overall(
    intervals: np.ndarray, grid: np.ndarray, interim: np.ndarray, *, interval_ms: int, top_n: int, minimum_score: float
) -> OverallBuckets:
    """The overall buckets of ``intervals`` whose score reaches the minimum. ``interim`` lists interim intervals."""
    scores = averages(grid, top_n)
    kept = np.flatnonzero(scores >= minimum_score)
    return OverallBuckets(intervals[kept] * interval_ms, scores[kept], grid[kept], np.isin(intervals[kept], interim))


def filled_within_chunks(occupied: np.ndarray, origin: int) -> np.ndarray:
    """``occupied`` and the gaps between its first and last interval in each chunk counted from ``origin``."""
    if len(occupied) == 0:
        return occupied
    chunks = (occupied - origin) // CHUNK_INTERVALS
    starts = np.flatnonzero(np.diff(chunks, prepend=chunks[0] - 1))
    ends = np.append(starts[1:], len(occupied)) - 1
    spans = [np.arange(occupied[start], occupied[end] + 1) for start, end in zip(starts, ends, strict=True)]
    return np.concatenate(spans)


def merged(rows: OverallBuckets, span_ms: int) -> OverallBuckets:
    """Rows of one aligned span of ``span_ms`` made one: the highest scores, interim if any is."""
    if len(rows) == 0:
        return rows
    aligned = rows.timestamps_ms // span_ms * span_ms
    starts = np.flatnonzero(np.diff(aligned, prepend=aligned[0] - 1))
    return OverallBuckets(
        aligned[starts],
        np.maximum.reduceat(rows.scores, starts),
        np.fmax.reduceat(rows.job_scores, starts, axis=0),
        np.logical_or.reduceat(rows.is_interim, starts),
    )
