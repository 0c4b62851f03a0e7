"""Arrival times on a circle: the functions time_of_day and time_of_week.

Here: when events usually arrive, per series, and how unusual a bucket's arrivals are.
Not here: which events belong to which series, and records.

    Circular(is_weekly=False)
    .grow_to(row_count)
    .score(rows, group, time_s) -> CircularScores    learns nothing
    .learn(rows, group, time_s)
        One bucket at a time. rows: int[g], the model row of each group; group: int[n], the group 0..g-1 of
        each event; time_s: int[n], epoch seconds. Without a population a group *is* a row; in a population
        groups are over entities and rows may repeat. Rows without learning: leave them out of the call.
    .same_slot(time_s, second) -> bool[n]            which events an `actual` stands for
    .shift(seconds)                                  moves all histograms (daylight saving)
    .keep(rows) / .reset(rows);  .state() / Circular.from_state(state);  .nbytes; .size

The times at which events of a row usually arrive are kept as a histogram of 15 minute slots (96 a day, 672 a week from
Sunday 00:00 UTC), smoothed over half an hour to each side. A slot counts once a group and bucket, however many events
fall into it: their number is judged by count. With N = sightings, M = sightings lately at times never seen before:

    p(visited slot, height h) = (sum of heights <= h + sqrt(h), plus 3 M + 1) / (N + 2)
    p(new slot, d slots from the next visited) = (3 M + 1) / (N + 2) * exp(-(d - 1) / L)

L is the mean distance of earlier new slots (not of the first period), so a regular office worker at 3 am stands out
after few weeks; after n periods the distance counts for no more than about n^-3. A group's p is the smallest of its
slots, corrected for their number, and damped while the row is young:
p' = p (1 - q) + q with q = exp(-(age / period)^4).

When it fails: usual times that move by themselves (working hours abroad, daylight saving: slots are UTC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SLOT_S = 900
DAY_S = 86_400
# 1970-01-01 was a Thursday; weeks are shown from Sunday.
WEEK_ORIGIN_S = 4 * DAY_S
KERNEL = np.array([1, 2, 3, 2, 1]) / 9.0
REACH = 2
# Below half of the kernel's edge the last visit is about a memory ago.
VISITED = 0.05
MEMORY_PERIODS = 60.0
# Two imagined surprises of an hour keep one real surprise from defining the scale.
PRIOR_SURPRISES = 2.0
PRIOR_DISTANCE = 4.0
# Never claim more than this from distance alone, and after n periods no more than n^-3 or so: a second Saturday
# may simply be the first one at work.
FARTHEST = 7.0
BOLDNESS = 3.0
MODE_SHARE = 0.25
# Bounds the working memory of a bucket with very many series.
PAIRS_AT_ONCE = 4096
_ROW_COLUMNS = ("sightings", "surprises", "distance_sum", "distance_count")
_CLOCK_COLUMNS = ("first_s", "last_s")
NEVER = np.int64(-1)


@dataclass(frozen=True, slots=True)
class CircularScores:
    """Per group: probability; actual = the least usual arrival and typical = the nearest usual time, in seconds
    of the day or week (typical is NaN without history)."""

    probability: Floats
    actual: Floats
    typical: Floats


@dataclass(frozen=True, slots=True)
class _Sightings:
    """Distinct (group, slot) pairs of a bucket, sorted, with their mean second of the period."""

    group: Ints
    slot: Ints
    second: Floats


class Circular:
    """Arrival-time histograms of many series."""

    def __init__(self, *, is_weekly: bool = False) -> None:
        self.is_weekly = is_weekly
        self.period_s = 7 * DAY_S if is_weekly else DAY_S
        self.slots = self.period_s // SLOT_S
        self.size = 0
        self._heights = np.zeros((0, self.slots), np.float32)
        self._columns: dict[str, NDArray[Any]] = {name: np.zeros(0) for name in _ROW_COLUMNS}
        self._columns |= {name: np.zeros(0, np.int64) for name in _CLOCK_COLUMNS}

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, spare capacity included."""
        return self._heights.nbytes + sum(column.nbytes for column in self._columns.values())

    @property
    def bytes_per_row(self) -> int:
        """Bytes of one series."""
        return self.slots * self._heights.itemsize + sum(column.itemsize for column in self._columns.values())

    def grow_to(self, row_count: int) -> None:
        """Make room for rows up to row_count; new ones have no history."""
        capacity = self._heights.shape[0]
        if row_count > capacity:
            added = max(row_count, 2 * capacity) - capacity
            self._heights = np.pad(self._heights, ((0, added), (0, 0)))
            for name, column in self._columns.items():
                fill = NEVER if name in _CLOCK_COLUMNS else 0
                self._columns[name] = np.pad(column, (0, added), constant_values=fill)
        self.size = max(self.size, row_count)

    def reset(self, rows: Ints) -> None:
        """Forget these rows' history."""
        self._heights[rows] = 0
        for name, column in self._columns.items():
            column[rows] = NEVER if name in _CLOCK_COLUMNS else 0

    def keep(self, rows: Ints) -> None:
        """Keep only these rows, renumbered in the given order."""
        self._heights = self._heights[rows]
        self._columns = {name: column[rows] for name, column in self._columns.items()}
        self.size = len(rows)

    def score(self, rows: Ints, group: Ints, time_s: Ints) -> CircularScores:
        """How unusual the arrivals of each group are; a group without events gets p = 1 and NaN."""
        seen = self._sightings(group, time_s)
        p = self._slot_probability(rows[seen.group], seen.slot, time_s)
        groups = len(rows)
        order = np.lexsort((p, seen.group))
        present, first = np.unique(seen.group[order], return_index=True)
        least = order[first]
        slot_count = np.bincount(seen.group, minlength=groups)[present]
        combined = -np.expm1(slot_count * np.log1p(-np.minimum(p[least], 1 - 1e-16)))
        probability = np.ones(groups)
        probability[present] = np.where(p[least] >= 1, 1.0, combined)
        actual, typical = np.full(groups, np.nan), np.full(groups, np.nan)
        actual[present] = seen.second[least]
        typical[present] = self._nearest_usual(rows[present], seen.slot[least])
        return CircularScores(probability, actual, typical)

    def learn(self, rows: Ints, group: Ints, time_s: Ints) -> None:
        """Adds the bucket's sightings to the rows' histograms."""
        if not len(time_s):
            return
        seen = self._sightings(group, time_s)
        row = rows[seen.group]
        now_s = int(np.max(time_s))
        counts = np.bincount(row, minlength=self.size)
        active = np.flatnonzero(counts)
        self._age(active, now_s)
        self._learn_surprises(row, seen.slot, now_s)
        self._columns["sightings"][active] += counts[active]
        for shift, share in zip(range(-REACH, REACH + 1), KERNEL, strict=True):
            np.add.at(self._heights, (row, (seen.slot + shift) % self.slots), np.float32(share))
        first = self._columns["first_s"]
        fresh = active[first[active] == NEVER]
        first[fresh] = now_s
        self._columns["last_s"][active] = now_s

    def shift(self, seconds: int) -> None:
        """Expect from now on at t what was expected at t + seconds, in whole slots."""
        self._heights = np.roll(self._heights, -round(seconds / SLOT_S), axis=1)

    def same_slot(self, time_s: Ints, second: float) -> NDArray[np.bool_]:
        """Which epoch times fall into the slot of this second of the period."""
        is_same: NDArray[np.bool_] = self._second(time_s) // SLOT_S == int(second) // SLOT_S
        return is_same

    def _second(self, time_s: Ints) -> Ints:
        return (np.asarray(time_s, np.int64) + (WEEK_ORIGIN_S if self.is_weekly else 0)) % self.period_s

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything needed to go on bit-exactly."""
        state: dict[str, NDArray[Any]] = {"is_weekly": np.array([self.is_weekly])}
        state["heights"] = self._heights[: self.size].copy()
        return state | {name: column[: self.size].copy() for name, column in self._columns.items()}

    @classmethod
    def from_state(cls, state: dict[str, NDArray[Any]]) -> Circular:
        """The inverse of state()."""
        circular = cls(is_weekly=bool(state["is_weekly"][0]))
        circular._heights = state["heights"].copy()
        circular._columns = {name: state[name].copy() for name in circular._columns}
        circular.size = circular._heights.shape[0]
        return circular

    def _sightings(self, group: Ints, time_s: Ints) -> _Sightings:
        second = self._second(time_s)
        key = np.asarray(group, np.int64) * self.slots + second // SLOT_S
        distinct, inverse = np.unique(key, return_inverse=True)
        inverse = inverse.reshape(-1)
        mean = np.bincount(inverse, second) / np.maximum(np.bincount(inverse), 1)
        return _Sightings(distinct // self.slots, distinct % self.slots, mean)

    def _slot_probability(self, row: Ints, slot: Ints, time_s: Ints) -> Floats:
        if not row.size:
            return np.zeros(0)
        now_s = int(np.max(time_s))
        pairs, inverse = np.unique(row * self.slots + slot, return_inverse=True)
        p = np.concatenate(
            [
                self._pair_probability(part // self.slots, part % self.slots, now_s)
                for part in np.array_split(pairs, -(-pairs.size // PAIRS_AT_ONCE))
            ]
        )
        of_each: Floats = p[inverse.reshape(-1)]
        return of_each

    def _pair_probability(self, row: Ints, slot: Ints, now_s: int) -> Floats:
        heights = self._heights[row].astype(float) * self._fading(row, now_s)[:, None]
        own = np.take_along_axis(heights, slot[:, None], axis=1)
        # The hair more keeps ties ties whatever the rounding.
        mass = np.sum(heights * (heights <= (own + np.sqrt(own)) * (1 + 1e-9)), axis=1)
        sightings = self._columns["sightings"][row] + 2
        surprise = (3 * self._columns["surprises"][row] + 1) / sightings
        is_new = own[:, 0] <= VISITED
        p = np.where(is_new, surprise, mass / sightings + surprise)
        first_s = self._columns["first_s"][row]
        age = np.where(first_s == NEVER, 0, now_s - first_s) / self.period_s
        p[is_new] *= self._distance_tail(row[is_new], self._distance(heights[is_new], slot[is_new]), age[is_new])
        damping = np.exp(-(age**4))
        damped: Floats = p * (1 - damping) + damping
        return np.minimum(1.0, damped)

    def _fading(self, rows: Ints, now_s: int) -> Floats:
        last = self._columns["last_s"][rows]
        elapsed = np.where(last == NEVER, 0, np.maximum(now_s - last, 0))
        return np.exp(-elapsed / (MEMORY_PERIODS * self.period_s))

    def _age(self, rows: Ints, now_s: int) -> None:
        fading = self._fading(rows, now_s)
        self._heights[rows] *= fading.astype(np.float32)[:, None]
        for name in _ROW_COLUMNS:
            self._columns[name][rows] *= fading

    def _learn_surprises(self, row: Ints, slot: Ints, now_s: int) -> None:
        columns, size = self._columns, self.size
        is_new = (self._heights[row, slot] <= VISITED) & (columns["sightings"][row] > 0)
        new_row = row[is_new]
        distance = self._distance(self._heights[new_row], slot[is_new])
        seen = np.bincount(row, minlength=size)
        active = np.flatnonzero(seen)
        # Proportional forgetting: what counts is how often the recent half of the history surprised.
        columns["surprises"][active] *= (1 - 2 / (columns["sightings"][active] + 2)) ** seen[active]
        # Within the first period everything is new and far from everything: that says nothing of how far is far.
        is_settled = (now_s - columns["first_s"][new_row] >= self.period_s).astype(float)
        for name, weights in (
            ("surprises", None),
            ("distance_count", is_settled),
            ("distance_sum", is_settled * distance),
        ):
            columns[name][:size] += np.bincount(new_row, weights, minlength=size)

    def _distance(self, heights: NDArray[np.floating], slot: Ints) -> Floats:
        """Slots from each given slot to the nearest visited one of its row, around the circle."""
        if not slot.size:
            return np.zeros(0)
        around = (slot[:, None] + np.arange(self.slots)) % self.slots
        is_visited = np.take_along_axis(heights, around, axis=1) > VISITED
        forward = np.argmax(is_visited, axis=1)
        backward = np.argmax(is_visited[:, ::-1], axis=1) + 1
        nearest = np.minimum(forward, backward)
        return np.where(is_visited.any(axis=1), nearest, self.slots // 2).astype(float)

    def _distance_tail(self, row: Ints, distance: Floats, age: Floats) -> Floats:
        total = self._columns["distance_sum"][row] + PRIOR_SURPRISES * PRIOR_DISTANCE
        scale = total / (self._columns["distance_count"][row] + PRIOR_SURPRISES)
        return np.exp(-np.clip((distance - 1) / scale, 0, np.minimum(FARTHEST, BOLDNESS * np.log1p(age))))

    def _nearest_usual(self, row: Ints, slot: Ints) -> Floats:
        heights = self._heights[row]
        top = heights.max(axis=1, keepdims=True) if row.size else np.zeros((0, 1))
        is_mode = (heights >= MODE_SHARE * top) & (heights > VISITED)
        is_mode &= (heights >= np.roll(heights, 1, axis=1)) & (heights >= np.roll(heights, -1, axis=1))
        offset = np.abs(np.arange(self.slots) - slot[:, None])
        distance = np.where(is_mode, np.minimum(offset, self.slots - offset), self.slots)
        nearest = np.argmin(distance, axis=1) if row.size else np.zeros(0, np.int64)
        return np.where(is_mode.any(axis=1), (nearest + 0.5) * SLOT_S, np.nan)
