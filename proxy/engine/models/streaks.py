"""Streaks: odd buckets that follow each other on the same side tell more together than the oddest of them.

Running sums (sums.py) weigh how far values are off; where single wild values are common they find little. A streak adds
up how improbable the buckets were instead: what each had beyond one chance in ten, fading by a fifth a bucket. Buckets
of the same hour share their causes, so that is evidence only as far as the buckets are apart.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, maximum, minimum, where, zeros
from proxy.engine.models.component import Component, Moment
from proxy.engine.models.events import EVENT_S
from proxy.engine.models.history import History
from proxy.engine.models.incidents import ODD_BELOW
from proxy.engine.probability import clip_p
from proxy.engine.results import Floats

# What a streak keeps per bucket, and the most of it that counts, in powers of ten.
STREAK_KEPT, STREAK_MOST = 0.8, 3.0
# Buckets of this length are half evidence of their own.
SHARES_CAUSES_S = 3600.0


class Streaks(Component):
    """The fading sum of what -log10 p had beyond one chance in ten, below 0 where values were too low."""

    _sum: Floats

    def __init__(self, span: int, history: History) -> None:
        self.history = history
        self.counted, self.longest_gap_s = span / (span + SHARES_CAUSES_S), max(EVENT_S, 2 * span)
        super().__init__(sum=Slot("f4"))

    def added(self, at: Moment, z: Floats, p: Floats) -> Floats:
        """What the buckets before add to the -log10 p of an odd one; `z` and `p` are those of the residual."""
        is_odd = p < ODD_BELOW
        if not anywhere(is_odd):
            return zeros(at.rows)
        before = self._before(at)
        goes_on = is_odd & (before * z > 0.0)
        return where(goes_on, self.counted * minimum(abs(before), STREAK_MOST), 0.0)

    def learn(self, at: Moment, z: Floats, p: Floats) -> None:
        """Goes on with the streak, or begins one where p is below one chance in ten on the other side."""
        before, size = self._before(at), maximum(-np.log10(clip_p(p)) - 1.0, 0.0)
        new = where(z < 0.0, -size, size)
        self._sum[at.rows] = where(before * new >= 0.0, before + new, new)

    def _before(self, at: Moment) -> Floats:
        """What is left of the streak, nothing after a gap."""
        is_near = at.age - self.history.last_age(at.rows) <= self.longest_gap_s
        return where(is_near, STREAK_KEPT * self._sum[at.rows], 0.0)

    def forget(self, rows: Rows) -> None:
        """What was odd is understood."""
        self._sum[rows] = 0.0
