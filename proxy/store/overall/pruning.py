"""Which intervals may reach a minimum average, judged by their high scores alone. Pure.

Reading all scores of an interval costs; reading only those above a cut tells for most intervals that they cannot
pass: whatever lies below the cut counts at most the cut.
"""

from __future__ import annotations

import numpy as np

from proxy.store.overall.answers import Cells
from proxy.store.overall.presence import Presence

_HIGHEST_SCORE = 100.0
# Measured on scores that fall off exponentially, as real ones do: lower cuts read more than they save.
_SHARE_OF_MINIMUM = 0.8


def cut_for(minimum_score: float, top_n: int) -> float:
    """A cut worth asking for; none is at zero or less.

    Any cut is correct. This one is low enough that one score of 100 beside others at the cut does not pass, nor
    several that are somewhat above the minimum.
    """
    return min((top_n * minimum_score - _HIGHEST_SCORE) / (top_n - 1), _SHARE_OF_MINIMUM * minimum_score)


def bounds(intervals: np.ndarray, cells: Cells, presence: Presence, *, cut: float, top_n: int) -> np.ndarray:
    """For each of the sorted ``intervals`` what its average is at most.

    ``cells`` are all scores of at least ``cut``. Fewer jobs make a higher average, so only jobs whose presence is
    certain are counted.
    """
    rows = np.searchsorted(intervals, cells.intervals)
    known = rows < len(intervals)
    known[known] = intervals[rows[known]] == cells.intervals[known]
    rows, scores = rows[known], cells.scores[known]
    order = np.lexsort((-scores, rows))
    rows, scores = rows[order], scores[order]
    found = np.bincount(rows, minlength=len(intervals))
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(found) - found, found)
    taken = np.minimum(top_n, np.maximum(found, _certain(intervals, presence)))
    counted = rank < taken[rows]
    totals = np.bincount(rows[counted], weights=scores[counted], minlength=len(intervals))
    below = np.maximum(taken - found, 0)
    highest: np.ndarray = np.divide(totals + below * cut, taken, out=np.zeros(len(intervals)), where=taken > 0)
    return highest


def _certain(intervals: np.ndarray, presence: Presence) -> np.ndarray:
    """For each interval how many jobs surely have a bucket there."""
    whole = (~presence.with_gaps) & (presence.last >= presence.first)
    starts, ends = np.sort(presence.first[whole]), np.sort(presence.last[whole])
    return np.searchsorted(starts, intervals, side="right") - np.searchsorted(ends, intervals, side="left")
