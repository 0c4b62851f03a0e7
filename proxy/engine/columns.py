"""The growable storage of every model: named arrays with one column per series, and several such side by side.

The last axis is the series, so a table with bins keeps one bin of all the series contiguous. What the arrays mean is
the business of whoever declares them (models/component.py and the models themselves).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from proxy.engine.state import StateError

Rows = NDArray[np.intp]
# No series at all.
NOBODY: Rows = np.empty(0, np.intp)
# A column of any stored type.
Column = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Slot:
    """Shape before the series axis, dtype and the value a new series starts with."""

    dtype: str
    shape: tuple[int, ...] = ()
    fill: float = 0.0


class Growable(Protocol):
    """State of any number of series that can be extended, thinned out, weighed, saved and restored."""

    def grow_to(self, size: int) -> None:
        """Adds fresh series so that there are `size`; never shrinks."""

    def keep(self, rows: Rows) -> None:
        """Drops every series not in `rows`; the kept ones are renumbered in that order."""

    def bytes_per_series(self) -> int:
        """State of one series in bytes."""

    def nbytes(self) -> int:
        """Bytes of the state."""

    def state(self) -> dict[str, object]:
        """Copies of the arrays as a tree of names."""

    def restore(self, tree: object) -> None:
        """Takes over a tree written by `state`; raises StateError if it lacks an array."""


class Columns:
    """Base of what keeps arrays of its own: the slot `level` is the attribute `_level`, up to `size`.

    A subclass names its slots in the call of `__init__` and annotates the attributes. Stored types are narrow (f2, f4,
    u1 ...); the annotations are those of what arithmetic makes of them: Floats and Ints. Capacity doubles behind the
    attributes, which are bound anew whenever the number of series changes: never keep one across `grow_to` or `keep`.
    """

    def __init__(self, **slots: Slot) -> None:
        self.layout: Mapping[str, Slot] = slots
        self.size = 0
        self._capacity = 0
        self._bytes_per_series = sum(math.prod(s.shape) * np.dtype(s.dtype).itemsize for s in slots.values())
        self._arrays: dict[str, Column] = {name: np.empty((*s.shape, 0), s.dtype) for name, s in slots.items()}
        self._bind()

    def _bind(self) -> None:
        # A view of all of an array is one more object, and a job of one series has a hundred arrays.
        is_whole = self.size == self._capacity
        for name, array in self._arrays.items():
            setattr(self, f"_{name}", array if is_whole else array[..., : self.size])

    def grow_to(self, size: int) -> None:
        """Adds fresh series so that there are `size`; never shrinks."""
        if size <= self.size:
            return
        if size > self._capacity:
            self._capacity = size if self._capacity == 0 else max(size, 2 * self._capacity)
            for name, slot in self.layout.items():
                bigger = np.full((*slot.shape, self._capacity), slot.fill, slot.dtype)
                bigger[..., : self.size] = self._arrays[name][..., : self.size]
                self._arrays[name] = bigger
        self.size = size
        self._bind()

    def keep(self, rows: Rows) -> None:
        """Drops every series not in `rows`; the kept ones are renumbered in that order."""
        self._arrays = {name: np.ascontiguousarray(a[..., : self.size][..., rows]) for name, a in self._arrays.items()}
        self.size = self._capacity = len(rows)
        self._bind()

    def reset(self, rows: Rows) -> None:
        """Gives these series the values of new ones."""
        for name, slot in self.layout.items():
            self._arrays[name][..., : self.size][..., rows] = slot.fill

    def copy(self, rows: Rows, source: "Columns") -> None:
        """Gives these series the values that they have in another of the same layout."""
        for name in self.layout:
            self._arrays[name][..., : self.size][..., rows] = source._arrays[name][..., : source.size][..., rows]

    def bytes_per_series(self) -> int:
        """State of one series in bytes."""
        return self._bytes_per_series

    def nbytes(self) -> int:
        """Bytes of the state; spare capacity is not counted, so that a restored copy weighs the same."""
        return self.size * self._bytes_per_series

    def state(self) -> dict[str, object]:
        """Copies of the arrays, by name."""
        return {name: array[..., : self.size].copy() for name, array in self._arrays.items()}

    def restore(self, tree: object) -> None:
        """Takes over arrays written by `state`; raises StateError if it lacks one of them."""
        arrays = tree_of(tree, self.layout)
        self._arrays = {name: np.array(arrays[name], s.dtype) for name, s in self.layout.items()}
        self.size = self._capacity = next(iter(self._arrays.values())).shape[-1]
        self._bind()


class Store:
    """Several columns side by side, by name: series number i is the i-th column of each."""

    def __init__(self, **parts: Columns) -> None:
        self.parts: Mapping[str, Columns] = parts
        self.size = 0

    def grow_to(self, size: int) -> None:
        """Adds fresh series so that there are `size`; never shrinks."""
        if size > self.size:
            for part in self.parts.values():
                part.grow_to(size)
            self.size = size

    def keep(self, rows: Rows) -> None:
        """Drops every series not in `rows`; the kept ones are renumbered in that order."""
        for part in self.parts.values():
            part.keep(rows)
        self.size = len(rows)

    def bytes_per_series(self) -> int:
        """State of one series in bytes."""
        return sum(part.bytes_per_series() for part in self.parts.values())

    def nbytes(self) -> int:
        """Bytes of the state; spare capacity is not counted."""
        return self.size * self.bytes_per_series()

    def state(self) -> dict[str, object]:
        """Copies of all arrays, by part and name."""
        return {name: part.state() for name, part in self.parts.items()}

    def restore(self, tree: object) -> None:
        """Takes over a tree written by `state`; raises StateError if it lacks an array."""
        arrays = tree_of(tree, self.parts)
        for name, part in self.parts.items():
            part.restore(arrays[name])
        self.size = next(iter(self.parts.values())).size


def tree_of(tree: object, names: Mapping[str, object]) -> dict[str, object]:
    """A saved tree as the dict it must be; raises StateError where it is none or lacks one of `names`."""
    if not isinstance(tree, dict):
        raise StateError("engine state lacks a model: it was written by another version")
    missing = [name for name in names if name not in tree]
    if missing:
        raise StateError(f"engine state lacks {missing} of a model: it was written by another version")
    return tree
