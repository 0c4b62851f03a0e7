"""Change points: a level that moved for good is learnt at once instead of over weeks, and taken back if wrong.

A series is a candidate while most of its recent residuals lie beyond 3 spreads (a running mean of that indicator
above one half). From then on the residuals are gathered; when they have lasted long enough and a shifted level
explains them better than the old one (gain in AIC above MIN_GAIN, shift beyond 3 spreads), the level moves. For
two days the old level is kept in mind: if it predicts better again, the shift is undone. Slow on purpose: an
incident that ends within hours must stay an incident.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.results import Floats

Rows = NDArray[np.intp]
HALF_LIFE = 12.0
FAR = 3.0
CALM = 0.1
MIN_BUCKETS = 12
MIN_SECONDS = 20 * 3600
UNDO_SECONDS = 2 * 86400
MIN_GAIN = 10.0

SLOTS = {
    "off_share": Slot("f4"),
    "off_spread": Slot("f8"),
    "off_since": Slot("i8", (), -1),
    "off_n": Slot("f4"),
    "off_mean": Slot("f8"),
    "off_square": Slot("f8"),
    "shift": Slot("f8"),
    "shift_at": Slot("i8", (), -1),
    "shift_vote": Slot("f4"),
}


def observe(columns: Columns, rows: Rows, time: int, off: Floats, spread: Floats) -> Floats:
    """Takes a bucket's residuals (`off` in units of the value); returns the level shift of each row, mostly 0."""
    share = columns["off_share"][rows]
    # A shift widens the spread it is measured by: hold on to the one from before it began.
    spread = np.where(share < CALM, spread, columns["off_spread"][rows])
    columns["off_spread"][rows] = spread
    share = share + (1.0 - 0.5 ** (1.0 / HALF_LIFE)) * ((np.abs(off) > FAR * spread) - share)
    columns["off_share"][rows] = share
    shift = np.zeros(len(rows))
    since = columns["off_since"][rows]
    looked_at = np.flatnonzero((share > 0.5) | (since >= 0))
    if len(looked_at):
        at = rows[looked_at]
        shift[looked_at] = _gather(columns, at, time, off[looked_at], spread[looked_at], share[looked_at])
    recent = np.flatnonzero(columns["shift_at"][rows] >= 0)
    if len(recent):
        shift[recent] += _reconsider(columns, rows[recent], time, off[recent])
    return shift


def forget(columns: Columns, rows: Rows) -> None:
    """Residuals gathered so far say nothing any more."""
    columns["off_share"][rows] = 0.0
    columns["off_since"][rows] = columns["shift_at"][rows] = -1


def _gather(columns: Columns, at: Rows, time: int, off: Floats, spread: Floats, share: Floats) -> Floats:
    since = columns["off_since"][at]
    over = (since >= 0) & (share < 0.25)
    since = np.where(over, -1, np.where((since < 0) & (share > 0.5), time, since))
    fresh = columns["off_since"][at] < 0
    n = np.where(fresh, 0.0, columns["off_n"][at]) + 1.0
    mean = np.where(fresh, 0.0, columns["off_mean"][at])
    square = np.where(fresh, 0.0, columns["off_square"][at])
    gap = off - mean
    mean = mean + gap / n
    square = square + gap * (off - mean)
    around_zero = square + n * mean**2
    gain = n * np.log(around_zero / np.maximum(square, 1e-12 * around_zero + 1e-300)) - 2.0
    lasted = (n >= MIN_BUCKETS) & (time - since >= MIN_SECONDS)
    changed = lasted & (since >= 0) & (gain > MIN_GAIN) & (np.abs(mean) > FAR * spread)
    columns["off_since"][at] = np.where(changed, -1, since)
    columns["off_n"][at], columns["off_mean"][at], columns["off_square"][at] = n, mean, square
    columns["off_share"][at] = np.where(changed, 0.0, columns["off_share"][at])
    moved = at[changed]
    columns["shift"][moved] = mean[changed]
    columns["shift_at"][moved] = time
    columns["shift_vote"][moved] = 0.0
    return np.where(changed, mean, 0.0)


def _reconsider(columns: Columns, at: Rows, time: int, off: Floats) -> Floats:
    """Votes of the two days after a shift for the level before it: most for the old one takes it back."""
    shift, since = columns["shift"][at], columns["shift_at"][at]
    settling = time > since
    old_is_better = np.abs(off + shift) < np.abs(off)
    vote = columns["shift_vote"][at]
    vote = np.where(settling, vote + (1.0 / MIN_BUCKETS) * (np.where(old_is_better, 1.0, -1.0) - vote), 0.0)
    undone = vote > 0.5
    done = undone | (time - since > UNDO_SECONDS)
    columns["shift_vote"][at] = vote
    columns["shift_at"][at] = np.where(done, -1, since)
    return np.where(undone, -shift, 0.0)
