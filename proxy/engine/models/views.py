"""What a residual is looked at as, besides itself: running sums, the volatility of the series, its range.

A running sum finds what lasts and is too small to be seen in one bucket, volatility finds unrest and stillness,
novelty finds what left the range seen so far.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

SUM_DECAYS = (1.0 - 1.0 / 6.0, 1.0 - 1.0 / 24.0)
# One wild residual must not stand for many: single buckets have a view of their own.
SUM_LIMIT = 4.0
SUM_FROM = 9
WINDOW_MEMORY = 1500.0
VOLATILITY_MEMORY = 18.0
# Variance of the log of a mean of so few steps: a constant series must not find any step sensational.
VOLATILITY_NOISE = 0.02
# How long an extreme is remembered: the finer the buckets, the more peaks there are that say little, so the longer.
RANGE_HALF_LIFE_S, LONGEST_HALF_LIFE_S = 30 * 86400, 365 * 86400
NOVELTY_AFTER = 100
NOVELTY_MARGIN = 0.05

SLOTS = {
    "last": Slot("f8", (), np.nan),
    "low": Slot("f8", (), np.inf),
    "high": Slot("f8", (), -np.inf),
    "sum": Slot("f4", (len(SUM_DECAYS),)),
    "sum_var": Slot("f4", (len(SUM_DECAYS),)),
    "sum_scale": Slot("f4", (len(SUM_DECAYS),), 1.0),
    "sum_n": Slot("f4"),
    "volatility": Slot("f4"),
    "vol_mean": Slot("f4"),
    "vol_var": Slot("f4"),
}


@dataclass(frozen=True, slots=True)
class Windows:
    """The running numbers with this bucket in them, to be kept if it is learnt."""

    sums: Floats
    variances: Floats
    sizes: Floats
    volatility: Floats
    log_volatility: Floats


def look(columns: Columns, rows: Rows, value: Floats, z: Floats, spread: Floats) -> tuple[Floats, Floats, Windows]:
    """(scores of the sums, score of the volatility, the numbers behind them); NaN where there is too little."""
    clipped = np.clip(z, -SUM_LIMIT, SUM_LIMIT)
    decay = np.array(SUM_DECAYS)[:, None]
    sums = columns["sum"][:, rows] * decay + clipped
    variances = columns["sum_var"][:, rows] * decay**2 + 1.0
    sizes = sums / np.sqrt(variances)
    sum_z = sizes / np.maximum(columns["sum_scale"][:, rows], 0.3)
    sum_z[:, columns["sum_n"][rows] < SUM_FROM] = np.nan
    step = np.abs(value - columns["last"][rows])
    n = columns["n"][rows]
    rate = np.maximum(1.0 / VOLATILITY_MEMORY, 1.0 / (n + 1.0))
    volatility = columns["volatility"][rows]
    volatility = np.where(np.isfinite(step), volatility + rate * (step - volatility), volatility)
    log_volatility = np.log(volatility + 0.05 * spread + 1e-30)
    unrest = (log_volatility - columns["vol_mean"][rows]) / np.sqrt(columns["vol_var"][rows] + VOLATILITY_NOISE)
    unrest[n < 2 * VOLATILITY_MEMORY] = np.nan
    return sum_z, unrest, Windows(sums, variances, sizes, volatility, log_volatility)


def learn(columns: Columns, rows: Rows, windows: Windows, learning: NDArray[np.bool_], value: Floats) -> None:
    """Keeps the numbers of the rows (all of those `windows` was made for) that are `learning`."""
    c, at = columns, rows[learning]
    n = c["n"][at].astype(np.float64)
    c["sum"][:, at] = windows.sums[:, learning]
    c["sum_var"][:, at] = windows.variances[:, learning]
    c["sum_n"][at] += 1.0
    rate = np.maximum(1.0 / (n + 1.0), 1.0 / WINDOW_MEMORY)
    old = c["sum_scale"][:, at]
    target = np.minimum(windows.sizes[:, learning] ** 2, (4.0 * old) ** 2)
    c["sum_scale"][:, at] = np.sqrt(old**2 + rate * (target - old**2))
    c["volatility"][at] = windows.volatility[learning]
    mean, variance = c["vol_mean"][at], c["vol_var"][at]
    late = n >= VOLATILITY_MEMORY
    rate = np.where(late, 1.0 / np.clip(n - VOLATILITY_MEMORY + 1.0, 1.0, WINDOW_MEMORY), 0.0)
    off = windows.log_volatility[learning] - mean
    c["vol_mean"][at] = mean + rate * off
    c["vol_var"][at] = variance + rate * (np.minimum(off**2, 16.0 * (variance + 0.01)) - variance)
    c["last"][at] = value[learning]


def novelty(columns: Columns, rows: Rows, value: Floats, spread: Floats, side: int) -> Floats:
    """p of leaving the remembered range by more than 5 % of it: 1 / (n + 1) / (1 + 10 excess / range)^2."""
    c = columns
    n = c["n"][rows]
    low, high = c["low"][rows], c["high"][rows]
    known = np.isfinite(low)
    seen = np.maximum(np.where(known, high - low, 0.0), 2.0 * spread)
    above = np.where(known & (side >= 0), value - high, 0.0)
    below = np.where(known & (side <= 0), low - value, 0.0)
    excess = np.maximum(np.maximum(above, below), 0.0) / seen
    is_new = (excess > NOVELTY_MARGIN) & (n >= NOVELTY_AFTER)
    return np.where(is_new, 1.0 / ((n + 1.0) * (1.0 + 10.0 * excess) ** 2), 1.0)


def learn_range(columns: Columns, rows: Rows, value: Floats, level: Floats, step: Floats, span: int) -> None:
    """Widens the range to `value`; both ends drift slowly back towards the level."""
    half_life = min(max(1.0, 3600 / span) * RANGE_HALF_LIFE_S, LONGEST_HALF_LIFE_S)
    drift = (1.0 - 0.5 ** (span / half_life)) * step
    for end, further in (("low", np.minimum), ("high", np.maximum)):
        old = columns[end][rows]
        old = old + drift * np.where(np.isfinite(old), level - np.where(np.isfinite(old), old, 0.0), 0.0)
        columns[end][rows] = np.where(step > 0, further(old, value), old)
