"""Whether the values of a series gather around several modes, and which of them is nearest.

A sketch of eight weighted centres a series (the streaming histogram of Ben-Haim and Tom-Tov): a value becomes a
centre of its own and the two centres closest to each other merge.
A sketch has modes where a gap between neighbouring centres is more than GAP_SPREADS times as wide as what lies to
its two sides, each side holding at least LEAST_SHARE of the weight and LEAST_COUNT values; so 10 and 100 in turn
have two, a long tail has one. A model that knows which one is next has no use for them: modes count only
where the spread around its prediction is no less than UNPREDICTED of their distance, so day and night do not.
Fails when the modes themselves wander by more than their distance.
"""

import numpy as np

from proxy.engine.columns import Columns, Rows, Slot
from proxy.engine.results import Floats

CENTRES = 8
LEAST_SHARE = 0.05
LEAST_COUNT = 12.0
GAP_SPREADS = 2.5
# A gap this much narrower than the widest is inside a mode.
LEAST_GAP = 0.3
UNPREDICTED = 0.2
# What was seen this many values ago counts for a third.
MEMORY = 1000.0
# Once a series has this many values, one bucket in SPARSELY is enough to follow it.
WELL_KNOWN, SPARSELY = 200.0, 8
_UNUSED = np.inf
# Spreads multiplied by an odd constant visit every eighth bucket without following any hour of the day.
_SCATTER = 2654435761


class Modes(Columns):
    """The sketches of all series of one feature."""

    _centre: Floats
    _weight: Floats

    def __init__(self) -> None:
        super().__init__(centre=Slot("f8", (CENTRES,), _UNUSED), weight=Slot("f4", (CENTRES,)))

    def learn(self, bucket: int, rows: Rows, value: Floats) -> None:
        """Adds one value to each of these distinct rows."""
        if bucket * _SCATTER % 2**32 >= 2**32 // SPARSELY:
            young = self._weight[:, rows].sum(axis=0) < WELL_KNOWN
            rows, value = rows[young], value[young]
        if not len(rows):
            return
        centre = np.concatenate([self._centre[:, rows], value[None]])
        weight = np.concatenate([self._weight[:, rows] * (1.0 - 1.0 / MEMORY), np.ones((1, len(rows)))])
        order = np.argsort(centre, axis=0, kind="stable")
        centre, weight = np.take_along_axis(centre, order, axis=0), np.take_along_axis(weight, order, axis=0)
        with np.errstate(invalid="ignore"):
            closest = np.argmin(np.nan_to_num(np.diff(centre, axis=0), nan=np.inf), axis=0)
        each = np.arange(len(rows))
        one, two = weight[closest, each], weight[closest + 1, each]
        is_full = np.isfinite(centre[-1])
        share = np.where(is_full, two / np.maximum(one + two, 1e-300), 0.0)
        step = np.where(is_full, centre[closest + 1, each], 0.0) - np.where(is_full, centre[closest, each], 0.0)
        centre[closest, each] += share * step
        weight[closest, each] = np.where(is_full, one + two, one)
        # The last centre moves into the place the merge left free; unused ones stay behind.
        gone = np.where(is_full, closest + 1, CENTRES)
        kept = np.arange(CENTRES)[:, None] + (np.arange(CENTRES)[:, None] >= gone)
        self._centre[:, rows] = np.take_along_axis(centre, kept, axis=0)
        self._weight[:, rows] = np.take_along_axis(weight, kept, axis=0)

    def nearest(self, row: int, value: float, spread: float) -> float | None:
        """The mode a value is nearest to; None where the values have one mode, or the model (whose prediction is
        `spread` wide) knows which is next."""
        modes = self.of(row)
        if len(modes) < 2 or spread < UNPREDICTED * float(np.diff(modes).min()):
            return None
        return float(modes[np.abs(modes - value).argmin()])

    def of(self, row: int) -> Floats:
        """The means of the modes, ascending; fewer than two mean there is nothing to tell apart."""
        centre, weight = self._centre[:, row], self._weight[:, row].astype(np.float64)
        used = np.isfinite(centre)
        if not used.any():
            return np.empty(0)
        least = max(LEAST_SHARE * float(weight[used].sum()), LEAST_COUNT)
        return np.array(_split(centre[used], weight[used], least, 0.0))


def _split(centre: Floats, weight: Floats, least: float, least_gap: float) -> list[float]:
    """Means of the groups on both sides of the widest gap that parts two modes, and so on within each."""
    for at in np.argsort(-np.diff(centre), kind="stable").tolist():
        left, right = slice(0, at + 1), slice(at + 1, None)
        if weight[left].sum() < least or weight[right].sum() < least:
            continue
        gap = float(centre[at + 1] - centre[at])
        width = _spread(centre[left], weight[left]) + _spread(centre[right], weight[right])
        if gap > max(GAP_SPREADS * width, least_gap):
            wide = max(LEAST_GAP * gap, least_gap)
            return [m for side in (left, right) for m in _split(centre[side], weight[side], least, wide)]
    return [float(np.average(centre, weights=weight))]


def _spread(centre: Floats, weight: Floats) -> float:
    mean = np.average(centre, weights=weight)
    return float(np.sqrt(np.average((centre - mean) ** 2, weights=weight)))
