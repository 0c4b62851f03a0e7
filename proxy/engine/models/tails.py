"""Self-calibrated tails: how rare a score this large has been for this very series.

A decayed histogram of |z| per series, feature and side. The bulk is read off the histogram, the far tail
from a Hill estimate beyond the 98 % quantile, and a few half-normal pseudo-counts stand in while a series
is young. Fails soft: a series whose scores grow without end sees p shrink no further than its own past.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.columns import Columns, Slot
from proxy.engine.results import Floats

BINS = 32
_PER_OCTAVE = 4
_LOWEST = 0.5
# Lower edges of the bins; bin 0 also takes everything below.
EDGES = _LOWEST * 2.0 ** (np.arange(BINS) / _PER_OCTAVE)
_TOP = float(EDGES[-1] * 2.0 ** (1 / _PER_OCTAVE))
_MIDS = EDGES * 2.0 ** (0.5 / _PER_OCTAVE)
_SURVIVAL = 2.0 * special.ndtr(-np.append(EDGES, np.inf))
_SURVIVAL[0] = 1.0
_PRIOR_WEIGHT = 20.0
_PRIOR = 0.5 * _PRIOR_WEIGHT * (_SURVIVAL[:-1] - _SURVIVAL[1:])
_TAIL_FROM = 0.02
_HILL_PRIOR_WEIGHT = 8.0
# A normal tail has 0.12 beyond its 98 % quantile; a little heavier is the safer guess.
_HILL_PRIOR = 0.16
# Below this the half-normal is close enough and a tail is not worth reading.
WORTH_READING = 1.8
# First bin of scores odd enough to be forgotten once understood.
_ODD = int(np.searchsorted(EDGES, 2.2))
_RESCALE_AT = 2.0**40
MOST_A_BUCKET = 100.0


def slots(features: int) -> dict[str, Slot]:
    """What a model with this many scored features keeps per series."""
    return {
        "tail": Slot("f4", (features, 2, BINS)),
        "tail_total": Slot("f4", (features,)),
        "tail_unit": Slot("f8", (), 1.0),
        "tail_n": Slot("f4"),
    }


def bin_of(z: Floats) -> NDArray[np.intp]:
    """Histogram bin of |z|."""
    raw = np.log2(np.maximum(z, _LOWEST) / _LOWEST) * _PER_OCTAVE
    return np.minimum(raw, BINS - 1).astype(np.intp)


def survival(columns: Columns, feature: int, rows: NDArray[np.intp], z: Floats) -> Floats:
    """One-sided tail P(Z >= z) for z > 0 and P(Z <= z) for z < 0, per row; rows[i] goes with z[i]."""
    p = special.ndtr(-np.abs(z))
    worth = np.flatnonzero(np.abs(z) > WORTH_READING)
    if len(worth):
        p[worth] = _calibrated(columns, feature, rows[worth], z[worth])
    return p


def _calibrated(columns: Columns, feature: int, rows: NDArray[np.intp], z: Floats) -> Floats:
    side = (z < 0).astype(np.intp)
    size = np.minimum(np.abs(z), _TOP)
    unit = columns["tail_unit"][rows]
    counts = columns["tail"][feature][side, :, rows] / unit[:, None] + _PRIOR
    total = columns["tail_total"][feature][rows] / unit + _PRIOR_WEIGHT
    above = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    share = above / total[:, None]
    # The tail starts at the last edge with more than 1 % of all scores above it on this side: one edge further
    # on, a young history may hold nothing but the prior.
    start = np.clip((share > 0.5 * _TAIL_FROM).sum(axis=1) - 1, 0, BINS - 2)
    each = np.arange(len(z))
    z0, p0 = EDGES[start], share[each, start]
    in_tail = np.arange(BINS) >= start[:, None]
    excess = np.where(in_tail, np.log(_MIDS / z0[:, None]), 0.0)
    hill = ((counts * excess).sum(axis=1) + _HILL_PRIOR_WEIGHT * _HILL_PRIOR) / (
        above[each, start] + _HILL_PRIOR_WEIGHT
    )
    far = p0 * (size / z0) ** (-1.0 / hill)
    own = bin_of(size)
    upper = np.minimum(own + 1, BINS - 1)
    beyond = np.where(own + 1 < BINS, share[each, upper], 0.0)
    within = np.log2(size / EDGES[own]) * _PER_OCTAVE
    read = share[each, own] ** (1.0 - within) * np.maximum(beyond, 1e-12) ** within
    return np.clip(np.where(size > z0, np.maximum(far, beyond), read), 1e-300, 1.0)


def learn(columns: Columns, rows: NDArray[np.intp] | slice, z: Floats, weight: Floats | float = 1.0) -> None:
    """Adds one score per feature (z is features x rows, NaN = none) to each row's histograms, `weight` (0..1) per row.

    Old counts fade in proportion to age, 1/(n + 50) and at least 1/20000 a step: done by growing the unit of
    new counts, so nothing but the touched bin is written.
    """
    n = columns["tail_n"][rows]
    unit = columns["tail_unit"][rows]
    unit = unit / (1.0 - np.clip(1.0 / (n + 50.0), 1.0 / 20000.0, 0.5))
    columns["tail_n"][rows] = n + 1.0
    columns["tail_unit"][rows] = unit
    at = np.arange(columns.size)[rows] if isinstance(rows, slice) else rows
    table, totals = columns["tail"], columns["tail_total"]
    for feature in range(z.shape[0]):
        score = z[feature]
        known = np.isfinite(score)
        if not known.all():
            score = np.where(known, score, 0.0)
        added = np.where(known, unit * weight, 0.0)
        bins = bin_of(np.abs(score))
        table[feature][(score < 0).astype(np.intp), bins, at] += added
        totals[feature][at] += added
    _rescale(columns, at[unit > _RESCALE_AT])


def learn_many(columns: Columns, rows: NDArray[np.intp], z: Floats) -> None:
    """Like `learn` for one feature when rows repeat (a population): one time step however many scores."""
    unique, place, count = np.unique(rows, return_inverse=True, return_counts=True)
    if not len(unique):
        return
    n = columns["tail_n"][unique]
    unit = columns["tail_unit"][unique] / (1.0 - np.clip(1.0 / (n + 50.0), 1.0 / 20000.0, 0.5))
    columns["tail_n"][unique] = n + 1.0
    columns["tail_unit"][unique] = unit
    # A bucket of very many entities counts no more than MOST_A_BUCKET: they are not independent.
    each = unit * np.minimum(1.0, MOST_A_BUCKET / count)
    added = each[place.reshape(-1)]
    np.add.at(columns["tail"][0], ((z < 0).astype(np.intp), bin_of(np.abs(z)), rows), added.astype(np.float32))
    columns["tail_total"][0][unique] += each * count
    _rescale(columns, unique[unit > _RESCALE_AT])


def fade(columns: Columns, rows: NDArray[np.intp], keep: float) -> None:
    """Leaves the past scores of these rows `keep` of their weight: the model that made them is no more."""
    columns["tail"][:, :, :, rows] *= keep
    columns["tail_total"][:, rows] *= keep


def forget(columns: Columns, rows: NDArray[np.intp], ago: float) -> None:
    """Takes one score of `ago` buckets ago out of each row's tails: what was odd then is understood now."""
    n = columns["tail_n"][rows]
    # Counts have faded by 1 / (n + 50) a bucket since.
    count = columns["tail_unit"][rows] * (np.maximum(n - ago, 0.0) + 50.0) / (n + 50.0)
    far = columns["tail"][:, :, _ODD:][..., rows]
    total = far.sum(axis=(1, 2))
    kept = np.clip(1.0 - count / np.maximum(total, 1e-30), 0.0, 1.0)
    columns["tail"][:, :, _ODD:, rows] = far * kept[:, None, None, :]
    columns["tail_total"][:, rows] -= total * (1.0 - kept)


def _rescale(columns: Columns, rows: NDArray[np.intp]) -> None:
    if len(rows):
        scale = columns["tail_unit"][rows].astype(np.float32)
        columns["tail"][:, :, :, rows] /= scale
        columns["tail_total"][:, rows] /= scale
        columns["tail_unit"][rows] = 1.0
