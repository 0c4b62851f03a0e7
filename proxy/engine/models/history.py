"""How long and how often each series has been seen: what the other parts of a model are told of it."""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import double, where
from proxy.engine.models.component import Component, Moment
from proxy.engine.results import Floats, Ints


class History(Component):
    """Number of values learnt, starts of the first and of the latest bucket (epoch seconds, -1 = none)."""

    _n: Floats
    _first: Ints
    _seen: Ints

    def __init__(self) -> None:
        super().__init__(n=Slot("f4"), first=Slot("i8", (), -1), seen=Slot("i8", (), -1))

    def at(self, time: int, rows: Rows) -> Moment:
        """The bucket at `time` as these series see it."""
        first = self._first[rows]
        return Moment(time, rows, first, self._n[rows], time - first)

    def last_age(self, rows: Rows) -> Ints:
        """Seconds between the first and the latest bucket of each series."""
        return self._seen[rows] - self._first[rows]

    def learn(self, at: Moment, weight: Floats) -> None:
        """Adds a bucket, of which `weight` (0..1) was learnt."""
        self._first[at.rows] = where(at.first < 0, at.time, at.first)
        self._seen[at.rows] = at.time
        self._n[at.rows] = double(at.n) + weight

    def with_at_least(self, values: float) -> Rows:
        """The series of which so many values were learnt."""
        return np.flatnonzero(self._n >= values)

    def share_of(self, row: int, values: float) -> float:
        """How much of so many values a series has shown, 0..1."""
        return float(min(1.0, self._n[row] / values))
