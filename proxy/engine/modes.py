"""Whether the values of a series gather around several modes, and which of them is nearest.

A sketch of eight weighted centres a series (the streaming histogram of Ben-Haim and Tom-Tov): a value becomes a
centre of its own and the two centres closest to each other merge.
A sketch has modes where a gap between neighbouring centres is more than GAP_SPREADS times as wide as what lies to
its two sides, each side holding at least LEAST_SHARE of the weight and LEAST_COUNT values; so 10 and 100 in turn
have two, a long tail has one. A model that knows which one is next has no use for them: modes count only
where the spread around its prediction is no less than UNPREDICTED of their distance, so day and night do not. What
lies between two modes or beyond them, where no value was yet, is as unusual as what leaves the range (models/views.py).
Fails when the modes themselves wander by more than their distance.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, maximum, minimum, where, zeros
from proxy.engine.models.component import Component, Mask
from proxy.engine.results import Floats

CENTRES = 8
LEAST_SHARE = 0.05
LEAST_COUNT = 12.0
GAP_SPREADS = 2.5
# A gap this much narrower than the widest is inside a mode.
LEAST_GAP = 0.3
UNPREDICTED = 0.2
# Values before which an empty place says nothing; how far into it counts as in views.py.
EMPTY_AFTER, EXCESS_UNIT = 100.0, 10.0
# A mode is no narrower than this part of the gap beside it.
LEAST_WIDTH = 0.1
# What was seen this many values ago counts for a third.
MEMORY = 1000.0
# Once a series has this many values, one bucket in SPARSELY is enough to follow it.
WELL_KNOWN, SPARSELY = 200.0, 8
_UNUSED = np.inf
# Spreads multiplied by an odd constant visit every eighth bucket without following any hour of the day.
_SCATTER = 2654435761

# Centres and weights of what belongs to one mode.
Group = tuple[Floats, Floats]


class Modes(Component):
    """The sketches of all series of one feature."""

    _centre: Floats
    _weight: Floats
    _gap: Floats
    _ends: Floats

    def __init__(self, least_share: float = LEAST_SHARE, memory: float = MEMORY, sparsely: int = SPARSELY) -> None:
        self.least_share, self.memory, self.sparsely = least_share, memory, sparsely
        super().__init__(
            centre=Slot("f8", (CENTRES,), _UNUSED),
            weight=Slot("f4", (CENTRES,)),
            gap=Slot("f8", (2,), np.nan),
            ends=Slot("f8", (4,), np.nan),
        )

    def learn(self, bucket: int, rows: Rows, value: Floats) -> None:
        """Adds one value to each of these distinct rows."""
        if bucket * _SCATTER % 2**32 >= 2**32 // self.sparsely:
            young = self._weight[:, rows].sum(axis=0) < WELL_KNOWN
            rows, value = rows[young], value[young]
        if not len(rows):
            return
        centre = np.concatenate([self._centre[:, rows], value[None]])
        weight = np.concatenate([self._weight[:, rows] * (1.0 - 1.0 / self.memory), np.ones((1, len(rows)))])
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
        if not anywhere(self.seen(rows) >= EMPTY_AFTER):
            return
        found = _widest_gap(self._centre[:, rows], self._weight[:, rows].astype(np.float64), self.least_share)
        self._gap[:, rows], self._ends[:, rows] = found

    def off_modes(self, rows: Rows, value: Floats, spread: Floats) -> Floats:
        """p of each value as far as it lies off the modes, where none was before, else 1; `spread` as in `nearest`.

        1 / (n + 1) / (1 + 10 e)^2, where e tells how far: between two modes in parts of the gap from its nearer end,
        beyond all of them in widths of the outermost, from one width on.
        """
        low, high = self._gap[0, rows], self._gap[1, rows]
        first, last = self._ends[0, rows], self._ends[1, rows]
        off = ((value > low) & (value < high)) | (value < first) | (value > last)
        off &= spread >= UNPREDICTED * (high - low)
        if not anywhere(off):
            return zeros(rows) + 1.0
        left, right = self._ends[2, rows], self._ends[3, rows]
        beyond = maximum((first - value) / left, (value - last) / right)
        within = minimum(value - low, high - value) / (high - low)
        far = 1.0 + EXCESS_UNIT * maximum(maximum(beyond, within), 0.0)
        seen = self._weight[:, rows].sum(axis=0, dtype=np.float64)
        return where(off & (seen >= EMPTY_AFTER), 1.0 / ((seen + 1.0) * far * far), 1.0)

    def nearest(self, row: int, value: float, spread: float) -> float | None:
        """The mode a value is nearest to; None where the values have one mode, or the model (whose prediction is
        `spread` wide) knows which is next."""
        modes = self.of(row)
        if len(modes) < 2 or spread < UNPREDICTED * float(np.diff(modes).min()):
            return None
        return float(modes[np.abs(modes - value).argmin()])

    def of(self, row: int) -> Floats:
        """The means of the modes, ascending; fewer than two mean there is nothing to tell apart."""
        return np.array([np.average(centre, weights=weight) for centre, weight in self._groups(row)])

    def has_several(self, rows: Rows) -> Mask:
        """Which series have more than one mode."""
        several: Mask = np.isfinite(self._gap[0, rows])
        return several

    def seen(self, rows: Rows) -> Floats:
        """Values that each sketch holds, older ones counting for less."""
        seen: Floats = self._weight[:, rows].sum(axis=0, dtype=np.float64)
        return seen

    def places(self, row: int, value: Floats) -> tuple[Floats, Floats]:
        """(mean, spread) of the mode that each value is nearest to, of one series."""
        groups = self._groups(row)
        means = np.array([np.average(centre, weights=weight) for centre, weight in groups])
        nearest = np.abs(value[:, None] - means).argmin(axis=1)
        return means[nearest], np.array([_spread(*group) for group in groups])[nearest]

    def _groups(self, row: int) -> list[Group]:
        centre, weight = self._centre[:, row], self._weight[:, row].astype(np.float64)
        used = np.isfinite(centre)
        if not used.any():
            return []
        least = max(self.least_share * float(weight[used].sum()), LEAST_COUNT)
        return _split(centre[used], weight[used], least, 0.0)


def _widest_gap(centre: Floats, weight: Floats, least_share: float) -> tuple[Floats, Floats]:
    """The widest gap between the sorted centres that parts two modes: its ends (2 x series), and (4 x series) where
    what is beyond the modes to its left and right begins, and how wide those are. NaN where there is none.
    """
    used = np.isfinite(centre)
    at, weight = np.where(used, centre, 0.0), np.where(used, weight, 0.0)
    middle = (at * weight).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
    at = at - middle
    moments = np.array([weight, weight * at, weight * at * at])
    left = np.cumsum(moments, axis=1)[:, :-1]
    sides = np.array([left, moments.sum(axis=1)[:, None] - left])
    mass = np.where(sides[:, 0] > 0, sides[:, 0], 1.0)
    spread = np.sqrt(np.maximum(sides[:, 2] / mass - (sides[:, 1] / mass) ** 2, 0.0)).sum(axis=0)
    least = np.maximum(least_share * weight.sum(axis=0), LEAST_COUNT)
    gap = np.where(used[1:], np.diff(at, axis=0), 0.0)
    gap = np.where((sides[:, 0].min(axis=0) >= least) & (gap > GAP_SPREADS * spread), gap, 0.0)
    widest, each = gap.argmax(axis=0), np.arange(gap.shape[1])
    low, high = centre[widest, each], centre[widest + 1, each]
    first, last = centre[0], centre[used.sum(axis=0) - 1, each]
    with np.errstate(invalid="ignore"):
        left, right = (np.maximum(side, LEAST_WIDTH * (high - low)) for side in (low - first, last - high))
        ends = np.array([first - left, last + right, left, right])
    is_parted = gap[widest, each] > 0
    return np.where(is_parted, [low, high], np.nan), np.where(is_parted, ends, np.nan)


def _split(centre: Floats, weight: Floats, least: float, least_gap: float) -> list[Group]:
    """The groups on both sides of the widest gap that parts two modes, and so on within each."""
    for at in np.argsort(-np.diff(centre), kind="stable").tolist():
        left, right = slice(0, at + 1), slice(at + 1, None)
        if weight[left].sum() < least or weight[right].sum() < least:
            continue
        gap = float(centre[at + 1] - centre[at])
        width = _spread(centre[left], weight[left]) + _spread(centre[right], weight[right])
        if gap > max(GAP_SPREADS * width, least_gap):
            wide = max(LEAST_GAP * gap, least_gap)
            return [group for side in (left, right) for group in _split(centre[side], weight[side], least, wide)]
    return [(centre, weight)]


def _spread(centre: Floats, weight: Floats) -> float:
    mean = np.average(centre, weights=weight)
    return float(np.sqrt(np.average((centre - mean) ** 2, weights=weight)))
