"""How far a series is believed: nothing is told of its first values, and of the next ones less."""

import numpy as np

from proxy.engine.elementwise import anywhere, minimum
from proxy.engine.models.component import Mask, Moment
from proxy.engine.models.grid import WEEK, Grid
from proxy.engine.models.history import History
from proxy.engine.results import Floats

# Nothing is reported before a day's values or, if that is less, these: a tail of a handful of residuals says nothing.
# Where a day has few, these are enough.
WARM_UP, LEAST_WARM_UP = 36, 14
# What is found is believed after a day or, if that is less, so many values; what it scores is limited until twice that.
BELIEVED_AFTER = 250
# The part of a surprise that is not believed of a series that has shown nothing of its week yet; after one all is.
UNSEEN, SEEN_S = 0.2, WEEK


class Maturity:
    """What the history of a series is worth; it keeps nothing of its own."""

    def __init__(self, grid: Grid, history: History) -> None:
        self.grid, self.history = grid, history
        self.warm_up = int(np.clip(grid.day_buckets, LEAST_WARM_UP, WARM_UP))
        self.believed_after = float(np.clip(grid.day_buckets, WARM_UP, BELIEVED_AFTER))

    def is_ready(self, at: Moment) -> Mask:
        """Of which series something is told."""
        return at.n >= self.warm_up

    def believed(self, at: Moment) -> Floats:
        """The part of a surprise that is believed."""
        maturity = minimum(1.0, at.n / self.believed_after)
        if anywhere(at.age < SEEN_S):
            maturity = maturity * (1.0 - UNSEEN * (1.0 - minimum(at.age / SEEN_S, 1.0)))
        return maturity

    def of(self, row: int) -> float:
        """0..1: how far the series has shown the values until which its scores are limited."""
        return self.history.share_of(row, max(WARM_UP, min(2.0 * self.grid.day_buckets, 2.0 * BELIEVED_AFTER)))
