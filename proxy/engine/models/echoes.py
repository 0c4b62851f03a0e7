"""Jumps that a model predicts and that do not come, while the value stays where it was: echoes of what was seen before.

Of a series is kept what it was when it last was as expected, and what had been expected then. While the prediction
leaves that by much more than the value does, it is the prediction that is put to the test: what came k times at a time
of the day is no proof that it comes again (Laplace's rule of succession says 1 / (k + 2) that it does not). What lasts
is for the running sums to tell (sums.py).
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, root, where, zeros
from proxy.engine.models.component import Component
from proxy.engine.results import Floats

# A prediction that moves by more than so many times what the value moves by is an echo.
JUMPS_BEYOND = 3.0
# The p of an echo is no less than 1 / (visits + 2) to this power.
UNPROVEN = 2.0
# The part of a predicted step that its error may have.
OF_STEP = 0.05
# p of a residual from which on a value counts as expected.
EXPECTED_FROM = 0.01


class Echoes(Component):
    """The last value that was about as expected, and what was expected then; NaN = none yet."""

    _ordinary: Floats
    _foretold: Floats

    def __init__(self) -> None:
        super().__init__(ordinary=Slot("f8", (), np.nan), foretold=Slot("f8", (), np.nan))

    def least_p(self, rows: Rows, value: Floats, typical: Floats, visits: Floats) -> Floats:
        """p below which no residual can be where what is expected has jumped and the value has not, else 0.

        `visits` tells how often this time of the day was seen.
        """
        jump, moved = abs(typical - self._foretold[rows]), abs(value - self._ordinary[rows])
        is_echo = jump > JUMPS_BEYOND * moved
        return where(is_echo, np.power(visits + 2.0, -UNPROVEN), 0.0) if anywhere(is_echo) else zeros(rows)

    def widening(self, rows: Rows, typical: Floats, spread: Floats) -> Floats:
        """Factor of the spread where what is expected has moved: no pattern is known better than a part of its step."""
        jump = abs(typical - self._foretold[rows])
        steep = OF_STEP * where(jump >= 0, jump, 0.0) / spread
        return root(1.0 + steep * steep)

    def learn(self, rows: Rows, value: Floats, typical: Floats, p: Floats) -> None:
        """Keeps the values that were as expected, `p` being that of their residuals."""
        kept = p >= EXPECTED_FROM
        self._ordinary[rows] = where(kept, value, self._ordinary[rows])
        self._foretold[rows] = where(kept, typical, self._foretold[rows])
