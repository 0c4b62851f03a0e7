"""How strong the patterns of a series are at present, as a factor that follows within hours.

Normalised least mean squares (Widrow and Stearns, Adaptive Signal Processing, 1985, ch. 6): the part of the error along
the pattern, over the pattern's power.
"""

from collections.abc import Callable

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, double, maximum, minimum, where, zeros
from proxy.engine.models.component import Component, Lesson, Mask, Moment
from proxy.engine.models.grid import Grid
from proxy.engine.results import Floats

# Days in which the strength follows a lasting change of it.
STRENGTH_DAYS = 0.25
# Spreads of an error that it may take from at once.
STRENGTH_LIMIT = 6.0
STRONGEST = 4.0
# A strength this far from 1 that has predicted best for a day becomes the patterns' own.
CHANGED_STRENGTH = 0.2
# Patterns that all but vanish are kept: they may come back.
LEAST_SETTLED = 0.1
# That day in buckets is at least these.
LEAST_LASTING = 12.0
_MOST_COUNTED = 60000


class Strength(Component):
    """The factor, the mean square of the patterns, and for how many buckets in a row it has predicted best."""

    _strength: Floats
    _power: Floats
    _best_for: Floats

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        super().__init__(strength=Slot("f4", (), 1.0), power=Slot("f8"), best_for=Slot("u2"))

    def of(self, rows: Rows) -> Floats:
        """The factor of each series."""
        return self._strength[rows]

    def learn(self, at: Moment, lesson: Lesson, error: Floats, pattern: Floats) -> None:
        """Takes the error of the prediction at this strength; `pattern` is what the patterns add to the level."""
        strength, power = self._strength[at.rows], self._power[at.rows]
        rate = lesson.trusted / max(2.0, STRENGTH_DAYS * self.grid.day_buckets)
        off = clip(error, -STRENGTH_LIMIT * lesson.noise, STRENGTH_LIMIT * lesson.noise)
        now = pattern * pattern
        moved = rate * off * pattern / maximum(maximum(power, now) + lesson.noise * lesson.noise, 1e-30)
        self._strength[at.rows] = clip(strength + moved, 0.0, STRONGEST)
        self._power[at.rows] = power + rate * (now - power)

    def lasting(self, rows: Rows, is_best: Callable[[Rows], Mask]) -> Floats:
        """Factor by which the patterns of each series have changed for good, mostly 1.

        `is_best(rows)` tells where the prediction at this strength is believed most.
        """
        strength = double(self._strength[rows])
        is_lasting = (abs(strength - 1.0) > CHANGED_STRENGTH) & (strength >= LEAST_SETTLED)
        if not anywhere(is_lasting):
            self._best_for[rows] = 0
            return zeros(rows) + 1.0
        is_lasting &= is_best(rows)
        count = where(is_lasting, minimum(self._best_for[rows] + 1, _MOST_COUNTED), 0)
        settled = count >= max(LEAST_LASTING, self.grid.day_buckets)
        self._best_for[rows] = where(settled, 0, count)
        return where(settled, strength, 1.0)

    def scale(self, rows: Rows, by: Floats) -> None:
        """The patterns have taken the factor over."""
        self._strength[rows], self._power[rows] = 1.0, self._power[rows] * by**2

    def forget(self, rows: Rows) -> None:
        """The patterns are new."""
        self._strength[rows], self._power[rows], self._best_for[rows] = 1.0, 0.0, 0
