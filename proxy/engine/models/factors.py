"""Values whose errors are factors rather than sums: prices, sizes, durations, queues.

Of a skewed series the logarithm of value / expected may follow a normal law where no tail of the differences can be
told from a month. Both laws are compared by their mean likelihood in the past (Dawid's prequential principle; the
logarithm's Jacobian included): of the differences under Student's t with 4 degrees of freedom, of the logarithms under
a normal law, which a few far values refute. Where the logarithms win, a difference alone is no less probable than to be
the largest of twice the values seen; to be so, its logarithm must be as improbable.

It fails where errors are factors at some hours only.
"""

import numpy as np
from scipy import special

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, double, maximum, minimum, where, zeros
from proxy.engine.models.component import Component, Lesson, Mask, Moment
from proxy.engine.models.grid import Grid
from proxy.engine.models.mixture import LIMIT, NORMAL, OF_VALUE, SCALE_FRESHNESS, TAKEN_WHOLE, TINY
from proxy.engine.probability import clip_p
from proxy.engine.results import Floats

# Part of the level that is added before logarithms are taken: a value of 0 is no abyss.
OF_LEVEL = 0.05
# Values that tell the laws apart; by how much in a value's log likelihood factors must be better, and be still.
FACTORS_FROM, FACTORS_BEGIN, FACTORS_END = 40, 0.1, 0.0
# One value speaks for factors by no more than so much, and against them: far values are what refutes a normal law.
MOST_FOR, MOST_AGAINST = 3.0, 10.0
# A difference alone is no less probable than to be the largest of so many times the values seen.
TIMES_SEEN = 2.0
# Values after which a series is well known, and one in so many is looked at from then on.
FACTORS_KNOWN, FACTORS_EVERY = 500, 8.0
# -log10 p of what nothing bounds.
UNBOUNDED = 300.0
# ln of the ratio of both densities' constants: normal law over Student's t with 4 degrees of freedom.
_CONSTANT = 0.062


class Factors(Component):
    """Centre and size of the logarithms, mean gain of their law over that of the differences, whether they win."""

    _centre: Floats
    _size: Floats
    _gain: Floats
    _wins: Floats

    def __init__(self, span: int) -> None:
        self.span, self.memory = span, Grid.of(span).level_memory
        super().__init__(centre=Slot("f4"), size=Slot("f4"), gain=Slot("f4"), wins=Slot("u1"))

    def wins(self, rows: Rows) -> Mask:
        """Which series have errors that are factors."""
        wins: Mask = self._wins[rows] > 0
        return wins

    def most_surprise(self, at: Moment, value: Floats, typical: Floats, level: Floats, *, others: Floats) -> Floats:
        """-log10 p that a value may have at most, beside `others` (p) that rest not on it alone nor on the range."""
        rows, most = at.rows, zeros(at.rows) + UNBOUNDED
        wins = self.wins(rows)
        if not anywhere(wins):
            return most
        far = (_log_ratio(value, typical, level) - self._centre[rows]) / maximum(self._size[rows], OF_VALUE)
        by_both = clip_p(minimum(2.0 * special.ndtr(-abs(far)), others))
        return where(wins, maximum(most_by_rarity(at.n), -np.log10(by_both)), most)

    def learn(self, at: Moment, lesson: Lesson, level: Floats, *, factor: Floats, able: Mask) -> None:
        """Takes values; `factor` is that of the spread, `able` tells which series may have errors that are factors."""
        value, typical, step, spread = lesson.value, lesson.typical, lesson.step, lesson.noise * factor
        rows, n = at.rows, double(at.n)
        # How many values this one stands for: of well known series few are looked at.
        counts = where(n < FACTORS_KNOWN, 1.0, 0.0 if at.time // self.span % FACTORS_EVERY else FACTORS_EVERY)
        looked_at = (counts > 0) & (able | self.wins(rows))
        if not anywhere(looked_at):
            return
        counts = where(looked_at, counts, 0.0)
        off = _log_ratio(value, typical, level) - self._centre[rows]
        old = double(self._size[rows])
        size = maximum(old, OF_VALUE)
        far, z = off / size, (value - typical) / spread
        by_factor = _CONSTANT - 0.5 * far * far - np.log(size * maximum(value + OF_LEVEL * abs(level), TINY))
        gained = by_factor + 2.5 * np.log1p(z * z / 4.0) + np.log(spread)
        gain = self._gain[rows]
        rate = where(n >= TAKEN_WHOLE, counts / clip(n - TAKEN_WHOLE + 1.0, 1.0, self.memory), 0.0) * (step > 0)
        gain = gain + rate * (clip(gained, -MOST_AGAINST, MOST_FOR) - gain)
        self._gain[rows] = gain
        least = where(self._wins[rows] > 0, FACTORS_END, FACTORS_BEGIN)
        self._wins[rows] = able & (n >= FACTORS_FROM) & (gain > least)
        # The first value of all was not expected.
        seen = maximum(n - 1.0, 0.0)
        step = where(n > 0, counts * step, 0.0)
        limit = where(n < TAKEN_WHOLE, np.inf, LIMIT * size)
        centred = step * maximum(1.0 / (seen + 1.0), 1.0 / self.memory)
        sized = step * maximum(SCALE_FRESHNESS / (seen + SCALE_FRESHNESS), 1.0 / self.memory)
        self._centre[rows] = self._centre[rows] + centred * clip(off, -limit, limit)
        self._size[rows] = old + sized * (NORMAL * minimum(abs(off), limit) - old)


def most_by_rarity(n: Floats) -> Floats:
    """-log10 p of being the only one among twice `n` values and itself: what being new proves at most."""
    most: Floats = np.log10(TIMES_SEEN * (n + 1.0))
    return most


def _log_ratio(value: Floats, typical: Floats, level: Floats) -> Floats:
    """ln of value / typical, each with a part of the level added."""
    added = OF_LEVEL * abs(level) + TINY
    log: Floats = np.log(maximum(value + added, OF_VALUE * added) / maximum(typical + added, added))
    return log
