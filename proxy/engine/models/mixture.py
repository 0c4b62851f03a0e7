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
# A mean absolute error times this is the standard deviation of a normal law.
_NORMAL = 1.25


def slots(predictors: int) -> dict[str, Slot]:
    """State of a series."""
    return {"scale": Slot("f4", (predictors,)), "log_weight": Slot("f4", (predictors,))}


def combine(columns: Columns, rows: Rows, predicted: Floats, doubt: Floats) -> tuple[Floats, Floats, Floats]:
    """(typical, spread, scale): what to expect, how far off that may be, and the scale of each predictor's error.

    `doubt` (predictors x rows) is by what an error's variance is greater here than where all is well known.
    """
    scale = columns["scale"][:, rows].astype(np.float64)
    floor = np.maximum(np.maximum(1e-3 * np.abs(columns["level"][rows]), 0.01 * scale[0]), 1e-9)
    scale = np.maximum(scale * np.sqrt(doubt), floor)
    weight = np.exp(columns["log_weight"][:, rows].astype(np.float64))
    weight /= weight.sum(axis=0)
    return (weight * predicted).sum(axis=0), (weight * scale).sum(axis=0), scale


def learn(
    columns: Columns,
    rows: Rows,
    errors: Floats,
    scale: Floats,
    doubt: Floats,
    used: Floats,
    step: Floats,
    weight: Floats,
) -> None:
    """Takes the predictors' `errors`, whose scale was expected to be `scale` and whose variance is `doubt` times what
    it will be once all is known; `used` tells for how many buckets each has been in use. All predictors x rows, `step`
    (0..1, lower for odd values) and `weight` (0..1, lower where little is to be learnt at all) one per row.
    """
    n = columns["n"][rows].astype(np.float64)
    limit = np.where(n < 12, np.inf, 4.0 * scale)
    age = np.minimum(n, np.where(used < 0, np.inf, np.maximum(used, 12.0)))
    rate = np.maximum(SCALE_FRESHNESS / (age + SCALE_FRESHNESS), 1.0 / SCALE_MEMORY)
    rate = rate * weight * np.where(step > 0, np.maximum(step, 0.3), 0.0)
    stored = columns["scale"][:, rows]
    moved = stored + rate * (_NORMAL * np.minimum(np.abs(errors), limit) / np.sqrt(doubt) - stored)
    columns["scale"][:, rows] = np.where(n == 0, 0.0, moved)
    fit = -2.5 * np.log1p((errors / scale) ** 2 / 4.0) - np.log(scale)
    kept = (1.0 - weight / WEIGHT_MEMORY) * columns["log_weight"][:, rows]
    likelihood = kept + weight * np.where(step > 0, fit, 0.0)
    columns["log_weight"][:, rows] = np.maximum(likelihood - likelihood.max(axis=0), LEAST_LOG_WEIGHT)
