"""Counts so low that chance alone has a say: a negative binomial law instead of a symmetric spread.

With mean m and variance v > m it has size r = m^2 / (v - m) and success probability r / (r + m); its tails are
regularised incomplete beta functions (Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005, ch. 5).
"""

import numpy as np
from scipy import special

from proxy.engine.elementwise import maximum, minimum, of, positions, put, root, where
from proxy.engine.results import Floats

# Below this counts cannot be steadier than chance lets them be.
LOW_COUNT = 20.0
# Part of a Poisson law's deviation that the spread of low counts is at least, and the mean that is reckoned with there.
OF_CHANCE, LEAST_MEAN = 0.7, 0.25
# The least mean and overdispersion that the law is taken with, and its largest size: then it is Poisson's.
TINY_MEAN, LEAST_OVERDISPERSION, LARGEST_SIZE = 1e-3, 1.001, 1e6


def least_spread(typical: Floats, spread: Floats) -> Floats:
    """The spread of counts around `typical`, where these are low at least what chance makes."""
    by_chance = OF_CHANCE * root(maximum(typical, LEAST_MEAN))
    return where(typical < LOW_COUNT, maximum(spread, by_chance), spread)


def scores(value: Floats, typical: Floats, spread: Floats, z: Floats) -> Floats:
    """Normal scores of the counts: z as given, replaced where `typical` is low."""
    low = positions((typical < LOW_COUNT) & (value >= 0))
    if not len(low):
        return z
    wide, mean = of(spread, low), maximum(of(typical, low), TINY_MEAN)
    variance = maximum(wide * wide, mean * LEAST_OVERDISPERSION)
    size = minimum(mean * mean / (variance - mean), LARGEST_SIZE)
    success = size / (size + mean)
    count = np.floor(of(value, low))
    # From the upper side: of a difference of lower tails near 1 nothing is left far out.
    above = special.betaincc(size, count + 1.0, success)
    at_least = where(count > 0, special.betaincc(size, maximum(count, 1.0), success), 1.0)
    upper = 0.5 * (at_least + above)
    lower = 1.0 - upper
    far = special.ndtri(maximum(minimum(upper, lower), 1e-300))
    return put(z, low, where(upper < lower, -far, far))


def chance(z: Floats, sums: Floats) -> Floats:
    """Views x series: p of what low counts do by chance, in one bucket (which is also what moves them) and in sums."""
    single = 2.0 * special.ndtr(-np.abs(z))
    return np.array([single, *(2.0 * special.ndtr(-np.abs(sums))), single])
