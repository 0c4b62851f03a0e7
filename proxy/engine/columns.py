"""Named arrays that grow together, one column per series: the storage of every model.

The last axis is the series, so a table with bins keeps one bin of all the series contiguous.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.state import StateError

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Slot:
    """Shape before the series axis, dtype and the value a new series starts with."""

    dtype: str
    shape: tuple[int, ...] = ()
    fill: float = 0.0


class Columns:
    """`columns["level"]` is the whole array up to `size`; capacity doubles behind it."""

    def __init__(self, layout: dict[str, Slot]) -> None:
        self.layout = layout
        self.size = 0
        self._capacity = 0
        self._bytes_per_series = sum(math.prod(s.shape) * np.dtype(s.dtype).itemsize for s in layout.values())
        self._arrays = {name: np.empty((*s.shape, 0), s.dtype) for name, s in layout.items()}
        self._views: dict[str, Array] = dict(self._arrays)

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

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
        self._views = {name: a[..., :size] for name, a in self._arrays.items()}

    def keep(self, rows: NDArray[np.intp]) -> None:
        """Drops every series not in `rows`; the kept ones are renumbered in that order."""
        self._arrays = {name: np.ascontiguousarray(a[..., rows]) for name, a in self._views.items()}
        self.size = self._capacity = len(rows)
        self._views = dict(self._arrays)

    def reset(self, rows: NDArray[np.intp]) -> None:
        """Gives these series the values of new ones."""
        for name, slot in self.layout.items():
            self._views[name][..., rows] = slot.fill

    def bytes_per_series(self) -> int:
        """State of one series in bytes."""
        return self._bytes_per_series

    def nbytes(self) -> int:
        """Bytes of the state; spare capacity is not counted, so that a restored copy weighs the same."""
        return self.size * self.bytes_per_series()

    def state(self) -> dict[str, Array]:
        """Copies of the arrays, by name."""
        return {name: view.copy() for name, view in self._views.items()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Takes over arrays written by `state`; raises StateError if it lacks one of them."""
        missing = [name for name in self.layout if name not in arrays]
        if missing:
            raise StateError(f"engine state lacks {missing} of a model: it was written by another version")
        self._arrays = {name: np.array(arrays[name], s.dtype) for name, s in self.layout.items()}
        self.size = self._capacity = next(iter(self._arrays.values())).shape[-1]
        self._views = dict(self._arrays)
