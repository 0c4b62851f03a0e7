"""Change points: a level that moved for good is learnt at once instead of over weeks, and taken back if wrong.

A series is a candidate while most of its recent residuals lie beyond 3 spreads (a running mean of that indicator
above one half). From then on the residuals are gathered; when they have lasted long enough and a shifted level
explains them better than the old one (gain in AIC above MIN_GAIN, shift beyond 3 spreads), the level moves. For
two days the old level is kept in mind: if it predicts better again, the shift is undone. Slow on purpose: an
incident that ends within hours must stay an incident. The criterion is that of Akaike (IEEE Transactions on Automatic
Control 19, 1974) for a normal law with one parameter more.

It fails where a level moves in many small steps: each is learnt by the level itself.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, indicator, listed, maximum, of, positions, put, where, zeros
from proxy.engine.models.component import Component, Mask
from proxy.engine.results import Floats, Ints

HALF_LIFE = 12.0
# Spreads beyond which a residual, or a shift, is far.
FAR = 3.0
# Shares of far residuals: below the first the spread is taken as it is, from the second on there may be a shift, above
# the third the residuals are gathered, below the last they are no more.
CALM, SUSPECT, BEGINS, ENDS = 0.1, 0.2, 0.5, 0.25
MIN_BUCKETS = 12
MIN_SECONDS = 26 * 3600
UNDO_SECONDS = 2 * 86400
MIN_GAIN = 10.0
# Share of votes for the old level, beyond those against it, that takes a shift back.
UNDONE_BY = 0.5


class LevelShifts(Component):
    """Residuals gathered, and the latest shift with the votes on it, one each for every series."""

    _off_share: Floats
    _off_spread: Floats
    _off_since: Ints
    _off_n: Floats
    _off_mean: Floats
    _off_square: Floats
    _shift: Floats
    _shift_at: Ints
    _shift_vote: Floats

    def __init__(self) -> None:
        super().__init__(
            off_share=Slot("f4"),
            off_spread=Slot("f8"),
            off_since=Slot("i8", (), -1),
            off_n=Slot("f4"),
            off_mean=Slot("f8"),
            off_square=Slot("f8"),
            shift=Slot("f8"),
            shift_at=Slot("i8", (), -1),
            shift_vote=Slot("f4"),
        )

    def observe(self, rows: Rows, time: int, off: Floats, spread: Floats) -> tuple[Floats, Mask]:
        """Takes a bucket's residuals (`off` in units of the value).

        Returns (the level shift of each row, mostly 0, whether something begins that may turn out to be one).
        """
        before = self._off_share[rows]
        # A shift widens the spread it is measured by: hold on to the one from before it began.
        spread = where(before < CALM, spread, self._off_spread[rows])
        self._off_spread[rows] = spread
        share = before + (1.0 - 0.5 ** (1.0 / HALF_LIFE)) * (indicator(abs(off) > FAR * spread) - before)
        self._off_share[rows] = share
        may_begin: Mask = (before < SUSPECT) & (share >= SUSPECT)
        shift = zeros(rows)
        looked_at = positions((share > BEGINS) | (self._off_since[rows] >= 0))
        if len(looked_at):
            asked = (of(x, looked_at) for x in (off, spread, share))
            shift = put(shift, looked_at, self._gather(of(rows, looked_at), time, *asked))
        recent = positions(self._shift_at[rows] >= 0)
        if len(recent):
            back = self._reconsider(of(rows, recent), time, of(off, recent))
            shift = put(shift, recent, of(shift, recent) + back)
        return shift, may_begin

    def spread_before(self, rows: Rows) -> Floats:
        """How far off values were before they were far off."""
        return self._off_spread[rows]

    def forget(self, rows: Rows) -> None:
        """Residuals gathered so far say nothing any more."""
        self._off_share[rows] = 0.0
        self._off_since[rows] = self._shift_at[rows] = -1

    def _gather(self, at: Rows, time: int, off: Floats, spread: Floats, share: Floats) -> Floats:
        since = self._off_since[at]
        over = (since >= 0) & (share < ENDS)
        begun = where(over, -1, where((since < 0) & (share > BEGINS), time, since))
        fresh = since < 0
        n = where(fresh, 0.0, self._off_n[at]) + 1.0
        mean = where(fresh, 0.0, self._off_mean[at])
        square = where(fresh, 0.0, self._off_square[at])
        gap = off - mean
        mean = mean + gap / n
        square = square + gap * (off - mean)
        around_zero = square + n * (mean * mean)
        gain = n * np.log(around_zero / maximum(square, 1e-12 * around_zero + 1e-300)) - 2.0
        lasted = (n >= MIN_BUCKETS) & (time - begun >= MIN_SECONDS)
        changed = lasted & (begun >= 0) & (gain > MIN_GAIN) & (abs(mean) > FAR * spread)
        self._off_since[at] = where(changed, -1, begun)
        self._off_n[at], self._off_mean[at], self._off_square[at] = n, mean, square
        self._off_share[at] = where(changed, 0.0, self._off_share[at])
        if anywhere(changed):
            moved = listed(at, changed)
            self._shift[moved], self._shift_at[moved], self._shift_vote[moved] = listed(mean, changed), time, 0.0
        return where(changed, mean, 0.0)

    def _reconsider(self, at: Rows, time: int, off: Floats) -> Floats:
        """Votes of the two days after a shift for the level before it: most for the old one takes it back."""
        shift, since = self._shift[at], self._shift_at[at]
        settling = time > since
        old_is_better = abs(off + shift) < abs(off)
        vote = self._shift_vote[at]
        vote = where(settling, vote + (1.0 / MIN_BUCKETS) * (where(old_is_better, 1.0, -1.0) - vote), 0.0)
        undone = vote > UNDONE_BY
        done = undone | (time - since > UNDO_SECONDS)
        self._shift_vote[at] = vote
        self._shift_at[at] = where(done, -1, since)
        return where(undone, -shift, 0.0)
