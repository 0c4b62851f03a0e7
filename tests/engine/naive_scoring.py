"""Joining probabilities and scoring them, one number at a time.

The slow twins of probability.py, equalise.py and normalise.py. Sums are written out term by term in logarithms, so
that nothing underflows.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist, median

SMALLEST = 1e-300


def clipped(p):
    return min(1.0, max(p, SMALLEST))


def z_of(p):
    """|z| of a two-sided p; below 1e-15 by bisection, where the standard library's inverse is rough."""
    p = clipped(p)
    if p > 1e-15:
        return -NormalDist().inv_cdf(0.5 * p)
    low, high = 5.0, 60.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if ln_two_sided(middle) > math.log(p) else (low, middle)
    return low


def ln_two_sided(z):
    """ln P(|Z| > z)."""
    if z < 30:
        return math.log(math.erfc(z / math.sqrt(2.0)))
    return -0.5 * z * z - math.log(z * math.sqrt(0.5 * math.pi)) + math.log1p(-1.0 / z**2 + 3.0 / z**4)


def ln_sum(parts):
    top = max(parts)
    return top + math.log(sum(math.exp(part - top) for part in parts))


def ln_joint(p):
    """ln of the upper tail of chi-square with as many degrees of freedom, by its recurrence from 1 or 2 of them."""
    x = 0.5 * sum(z_of(each) ** 2 for each in p)
    if x == 0.0:
        return 0.0
    terms = [ln_two_sided(math.sqrt(2.0 * x))] if len(p) % 2 else [-x]
    a = 0.5 if len(p) % 2 else 1.0
    while a < 0.5 * len(p) - 0.25:
        terms.append(a * math.log(x) - x - math.lgamma(a + 1.0))
        a += 1.0
    return min(0.0, ln_sum(terms))


def ln_extreme(p, most):
    """ln of the chance that the m smallest are this small, for the best m, times the number of m tried."""
    n, ordered = len(p), sorted(clipped(each) for each in p)
    tries = min(most, n)
    best = 0.0
    for m in range(1, tries + 1):
        limit = ordered[m - 1]
        rest = -math.inf if limit >= 1.0 else math.log1p(-limit)
        terms = [
            math.log(math.comb(n, j)) + j * math.log(limit) + ((n - j) * rest if j < n else 0.0)
            for j in range(m, n + 1)
        ]
        best = min(best, ln_sum(terms))
    return min(0.0, best + math.log(tries))


def raw_score(ln_p):
    """0 from p = 0.05 on, 1 at 1e-4 (linear in 1 / p), 50 at 1e-50 and 100 at 1e-300 (linear in ln p)."""
    if ln_p >= math.log(0.05):
        return 0.0
    if ln_p >= math.log(1e-4):
        return (math.exp(-ln_p) - 20.0) / (1e4 - 20.0)
    knots = ((-4, 1.0), (-50, 50.0), (-300, 100.0))
    power = max(ln_p / math.log(10.0), -300.0)
    for (left, low), (right, high) in pairwise(knots):
        if power >= right:
            return low + (high - low) * (left - power) / (left - right)
    return 100.0


def ln_of_raw_score(score):
    """The ln p that scores this, by bisection."""
    low, high = math.log(1e-300), math.log(0.05)
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if raw_score(middle) < score else (middle, high)
    return low


def ln_combined(p, joint_weight, extreme_weight, most):
    """The joint and the extreme view of a set, weighted by raw score; where both are ordinary, by logarithm."""
    if len(p) == 1:
        return math.log(clipped(p[0]))
    joint = ln_joint(p) if joint_weight else 0.0
    extreme = ln_extreme(p, most) if extreme_weight else 0.0
    if min(joint, extreme) >= math.log(0.035):
        return max(0.999 * math.log(0.035), joint_weight * joint + extreme_weight * extreme)
    return ln_of_raw_score(joint_weight * raw_score(joint) + extreme_weight * raw_score(extreme))


def ln_series(p):
    return ln_combined(p, 0.5, 0.5, 5)


def ln_people(p):
    """The chance that any is as unusual as the least usual one; each p already counts one in ten of the chances."""
    chances_left = len(p) / max(1, len(p) // 10)
    smallest = clipped(min(p))
    return 0.0 if smallest >= 1.0 else math.log(-math.expm1(chances_left * math.log1p(-min(smallest, 1 - 1e-16))))


def ln_partitions(ln_p):
    return ln_combined([math.exp(max(each, -690.0)) for each in ln_p], 0.0, 1.0, 1)


def ln_detectors(ln_p):
    return ln_combined([math.exp(max(each, -690.0)) for each in ln_p], 0.5, 0.5, 1)


class NaiveEqualiser:
    """Every unusual size of every detector, kept whole with its weight."""

    def __init__(self):
        self.sizes = {}

    def observe(self, ln_p):
        for index, value in ln_p.items():
            size = NaiveNormaliser.size(value)
            if size > 0.0:
                faded = [(bin_, weight * 0.5 ** (1 / 1000)) for bin_, weight in self.sizes.get(index, [])]
                self.sizes[index] = [*faded, (min(127, int(size / 0.5)), 1.0)]

    def share_below(self, index, size):
        """Share of a detector's sizes below `size`, those of a bin spread evenly over its half unit."""
        sizes = self.sizes[index]
        below = sum(weight * min(1.0, max(0.0, size / 0.5 - bin_)) for bin_, weight in sizes)
        return below / sum(weight for _, weight in sizes)

    def size_at(self, index, share):
        low, high = 0.0, 64.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.share_below(index, middle) < share else (low, middle)
        return low

    def level(self, index, ln_p):
        size = NaiveNormaliser.size(ln_p)
        known = sorted(i for i, sizes in self.sizes.items() if sum(weight for _, weight in sizes) >= 20)
        if size <= 0.0 or index not in known or len(known) < 2:
            return ln_p
        share = self.share_below(index, size)
        common = median(self.size_at(i, share) for i in known)
        return math.log(0.05) - min(size, max(common, 0.5 * size))


class NaiveNormaliser:
    """Every size of every entity and every maximum, kept whole."""

    KNOTS = ((0, 1), (70, 1), (85, 1.2), (90, 1.5), (95, 3), (97, 20), (99, 50), (99.9, 90), (100, 100))

    def __init__(self):
        # One list a bucket.
        self.sizes = []
        self.maxima = {}

    @staticmethod
    def size(ln_p):
        return max(0.0, math.log(0.05) - max(ln_p, math.log(SMALLEST)))

    @staticmethod
    def bin(size):
        return 0 if size <= 0 else min(63, 1 + int(size / 0.5))

    def weights(self):
        """(bin, weight) of every entity of every bucket; a bucket fades by one in twenty thousand each step.

        Where m are loud as a rule, the k-th largest of a bucket counts for (1 + m) / k, and no more than in full.
        """
        keep, out = 1.0 - 1.0 / 20000.0, []
        for sizes in self.sizes:
            loud = sum(weight for bin_, weight in out if bin_ > 0)
            usual = len(sizes) * loud / max(1.0, sum(weight for _, weight in out))
            out = [(bin_, keep * weight) for bin_, weight in out]
            for place, size in enumerate(sorted(sizes, reverse=True), 1):
                out.append((self.bin(size), min(1.0, (1.0 + usual) / place) if size > 0 else 1.0))
        return out

    def observe(self, time, maxima, sizes, entities):
        self.sizes.append(sizes + [0.0] * (entities - len(sizes)))
        for scope, size in maxima.items():
            if size > 0.0:
                self.maxima[scope] = (max(size, self.faded(time, scope)), time)

    def faded(self, time, scope):
        size, since = self.maxima.get(scope, (0.0, time))
        return size * math.exp(-0.001 / 1800.0 * max(0.0, time - since))

    def score(self, time, ln_p, scope, youth):
        size = self.size(ln_p)
        if size <= 0.0:
            return 0.0
        least = min(
            self.noise(size),
            self.by_rank(size),
            self.beside_largest(time, size, scope),
            100.0 * (0.05 + 0.95 * (ln_p - math.log(0.05)) / (math.log(1e-4) - math.log(0.05))),
            100.0,
            25.0 + 75.0 * youth,
        )
        # Half of the last five hundredth at one in ten thousand, all of it at p = 0.
        return max(0.0, least * (1.0 - 0.008 / (4.0 - ln_p / math.log(10.0))))

    def noise(self, size):
        """How far it stands out of a score that more than half the buckets have."""
        weights = self.weights()
        total = sum(w for _, w in weights)
        if total < 20 or sum(w for b, w in weights if b == 0) > 0.5 * total:
            return 100.0
        below, median = 0.0, 0
        while below + sum(w for b, w in weights if b == median) < 0.5 * total:
            below += sum(w for b, w in weights if b == median)
            median += 1
        return max(1.0, 1.0 + 100.0 * math.log10(max(size / max(0.5, 0.5 * median), 1.0)))

    def by_rank(self, size):
        """The score of its percentile, half of its own bin counted as larger, two of the larger ones not."""
        weights, own = self.weights(), self.bin(size)
        above = sum(w for b, w in weights if b > own) + 0.5 * sum(w for b, w in weights if b == own)
        percentile = 100.0 * (1.0 - max(0.0, above - 2.0) / (sum(w for _, w in weights) + 1.0))
        for (left, low), (right, high) in zip(self.KNOTS, self.KNOTS[1:], strict=False):
            if percentile <= right:
                return low + (high - low) * (percentile - left) / (right - left)
        return 100.0

    def beside_largest(self, time, size, scope):
        largest = self.faded(time, scope)
        ratio = 1.0 if largest <= 0.0 else min(1.0, size / largest)
        return 90.0 + 10.0 * ratio
