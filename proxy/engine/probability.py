"""Pure probability arithmetic: joining, extremes, raw scores. No state; arrays in, arrays out.

Every p is clipped to [SMALLEST, 1], so logarithms are always finite.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.elementwise import clip, minimum
from proxy.engine.results import Floats

SMALLEST = 1e-300
# Below this a result is worth writing; every threshold users know is built on it.
WORTH_WRITING = 0.035
# Each over entity's p allows for one more chance for so many over entities of its population.
OVER_ENTITIES_A_CHANCE = 10


def clip_p(p: Floats) -> Floats:
    """p within [SMALLEST, 1]."""
    return clip(p, SMALLEST, 1.0)


def two_sided_z(p: Floats) -> Floats:
    """|z| of a standard normal whose two-sided tail is p."""
    return -special.ndtri(0.5 * clip_p(p))


def any_of(p: Floats, tests: float | NDArray[np.intp] | Floats) -> Floats:
    """Probability that the smallest of `tests` independent probabilities is at most p (Sidak's correction)."""
    return clip_p(-np.expm1(tests * np.log1p(-minimum(p, 1.0 - 1e-16))))


def chances_counted(over_entities: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many of the chances of so many over entities the p of each of them allows for.

    One in ten: among many one is always unusual, but a full correction would hide from a large population
    what is plain in a small one. What is left over is counted where they are joined, in `population_groups_ln`.
    """
    return np.maximum(1, over_entities // OVER_ENTITIES_A_CHANCE)


def population_groups_ln(p: Floats, starts: NDArray[np.intp]) -> Floats:
    """ln of the chance that any over entity of a group is as unusual as the least usual one of it.

    `p` float[n] already allows for `chances_counted` of the group's size; groups are p[starts[i]:starts[i + 1]], not
    empty, and the last one ends with p. Returns float[groups].
    """
    size = np.diff(np.append(starts, len(p)))
    smallest = np.minimum.reduceat(clip_p(p), starts)
    return np.log(any_of(smallest, size / chances_counted(size)))


def joint_ln(p: Floats) -> float:
    """ln of the chance that n independent tails are jointly this small: Q(n/2, sum z^2 / 2)."""
    z2 = float(np.sum(two_sided_z(p) ** 2))
    return _upper_gamma_ln(0.5 * len(p), 0.5 * z2)


def _upper_gamma_ln(a: float, x: float) -> float:
    q = float(special.gammaincc(a, x))
    if q > 1e-290:
        return float(np.log(q))
    # Leading term of the asymptotic series, exact enough this far out.
    return -x + (a - 1.0) * float(np.log(x)) - float(special.gammaln(a)) + float(np.log1p((a - 1.0) / x))


def extreme_ln(p: Floats, most: int) -> float:
    """ln of the chance of m <= `most` of n probabilities being this small, best m, corrected for the tries."""
    n = len(p)
    tries = min(most, n)
    smallest = np.sort(clip_p(p))[:tries]
    best = 0.0
    for m in range(1, tries + 1):
        best = min(best, _order_statistic_ln(float(smallest[m - 1]), m, n))
    return min(0.0, best + float(np.log(tries)))


def _order_statistic_ln(p: float, m: int, n: int) -> float:
    exact = float(special.betainc(m, n - m + 1, p))
    if exact > 1e-290:
        return float(np.log(exact))
    choose = special.gammaln(n + 1) - special.gammaln(m + 1) - special.gammaln(n - m + 1)
    return float(choose + m * np.log(p))


_LN_ONE = float(np.log(1e-4))
_LN_FIFTY = float(np.log(1e-50))
_LN_HUNDRED = float(np.log(SMALLEST))


def raw_score(ln_p: float) -> float:
    """Raw score of ln p: 0 at p >= 0.05, 1 at 1e-4 (linear in 1/p), 50 at 1e-50, 100 at the smallest p."""
    if ln_p >= np.log(0.05):
        return 0.0
    if ln_p >= _LN_ONE:
        return float((np.exp(-ln_p) - 20.0) / (1e4 - 20.0))
    if ln_p >= _LN_FIFTY:
        return 1.0 + 49.0 * (_LN_ONE - ln_p) / (_LN_ONE - _LN_FIFTY)
    return min(100.0, 50.0 + 50.0 * (_LN_FIFTY - ln_p) / (_LN_FIFTY - _LN_HUNDRED))


def raw_score_ln(score: float) -> float:
    """The ln p whose raw score this is; 0 has no single answer and gives ln 0.05."""
    if score <= 0.0:
        return float(np.log(0.05))
    if score <= 1.0:
        return -float(np.log(20.0 + score * (1e4 - 20.0)))
    if score <= 50.0:
        return _LN_ONE - (score - 1.0) / 49.0 * (_LN_ONE - _LN_FIFTY)
    return _LN_FIFTY - (score - 50.0) / 50.0 * (_LN_FIFTY - _LN_HUNDRED)


def combine_ln(p: Floats, joint_weight: float, extreme_weight: float, most: int) -> float:
    """ln p of a set of probabilities, joint and extreme views weighted; 0-score sets stay near 1."""
    if len(p) == 0:
        return 0.0
    if len(p) == 1:
        return float(np.log(clip_p(p)[0]))
    joint = joint_ln(p) if joint_weight > 0 else 0.0
    extreme = extreme_ln(p, most) if extreme_weight > 0 else 0.0
    limit = float(np.log(WORTH_WRITING))
    if joint >= limit and extreme >= limit:
        return max(limit * 0.999, joint * joint_weight + extreme * extreme_weight)
    score = joint_weight * raw_score(joint) + extreme_weight * raw_score(extreme)
    return raw_score_ln(score)


def combine_groups_ln(
    p: Floats, starts: NDArray[np.intp], joint_weight: float, extreme_weight: float, most: int
) -> Floats:
    """`combine_ln` of every group p[starts[i]:starts[i + 1]]; groups are not empty and the last one ends with p."""
    size = np.diff(np.append(starts, len(p)))
    if len(starts) == len(p):
        return np.log(clip_p(p))
    joint = _group_joint_ln(p, starts, size) if joint_weight > 0 else np.zeros(len(size))
    extreme = _group_extreme_ln(p, starts, size, most) if extreme_weight > 0 else np.zeros(len(size))
    limit = float(np.log(WORTH_WRITING))
    out = np.maximum(limit * 0.999, joint * joint_weight + extreme * extreme_weight)
    for i in np.flatnonzero((joint < limit) | (extreme < limit)).tolist():
        out[i] = raw_score_ln(joint_weight * raw_score(joint[i]) + extreme_weight * raw_score(extreme[i]))
    alone = size == 1
    out[alone] = np.log(clip_p(p[starts[alone]]))
    return out


def _group_joint_ln(p: Floats, starts: NDArray[np.intp], size: NDArray[np.intp]) -> Floats:
    z2 = np.add.reduceat(two_sided_z(p) ** 2, starts)
    q = special.gammaincc(0.5 * size, 0.5 * z2)
    out = np.log(np.maximum(q, SMALLEST))
    for i in np.flatnonzero(q <= 1e-290).tolist():
        out[i] = _upper_gamma_ln(0.5 * float(size[i]), 0.5 * float(z2[i]))
    return out


def _group_extreme_ln(p: Floats, starts: NDArray[np.intp], size: NDArray[np.intp], most: int) -> Floats:
    group = np.repeat(np.arange(len(size)), size)
    ordered = clip_p(p)[np.lexsort((p, group))]
    best = np.zeros(len(size))
    for m in range(1, most + 1):
        has = np.flatnonzero(size >= m)
        smallest = ordered[starts[has] + m - 1]
        exact = special.betainc(m, size[has] - m + 1, smallest)
        ln_exact = np.log(np.maximum(exact, SMALLEST))
        for i in np.flatnonzero(exact <= 1e-290).tolist():
            ln_exact[i] = _order_statistic_ln(float(smallest[i]), m, int(size[has[i]]))
        best[has] = np.minimum(best[has], ln_exact)
    return np.minimum(0.0, best + np.log(np.minimum(most, size)))
