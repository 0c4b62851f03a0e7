"""Jumps that a model predicts and that do not come, while the value stays where it was: echoes of what was seen before.

Of a series is kept what it was when it last was as expected, and what had been expected then. While the prediction
leaves that by much more than the value does, it is the prediction that is put to the test: what came k times at a time
of the day is no proof that it comes again (Laplace's rule of succession says 1 / (k + 2) that it does not). How often
jumps of the series failed to come, at whatever time, is the second proof; both together bound p. What lasts is for the
running sums to tell (sums.py), to which an echo counts no more than that.
"""

import numpy as np
from scipy import special

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, minimum, of, put, root, where, zeros
from proxy.engine.models.calendar_days import CHANCE
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.location import Location
from proxy.engine.results import Floats, Ints

# A prediction that moves by more than so many times what the value moves by is an echo.
JUMPS_BEYOND = 3.0
# Spreads that a jump must exceed to count, and the jumps after which one is forgotten.
IS_JUMP, JUMPS_MEMORY = 3.0, 300.0
# The part of a predicted step that its error may have.
OF_STEP = 0.05
# p of a residual from which on a value counts as expected.
EXPECTED_FROM = 0.01


class Echoes(Component):
    """The last value that was about as expected, what was expected then (NaN = none yet), and how many jumps came."""

    _ordinary: Floats
    _foretold: Floats
    _came: Floats
    _failed: Floats
    _goes_on: Ints

    def __init__(self, location: Location) -> None:
        self.location = location
        super().__init__(
            ordinary=Slot("f8", (), np.nan),
            foretold=Slot("f8", (), np.nan),
            came=Slot("f4"),
            failed=Slot("f4"),
            # 1 while values are not as expected: a jump counts once.
            goes_on=Slot("u1"),
        )

    def least_p(self, at: Moment, value: Floats, typical: Floats) -> Floats:
        """p below which no residual can be where what is expected has jumped and the value has not, else 0."""
        is_echo = self.is_echo(at.rows, value, typical)
        if not anywhere(is_echo):
            return zeros(at.rows)
        patterns = self.location.patterns
        least = where(is_echo, self.unproven(at.rows, patterns.day_visits(at) / patterns.grid.day_visit), 0.0)
        its_day = self.location.month_day.having(at)
        # A day of the month was found by a proof of its own.
        return put(least, its_day, minimum(of(least, its_day), CHANCE)) if len(its_day) else least

    def is_echo(self, rows: Rows, value: Floats, typical: Floats) -> Mask:
        """Where what is expected has jumped and the value has not."""
        jump, moved = abs(typical - self._foretold[rows]), abs(value - self._ordinary[rows])
        is_echo: Mask = jump > JUMPS_BEYOND * moved
        return is_echo

    def unproven(self, rows: Rows, visits: Floats) -> Floats:
        """The chance that a jump does not come at a time of the day that has seen so many `visits`."""
        came, failed = self._came[rows], self._failed[rows]
        return (failed + 1.0) / (came + failed + 2.0) / (visits + 2.0)

    def widening(self, rows: Rows, typical: Floats, spread: Floats) -> Floats:
        """Factor of the spread where what is expected has moved: no pattern is known better than a part of its step."""
        jump = abs(typical - self._foretold[rows])
        steep = OF_STEP * where(jump >= 0, jump, 0.0) / spread
        return root(1.0 + steep * steep)

    def learn(self, rows: Rows, value: Floats, typical: Floats, spread: Floats, p: Floats) -> None:
        """Counts the jumps that came or failed, and keeps the values that were as expected, `p` of their residuals."""
        kept = p >= EXPECTED_FROM
        jump = abs(typical - self._foretold[rows])
        is_jump = (jump > IS_JUMP * spread) & (self._goes_on[rows] == 0)
        if anywhere(is_jump):
            came = is_jump & (JUMPS_BEYOND * abs(value - typical) < jump)
            failed = is_jump & (JUMPS_BEYOND * abs(value - self._ordinary[rows]) < jump)
            remembered = where(came | failed, 1.0 - 1.0 / JUMPS_MEMORY, 1.0)
            self._came[rows] = remembered * self._came[rows] + came
            self._failed[rows] = remembered * self._failed[rows] + failed
        self._goes_on[rows] = where(kept, 0, 1)
        self._ordinary[rows] = where(kept, value, self._ordinary[rows])
        self._foretold[rows] = where(kept, typical, self._foretold[rows])


def bounded(off: Floats, least_p: Floats) -> Floats:
    """What values are `off` by in spreads, no farther than a normal law is with this p (0 = without bound)."""
    if not anywhere(least_p > 0.0):
        return off
    most: Floats = -special.ndtri(0.5 * least_p)
    return clip(off, -most, most)
