"""How much more, or less, than usual the values at a time of the day spread."""

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, minimum, where
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import DAY, DAY_FROM, DAY_TRIED, Grid
from proxy.engine.models.judged import Prediction
from proxy.engine.models.location import WITH_DAY
from proxy.engine.models.mixture import NORMAL
from proxy.engine.models.patterns import roll
from proxy.engine.results import Floats

# Visits after which a bin forgets.
FACTOR_MEMORY = 12.0
# Visits of the plain spread that stand against a bin's own.
FACTOR_PRIOR = 8.0
LEAST_FACTOR, MOST_FACTOR = 0.6, 6.0


class SpreadOfDay(Component):
    """Mean size of the errors in each bin of the day, in units of the spread that was expected."""

    _spread: Floats

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        super().__init__(spread=Slot("f2", (grid.day_bins,), 1.0))

    def factor(self, at: Moment, visits: Floats) -> Floats:
        """Factor of the spread at this time of the day, whose bin has seen `visits` values."""
        d, _ = self.grid.bins(at.time)
        factor = (FACTOR_PRIOR + visits * self._spread[d, at.rows]) / (FACTOR_PRIOR + visits)
        return clip(factor, LEAST_FACTOR, MOST_FACTOR)

    def learn(
        self, at: Moment, value: Floats, wanted: Prediction, step: Floats, *, visits: Floats, learning: Mask
    ) -> None:
        """Takes `step` (0..1) of the size of an error, where `learning`.

        Errors are measured around the day's pattern from its first trial on.
        """
        age = where(at.first < 0, 0, at.age)
        on_trial = (age < DAY_FROM) & self.grid.has_day
        typical, usual = wanted.typical, wanted.spread
        is_tried = anywhere(on_trial)
        if is_tried:
            typical = where(on_trial, wanted.predicted[WITH_DAY], typical)
            usual = where(on_trial, wanted.scale[WITH_DAY], usual)
        size = minimum(NORMAL * abs(value - typical) / usual, MOST_FACTOR)
        if is_tried:
            size = where(on_trial & (age < DAY_TRIED), 1.0, size)
        d, _ = self.grid.bins(at.time)
        spread = self._spread[d, at.rows]
        moved = spread + step * (size - spread) / minimum(visits + 1.0, FACTOR_MEMORY)
        self._spread[d, at.rows] = where(learning, moved, spread)

    def move(self, rows: Rows, seconds: int) -> None:
        """Rolls the table by whole bins."""
        roll(self._spread, rows, seconds, DAY)

    def forget(self, rows: Rows) -> None:
        """All times of the day spread alike."""
        self._spread[:, rows] = 1.0
