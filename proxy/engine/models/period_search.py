"""Whether a series has another period than the day and the week. Pure functions of its past.

A lag at which the past resembles itself (a peak of the autocorrelation) is a candidate. It is a period if each repeat
is foretold by the others: half the variance, in nearly all repeats, and far beyond chance by an F-test that counts only
as many independent values as the errors' own autocorrelation leaves (the effective sample size n (1 - r) / (1 + r):
Bayley and Hammersley, Journal of the Royal Statistical Society B 8, 1946). So a series that merely wanders has none.

Tables are rows x stretches, as past.py keeps them; NaN = unknown. What becomes of a row does not depend on the others,
to the last bit: so sums run along contiguous rows, and no matrix product is used.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.models.grid import DAY, WEEK
from proxy.engine.results import Floats

Mask = NDArray[np.bool_]

# Least share of stretches that are known.
KNOWN = 0.7
# Means of absolute deviations beyond which a value counts no further.
CLIPPED = 5.0
# A day's (a week's) own pattern is told apart in a past this long, where it has so many stretches.
DAY_FROM_S, WEEK_FROM_S = 4 * DAY, 21 * DAY
SHORT_STRETCHES = 4
# After so many fits in turn no part changes much.
ROUNDS = 4
# Variance, in units of the model's first spread, of a past that is as good as constant.
STILL = 1e-4
# What a candidate's autocorrelation is at least, and how far it stands out of a smaller lag's.
CANDIDATE, STANDS_OUT = 0.4, 0.3
# A shorter lag is preferred to its multiples while it is this much as good.
AS_GOOD = 0.85
# What makes a candidate a period.
REPEATS = 3.0
GAIN = 0.5
SHARE_OF_REPEATS = 0.75
# Values that the variance must come from: three spikes at equal distances may be chance.
LEAST_VALUES = 5.0
CHANCE = 1e-6
# Periods are often whole numbers of these; one that explains as much as the best does is the right one.
ROUND_S = (DAY, 3600, 600, 60)
NO_WORSE = 1.15
NEARBY = 4
# Rows fitted together: of few, most of the time goes into calls.
_AT_ONCE = 64
# A day's table of bins tells shorter periods than so many bins from nothing, longer ones need no table of their own.
DAY_BINS, BINS_A_PERIOD = 96, 8


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well a period foretells each row's past."""

    # Share of the variance that is not foretold.
    error: Floats
    is_proven: Mask


@dataclass(frozen=True, slots=True)
class Table:
    """Pasts without trend and wild values (0 where not `known`), and the patterns of day and week they tell of.

    A pattern is, of each row, its (period in stretches, whether the past tells of it).
    """

    x: Floats
    known: Mask
    stretch_s: Floats
    patterns: tuple[tuple[Floats, Mask], ...]

    @classmethod
    def of(cls, past: Floats, stretch_s: Floats) -> "Table":
        """Makes one of rows x stretches, NaN = unknown."""
        past = np.ascontiguousarray(past)
        known = np.isfinite(past)
        count = np.maximum(known.sum(axis=1), 1)
        filled = np.where(known, past, 0.0)
        x = np.where(known, filled - (filled.sum(axis=1) / count)[:, None], 0.0)
        size = CLIPPED * np.abs(x).sum(axis=1) / count
        x = detrended(np.clip(x, -size[:, None], size[:, None])) * known
        patterns = []
        for period, least in ((DAY, DAY_FROM_S), (WEEK, WEEK_FROM_S)):
            told = (stretch_s * past.shape[1] >= least) & (SHORT_STRETCHES * stretch_s <= period)
            if told.any():
                patterns.append((period / stretch_s, told))
        return cls(x, known, stretch_s, tuple(patterns))

    def of_rows(self, rows: NDArray[np.intp]) -> "Table":
        """Some of the rows."""
        patterns = tuple((period[rows], told[rows]) for period, told in self.patterns)
        return Table(self.x[rows], self.known[rows], self.stretch_s[rows], patterns)

    def without_patterns(self) -> Floats:
        """What the day and the week leave: all that they could explain is theirs."""
        left = self.x
        for period, told in self.patterns:
            left = left - _fold(left, self.known, period) * told[:, None]
        return left

    def without(self, lag: Floats) -> Floats:
        """What trend, day, week and the period leave, fitted together (backfitting)."""
        left, parts = self.x, [(lag, np.ones(len(lag), bool)), *self.patterns]
        folds = [np.zeros(1)] * len(parts)
        for _ in range(ROUNDS):
            for i, (period, told) in enumerate(parts):
                left = left + folds[i]
                folds[i] = _fold(left, self.known, period) * told[:, None]
                left = left - folds[i]
            left = detrended(left) * self.known
        return left


def search(table: Table, span: int) -> Floats:
    """The period of each row in seconds; 0 where there is none besides day and week."""
    period = np.zeros(len(table.x))
    x = table.without_patterns()
    count = table.known.sum(axis=1)
    alive = np.flatnonzero((count >= KNOWN * x.shape[1]) & ((x**2).sum(axis=1) > STILL * count))
    if not len(alive):
        return period
    likeness = autocorrelation(x[alive], table.known[alive])
    lag = _candidates(likeness)
    alive, likeness, lag = alive[lag > 0], likeness[lag > 0], lag[lag > 0]
    if not len(alive):
        return period
    candidates = table.of_rows(alive)
    found = best_nearby(candidates, _refined(likeness, lag), span)
    # Not fitted together: a period of four days would take a part of the day's pattern.
    proven = evidence(x[alive], candidates.known, found / candidates.stretch_s).is_proven
    proven &= ~is_of_the_day(found, candidates.stretch_s, x.shape[1], span)
    period[alive] = np.where(proven, found, 0.0)
    return period


def detrended(x: Floats) -> Floats:
    """Rows x stretches without their best parabola."""
    for shape in _parabolas(x.shape[1]):
        x = x - (x * shape).sum(axis=1)[:, None] * shape
    return x


@lru_cache(maxsize=16)
def _parabolas(stretches: int) -> Floats:
    """An orthonormal basis of the parabolas over so many stretches: 3 x stretches."""
    basis, _ = np.linalg.qr(np.vander(np.linspace(-1.0, 1.0, stretches), 3))
    shapes: Floats = basis.T
    return shapes


def _bins(shape: tuple[int, int], lag: Floats) -> tuple[NDArray[np.intp], int]:
    """(bin of each row's stretches in a flat table of all rows, bins a row)."""
    a_row = int(np.ceil(lag).max())
    turns = (np.arange(shape[1]) + 0.5) / lag[:, None]
    of_row = ((turns - np.floor(turns)) * np.ceil(lag)[:, None]).astype(np.intp)
    return of_row + a_row * np.arange(shape[0])[:, None], a_row


def _fold(x: Floats, known: Mask, lag: Floats) -> Floats:
    """What each stretch has in common with those a whole number of periods away."""
    at, a_row = _bins(x.shape, lag)
    size = a_row * len(x)
    sums = np.bincount(at.ravel(), (x * known).ravel(), size)
    counts = np.bincount(at.ravel(), known.ravel(), size)
    return (sums / np.maximum(counts, 1.0))[at] * known


def autocorrelation(x: Floats, known: Mask) -> Floats:
    """Rows x lags up to two thirds of the past; lag 0 is 1."""
    lags = x.shape[1] * 2 // 3
    size = 1 << (x.shape[1] + lags).bit_length()

    def products(y: Floats) -> Floats:
        return np.fft.irfft(np.abs(np.fft.rfft(y, size)) ** 2, size)[:, :lags]

    pairs = products(known.astype(float)) if not known.all() else x.shape[1] - np.arange(lags)[None, :]
    means = products(x) / np.maximum(pairs, 1.0)
    return means / np.maximum(means[:, :1], 1e-300)


def _candidates(likeness: Floats) -> NDArray[np.intp]:
    """The shortest lag that is as good a peak as any, 0 where none stands out."""
    most = likeness.shape[1] // 2 + 1
    inner = likeness[:, 1:most]
    is_peak = (inner >= likeness[:, : most - 1]) & (inner >= likeness[:, 2 : most + 1])
    is_peak[:, 0] = False
    is_peak &= (inner >= CANDIDATE) & (inner - np.minimum.accumulate(inner, axis=1) >= STANDS_OUT)
    best = np.where(is_peak, inner, 0.0).max(axis=1)
    chosen = is_peak & (inner >= AS_GOOD * best[:, None])
    return np.where(best > 0, chosen.argmax(axis=1) + 1, 0)


def _refined(likeness: Floats, lag: NDArray[np.intp]) -> Floats:
    """The lag in fractions of a stretch: peaks at 2, 4, 8 ... periods tell it ever more exactly."""
    each = np.arange(len(lag))
    last = likeness.shape[1] - 2
    period = _summit(likeness, lag)
    turns = 2
    while turns <= last and (ongoing := turns * period + 2 <= last).any():
        about = np.clip(np.rint(turns * period).astype(np.intp), 3, last - 2)
        near = about[:, None] + np.arange(-2, 3)
        peak = near[each, np.take_along_axis(likeness, near, 1).argmax(axis=1)]
        period = np.where(ongoing, _summit(likeness, peak) / turns, period)
        turns *= 2
    return period


def _summit(likeness: Floats, lag: NDArray[np.intp]) -> Floats:
    """Vertex of the parabola through a peak and its neighbours."""
    each = np.arange(len(lag))
    before, at, after = (likeness[each, lag + i] for i in (-1, 0, 1))
    bend = before - 2.0 * at + after
    off = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)
    summit: Floats = lag + np.clip(off, -0.5, 0.5)
    return summit


def best_nearby(table: Table, lag: Floats, span: int) -> Floats:
    """The period in seconds that explains best, a round number if one is hardly worse: best of all `lag` itself.
    It is within `NEARBY` steps of `lag`, steps that make half a stretch over the whole past.
    """
    step = 0.5 / table.x.shape[1]

    def error(lags: Floats) -> Floats:
        each = table.of_rows(np.tile(np.arange(len(lag)), len(lags)))
        squares: Floats = (each.without(lags.ravel()) ** 2).sum(axis=1)
        return squares.reshape(lags.shape)

    tried = lag * (1.0 + step * np.arange(-NEARBY, NEARBY + 1))[:, None]
    at_once = max(1, _AT_ONCE // len(lag))
    errors = np.concatenate([error(tried[i : i + at_once]) for i in range(0, len(tried), at_once)])
    least, best = errors.min(axis=0), tried[errors.argmin(axis=0), np.arange(len(lag))]
    is_round = np.abs(np.rint(lag * table.stretch_s / ROUND_S[1]) * ROUND_S[1] - lag * table.stretch_s) < 1e-3
    found = is_round & (errors[NEARBY] <= NO_WORSE * least + 1e-3)
    chosen, lag = np.where(found, lag, best) * table.stretch_s, best
    for unit in (*ROUND_S, span):
        whole = np.maximum(np.rint(lag * table.stretch_s / unit), 1.0) * unit
        fits = ~found & (np.abs(whole / (lag * table.stretch_s) - 1.0) <= 2.0 * step)
        if fits.any():
            fits &= error(np.where(fits, whole / table.stretch_s, lag)[None])[0] <= NO_WORSE * least + 1e-3
            chosen, found = np.where(fits, whole, chosen), found | fits
    return chosen


def evidence(x: Floats, known: Mask, lag: Floats) -> Evidence:
    """How well every stretch is foretold by the others at the same place of the period."""
    at, a_row = _bins(x.shape, lag)
    size = a_row * len(x)
    flat = at.ravel()
    sums = np.bincount(flat, x.ravel(), size)[at]
    counts = np.bincount(flat, known.ravel(), size)[at]
    off = np.where(counts > 1, x - (sums - x) / np.maximum(counts - 1.0, 1.0), x) * known
    plain, foretold = (x**2).sum(axis=1), (off**2).sum(axis=1)
    error = foretold / np.maximum(plain, 1e-300)
    rest = (((x - sums / np.maximum(counts, 1.0)) * known) ** 2).sum(axis=1)
    kept = np.clip((off[:, 1:] * off[:, :-1]).sum(axis=1) / np.maximum(foretold, 1e-300), 0.0, 0.99)
    worth = (1.0 - kept) / (1.0 + kept)
    fitted = np.maximum(np.ceil(lag) * worth, 1.0)
    free = np.maximum(known.sum(axis=1) * worth - fitted, 1e-3)
    ratio = (plain - rest) / fitted * free / np.maximum(rest, 1e-9 * plain + 1e-300)
    is_sure = special.fdtrc(fitted, free, np.maximum(ratio, 0.0)) < CHANCE
    is_sure &= plain**2 >= LEAST_VALUES * (x**4).sum(axis=1)
    is_sure &= (x.shape[1] >= REPEATS * lag) & (_share_foretold(x, off, lag) >= SHARE_OF_REPEATS)
    return Evidence(error, is_sure & (error <= 1.0 - GAIN))


def _share_foretold(x: Floats, off: Floats, lag: Floats) -> Floats:
    """Share of the repeats that the others foretell better than nothing does."""
    turn = ((np.arange(x.shape[1]) + 0.5) / lag[:, None]).astype(np.intp)
    most = int(turn.max()) + 1
    at = (turn + most * np.arange(len(x))[:, None]).ravel()
    gain = np.bincount(at, (x**2 - off**2).ravel(), most * len(x)).reshape(len(x), most)
    there = np.arange(most) <= turn[:, -1:]
    share: Floats = ((gain > 0) & there).sum(axis=1) / there.sum(axis=1)
    return share


def is_of_the_day(period_s: Floats, stretch_s: Floats, stretches: int, span: int) -> Mask:
    """Where a whole number of periods makes up a day, as far as that can be told, and the day's bins tell it.

    So do whole days where stretches do not make up a day: what a fold leaves of it comes back some days later.
    """
    blur = period_s**2 / (stretch_s * stretches)
    turns = np.maximum(np.rint(DAY / period_s), 1.0)
    of_day = np.abs(DAY / turns - period_s) <= blur
    bin_s = max(DAY / DAY_BINS, span)
    is_told = (bin_s <= span) | (period_s >= BINS_A_PERIOD * bin_s)
    of_week = np.abs(period_s - WEEK) <= blur
    of_days = (np.abs(np.rint(period_s / DAY) * DAY - period_s) <= blur) & (period_s > DAY) & (DAY % stretch_s > 0)
    return ((of_day & is_told | of_days) & (span <= DAY // 2)) | of_week
