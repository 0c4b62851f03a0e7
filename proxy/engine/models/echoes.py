"""Jumps that a model predicts and that do not come, while the value stays where it was: echoes of what was seen before.

Of a series is kept what it was when it last was as expected, and what had been expected then. While the prediction
leaves that by much more than the value does, it is the prediction that is put to the test: what came k times at a time
of the day is no proof that it comes again (Laplace's rule of succession says 1 / (k + 2) that it does not). How often
jumps of the series failed to come, at whatever time, is the second proof; both together bound p. What lasts is for the
running sums to tell (sums.py), for which an echo is no farther off than that from what the value was off before.
"""

import numpy as np
from scipy import special

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, maximum, minimum, of, put, root, where, zeros
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
# What was foretold: by all predictors together, and by those that do not follow the last values.
BY_ALL, BY_STEADY = 0, 1


class Echoes(Component):
    """The last value that was about as expected, what was foretold then (NaN = none yet), and how many jumps came."""

    _ordinary: Floats
    _foretold: Floats
    _came: Floats
    _failed: Floats
    _goes_on: Ints

    def __init__(self, location: Location) -> None:
        self.location = location
        super().__init__(
            ordinary=Slot("f8", (), np.nan),
            foretold=Slot("f8", (2,), np.nan),
            came=Slot("f4"),
            failed=Slot("f4"),
            # 1 while values are not as expected: a jump counts once.
            goes_on=Slot("u1"),
        )

    def least_p(self, at: Moment, value: Floats, expected: Floats, by: int = BY_ALL) -> Floats:
        """p below which no residual can be where what is `expected` has jumped and the value has not, else 0."""
        is_echo = self.is_echo(at.rows, value, expected, by)
        if not anywhere(is_echo):
            return zeros(at.rows)
        patterns = self.location.patterns
        least = where(is_echo, self.unproven(at.rows, patterns.day_visits(at) / patterns.grid.day_visit), 0.0)
        its_day = self.location.month_day.having(at)
        # A day of the month was found by a proof of its own.
        return put(least, its_day, minimum(of(least, its_day), CHANCE)) if len(its_day) else least

    def bounded(self, at: Moment, value: Floats, steady: Floats, spread: Floats, off: Floats) -> Floats:
        """What values are `off` by in spreads; echoes near what they were off before, as a normal law allows."""
        least = self.least_p(at, value, steady, BY_STEADY)
        if not anywhere(least > 0.0):
            return off
        before = (self._ordinary[at.rows] - self._foretold[BY_STEADY, at.rows]) / spread
        before, most = where(least > 0.0, before, 0.0), -special.ndtri(0.5 * least)
        nearest = maximum(minimum(off, before + most), before - most)
        return where(abs(nearest) < abs(off), nearest, off)

    def is_echo(self, rows: Rows, value: Floats, expected: Floats, by: int) -> Mask:
        """Where what is expected has jumped and the value has not."""
        jump, moved = abs(expected - self._foretold[by, rows]), abs(value - self._ordinary[rows])
        is_echo: Mask = jump > JUMPS_BEYOND * moved
        return is_echo

    def unproven(self, rows: Rows, visits: Floats) -> Floats:
        """The chance that a jump does not come at a time of the day that has seen so many `visits`."""
        came, failed = self._came[rows], self._failed[rows]
        return (failed + 1.0) / (came + failed + 2.0) / (visits + 2.0)

    def widening(self, rows: Rows, typical: Floats, spread: Floats) -> Floats:
        """Factor of the spread where what is expected has moved: no pattern is known better than a part of its step."""
        jump = abs(typical - self._foretold[BY_ALL, rows])
        steep = OF_STEP * where(jump >= 0, jump, 0.0) / spread
        return root(1.0 + steep * steep)

    def learn(self, at: Moment, value: Floats, foretold: Floats, spread: Floats, p: Floats) -> None:
        """Counts the jumps that came or failed, and keeps the values that were as expected, `p` of their residuals.

        `foretold` is (2 x series): by all predictors, and by those that do not follow the last values.
        """
        # Of the first value nothing was foretold.
        rows, kept = at.rows, (p >= EXPECTED_FROM) & (at.n > 0)
        typical = foretold[BY_ALL]
        jump = abs(typical - self._foretold[BY_ALL, rows])
        is_jump = (jump > IS_JUMP * spread) & (self._goes_on[rows] == 0)
        if anywhere(is_jump):
            is_there = JUMPS_BEYOND * abs(value - typical) < jump
            has_stayed = JUMPS_BEYOND * abs(value - self._ordinary[rows]) < jump
            # Both are true where a prediction is back from a jump that failed: that is no jump of its own.
            is_told = is_jump & (is_there != has_stayed)
            remembered = where(is_told, 1.0 - 1.0 / JUMPS_MEMORY, 1.0)
            self._came[rows] = remembered * self._came[rows] + (is_told & is_there)
            self._failed[rows] = remembered * self._failed[rows] + (is_told & has_stayed)
        self._goes_on[rows] = where(kept, 0, 1)
        self._ordinary[rows] = where(kept, value, self._ordinary[rows])
        self._foretold[:, rows] = where(kept, foretold, self._foretold[:, rows])
