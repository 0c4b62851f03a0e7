"""What wanders on top of level and patterns: a short mean of the last errors with, and without, the week's pattern."""

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import clip, minimum, where
from proxy.engine.models.component import Component, Lesson, Moment
from proxy.engine.models.grid import Grid
from proxy.engine.results import Floats

# Buckets that the mean is over.
LOCAL_MEMORY = 4.0
# Scales of an error that it may take from at once: what a single value does is no wandering.
WANDERS_MOST = 4.0


class Local(Component):
    """Two means for each series: of the errors with day and week, and with the day alone."""

    _off: Floats

    def __init__(self, grid: Grid) -> None:
        self.tried_from_s = grid.local_tried
        super().__init__(off=Slot("f4", (2,)))

    def part(self, at: Moment, ahead: int) -> tuple[Floats, Floats]:
        """What to add `ahead` buckets after the next one; it fades."""
        is_tried, kept = at.age >= self.tried_from_s, (1.0 - 1.0 / LOCAL_MEMORY) ** ahead
        return self._off[0, at.rows] * is_tried * kept, self._off[1, at.rows] * is_tried * kept

    def learn(self, at: Moment, lesson: Lesson, errors: tuple[tuple[Floats, Floats], tuple[Floats, Floats]]) -> None:
        """Takes the errors of the two predictions, each with the scale that such errors have."""
        for mean, (error, scale) in zip(self._off, errors, strict=True):
            local = mean[at.rows]
            bound = minimum(lesson.bound, WANDERS_MOST * scale)
            step = lesson.trusted * clip(error - local, -bound, bound) / LOCAL_MEMORY
            mean[at.rows] = where(lesson.n == 0, 0.0, local + step)

    def add(self, rows: Rows, by: Floats) -> None:
        """What is expected below has fallen by so much."""
        self._off[:, rows] += by

    def scale(self, rows: Rows, by: Floats) -> None:
        """Errors of patterns of another strength say nothing."""
        self.forget(rows)

    def forget(self, rows: Rows) -> None:
        """Nothing wanders."""
        self._off[:, rows] = 0.0
