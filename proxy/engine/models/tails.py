"""Self-calibrated tails: how rare a score this large has been for this very series.

A decayed histogram of |z| per series, feature and side. The bulk is read off the histogram, the far tail
from a Hill estimate beyond the 98 % quantile (Hill, Annals of Statistics 3, 1975), and a few half-normal pseudo-counts
stand in while a series is young. Fails soft: a series whose scores grow without end sees p shrink no further than its
own past.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, is_one, listed, maximum, minimum, where
from proxy.engine.models.component import Component
from proxy.engine.probability import clip_p
from proxy.engine.results import Floats

BINS = 32
_PER_OCTAVE = 4
_LOWEST = 0.5
# Lower edges of the bins; bin 0 also takes everything below.
EDGES = _LOWEST * 2.0 ** (np.arange(BINS) / _PER_OCTAVE)
_TOP = float(EDGES[-1] * 2.0 ** (1 / _PER_OCTAVE))
_MIDS = EDGES * 2.0 ** (0.5 / _PER_OCTAVE)
# ln of how far each bin lies beyond the edge that a tail starts at, from the first edge on.
_EXCESS = np.triu(np.log(_MIDS / EDGES[:, None]))
_SURVIVAL = 2.0 * special.ndtr(-np.append(EDGES, np.inf))
_SURVIVAL[0] = 1.0
_PRIOR_WEIGHT = 20.0
_PRIOR = 0.5 * _PRIOR_WEIGHT * (_SURVIVAL[:-1] - _SURVIVAL[1:])
_TAIL_FROM = 0.02
# A share that is half of that but for rounding is no more than half: the first scores of a population make such ties.
_MORE_THAN_HALF = 0.5 * _TAIL_FROM * (1.0 + 1e-4)
_HILL_PRIOR_WEIGHT = 8.0
# A normal tail has 0.12 beyond its 98 % quantile; a little heavier is the safer guess.
_HILL_PRIOR = 0.16
# Below this the half-normal is close enough and a tail is not worth reading.
WORTH_READING = 1.8
# First bin of scores odd enough to be forgotten once understood.
_ODD = int(np.searchsorted(EDGES, 2.2))
_RESCALE_AT = 2.0**40
# Old counts fade by 1 / (n + FADES_AFTER) a bucket, by no less than SLOWEST_FADING.
FADES_AFTER, SLOWEST_FADING = 50.0, 1.0 / 20000.0
MOST_A_BUCKET = 100.0


class Tails(Component):
    """Histograms by feature, side and bin; counts are in units of `unit`, which grows so that old ones fade."""

    _counts: Floats
    _total: Floats
    _unit: Floats
    _n: Floats

    def __init__(self, features: int) -> None:
        self._each = np.arange(features)
        super().__init__(
            counts=Slot("f4", (features, 2, BINS)),
            total=Slot("f4", (features,)),
            unit=Slot("f8", (), 1.0),
            n=Slot("f4"),
        )

    def survival(self, feature: int, rows: Rows, z: Floats) -> Floats:
        """One-sided tail P(Z >= z) for z > 0 and P(Z <= z) for z < 0, per row; rows[i] goes with z[i]."""
        p: Floats = special.ndtr(-np.abs(z))
        self._calibrate(p, feature, rows, z)
        return p

    def survivals(self, rows: Rows, z: Floats) -> Floats:
        """The tails of all features, features x series, where `z` is that too."""
        p: Floats = special.ndtr(-np.abs(z))
        if is_one(rows):
            for feature, score in enumerate(z.tolist()):
                if abs(score) > WORTH_READING:
                    p[feature] = self._calibrated(feature, rows, z[feature])
            return p
        for feature, scores in enumerate(z):
            self._calibrate(p[feature], feature, rows, scores)
        return p

    def _calibrate(self, p: Floats, feature: int, rows: Rows, z: Floats) -> None:
        """Puts what the series themselves tell in place of the normal tails `p`, where it is worth reading."""
        worth = np.flatnonzero(np.abs(z) > WORTH_READING)
        if len(worth):
            p[worth] = self._calibrated(feature, rows[worth], z[worth])

    def _calibrated(self, feature: int, rows: Rows, z: Floats) -> Floats:
        """What the series themselves tell: bins are last in every table, the only axis of those of one series."""
        side = (z < 0).astype(np.intp)
        size = minimum(abs(z), _TOP)
        unit = self._unit[rows]
        counts = self._counts[feature][side, :, rows] / unit[..., None] + _PRIOR
        total = self._total[feature][rows] / unit + _PRIOR_WEIGHT
        above = counts[..., ::-1].cumsum(axis=-1)[..., ::-1]
        share = above / total[..., None]
        # The tail starts at the last edge with more than 1 % of all scores above it on this side: one edge further
        # on, a young history may hold nothing but the prior.
        start = clip((share > _MORE_THAN_HALF).sum(axis=-1) - 1, 0, BINS - 2)
        z0, p0 = EDGES[start], _in_bins(share, start)
        hill = ((counts * _EXCESS[start]).sum(axis=-1) + _HILL_PRIOR_WEIGHT * _HILL_PRIOR) / (
            _in_bins(above, start) + _HILL_PRIOR_WEIGHT
        )
        far = p0 * np.power(size / z0, -1.0 / hill)
        own = bin_of(size)
        upper = minimum(own + 1, BINS - 1)
        beyond = where(own + 1 < BINS, _in_bins(share, upper), 0.0)
        within = np.log2(size / EDGES[own]) * _PER_OCTAVE
        read = np.power(_in_bins(share, own), 1.0 - within) * np.power(maximum(beyond, 1e-12), within)
        return clip_p(where(size > z0, maximum(far, beyond), read))

    def learn(self, rows: Rows, z: Floats, weight: Floats | float = 1.0) -> None:
        """Adds one score per feature (z is features x rows, NaN = none) to each row's histograms.

        `weight` is one number, one per row, or features x rows; above 1 a score stands for several buckets.
        Old counts fade by growing the unit of new ones, so nothing but the touched bin is written.
        """
        n = self._n[rows]
        unit = self._unit[rows]
        unit = unit / _kept(n)
        self._n[rows] = n + 1.0
        self._unit[rows] = unit
        size = np.abs(z)
        known, added = size < np.inf, unit * weight
        if np.count_nonzero(known) < known.size:
            size, added = np.where(known, size, 0.0), np.where(known, added, 0.0)
        bins = bin_of(size)
        if is_one(rows):
            counts, total, each = self._counts[..., rows], self._total[:, rows], added.tolist()
            each = each if isinstance(each, list) else [each] * len(bins)
            total += added
            for feature, (score, place, more) in enumerate(zip(z.tolist(), bins.tolist(), each, strict=True)):
                at = feature, int(score < 0), place
                counts[at] = counts.item(at) + more
        else:
            self._counts[self._each[:, None], (z < 0).astype(np.intp), bins, rows] += added
            self._total[:, rows] += added
        is_large = unit > _RESCALE_AT
        if anywhere(is_large):
            self._rescale(listed(rows, is_large))

    def learn_many(self, rows: Rows, z: Floats) -> None:
        """Like `learn` for one feature when rows repeat (a population): one time step however many scores."""
        unique, place, count = np.unique(rows, return_inverse=True, return_counts=True)
        if not len(unique):
            return
        n = self._n[unique]
        unit = self._unit[unique] / _kept(n)
        self._n[unique] = n + 1.0
        self._unit[unique] = unit
        # A bucket of very many entities counts no more than MOST_A_BUCKET: they are not independent.
        each = unit * np.minimum(1.0, MOST_A_BUCKET / count)
        added = each[place.reshape(-1)]
        np.add.at(self._counts[0], ((z < 0).astype(np.intp), bin_of(np.abs(z)), rows), added.astype(np.float32))
        self._total[0][unique] += each * count
        self._rescale(unique[unit > _RESCALE_AT])

    def fade(self, rows: Rows, keep: float) -> None:
        """Leaves the past scores of these rows `keep` of their weight: the model that made them is no more."""
        self._counts[:, :, :, rows] *= keep
        self._total[:, rows] *= keep

    def unlearn(self, rows: Rows, ago: float) -> None:
        """Takes one score of `ago` buckets ago out of each row's tails: what was odd then is understood now."""
        n = self._n[rows]
        # Counts have faded by 1 / (n + 50) a bucket since.
        count = self._unit[rows] * (np.maximum(n - ago, 0.0) + FADES_AFTER) / (n + FADES_AFTER)
        far = self._counts[:, :, _ODD:][..., rows]
        total = far.sum(axis=(1, 2))
        kept = np.clip(1.0 - count / np.maximum(total, 1e-30), 0.0, 1.0)
        self._counts[:, :, _ODD:, rows] = far * kept[:, None, None, :]
        self._total[:, rows] -= total * (1.0 - kept)

    def _rescale(self, rows: Rows) -> None:
        if len(rows):
            scale = self._unit[rows].astype(np.float32)
            self._counts[:, :, :, rows] /= scale
            self._total[:, rows] /= scale
            self._unit[rows] = 1.0


def bin_of(z: Floats) -> Rows:
    """Histogram bin of |z|."""
    raw = np.log2(maximum(z, _LOWEST) / _LOWEST) * _PER_OCTAVE
    bins: Rows = minimum(raw, BINS - 1).astype(np.intp)
    return bins


def _in_bins(table: Floats, bins: NDArray[Any]) -> Floats:
    """What a table (series x bins, or the bins of one) holds in the bin of each series."""
    found: Floats = table[bins] if is_one(bins) else table[np.arange(len(bins)), bins]
    return found


def _kept(n: Floats) -> Floats:
    """What counts keep of their weight in the bucket after the n-th."""
    return 1.0 - clip(1.0 / (n + FADES_AFTER), SLOWEST_FADING, 0.5)
