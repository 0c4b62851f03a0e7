"""A self-calibrated tail per row: how large a distance is, judged by the distances seen before.

tail_probability(tail[n, BINS], d[n], known_by[n]) -> p[n];  learn_tail(tail, d, is_learnt) -> new tail.
A row's history is a histogram of log2 d (quarter octaves from 1/4 on). Beyond its 98th percentile d0 with mass p0,
p = p0 (d / d0)^(-1/h) with h the shrunk Hill estimate; never below the history that lies beyond d. Imagined
buckets keep young rows honest: p is blended with a bivariate Student's t, (1 + d^2/v)^(-v/2) with v = known_by / 2
degrees of freedom, as if of twenty buckets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BINS = 96
LOWEST_LOG2 = -2.0
BINS_PER_OCTAVE = 4.0
TAIL_SHARE = 0.02
IMAGINED_BUCKETS = 20.0
FEWEST_FREEDOMS = 2.0
PRIOR_HILL = 0.22
PRIOR_TAIL_POINTS = 8.0
# Young histories are poor: they fade polynomially, old ones hardly.
FORGET_OFFSET = 50.0
SLOWEST_FORGETTING = 1.0 / 20_000.0

_UPPER_EDGES = 2.0 ** (LOWEST_LOG2 + (np.arange(BINS) + 1) / BINS_PER_OCTAVE)
_CENTRES = _UPPER_EDGES * 2.0 ** (-0.5 / BINS_PER_OCTAVE)


def _bin_of(distance: Floats) -> NDArray[np.int64]:
    at = (np.log2(np.maximum(distance, 1e-9)) - LOWEST_LOG2) * BINS_PER_OCTAVE
    return np.clip(np.floor(at), 0, BINS - 1).astype(np.int64)


def learn_tail(tail: Floats, distance: Floats, is_learnt: NDArray[np.bool_]) -> Floats:
    """The histograms with one more distance each, where is_learnt."""
    forgetting = np.maximum(1.0 / (tail.sum(axis=1) + FORGET_OFFSET), SLOWEST_FORGETTING)
    learnt = tail * (1.0 - forgetting)[:, None]
    learnt[np.arange(distance.size), _bin_of(distance)] += 1.0
    return np.where(is_learnt[:, None], learnt, tail)


def tail_probability(tail: Floats, distance: Floats, known_by: Floats) -> Floats:
    """Chance of a distance at least this large, per row."""
    total = tail.sum(axis=1)
    at = np.arange(distance.size)
    beyond = np.concatenate([np.cumsum(tail[:, ::-1], axis=1)[:, ::-1], np.zeros((distance.size, 1))], axis=1)
    bins = _bin_of(distance)
    # The first bin with at most the tail's share beyond it.
    edge_bin = np.argmax(beyond[:, 1:] <= TAIL_SHARE * total[:, None], axis=1)
    edge = _UPPER_EDGES[edge_bin]
    in_tail = beyond[at, edge_bin + 1]
    is_beyond_edge = np.arange(BINS) > edge_bin[:, None]
    logs = np.where(is_beyond_edge, np.log(_CENTRES / edge[:, None]), 0.0)
    hill = (np.sum(tail * logs, axis=1) + PRIOR_TAIL_POINTS * PRIOR_HILL) / (in_tail + PRIOR_TAIL_POINTS)
    edge_mass = (in_tail + 0.5) / (total + 1.0)
    extrapolated = edge_mass * np.maximum(distance / edge, 1.0) ** (-1.0 / hill)
    within = (beyond[at, bins + 1] + 0.5 * tail[at, bins] + 0.5) / (total + 1.0)
    strictly_beyond = beyond[at, bins + 1] / np.maximum(total, 1.0)
    empirical = np.where(distance > edge, np.maximum(extrapolated, strictly_beyond), np.maximum(within, edge_mass))
    freedoms = np.maximum(0.5 * known_by, FEWEST_FREEDOMS)
    imagined = (1.0 + distance**2 / freedoms) ** (-0.5 * freedoms)
    joined: Floats = (IMAGINED_BUCKETS * imagined + total * empirical) / (IMAGINED_BUCKETS + total)
    return np.minimum(1.0, joined)
