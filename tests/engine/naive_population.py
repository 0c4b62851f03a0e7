"""One attribute of a population in plain Python: the obviously right twin of models/population.py.

Scale and pattern are kept in single precision, as the model keeps them.
"""

from __future__ import annotations

import math
import statistics

import numpy as np

from tests.engine.naive_series import NaiveTail

DAY = 86400


def single(value):
    return float(np.float32(value))


class NaiveCrowdTail(NaiveTail):
    """A tail that learns the scores of all entities of a bucket in one step of time."""

    MOST_A_BUCKET = 100.0

    def learn_all(self, scores):
        keep = 1.0 - min(0.5, max(1.0 / (self.n + 50.0), 1.0 / 20000.0))
        self.counts = [[c * keep for c in side] for side in self.counts]
        for z in scores:
            self.counts[int(z < 0)][self.bin(abs(z))] += min(1.0, self.MOST_A_BUCKET / len(scores))
        self.n += 1


class NaivePopulation:
    """What is known of one attribute."""

    def __init__(self, span, *, side, non_negative, is_count):
        self.side, self.non_negative, self.is_count = side, non_negative, is_count
        self.bins = min(24, DAY // span) if span <= DAY // 2 else 1
        self.n, self.first, self.level, self.scale = 0, None, 0.0, 0.0
        self.day, self.day_n = [0.0] * self.bins, [0] * self.bins
        self.tail = NaiveCrowdTail()

    def typical(self, time):
        bin_now = time % DAY * self.bins // DAY
        out = self.level
        if self.first is not None and time - self.first >= 2 * DAY:
            out += min(self.day_n[bin_now] / 2, 1.0) * self.day[bin_now]
        return max(out, 0.0) if self.non_negative else out

    def spread(self, time):
        typical = self.typical(time)
        out = max(self.scale, 1e-4 * abs(typical) + 1e-30)
        return max(out, 0.7 * math.sqrt(max(typical, 0.25))) if self.is_count and typical < 20 else out

    def z(self, time, value):
        return min(max((value - self.typical(time)) / self.spread(time), -1e4), 1e4)

    def p(self, time, value):
        if self.n < 12:
            return 1.0
        z = self.z(time, value)
        tail = self.tail.survival(z)
        if self.side and not z * self.side > 0:
            tail = 0.5
        return max(min(1.0, 2.0 * tail) ** min(1.0, self.n / 36), 1e-300)

    def ln_p_instead(self, time, value, other, widening):
        """ln p of another value in place of one, towards the side of the first, with a wider spread."""
        sign = 1.0 if self.z(time, value) >= 0 else -1.0
        z = sign * (other - self.typical(time)) / (self.spread(time) * widening)
        return math.log(min(1.0, max(2.0 * self.tail.survival(sign * min(max(z, 0.0), 1e4)), 1e-300)))

    def learn(self, time, values):
        if not values:
            return
        scores = [self.z(time, v) for v in values]
        middle = statistics.median(values)
        if self.n == 0:
            self.first, self.level = time, middle
            self.scale = single(statistics.fmean(1.25 * abs(v - middle) for v in values))
        else:
            known = math.inf if self.n < 12 else self.spread(time)
            sizes = [min(1.25 * abs(v - self.typical(time)), 4.0 * known) for v in values]
            rate = max(1.0 / (self.n + 1), 1.0 / 1000.0)
            learnt_scale = single(self.scale + rate * (statistics.fmean(sizes) - self.scale))
            self._learn_place(time, middle, 3.0 * known)
            self.scale = learnt_scale
        bin_now = time % DAY * self.bins // DAY
        self.day_n[bin_now] = min(self.day_n[bin_now] + 1, 250)
        if self.n >= 3:
            self.tail.learn_all(scores)
        self.n += 1

    def _learn_place(self, time, middle, limit):
        bin_now = time % DAY * self.bins // DAY
        off = min(max(middle - self.level - self.day[bin_now], -limit), limit)
        self.day[bin_now] = single(self.day[bin_now] + off / min(self.day_n[bin_now] + 1, 8))
        self.level += off / min(self.n + 1, 500)
