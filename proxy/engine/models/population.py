"""The model of a population: all entities with one attribute pooled, each judged against the others.

Per attribute (partition and by value) a typical value with its daily pattern, a robust spread and a self-calibrated
tail over entities and time. Skewed populations need no transformation: the tails of the two sides are learnt apart.
Where the values of an attribute gather in several modes (modes.py: two kinds of hosts, one member that is always
busier), each entity is compared with the mode it is nearest to. Fails when the attribute mixes several kinds of entity
that overlap and whose mix changes.
"""

from dataclasses import dataclass

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.models import low_counts
from proxy.engine.models.component import Component, Mask, Model
from proxy.engine.models.grid import DAY
from proxy.engine.models.patterns import roll
from proxy.engine.models.tails import Tails
from proxy.engine.modes import Modes
from proxy.engine.probability import clip_p
from proxy.engine.results import Floats, Ints

# Buckets before anything is reported, and until p is believed in full.
WARM_UP, SETTLED = 12, 36
# Buckets before scores are worth a place in the tails.
TAILS_FROM = 3
LEVEL_MEMORY, SCALE_MEMORY, DAY_MEMORY = 500.0, 1000.0, 8.0
# Bins of a day; visits that are told apart.
DAY_BINS, MOST_COUNTED = 24, 250.0
# A mean absolute deviation times this is the standard deviation of a normal law.
NORMAL = 1.25
# Spreads that a bucket moves the level by at most, and that an entity counts for in the spread.
LEVEL_LIMIT, SPREAD_LIMIT = 3.0, 4.0
# Least coefficient of variation, and least spread where nothing is typical.
LEAST_VARIATION, NOTHING_TYPICAL = 1e-4, 1e-30
# 97.5 % of a normal distribution.
BOUND_SCALES = 1.96
MOST_SPREADS = 1e4
# One of two hundred entities that always is elsewhere is a mode of its own. So many entities of a bucket are sampled,
# and forgotten after so many.
MODE_SHARE, SAMPLED, MODE_MEMORY = 0.005, 4, 5000.0
# Values before which a population has no modes to speak of.
MODES_FROM = 300.0
# Of a mode no less than this part of the spread over all is what it spreads by.
LEAST_OF_SPREAD = 0.02
# Multiples of a prime visit all ranks in the course of time.
_SCATTER = 7919


@dataclass(frozen=True, slots=True)
class PopulationScores:
    """One element per entity of the bucket: its attribute, value, what was typical, how far off and how improbable."""

    rows: Rows
    value: Floats
    typical: Floats
    scale: Floats
    z: Floats
    p: Floats


class Typical(Component):
    """Level, spread and daily pattern of each attribute, and how long it has been seen."""

    _n: Floats
    _first: Ints
    _level: Floats
    _scale: Floats
    _day: Floats
    _day_n: Ints

    def __init__(self, span: int) -> None:
        self.day_bins = min(DAY_BINS, DAY // span) if span <= DAY // 2 else 1
        super().__init__(
            n=Slot("f4"),
            first=Slot("i8", (), -1),
            level=Slot("f8"),
            scale=Slot("f4"),
            day=Slot("f4", (self.day_bins,)),
            day_n=Slot("u1", (self.day_bins,)),
        )

    def seen(self, rows: Rows) -> Floats:
        """Buckets learnt."""
        return self._n[rows]

    def value(self, time: int, rows: Rows) -> Floats:
        """What is typical at `time`."""
        d = self._bin(time)
        on = np.clip(self._day_n[d][rows] / 2.0, 0.0, 1.0) * (time - self._first[rows] >= 2 * DAY)
        typical: Floats = self._level[rows] + on * self._day[d][rows]
        return typical

    def spread(self, rows: Rows, typical: Floats) -> Floats:
        """How far off entities are, where this is typical."""
        return np.maximum(self._scale[rows], LEAST_VARIATION * np.abs(typical) + NOTHING_TYPICAL)

    def move(self, rows: Rows, seconds: int) -> None:
        """Rolls the daily pattern by whole bins."""
        roll(self._day, rows, seconds, DAY)
        roll(self._day_n, rows, seconds, DAY)

    def learn(self, time: int, scores: PopulationScores) -> None:
        """Learns a bucket: the median of each attribute's entities, and their mean distance from what was typical."""
        rows, value = scores.rows, scores.value
        order = np.lexsort((value, rows))
        unique, start, count = np.unique(rows[order], return_index=True, return_counts=True)
        ranked = value[order]
        median = 0.5 * (ranked[start + (count - 1) // 2] + ranked[start + count // 2])
        n = self._n[unique].astype(np.float64)
        # What is learnt at once is bounded, but by more than a scale that happens to be nothing.
        spread = np.where(n < WARM_UP, np.inf, scores.scale[order][start])
        self._learn_place(time, unique, median, LEVEL_LIMIT * spread)
        fresh, place = n == 0, np.searchsorted(unique, rows)
        size = np.minimum(
            NORMAL * np.abs(value - np.where(fresh[place], median[place], scores.typical)), SPREAD_LIMIT * spread[place]
        )
        distance = np.bincount(place, size, len(unique)) / count
        rate = np.maximum(1.0 / (n + 1.0), 1.0 / SCALE_MEMORY)
        stored = self._scale[unique]
        self._scale[unique] = np.where(fresh, distance, stored + rate * (distance - stored))
        self._first[unique] = np.where(self._first[unique] < 0, time, self._first[unique])
        self._n[unique] = n + 1.0

    def _learn_place(self, time: int, rows: Rows, median: Floats, limit: Floats) -> None:
        """Level and daily pattern take their parts of what the median of a bucket is off."""
        d, n = self._bin(time), self._n[rows].astype(np.float64)
        level = np.where(n == 0, median, self._level[rows])
        known = self._day_n[d][rows].astype(np.float64) + 1.0
        day = self._day[d][rows]
        off = np.clip(median - level - day, -limit, limit)
        self._day[d][rows] = day + off / np.minimum(known, DAY_MEMORY)
        self._day_n[d][rows] = np.minimum(known, MOST_COUNTED)
        self._level[rows] = level + off / np.minimum(n + 1.0, LEVEL_MEMORY)

    def _bin(self, time: int) -> int:
        return time % DAY * self.day_bins // DAY


class PopulationModel(Model):
    """State and arithmetic of all attributes of one feature.

    `side` is 1 (only high values are unusual), -1 (only low ones) or 0.
    """

    def __init__(self, span: int, *, side: int, non_negative: bool, is_count: bool) -> None:
        self.span, self.side, self.non_negative, self.is_count = span, side, non_negative, is_count
        self.typical, self.tails, self.modes = Typical(span), Tails(1), Modes(MODE_SHARE, MODE_MEMORY, 1)
        super().__init__(typical=self.typical, tails=self.tails, modes=self.modes)

    def judge(self, time: int, rows: Rows, value: Floats) -> PopulationScores:
        """Judges the entities of one bucket; rows[i] is the attribute of entity i. Changes nothing."""
        typical, scale = self._of_modes(rows, value, *self._of_all(time, rows))
        if self.is_count:
            scale = low_counts.least_spread(typical, scale)
        z = np.clip((value - typical) / scale, -MOST_SPREADS, MOST_SPREADS)
        tail = self.tails.survival(0, rows, z)
        if self.side:
            tail = np.where(z * self.side > 0, tail, 0.5)
        n = self.typical.seen(rows)
        p = np.minimum(1.0, 2.0 * tail) ** np.minimum(1.0, n / SETTLED)
        return PopulationScores(rows, value, typical, scale, z, np.where(n >= WARM_UP, clip_p(p), 1.0))

    def _of_all(self, time: int, rows: Rows) -> tuple[Floats, Floats]:
        """(what is typical, spread) of all entities of each attribute."""
        typical = self.typical.value(time, rows)
        if self.non_negative:
            typical = np.maximum(typical, 0.0)
        return typical, self.typical.spread(rows, typical)

    def _of_modes(self, rows: Rows, value: Floats, typical: Floats, scale: Floats) -> tuple[Floats, Floats]:
        """The same of the mode that each value is nearest to, where an attribute has several."""
        several = self._has_modes(rows)
        for row in np.unique(rows[several]).tolist():
            here = rows == row
            means, spreads = self.modes.places(row, value[here])
            typical[here] = means
            scale[here] = np.maximum(spreads, LEAST_OF_SPREAD * scale[here])
        return typical, scale

    def tail_ln(self, scores: PopulationScores, i: int, value: Floats, spread: Floats) -> Floats:
        """ln p of other values in place of entity i's, towards its side; `spread` widens the scale."""
        sign = 1.0 if scores.z[i] >= 0 else -1.0
        z = np.clip(sign * (value - scores.typical[i]) / (scores.scale[i] * spread), 0.0, MOST_SPREADS)
        at = np.full(len(value), scores.rows[i], np.intp)
        return np.log(clip_p(2.0 * self.tails.survival(0, at, sign * z)))

    def bounds(self, scores: PopulationScores) -> tuple[Floats, Floats]:
        """What 95 % of the entities of each attribute are expected between."""
        lower = scores.typical - BOUND_SCALES * scores.scale
        upper = scores.typical + BOUND_SCALES * scores.scale
        return (np.maximum(lower, 0.0) if self.non_negative else lower), upper

    def is_ready(self, rows: Rows) -> Mask:
        """Which attributes are known well enough to be judged."""
        return self.typical.seen(rows) >= WARM_UP

    def learn(self, time: int, scores: PopulationScores, taken: Mask) -> None:
        """Learns the entities marked `taken`."""
        if not taken.any():
            return
        rows, z = scores.rows[taken], scores.z[taken]
        settled = self.typical.seen(rows) >= TAILS_FROM
        self.tails.learn_many(rows[settled], z[settled])
        value = scores.value[taken]
        typical, scale = self._of_all(time, rows)
        if self.is_count:
            scale = low_counts.least_spread(typical, scale)
        self.typical.learn(time, PopulationScores(rows, value, typical, scale, z, scores.p[taken]))
        self._learn_modes(time, rows, value)

    def _has_modes(self, rows: Rows) -> Mask:
        """Which attributes are known to have several modes."""
        known: Mask = self.modes.has_several(rows) & (self.modes.seen(rows) >= MODES_FROM)
        return known

    def _learn_modes(self, time: int, rows: Rows, value: Floats) -> None:
        """Takes a few of the entities of each attribute, others every time; by rank, in whatever order they came."""
        order = np.lexsort((value, rows))
        unique, start, count = np.unique(rows[order], return_index=True, return_counts=True)
        had_several = self._has_modes(unique)
        bucket = time // self.span
        for i in range(min(SAMPLED, int(count.max()))):
            known = np.flatnonzero(count > i)
            place = start[known] + (bucket * SAMPLED + i) * _SCATTER % count[known]
            self.modes.learn(bucket, unique[known], value[order][place])
        # Scores from before modes were told apart say nothing of those to come.
        self.tails.fade(unique[self._has_modes(unique) & ~had_several], 0.0)
