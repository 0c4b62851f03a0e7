"""Which predictor to believe: each by the likelihood of its recent errors under Student's t with 4 degrees of freedom.

Bayesian model averaging with forgetting (Raftery, Karny and Ettler, Technometrics 52, 2010). Also here: the scale of
each predictor's errors, a mean absolute error times 1.25, which is the standard deviation of a normal law.
"""

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, double, maximum, minimum, where
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import Grid
from proxy.engine.results import Floats

# The first weeks are badly predicted; what came later counts this much more.
SCALE_FRESHNESS = 3.0
WEIGHT_MEMORY = 300.0
LEAST_LOG_WEIGHT = -8.0
# No error is expected to be smaller than this part of the value, nor than that of the plain level's errors.
OF_VALUE, OF_LEVEL_SCALE = 1e-3, 0.01
# The part of its range that a series keeps still within, and the least spread of all.
OF_RANGE = 0.05
TINY = 1e-30
# A mean absolute error times this is the standard deviation of a normal law.
NORMAL = 1.25
# The first errors of all are taken whole; later ones up to so many scales, and no update is weaker than this part.
TAKEN_WHOLE, LIMIT, LEAST_STEP = 12, 4.0, 0.3
# The time that an incident which the plain level explains takes at least to change the mind which predictor is right.
PLAIN_S = 21600.0


# What to expect and how far off that may be.
Expected = tuple[Floats, Floats]


class Mixture(Component):
    """Scale of the errors and log weight of each predictor; the first one is the plainest, that of the level alone.

    The steady ones, which do not follow the last values, have weights of their own for a mean of themselves.
    """

    _scale: Floats
    _log_weight: Floats
    _steady_log_weight: Floats

    def __init__(self, predictors: int, steady: int, span: int) -> None:
        # How many of them, the first ones, do not follow the last values.
        self.steady_count = steady
        self.memory = Grid.of(span).level_memory
        # What a bucket of an incident that the plain level explains says against a predictor at most.
        self.most_held = -LEAST_LOG_WEIGHT * span / PLAIN_S
        super().__init__(
            scale=Slot("f4", (predictors,)),
            log_weight=Slot("f4", (predictors,)),
            steady_log_weight=Slot("f4", (steady,)),
        )

    def scales(self, rows: Rows) -> Floats:
        """Predictors x series: the scale of each predictor's errors."""
        return self._scale[:, rows]

    def scale_of(self, predictor: int, rows: Rows) -> Floats:
        """The scale of one predictor's errors."""
        scale: Floats = self._scale[predictor, rows]
        return scale

    def best(self, rows: Rows) -> Rows:
        """The predictor of each series that is believed most."""
        best: Rows = self._log_weight[:, rows].argmax(axis=0)
        return best

    def combine(
        self, rows: Rows, predicted: Floats, *, least: Floats, doubt: Floats, in_use: Mask | None
    ) -> tuple[Expected, Expected, Floats]:
        """(by all predictors, by those that do not follow the last values, scale of each predictor's error).

        `least` is what no error is expected to be below, `doubt` (predictors x series) by what an error is greater
        here than where all is well known, `in_use` tells which predictors may be believed yet, None that all may.
        """
        scale = double(self._scale[:, rows])
        floor = maximum(maximum(least, OF_LEVEL_SCALE * scale[0]), TINY)
        scale = maximum(scale * doubt, floor)
        steady = self.steady_count
        weight, of_steady = (np.exp(double(x[:, rows])) for x in (self._log_weight, self._steady_log_weight))
        if in_use is not None:
            weight, of_steady = weight * in_use, of_steady * in_use[:steady]
        return _means(weight, predicted, scale), _means(of_steady, predicted[:steady], scale[:steady]), scale

    def learn(
        self,
        at: Moment,
        errors: Floats,
        scale: Floats,
        *,
        doubt: Floats,
        tried: Floats,
        step: Floats,
        weight: Floats,
        is_held: Mask,
        most_vote: Floats,
        lasts: Mask,
    ) -> None:
        """Takes the predictors' `errors`, whose scale was expected to be `scale`.

        They are `doubt` times what they will be once all is known; `tried` tells for how many buckets each predictor
        has been put to the test, infinity where that has not begun. All are predictors x series; `step` (0..1, lower
        for odd values), `weight` (0..1, lower where little is to be learnt), `is_held` (where an incident goes on, of
        which no scale learns), `most_vote` (what such a bucket says against a predictor at most) and `lasts` (where
        something goes on that the mean of the steady ones is off by: their weights stay) one per series.
        """
        rows = at.rows
        n = double(at.n)
        limit = where(n < TAKEN_WHOLE, np.inf, LIMIT * scale)
        age = minimum(n, maximum(tried, float(TAKEN_WHOLE)))
        rate = maximum(SCALE_FRESHNESS / (age + SCALE_FRESHNESS), 1.0 / self.memory)
        rate = rate * weight * where((step <= 0) | is_held, 0.0, maximum(step, LEAST_STEP))
        stored = self._scale[:, rows]
        moved = stored + rate * (NORMAL * minimum(abs(errors), limit) / doubt - stored)
        self._scale[:, rows] = where(n == 0, 0.0, moved)
        fit = -2.5 * np.log1p((errors / scale) ** 2 / 4.0) - np.log(scale)
        if anywhere(is_held):
            fit = where(is_held, maximum(fit - fit.max(axis=0), -most_vote), fit)
        kept = (1.0 - weight / WEIGHT_MEMORY) * self._log_weight[:, rows]
        likelihood = kept + weight * where(step > 0, fit, 0.0)
        self._log_weight[:, rows] = np.maximum(likelihood - np.maximum.reduce(likelihood), LEAST_LOG_WEIGHT)
        steady = self._log_weight[: self.steady_count, rows]
        if anywhere(lasts):
            steady = np.where(lasts, self._steady_log_weight[:, rows], steady)
        self._steady_log_weight[:, rows] = steady

    def trust_patterns(self, row: int, noise: float) -> None:
        """One series' patterns have been fitted anew with errors of this scale: the level alone is believed least."""
        self._scale[1:, row] = np.minimum(self._scale[1:, row], noise)
        for weight in (self._log_weight, self._steady_log_weight):
            weight[0, row], weight[1:, row] = LEAST_LOG_WEIGHT, 0.0


def _means(weight: Floats, predicted: Floats, scale: Floats) -> Expected:
    """Means by weight over the first axis."""
    total = _sum(weight)
    return _sum(weight * predicted) / total, _sum(weight * scale) / total


def _sum(part: Floats) -> Floats:
    # Of one series Python adds the numbers up: in the same order, and in a quarter of the time.
    each: Any = part.tolist() if part.ndim == 1 else part
    total = reduce(add, each)
    return double(total) if part.ndim == 1 else total


def steadiest(level: Floats, moved: Floats) -> Floats:
    """The least error to expect of series at `level` that were seen to move over a range of `moved` (<= 0: unknown).

    A thousandth of the value or, where that is less, a small part of the range: what a series moves about (a counter, a
    clock) does not matter.
    """
    relative = OF_VALUE * abs(level)
    return where(moved > 0, minimum(relative, OF_RANGE * moved), relative)
