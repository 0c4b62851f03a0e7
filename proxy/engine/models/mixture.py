"""Which predictor to believe: each by the likelihood of its recent errors under Student's t with 4 degrees of freedom.

Also here: the scale of each predictor's errors.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

SCALE_MEMORY = 1500.0
# The first weeks are badly predicted; what came later counts this much more.
SCALE_FRESHNESS = 3.0
WEIGHT_MEMORY = 300.0
LEAST_LOG_WEIGHT = -8.0
# The part of its range that a series keeps still within, and the least spread of all.
OF_RANGE = 0.05
TINY = 1e-30
# A mean absolute error times this is the standard deviation of a normal law.
NORMAL = 1.25


def slots(predictors: int) -> dict[str, Slot]:
    """State of a series."""
    return {"scale": Slot("f4", (predictors,)), "log_weight": Slot("f4", (predictors,))}


def combine(
    columns: Columns, rows: Rows, predicted: Floats, doubt: Floats, in_use: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """(typical, spread, scale): what to expect, how far off that may be, and the scale of each predictor's error.

    `doubt` (predictors x rows) is by what an error's variance is greater here than where all is well known, `in_use`
    tells which may be believed yet.
    """
    scale = columns["scale"][:, rows].astype(np.float64)
    floor = np.maximum(np.maximum(_steadiest(columns, rows), 0.01 * scale[0]), TINY)
    scale = np.maximum(scale * np.sqrt(doubt), floor)
    weight = np.exp(columns["log_weight"][:, rows].astype(np.float64)) * in_use
    weight /= weight.sum(axis=0)
    return (weight * predicted).sum(axis=0), (weight * scale).sum(axis=0), scale


def _steadiest(columns: Columns, rows: Rows) -> Floats:
    """No error is expected to be smaller than a thousandth of the value, nor, where that is more, than a small part of
    how far the series was seen to move: what it moves about (a counter, a clock) does not matter.
    """
    relative = 1e-3 * np.abs(columns["level"][rows])
    moved = columns["high"][rows] - columns["low"][rows]
    return np.where(moved > 0, np.minimum(relative, OF_RANGE * moved), relative)


def learn(
    columns: Columns,
    rows: Rows,
    errors: Floats,
    scale: Floats,
    doubt: Floats,
    tried: Floats,
    step: Floats,
    weight: Floats,
) -> None:
    """Takes the predictors' `errors`, whose scale was expected to be `scale` and whose variance is `doubt` times what
    it will be once all is known; `tried` tells for how many buckets each has been put to the test. All are predictors
    x rows; `step` (0..1, lower for odd values) and `weight` (0..1, lower where little is to be learnt) one per row.
    """
    n = columns["n"][rows].astype(np.float64)
    limit = np.where(n < 12, np.inf, 4.0 * scale)
    age = np.minimum(n, np.where(tried < 0, np.inf, np.maximum(tried, 12.0)))
    rate = np.maximum(SCALE_FRESHNESS / (age + SCALE_FRESHNESS), 1.0 / SCALE_MEMORY)
    rate = rate * weight * np.where(step > 0, np.maximum(step, 0.3), 0.0)
    stored = columns["scale"][:, rows]
    moved = stored + rate * (NORMAL * np.minimum(np.abs(errors), limit) / np.sqrt(doubt) - stored)
    columns["scale"][:, rows] = np.where(n == 0, 0.0, moved)
    fit = -2.5 * np.log1p((errors / scale) ** 2 / 4.0) - np.log(scale)
    kept = (1.0 - weight / WEIGHT_MEMORY) * columns["log_weight"][:, rows]
    likelihood = kept + weight * np.where(step > 0, fit, 0.0)
    columns["log_weight"][:, rows] = np.maximum(likelihood - likelihood.max(axis=0), LEAST_LOG_WEIGHT)
