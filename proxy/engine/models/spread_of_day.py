"""How much more, or less, than usual the values at a time of the day spread."""

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import clip, minimum, where
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import DAY, Grid
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

    def learn(self, at: Moment, size: Floats, step: Floats, visits: Floats, learning: Mask) -> None:
        """Takes the size of an error in units of its spread, `step` (0..1) of it, where `learning`."""
        d, _ = self.grid.bins(at.time)
        spread = self._spread[d, at.rows]
        size = minimum(size, MOST_FACTOR)
        moved = spread + step * (size - spread) / minimum(visits + 1.0, FACTOR_MEMORY)
        self._spread[d, at.rows] = where(learning, moved, spread)

    def move(self, rows: Rows, seconds: int) -> None:
        """Rolls the table by whole bins."""
        roll(self._spread, rows, seconds, DAY)

    def forget(self, rows: Rows) -> None:
        """All times of the day spread alike."""
        self._spread[:, rows] = 1.0
