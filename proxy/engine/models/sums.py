"""Running sums of what a series is off by: they find what lasts and is too small to be seen in one bucket.

An exponentially weighted moving average chart (Roberts, Technometrics 1, 1959). What a sum says follows from buckets
that are over; so it counts as far as the present one goes with it. An excursion is a run of buckets in which a sum is
improbable: while it lasts the tails learn nothing of it, for what was before is what judges it, and after that it
counts for no more buckets than the sum is over. What lasts longer than a day is the new normal: each bucket counts.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, column, double, maximum, minimum, of, where
from proxy.engine.frozen import frozen
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import DAY, Grid
from proxy.engine.models.incidents import ODD_BELOW
from proxy.engine.models.mixture import TINY
from proxy.engine.results import Floats

# Buckets that the sums are over.
SUM_MEMORIES = (6.0, 24.0)
_MEMORIES = np.array(SUM_MEMORIES)
_DECAYS = 1.0 - 1.0 / _MEMORIES
# One wild value must not stand for many: single buckets have a view of their own.
SUM_LIMIT = 4.0
# Values that a sum must hold before it is looked at.
SUM_FROM = 9
# A sum is no less usual than so much of what it would be by chance; it grows usual by no more than so many times.
LEAST_SUM_SCALE, MOST_GROWTH = 0.3, 4.0
# p of a sum below which it is on an excursion, and the buckets that one may last at least before it is the new normal.
EXCURSION_BELOW, LONGEST_EXCURSION = 1e-3, 24
# A bucket goes with a sum that is off by this part of the mean that the sum stands for.
GOES_WITH = 0.5
# p from which on a view says nothing, whatever the present bucket does: one chance in ten.
USUAL = 0.1


@frozen
class Sums:
    """The running sums (sums x series) with this bucket's `off` in them, to be kept if it is learnt."""

    off: Floats
    sums: Floats
    variances: Floats
    # In units of the deviation that independent values would give them.
    sizes: Floats

    def only(self, chosen: Mask) -> "Sums":
        """Those of some of several series."""
        return Sums(self.off[chosen], self.sums[:, chosen], self.variances[:, chosen], self.sizes[:, chosen])

    def supported(self, p: Floats) -> Floats:
        """`p` of the sums (sums x series) as far as the present bucket goes with them: in full, or 1 if against."""
        chosen = minimum(p[0], p[1]) < USUAL
        if not anywhere(chosen):
            return p
        off, sums, supported = of(self.off, chosen), self.sums[:, chosen], p.copy()
        wanted = np.maximum(GOES_WITH * np.abs(sums) / _MEMORIES[:, None], TINY)
        supported[:, chosen] = np.power(p[:, chosen], np.clip(off * np.sign(sums) / wanted, 0.0, 1.0))
        return supported


class RunningSums(Component):
    """Decayed sums of bounded values, their variance by chance and their usual size; how long each is on an excursion,
    and the mean of its signed squares there.
    """

    _sum: Floats
    _variance: Floats
    _scale: Floats
    _n: Floats
    _run: Floats
    _square: Floats

    def __init__(self, span: int) -> None:
        self.memory = Grid.of(span).level_memory
        self.longest = max(DAY // span, LONGEST_EXCURSION)
        count = (len(SUM_MEMORIES),)
        super().__init__(
            sum=Slot("f4", count),
            variance=Slot("f4", count),
            scale=Slot("f4", count, 1.0),
            n=Slot("f4"),
            run=Slot("f4", count),
            square=Slot("f4", count),
        )

    def look(self, rows: Rows, off: Floats) -> tuple[Floats, Sums]:
        """(scores of the sums with this bucket's `off` in them, the sums); NaN where there are too few values.

        `off` is in spreads of what a bucket may be off by.
        """
        decay = column(_DECAYS, rows)
        sums = self._sum[:, rows] * decay + clip(off, -SUM_LIMIT, SUM_LIMIT)
        variances = self._variance[:, rows] * decay**2 + 1.0
        sizes = sums / np.sqrt(variances)
        scores = sizes / np.maximum(self._scale[:, rows], LEAST_SUM_SCALE)
        is_young = self._n[rows] < SUM_FROM
        if anywhere(is_young):
            scores[..., is_young] = np.nan
        return scores, Sums(off, sums, variances, sizes)

    def lasts(self, rows: Rows, p: Floats) -> Mask:
        """Which series were on an excursion in the bucket learnt last and are not odd (`p`) in the present one."""
        lasts: Mask = self.is_on(rows) & (p >= ODD_BELOW)
        return lasts

    def is_on(self, rows: Rows) -> Mask:
        """Which series were on an excursion in the bucket learnt last."""
        short, long = (self._run[i, rows] for i in range(len(SUM_MEMORIES)))
        is_on: Mask = ((short > 0) & (short <= self.longest)) | ((long > 0) & (long <= self.longest))
        return is_on

    def learn(self, at: Moment, new: Sums, is_held: Mask) -> None:
        """Keeps the sums of these series."""
        rows, n = at.rows, double(at.n)
        self._sum[:, rows] = new.sums
        self._variance[:, rows] = new.variances
        self._n[rows] += 1.0
        rate = where(is_held, 0.0, maximum(1.0 / (n + 1.0), 1.0 / self.memory))
        old = self._scale[:, rows]
        square = old**2
        target = np.minimum(new.sizes**2, (MOST_GROWTH * old) ** 2)
        self._scale[:, rows] = np.sqrt(square + rate * (target - square))

    def learn_excursions(self, rows: Rows, scores: Floats, p: Floats) -> tuple[Floats, Floats] | None:
        """Takes scores of the sums and their p; returns (scores, buckets each stands for), what tails are to learn.

        All are sums x series; None where nothing lasts: each score stands for its bucket.
        """
        run = self._run[:, rows]
        is_far = p < EXCURSION_BELOW
        if not np.count_nonzero(is_far) and not np.count_nonzero(run):
            return None
        run, square = double(run), double(self._square[:, rows])
        goes_on = is_far & (run < self.longest)
        ends = (run > 0) & (run <= self.longest) & ~goes_on
        self._square[:, rows] = np.where(goes_on, square + (scores * abs(scores) - square) / (run + 1.0), 0.0)
        # One bucket more than the longest stands for the new normal.
        self._run[:, rows] = np.where(is_far, np.minimum(run + 1.0, self.longest + 1.0), 0.0)
        over = np.sign(square) * np.sqrt(abs(square))
        counts = np.where(goes_on, 0.0, np.where(ends, np.minimum(run, column(_MEMORIES, rows)), 1.0))
        return np.where(ends, over, scores), counts

    def forget(self, rows: Rows) -> None:
        """Sums up nothing yet: what lasted is understood."""
        for part in (self._sum, self._run, self._square):
            part[:, rows] = 0.0
