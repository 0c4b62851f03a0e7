"""Cutting a time range into pieces that one answer of the cluster can hold. Pure; intervals are counted numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# A query's clauses are limited (1024 in the smallest cluster), and each costs.
RANGES_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class Slice:
    """Intervals to read at once, and the half-open ranges of intervals to ask for."""

    intervals: np.ndarray
    ranges: tuple[tuple[int, int], ...]

    def cut(self, position: int) -> tuple[Slice, Slice]:
        """The first ``position`` intervals, and the others."""
        at = int(self.intervals[position])
        low = tuple((start, min(stop, at)) for start, stop in self.ranges if start < at)
        high = tuple((max(start, at), stop) for start, stop in self.ranges if stop > at)
        return Slice(self.intervals[:position], low), Slice(self.intervals[position:], high)


def windows(first: int, last: int, length: int) -> Iterator[tuple[int, int]]:
    """Half-open ranges of at most ``length`` intervals that cover ``first`` to ``last``."""
    for start in range(first, last + 1, length):
        yield start, min(start + length, last + 1)


def runs(intervals: np.ndarray) -> list[tuple[int, int]]:
    """Neighbouring intervals joined to half-open ranges."""
    if len(intervals) == 0:
        return []
    breaks = np.flatnonzero(np.diff(intervals) > 1) + 1
    starts = intervals[np.concatenate([[0], breaks])]
    ends = intervals[np.concatenate([breaks - 1, [len(intervals) - 1]])] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def slices(intervals: np.ndarray, ranges: Sequence[tuple[int, int]], most: int) -> Iterator[Slice]:
    """Slices of at most ``most`` intervals each, with few enough ranges for one query."""
    for position in range(0, len(ranges), RANGES_PER_QUERY):
        some = ranges[position : position + RANGES_PER_QUERY]
        inside = intervals[(intervals >= some[0][0]) & (intervals < some[-1][1])]
        whole = Slice(inside, tuple(some))
        while len(whole.intervals) > most:
            part, whole = whole.cut(most)
            yield part
        yield whole
