"""The model of a population: all entities with one attribute pooled, each judged against the others.

Per attribute (partition and by value) a typical value with its daily pattern, a robust spread and a
self-calibrated tail over people and time. Skewed populations need no transformation: the tails of the two
sides are learnt apart. Fails when the attribute mixes several kinds of entity whose mix changes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.models import tails
from proxy.engine.probability import clip_p
from proxy.engine.results import Floats

Rows = NDArray[np.intp]
DAY = 86400
# Buckets before anything is reported, and until p is believed in full.
WARM_UP, SETTLED = 12, 36
LEVEL_MEMORY, SCALE_MEMORY, DAY_MEMORY = 500.0, 1000.0, 8.0
# Least coefficient of variation, and least spread where nothing is typical.
LEAST_VARIATION, NOTHING_TYPICAL = 1e-4, 1e-30
# 97.5 % of a normal distribution.
BOUND_SCALES = 1.96
# Below this counts cannot be steadier than chance lets them be.
LOW_COUNT = 20.0


@dataclass(frozen=True, slots=True)
class PopulationScores:
    """One element per entity of the bucket."""

    rows: Rows
    value: Floats
    typical: Floats
    scale: Floats
    z: Floats
    p: Floats


class PopulationModel:
    """State and arithmetic of all attributes of one feature."""

    def __init__(self, span: int, *, side: int, non_negative: bool, is_count: bool) -> None:
        self.span, self.side, self.non_negative, self.is_count = span, side, non_negative, is_count
        self.day_bins = min(24, DAY // span) if span <= DAY // 2 else 1
        self.columns = Columns(
            {
                "n": Slot("f4"),
                "first": Slot("i8", (), -1),
                "level": Slot("f8"),
                "scale": Slot("f4"),
                "day": Slot("f4", (self.day_bins,)),
                "day_n": Slot("u1", (self.day_bins,)),
                **tails.slots(1),
            }
        )

    def _typical(self, time: int, rows: Rows) -> Floats:
        c = self.columns
        d = time % DAY * self.day_bins // DAY
        on = np.clip(c["day_n"][d][rows] / 2.0, 0.0, 1.0) * (time - c["first"][rows] >= 2 * DAY)
        typical = c["level"][rows] + on * c["day"][d][rows]
        return np.maximum(typical, 0.0) if self.non_negative else typical

    def _spread(self, rows: Rows, typical: Floats) -> Floats:
        spread = np.maximum(self.columns["scale"][rows], LEAST_VARIATION * np.abs(typical) + NOTHING_TYPICAL)
        if not self.is_count:
            return spread
        by_chance = 0.7 * np.sqrt(np.maximum(typical, 0.25))
        return np.where(typical < LOW_COUNT, np.maximum(spread, by_chance), spread)

    def judge(self, time: int, rows: Rows, value: Floats) -> PopulationScores:
        """Judges the entities of one bucket; rows[i] is the attribute of entity i. Changes nothing."""
        typical = self._typical(time, rows)
        scale = self._spread(rows, typical)
        z = np.clip((value - typical) / scale, -1e4, 1e4)
        tail = tails.survival(self.columns, 0, rows, z)
        if self.side:
            tail = np.where(z * self.side > 0, tail, 0.5)
        n = self.columns["n"][rows]
        p = np.minimum(1.0, 2.0 * tail) ** np.minimum(1.0, n / SETTLED)
        return PopulationScores(rows, value, typical, scale, z, np.where(n >= WARM_UP, clip_p(p), 1.0))

    def tail_ln(self, scores: PopulationScores, i: int, value: Floats, spread: Floats) -> Floats:
        """ln p of other values in place of entity i's, towards its side."""
        sign = 1.0 if scores.z[i] >= 0 else -1.0
        z = np.clip(sign * (value - scores.typical[i]) / (scores.scale[i] * spread), 0.0, 1e4)
        at = np.full(len(value), scores.rows[i], np.intp)
        return np.log(clip_p(2.0 * tails.survival(self.columns, 0, at, sign * z)))

    def bounds(self, scores: PopulationScores) -> tuple[Floats, Floats]:
        """What 95 % of the entities of each attribute are expected between."""
        lower = scores.typical - BOUND_SCALES * scores.scale
        upper = scores.typical + BOUND_SCALES * scores.scale
        return (np.maximum(lower, 0.0) if self.non_negative else lower), upper

    def is_ready(self, rows: Rows) -> NDArray[np.bool_]:
        """Which attributes are known well enough to be judged."""
        return self.columns["n"][rows] >= WARM_UP

    def learn(self, time: int, scores: PopulationScores, taken: NDArray[np.bool_]) -> None:
        """Learns the entities marked `taken`."""
        rows, value = scores.rows[taken], scores.value[taken]
        if not len(rows):
            return
        c = self.columns
        order = np.lexsort((value, rows))
        unique, start, count = np.unique(rows[order], return_index=True, return_counts=True)
        ranked = value[order]
        median = 0.5 * (ranked[start + (count - 1) // 2] + ranked[start + count // 2])
        n = c["n"][unique].astype(np.float64)
        fresh = n == 0
        level = np.where(fresh, median, c["level"][unique])
        d = time % DAY * self.day_bins // DAY
        known = c["day_n"][d][unique].astype(np.float64) + 1.0
        day = c["day"][d][unique]
        # What is learnt at once is bounded, but by more than a scale that happens to be nothing.
        known_spread = np.where(n < WARM_UP, np.inf, scores.scale[taken][order][start])
        limit = 3.0 * known_spread
        c["day"][d][unique] = day + np.clip(median - level - day, -limit, limit) / np.minimum(known, DAY_MEMORY)
        c["day_n"][d][unique] = np.minimum(known, 250.0)
        c["level"][unique] = level + np.clip(median - level - day, -limit, limit) / np.minimum(n + 1.0, LEVEL_MEMORY)
        place = np.searchsorted(unique, rows)
        size = np.minimum(
            1.25 * np.abs(value - np.where(fresh[place], median[place], scores.typical[taken])),
            4.0 * known_spread[place],
        )
        spread = np.bincount(place, size, len(unique)) / count
        rate = np.maximum(1.0 / (n + 1.0), 1.0 / SCALE_MEMORY)
        stored = c["scale"][unique]
        c["scale"][unique] = np.where(fresh, spread, stored + rate * (spread - stored))
        settled = n[place] >= 3
        tails.learn_many(c, rows[settled], scores.z[taken][settled])
        c["first"][unique] = np.where(c["first"][unique] < 0, time, c["first"][unique])
        c["n"][unique] = n + 1.0
