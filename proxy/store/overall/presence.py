"""Where each job has buckets, without reading a cell for every one of them.

A job that never skipped a bucket is an arithmetic progression of timestamps, known by first, last, count and sum.
Others ("with gaps") need their occupied intervals listed. Pure; counterpart of the queries in ``queries``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proxy.store.overall.answers import Answer

# Sums of timestamps are doubles: beyond 2^52 steps they can no longer tell one misplaced bucket.
_EXACT_STEPS = 1 << 52


@dataclass(frozen=True, slots=True)
class Presence:
    """First and last interval of each job (last before first: no data), and which jobs have gaps between them."""

    first: np.ndarray  # int64[jobs]
    last: np.ndarray  # int64[jobs]
    with_gaps: np.ndarray  # bool[jobs]

    @property
    def has_data(self) -> bool:
        return bool((self.last >= self.first).any())

    def bounds(self) -> tuple[int, int]:
        """First and last interval of all jobs; only where there is data."""
        present = self.last >= self.first
        return int(self.first[present].min()), int(self.last[present].max())

    def grid(self, intervals: np.ndarray, listed: Mapping[int, np.ndarray]) -> np.ndarray:
        """Intervals x jobs: who has a bucket there. ``listed`` holds the intervals of the jobs with gaps, in order."""
        column = intervals[:, None]
        grid = (column >= self.first) & (column <= self.last)
        for job in np.flatnonzero(self.with_gaps):
            grid[:, job] = _among(intervals, listed.get(int(job), _NOTHING))
        return grid

    def union(self, start: int, stop: int, listed: Mapping[int, np.ndarray]) -> np.ndarray:
        """The intervals from ``start`` up to ``stop`` in which any job has a bucket."""
        taken = np.zeros(stop - start, dtype=bool)
        whole = ~self.with_gaps
        for first, last in set(zip(self.first[whole].tolist(), self.last[whole].tolist(), strict=True)):
            taken[max(first - start, 0) : max(last + 1 - start, 0)] = True
        for intervals in listed.values():
            taken[intervals[(intervals >= start) & (intervals < stop)] - start] = True
        return np.flatnonzero(taken) + start


_NOTHING = np.empty(0, dtype=np.int64)


def _among(intervals: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the intervals are among those in order: no sorting, as there are thousands of jobs."""
    if len(known) == 0:
        return np.zeros(len(intervals), dtype=bool)
    nearest: np.ndarray = known[np.minimum(np.searchsorted(known, intervals), len(known) - 1)]
    is_known: np.ndarray = nearest == intervals
    return is_known


def read_presence(answer: Answer, job_ids: Sequence[str], spans_ms: Sequence[int], interval_ms: int) -> Presence:
    first = np.zeros(len(job_ids), dtype=np.int64)
    last = np.full(len(job_ids), -1, dtype=np.int64)
    with_gaps = np.zeros(len(job_ids), dtype=bool)
    positions = {job_id: position for position, job_id in enumerate(job_ids)}
    for found in answer.aggregations.jobs.buckets:
        stamps = found.stamps
        if stamps.min is None or stamps.max is None:
            continue
        job = positions[found.key]
        low, high = int(stamps.min), int(stamps.max)
        first[job], last[job] = low // interval_ms, high // interval_ms
        with_gaps[job] = not is_progression(found.doc_count, low, high, stamps.sum, spans_ms[job])
    return Presence(first, last, with_gaps)


def is_progression(count: int, low: int, high: int, total: float, span_ms: int) -> bool:
    """Whether ``count`` timestamps are one per span from ``low`` to ``high``.

    Count and ends alone would accept a doubled bucket that makes up for a missing one; the sum betrays it.
    """
    if (high - low) % span_ms or count != (high - low) // span_ms + 1 or abs(total) >= _EXACT_STEPS * span_ms:
        return False
    return abs(total - count * (low + high) / 2) < span_ms / 2
