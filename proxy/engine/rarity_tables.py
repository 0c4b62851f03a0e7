"""Sorted tables of counts behind rarity.py: keys packed from two codes, grouped sums, thinning.

No meaning lives here; what is counted and what a probability is stands in rarity.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LOW_BITS = np.int64(32)
LOW_HALF = np.int64(0xFFFFFFFF)
# Counts up to here are one sighting, allowing for the decay of a repeat.
SEEN_ONCE = 1.5


def pack(high: Ints, low: Ints) -> Ints:
    return (np.asarray(high, np.int64) << LOW_BITS) | np.asarray(low, np.int64)


def distinct(ordered: Ints) -> Ints:
    """The distinct values of a sorted array; np.unique hashes integers, and packed keys collide."""
    is_new = np.ones(ordered.size, bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_new]


def find(keys: Ints, wanted: Ints) -> tuple[Ints, Bools]:
    """Positions of wanted in the sorted keys, and whether they are there."""
    at = np.searchsorted(keys, wanted)
    inside = np.minimum(at, max(keys.size - 1, 0))
    return at, (keys[inside] == wanted) if keys.size else np.zeros(wanted.size, bool)


def contained(values: Ints, allowed: Ints) -> Bools:
    """Which values are among the allowed ones."""
    return find(np.sort(allowed), values)[1]


class CountTable:
    """Sorted int64 keys with float columns; rows are added in bulk and dropped by mask."""

    def __init__(self, **columns: str) -> None:
        self.keys: Ints = np.zeros(0, np.int64)
        self.columns: dict[str, NDArray[Any]] = {name: np.zeros(0, dtype) for name, dtype in columns.items()}

    def rows(self, keys: Ints) -> Ints:
        """Rows of the distinct sorted keys; unknown ones are added as zeros."""
        at, is_known = find(self.keys, keys)
        if is_known.all():
            return at
        fresh = keys[~is_known]
        self.keys = np.insert(self.keys, at[~is_known], fresh)
        for name, column in self.columns.items():
            self.columns[name] = np.insert(column, at[~is_known], 0)
        return np.searchsorted(self.keys, keys)

    def get(self, name: str, keys: Ints) -> NDArray[Any]:
        """Values of a column, 0 where the key is unknown."""
        at, is_known = find(self.keys, keys)
        found = np.zeros(keys.size, self.columns[name].dtype)
        found[is_known] = self.columns[name][at[is_known]]
        return found

    def keep(self, mask: Bools) -> None:
        """Drop all rows outside the mask."""
        self.keys = self.keys[mask]
        self.columns = {name: column[mask] for name, column in self.columns.items()}

    def move(self, old: Ints, new: Ints) -> None:
        """Give the sorted old keys new ones, in step; drop rows of other keys, pass over keys without row."""
        at, is_known = find(self.keys, old)
        at, new = at[is_known], new[is_known]
        order = np.argsort(new)
        self.keys = new[order]
        self.columns = {name: column[at[order]] for name, column in self.columns.items()}

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + sum(column.nbytes for column in self.columns.values())


@dataclass(frozen=True, slots=True)
class BucketRows:
    """The distinct rows of one bucket, sorted by partition, by, over.

    ``category`` is partition and by value in one number, ``over_key`` partition and over entity.
    """

    partition: Ints
    by: Ints
    over: Ints
    counts: Floats
    category: Ints
    over_key: Ints

    @classmethod
    def of(cls, partition: Ints, by: Ints, over: Ints | None, counts: Floats) -> BucketRows:
        category = pack(partition, by)
        entity = np.zeros(category.size, np.int64) if over is None else np.asarray(over, np.int64)
        order = np.lexsort((entity, category))
        category, entity = category[order], entity[order]
        is_new = np.ones(category.size, bool)
        is_new[1:] = (category[1:] != category[:-1]) | (entity[1:] != entity[:-1])
        starts = np.flatnonzero(is_new)
        ordered = np.asarray(counts, float)[order]
        summed = np.add.reduceat(ordered, starts) if starts.size else ordered
        category, entity = category[starts], entity[starts]
        high = category >> LOW_BITS
        return cls(high, category & LOW_HALF, entity, summed, category, pack(high, entity))


@dataclass(frozen=True, slots=True)
class GroupedCounts:
    """Counts of some partitions, sorted within each, with running sums."""

    group: Ints
    count: Floats
    running: Floats
    starts: Ints

    @classmethod
    def of(cls, group: Ints, count: Floats, group_count: int) -> GroupedCounts:
        order = np.lexsort((count, group))
        ordered = count[order]
        running: Floats = np.concatenate(([0.0], np.cumsum(ordered)))
        starts = np.searchsorted(group, np.arange(group_count + 1))
        return cls(group[order], ordered, running, starts)

    def totals(self) -> tuple[Floats, Floats, Floats]:
        """Per group: sum of counts, how many were seen once, median count (0 for an empty group)."""
        starts, ends = self.starts[:-1], self.starts[1:]
        total = self.running[ends] - self.running[starts]
        seen_once = np.bincount(self.group, self.count <= SEEN_ONCE, minlength=starts.size)
        once = seen_once.astype(np.float64)
        size = ends - starts
        low = np.minimum(starts + np.maximum(size - 1, 0) // 2, max(self.count.size - 1, 0))
        high = np.minimum(starts + size // 2, max(self.count.size - 1, 0))
        if not self.count.size:
            return total, once, np.zeros(starts.size)
        median: Floats = 0.5 * (self.count[low] + self.count[high])
        return total, once, np.where(size > 0, median, np.zeros(starts.size))

    def mass_up_to(self, group: Ints, limit: Floats) -> Floats:
        """Per query: the sum of counts <= limit in the query's group."""
        # numpy orders complex numbers by real part, then imaginary: a search inside each group at once.
        at = np.searchsorted(self.group + 1j * self.count, group + 1j * limit, side="right")
        return self.running[at] - self.running[self.starts[:-1][group]]


def strongest(values: Floats, least: float, most: int) -> Bools:
    """The values worth keeping; when there are too many only the largest three quarters of `most`."""
    keep = values >= least
    if values.size > most:
        keep &= values >= np.partition(values, values.size - most * 3 // 4)[values.size - most * 3 // 4]
    return keep
