"""Detectors that a few lines suffice for, on the same series in the same run: who is not better than these is no use.

Both score a row before it is learnt, know nothing but the values and the row interval, and give sizes without a
bound; NaN scores 0 and is not learnt.
"""

from __future__ import annotations

import numpy as np

from proxy.engine.results import Floats

DAY_S = 86400
# The rolling window, and the seasonal naive's memory of its own errors: two days, of at least so many rows.
WINDOW_S, FEWEST_ROWS = 2 * DAY_S, 100
# A series that stands still has this share of its level as spread.
LEAST_SPREAD = 1e-3


def _window(interval: int) -> int:
    return max(FEWEST_ROWS, WINDOW_S // max(1, interval))


def _known_before(values: Floats, row: int, window: int) -> Floats:
    before = values[max(0, row - window) : row]
    return before[np.isfinite(before)]


def rolling_z(values: Floats, interval: int) -> Floats:
    """Standard deviations from the mean of the rows before; `interval` is seconds between rows."""
    out, window = np.zeros(len(values)), _window(interval)
    for row in range(len(values)):
        before = _known_before(values, row, window)
        if np.isfinite(values[row]) and len(before) >= FEWEST_ROWS // 3:
            spread = max(float(before.std()), LEAST_SPREAD * abs(float(before.mean())), 1e-12)
            out[row] = abs(values[row] - before.mean()) / spread
    return out


def seasonal_naive(values: Floats, interval: int) -> Floats:
    """Distance from the value a day ago, in mean absolute distances of the rows before."""
    day = max(1, DAY_S // max(1, interval))
    off = np.full(len(values), np.nan)
    off[day:] = np.abs(values[day:] - values[:-day])
    out, window = np.zeros(len(values)), _window(interval)
    for row in range(day, len(values)):
        before = _known_before(off, row, window)
        if np.isfinite(off[row]) and len(before) >= FEWEST_ROWS // 3:
            level = LEAST_SPREAD * abs(float(values[row]))
            out[row] = off[row] / max(float(before.mean()), level, 1e-12)
    return out


BASELINES = {"rolling z-score": rolling_z, "seasonal naive": seasonal_naive}
