"""Levels that move for good, in plain Python: the twin of models/changes.py."""

from __future__ import annotations

import math

from tests.engine.naive_location import DAY, single


class NaiveChanges:
    """Change points from plain lists of the residuals since a series became odd."""

    def __init__(self):
        self.share, self.spread, self.since, self.gathered = 0.0, 0.0, None, []
        self.shift, self.shift_at, self.vote = 0.0, None, 0.0

    def observe(self, time, off, spread):
        if self.share < 0.1:
            self.spread = spread
        before = self.share
        self.share = single(self.share + (1.0 - 0.5 ** (1 / 12)) * ((abs(off) > 3.0 * self.spread) - self.share))
        self.may_begin = before < 0.2 <= self.share
        return self._gather(time, off) + self._reconsider(time, off)

    def _gather(self, time, off):
        if self.since is None and self.share > 0.5:
            self.since, self.gathered = time, []
        elif self.since is not None and self.share < 0.25:
            self.since = None
        if self.since is None:
            return 0.0
        self.gathered.append(off)
        n, mean = len(self.gathered), sum(self.gathered) / len(self.gathered)
        around_zero, around_mean = sum(x * x for x in self.gathered), sum((x - mean) ** 2 for x in self.gathered)
        if n < 12 or time - self.since < 26 * 3600 or abs(mean) <= 3.0 * self.spread:
            return 0.0
        if n * math.log(around_zero / max(around_mean, 1e-12 * around_zero + 1e-300)) - 2.0 <= 10.0:
            return 0.0
        self.since, self.share = None, 0.0
        self.shift, self.shift_at, self.vote = mean, time, 0.0
        return mean

    def _reconsider(self, time, off):
        if self.shift_at is None or time == self.shift_at:
            return 0.0
        self.vote = single(self.vote + ((1.0 if abs(off + self.shift) < abs(off) else -1.0) - self.vote) / 12)
        if self.vote > 0.5 or time - self.shift_at > 2 * DAY:
            self.shift_at = None
        return -self.shift if self.vote > 0.5 else 0.0
