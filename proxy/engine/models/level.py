"""The level of a series: a mean that moves slowly, bounded by how far off a value may be."""

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import clip, minimum, where
from proxy.engine.models.component import Component, Lesson, Moment
from proxy.engine.results import Floats


class Level(Component):
    """The level, and the one that the patterns stand on (`base`): still while they are being learnt."""

    _level: Floats
    _base: Floats

    def __init__(self, memory: float) -> None:
        # Buckets after which a value is forgotten.
        self.memory = memory
        super().__init__(level=Slot("f8"), base=Slot("f8"))

    def of(self, rows: Rows) -> Floats:
        """The level of each series."""
        return self._level[rows]

    def base(self, rows: Rows) -> Floats:
        """The level below each series' patterns."""
        return self._base[rows]

    def learn(self, at: Moment, lesson: Lesson) -> Floats:
        """Moves the level towards the values; returns the base to learn patterns by."""
        fresh = lesson.n == 0
        error = clip(lesson.value - lesson.typical, -lesson.limit, lesson.limit)
        moved = self._level[at.rows] + lesson.step * error / minimum(lesson.n + 1.0, self.memory)
        self._level[at.rows] = where(fresh, lesson.value, moved)
        return where(fresh, lesson.value, self._base[at.rows])

    def settle(self, rows: Rows, base: Floats) -> None:
        """Takes over a base that has learnt its part."""
        self._base[rows] = base

    def shift(self, rows: Rows, by: Floats) -> None:
        """Puts the level elsewhere at once."""
        self._level[rows] += by
        self._base[rows] += by

    def restart(self, row: int, level: float) -> None:
        """Puts level and base of one series to a value."""
        self._level[row] = self._base[row] = level

    def scale(self, rows: Rows, by: Floats) -> None:
        """The distance of the base from the level is part of the patterns."""
        self._base[rows] = self._level[rows] + by * (self._base[rows] - self._level[rows])
