"""The share of an anomaly that each influencer value accounts for, 0..1.

Additive features ask what the value would be without the influencer's rows (complement), means and variances ask
for those of the others, everything else asks whether the influencer's rows alone are as unusual (intersection).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.buckets import LARGEST, Index, aggregate
from proxy.engine.functions import ADDITIVE_FEATURES, TEXT_FEATURES
from proxy.engine.results import Column, Floats
from proxy.engine.rows import RowSet
from proxy.engine.spec import DetectorSpec

KEPT_FROM = 0.4
# Up to so many values with nearly the largest part are asked for together: each without the others would be let off.
MOST_TOGETHER, NEARLY = 5, 0.7
# They account for a surplus if half of it is still unusual: ln p.
LN_UNUSUAL = float(np.log(0.2))
MOST_VALUES = 50

# ln of the tail probability of each of these values, in the direction of the anomaly; the second argument
# scales the spread (fewer rows make a mean less certain).
TailLn = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One anomalous value of one entity, and the rows that made it.

    ``members`` are the entity's rows in ``rows``, ``weights`` the summary counts of all rows (None where each counts
    once); ``tail_ln`` judges other values as ``actual`` was judged.
    """

    detector: DetectorSpec
    rows: RowSet
    members: Index
    weights: Floats | None
    feature: str
    actual: float
    tail_ln: TailLn
    is_multi_bucket: bool = False

    @property
    def ln_all(self) -> float:
        """ln of the tail probability of the actual value."""
        return float(self.tail_ln(np.array([self.actual]), np.ones(1))[0])

    def weight(self) -> Floats:
        """How many records each of the entity's rows stands for."""
        return np.ones(len(self.members)) if self.weights is None else self.weights[self.members]

    def alone(self, chosen: NDArray[np.bool_]) -> float:
        """What the value would be if the entity had had only these of its rows."""
        members = self.members[chosen]
        weights = None if self.weights is None else self.weights[members]
        groups = aggregate(self.rows.take(members), self.detector, 1 << 60, weights)
        which = next((i for i, part in enumerate(self.detector.parts) if part.feature == self.feature), 0)
        return float(groups.values[which][0]) if len(groups.count) else 0.0


def influences(anomaly: Anomaly, fields: tuple[str, ...], own: dict[str, str]) -> dict[str, dict[str, float]]:
    """Influence of each value of each influencer field, 0..1; only those of ``KEPT_FROM`` or more.

    ``own`` maps the entity's own split fields to their values: those influence fully.
    """
    out: dict[str, dict[str, float]] = {}
    for field in fields:
        if field in own:
            # An entity without a name is influenced by nobody.
            if own[field]:
                out[field] = {own[field]: 1.0}
            continue
        column = anomaly.rows.text.get(field)
        if column is None or not len(anomaly.members):
            continue
        kept = _of_field(anomaly, column)
        if kept:
            out[field] = kept
    return out


def _of_field(anomaly: Anomaly, column: Column) -> dict[str, float]:
    codes = column.codes[anomaly.members]
    present, inverse, share = np.unique(codes, return_inverse=True, return_counts=True)
    named = np.flatnonzero(present >= 0)
    if not len(named):
        return {}
    if len(present) == 1:
        return {column.values[int(present[0])]: 1.0}
    if len(named) > MOST_VALUES:
        named = named[np.argsort(-share[named], kind="stable")[:MOST_VALUES]]
    strength = _strengths(anomaly, inverse.reshape(-1), named)
    order = sorted(range(len(named)), key=lambda i: (-strength[i], column.values[int(present[named[i]])]))
    return {column.values[int(present[named[i]])]: float(strength[i]) for i in order if strength[i] >= KEPT_FROM}


def _strengths(anomaly: Anomaly, inverse: Index, named: Index) -> Floats:
    """Influence of each of the ``named`` values; ``inverse`` says which value each of the entity's rows has."""
    detector, rows, members, feature = anomaly.detector, anomaly.rows, anomaly.members, anomaly.feature
    ones, weight = np.ones(len(named)), anomaly.weight()
    total = float(weight.sum())
    mine = np.bincount(inverse, weight)[named]
    if feature in ADDITIVE_FEATURES or anomaly.is_multi_bucket:
        value = rows.numbers[detector.field][members] if feature == "sum" and detector.field else weight
        parts: Floats = np.bincount(inverse, value)[named].astype(np.float64, copy=False)
        if anomaly.is_multi_bucket:
            whole = float(np.abs(value).sum())
            return np.clip(np.abs(parts) / max(whole, 1e-300), 0.0, 1.0)
        alone = _complement(anomaly, anomaly.actual - parts, ones)
        return _together(anomaly, alone, parts, lambda those: (anomaly.actual - float(parts[those].sum()), 1.0))
    if feature in ("mean", "varp") and detector.field:
        return _of_means(anomaly, inverse, named)
    ln_all = anomaly.ln_all
    if feature in TEXT_FEATURES and float(anomaly.tail_ln(np.zeros(1), np.ones(1))[0]) <= ln_all:
        # The anomaly is that values are missing, so no value that is there accounts for it.
        return np.zeros(len(named))
    alone = np.array([anomaly.alone(inverse == k) for k in named])
    # A median of few rows strays by itself.
    scale = np.sqrt(total / mine) if feature == "median" else ones
    return np.clip(anomaly.tail_ln(alone, scale) / min(ln_all, -1e-9), 0.0, 1.0)


def _of_means(anomaly: Anomaly, inverse: Index, named: Index) -> Floats:
    """The same of a mean or a variance."""
    field, weight = anomaly.detector.field, anomaly.weight()
    value = np.clip(anomaly.rows.numbers[field or ""][anomaly.members], -LARGEST, LARGEST)
    total, mine = float(weight.sum()), np.bincount(inverse, weight)[named]
    rest = _of_the_others(value, weight, inverse, named, anomaly.feature)
    alone = _complement(anomaly, rest, np.sqrt(total / np.maximum(total - mine, 1e-300)))
    if anomaly.feature == "varp":
        return alone
    parts = mine * (anomaly.actual - rest)

    def without(those: Index) -> tuple[float, float]:
        left = ~np.isin(inverse, named[those])
        mass = max(float(weight[left].sum()), 1e-300)
        return float((weight * value)[left].sum()) / mass, float(np.sqrt(total / mass))

    return _together(anomaly, alone, parts * np.sign(parts[np.abs(parts).argmax()]), without)


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


def _complement(anomaly: Anomaly, rest: Floats, scale: Floats) -> Floats:
    """How much less unusual what is left without each value's rows is."""
    return np.clip(1.0 - anomaly.tail_ln(rest, scale) / min(anomaly.ln_all, -1e-9), 0.0, 1.0)


def _together(
    anomaly: Anomaly, alone: Floats, parts: Floats, without: Callable[[Index], tuple[float, float]]
) -> Floats:
    """The strengths, those of values with about the largest part no less than what they have together.

    `parts` are in the direction of the anomaly; `without` gives the value that the rows of the others have and the
    factor of its spread.
    """
    those = np.flatnonzero((parts >= NEARLY * parts.max()) & (parts > 0))
    if not 2 <= len(those) <= MOST_TOGETHER:
        return alone
    rest, scale = without(those)
    # Of those who always have the largest parts more is taken away than the surplus.
    if float(anomaly.tail_ln(np.array([0.5 * (anomaly.actual + rest)]), np.ones(1))[0]) > LN_UNUSUAL:
        return alone
    joint = _complement(anomaly, np.array([rest]), np.array([scale]))[0]
    out = alone.copy()
    out[those] = np.maximum(alone[those], joint)
    return out
