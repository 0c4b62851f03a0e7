"""The share of an anomaly that each influencer value accounts for, 0..1.

Additive features ask what the value would be without the influencer's rows (complement), means and variances ask
for those of the others, everything else asks whether the influencer's rows alone are as unusual (intersection).
"""

from collections.abc import Callable

import numpy as np

from proxy.engine.buckets import LARGEST, Index, aggregate
from proxy.engine.functions import ADDITIVE_FEATURES, TEXT_FEATURES
from proxy.engine.results import Column, Floats
from proxy.engine.rows import RowSet
from proxy.engine.spec import DetectorSpec

KEPT_FROM = 0.4
MOST_VALUES = 50

# ln of the tail probability of each of these values, in the direction of the anomaly; the second argument
# scales the spread (fewer rows make a mean less certain).
TailLn = Callable[[Floats, Floats], Floats]


def influences(
    detector: DetectorSpec,
    fields: tuple[str, ...],
    own: dict[str, str],
    rows: RowSet,
    members: Index,
    weights: Floats | None,
    feature: str,
    actual: float,
    tail_ln: TailLn,
    is_multi_bucket: bool,
) -> dict[str, dict[str, float]]:
    """Influence of each value of each influencer field on one anomalous entity.

    `own` maps the entity's own split fields to their values: those influence fully.
    """
    out: dict[str, dict[str, float]] = {}
    for field in fields:
        if field in own:
            # An entity without a name is influenced by nobody.
            if own[field]:
                out[field] = {own[field]: 1.0}
            continue
        column = rows.text.get(field)
        if column is None or not len(members):
            continue
        kept = _of_field(detector, column, rows, members, weights, feature, actual, tail_ln, is_multi_bucket)
        if kept:
            out[field] = kept
    return out


def _of_field(
    detector: DetectorSpec,
    column: Column,
    rows: RowSet,
    members: Index,
    weights: Floats | None,
    feature: str,
    actual: float,
    tail_ln: TailLn,
    is_multi_bucket: bool,
) -> dict[str, float]:
    codes = column.codes[members]
    present, inverse, share = np.unique(codes, return_inverse=True, return_counts=True)
    named = np.flatnonzero(present >= 0)
    if not len(named):
        return {}
    if len(present) == 1:
        return {column.values[int(present[0])]: 1.0}
    if len(named) > MOST_VALUES:
        named = named[np.argsort(-share[named], kind="stable")[:MOST_VALUES]]
    strength = _strengths(
        detector, rows, members, weights, inverse.reshape(-1), named, feature, actual, tail_ln, is_multi_bucket
    )
    order = sorted(range(len(named)), key=lambda i: (-strength[i], column.values[int(present[named[i]])]))
    return {column.values[int(present[named[i]])]: float(strength[i]) for i in order if strength[i] >= KEPT_FROM}


def _strengths(
    detector: DetectorSpec,
    rows: RowSet,
    members: Index,
    weights: Floats | None,
    inverse: Index,
    named: Index,
    feature: str,
    actual: float,
    tail_ln: TailLn,
    is_multi_bucket: bool,
) -> Floats:
    ones = np.ones(len(named))
    weight = np.ones(len(members)) if weights is None else weights[members]
    total = float(weight.sum())
    mine = np.bincount(inverse, weight)[named]
    if feature in ADDITIVE_FEATURES or is_multi_bucket:
        value = rows.numbers[detector.field][members] if feature == "sum" and detector.field else weight
        parts: Floats = np.bincount(inverse, value)[named].astype(np.float64, copy=False)
        if is_multi_bucket:
            whole = float(np.abs(value).sum())
            return np.clip(np.abs(parts) / max(whole, 1e-300), 0.0, 1.0)
        return _complement(actual - parts, ones, actual, tail_ln)
    if feature in ("mean", "varp") and detector.field:
        value = np.clip(rows.numbers[detector.field][members], -LARGEST, LARGEST)
        rest = _of_the_others(value, weight, inverse, named, feature)
        return _complement(rest, np.sqrt(total / np.maximum(total - mine, 1e-300)), actual, tail_ln)
    ln_all = float(tail_ln(np.array([actual]), np.ones(1))[0])
    if feature in TEXT_FEATURES and float(tail_ln(np.zeros(1), np.ones(1))[0]) <= ln_all:
        # The anomaly is that values are missing, so no value that is there accounts for it.
        return np.zeros(len(named))
    alone = np.array([_alone(detector, rows, members[inverse == k], weights, feature) for k in named])
    # A median of few rows strays by itself.
    scale = np.sqrt(total / mine) if feature == "median" else ones
    return np.clip(tail_ln(alone, scale) / min(ln_all, -1e-9), 0.0, 1.0)


def _of_the_others(value: Floats, weight: Floats, inverse: Index, named: Index, feature: str) -> Floats:
    """Mean or variance of everything but each named value's rows; somebody else is there."""
    # Around the common mean, or squares of large numbers would swallow the variance.
    centre = float(np.average(value, weights=weight))
    off = value - centre
    mass, first, second = (
        float(part.sum()) - np.bincount(inverse, part)[named] for part in (weight, weight * off, weight * off**2)
    )
    mean: Floats = first / np.maximum(mass, 1e-300)
    return mean + centre if feature == "mean" else np.maximum(second / np.maximum(mass, 1e-300) - mean**2, 0.0)


def _complement(rest: Floats, scale: Floats, actual: float, tail_ln: TailLn) -> Floats:
    ln_all = float(tail_ln(np.array([actual]), np.ones(1))[0])
    return np.clip(1.0 - tail_ln(rest, scale) / min(ln_all, -1e-9), 0.0, 1.0)


def _alone(detector: DetectorSpec, rows: RowSet, members: Index, weights: Floats | None, feature: str) -> float:
    chosen = rows.take(members)
    groups = aggregate(chosen, detector, 1 << 60, None if weights is None else weights[members])
    which = next((i for i, part in enumerate(detector.parts) if part.feature == feature), 0)
    return float(groups.values[which][0]) if len(groups.count) else 0.0
