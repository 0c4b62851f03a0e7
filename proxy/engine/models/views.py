"""What a value is looked at as, besides its residual and the sums of sums.py: the volatility of the series, its range.

Volatility finds that a series moves more, or less, than it used to, the range finds what leaves all that was seen so
far.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, double, maximum, minimum, where, zeros
from proxy.engine.frozen import frozen
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import Grid
from proxy.engine.results import Floats

VOLATILITY_MEMORY = 18.0
# Variance of the log of a mean of so few steps: a constant series must not find any step sensational.
VOLATILITY_NOISE = 0.02
# The part of the spread below which steps are all alike.
STILL_STEP = 0.05
# One wild step must not stand for many: steps count up to so many spreads.
STEP_LIMIT = 4.0
# How far off, in squares of deviations, a volatility teaches at most, and the variance it is taken to have at least.
VOLATILITY_LIMIT, LEAST_VOLATILITY_VARIANCE = 16.0, 0.01
# How long an extreme is remembered: the finer the buckets, the more peaks there are that say little, so the longer.
RANGE_HALF_LIFE_S, LONGEST_HALF_LIFE_S = 30 * 86400, 365 * 86400
NOVELTY_AFTER = 100
NOVELTY_MARGIN = 0.05
# What has not been seen for a day has not shown its range: until then p is believed in part.
RANGE_FROM_S = 86400
# Of a range that drifts more values than these say no more.
NOVELTY_MOST = 1000.0
# A range is no narrower than so many spreads; leaving it by this part of it makes p a quarter of 1 / (n + 1).
LEAST_RANGE, EXCESS_UNIT = 2.0, 10.0


def p_of_record(n: Floats, excess: Floats) -> Floats:
    """p of being the largest of n + 1 exchangeable values (the law of records), by `excess` more than it must be.

    `excess` is in parts of what had been the largest, or of the range.
    """
    beyond = 1.0 + EXCESS_UNIT * excess
    p: Floats = 1.0 / ((minimum(n, NOVELTY_MOST) + 1.0) * (beyond * beyond))
    return p


@frozen
class Steps:
    """The volatility with this bucket in it, to be kept if it is learnt."""

    value: Floats
    volatility: Floats
    log_volatility: Floats

    def only(self, chosen: Mask) -> "Steps":
        """Those of some of several series."""
        return Steps(self.value[chosen], self.volatility[chosen], self.log_volatility[chosen])


class Volatility(Component):
    """Mean size of the steps of a series, and mean and variance of its logarithm."""

    _last: Floats
    _volatility: Floats
    _mean: Floats
    _variance: Floats

    def __init__(self, span: int) -> None:
        self.memory = Grid.of(span).level_memory
        super().__init__(last=Slot("f8", (), np.nan), volatility=Slot("f4"), mean=Slot("f4"), variance=Slot("f4"))

    def look(self, at: Moment, value: Floats, spread: Floats) -> tuple[Floats, Steps]:
        """(score of the volatility with this bucket's step in it, the volatility); NaN where there are too few."""
        step = minimum(abs(value - self._last[at.rows]), STEP_LIMIT * spread)
        rate = maximum(1.0 / VOLATILITY_MEMORY, 1.0 / (at.n + 1.0))
        volatility = self._volatility[at.rows]
        volatility = where(abs(step) < np.inf, volatility + rate * (step - volatility), volatility)
        log_volatility = np.log(volatility + STILL_STEP * spread + 1e-30)
        score = (log_volatility - self._mean[at.rows]) / np.sqrt(self._variance[at.rows] + VOLATILITY_NOISE)
        return where(at.n < 2 * VOLATILITY_MEMORY, np.nan, score), Steps(value, volatility, log_volatility)

    def learn(self, at: Moment, new: Steps, is_held: Mask) -> None:
        """Keeps the volatility of these series."""
        rows, n = at.rows, double(at.n)
        self._volatility[rows] = new.volatility
        mean, variance = self._mean[rows], self._variance[rows]
        is_early = (n < VOLATILITY_MEMORY) | is_held
        rate = where(is_early, 0.0, 1.0 / clip(n - VOLATILITY_MEMORY + 1.0, 1.0, self.memory))
        off = new.log_volatility - mean
        most = VOLATILITY_LIMIT * (variance + LEAST_VOLATILITY_VARIANCE)
        self._mean[rows] = mean + rate * off
        self._variance[rows] = variance + rate * (minimum(off * off, most) - variance)
        self._last[rows] = new.value


class SeenRange(Component):
    """The least and the largest value of a series; both ends drift slowly back towards the level."""

    _low: Floats
    _high: Floats

    def __init__(self, span: int) -> None:
        half_life = min(max(1.0, 3600 / span) * RANGE_HALF_LIFE_S, LONGEST_HALF_LIFE_S)
        # What an end loses of its distance from the level in a bucket.
        self.drift = 1.0 - 0.5 ** (span / half_life)
        super().__init__(low=Slot("f8", (), np.inf), high=Slot("f8", (), -np.inf))

    def width(self, rows: Rows) -> Floats:
        """How far each series was seen to move; -inf before its first value."""
        return self._high[rows] - self._low[rows]

    def never_negative(self, rows: Rows) -> Mask:
        """Which series had no value below 0."""
        return self._low[rows] >= 0.0

    def novelty(self, at: Moment, value: Floats, spread: Floats, side: int) -> Floats:
        """p of leaving the remembered range by more than 5 % of it: 1 / (n + 1) / (1 + 10 excess / range)^2.

        1 / (n + 1) is the chance that the next of n + 1 exchangeable values is the largest; on a series' first day it
        counts in part. `side` is 1 (only above), -1 (only below) or 0.
        """
        low, high = self._low[at.rows], self._high[at.rows]
        if not anywhere((value < low) | (value > high)):
            return zeros(at.rows) + 1.0
        known = low < np.inf
        seen = maximum(where(known, high - low, 0.0), LEAST_RANGE * spread)
        above = where(known, value - high, 0.0) if side >= 0 else zeros(at.rows)
        below = where(known, low - value, 0.0) if side <= 0 else zeros(at.rows)
        excess = maximum(maximum(above, below), 0.0) / seen
        is_new = (excess > NOVELTY_MARGIN) & (at.n >= NOVELTY_AFTER)
        p = where(is_new, p_of_record(at.n, excess - NOVELTY_MARGIN), 1.0)
        return np.power(p, minimum(at.age / RANGE_FROM_S, 1.0)) if anywhere(is_new) else p

    def learn(self, rows: Rows, value: Floats, level: Floats, step: Floats) -> None:
        """Widens the range to `value` where `step` (0..1) is above 0."""
        low, high = (_drifted(end[rows], level, self.drift * step) for end in (self._low, self._high))
        self._low[rows] = where(step > 0, minimum(low, value), low)
        self._high[rows] = where(step > 0, maximum(high, value), high)


def _drifted(end: Floats, level: Floats, by: Floats) -> Floats:
    """An end of a range, moved by a part of its distance towards the level; an infinite one stays."""
    known = abs(end) < np.inf
    return end + by * where(known, level - where(known, end, 0.0), 0.0)
