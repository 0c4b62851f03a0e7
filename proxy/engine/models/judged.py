"""What the model of a series says of a bucket: what it expected, what it saw, how improbable it is, what it changed."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from proxy.engine.columns import Rows
from proxy.engine.elementwise import Array, anywhere, clip, maximum, of
from proxy.engine.frozen import frozen
from proxy.engine.models.component import Mask
from proxy.engine.models.sums import USUAL, Sums
from proxy.engine.models.views import Steps
from proxy.engine.probability import clip_p
from proxy.engine.results import Floats

# The views of a value that have a tail of their own.
RESIDUAL, SHORT_SUM, LONG_SUM, VOLATILITY = range(4)
SUMS, FEATURES = slice(SHORT_SUM, VOLATILITY), 4
# What the surprise loses because the strongest of five views was chosen, and the share of what each view has beyond one
# chance in ten that is added.
CHOSEN, ADDED = 1.0, 0.25
# -log10 p of a view that adds nothing; what is no more than CHOSEN tells nothing as the strongest one either.
_OF_USUAL = -math.log10(USUAL)


@frozen
class Prediction:
    """What a bucket should hold, one element per series; `spread` is yet without the time of day's `factor`.

    `predicted`, `scale` and `doubt`, the size of an error over that of one where all is well known, are predictors x
    series. `steady` is what the predictors expect that do not follow the last values, `steady_spread` its spread.
    """

    typical: Floats
    spread: Floats
    steady: Floats
    steady_spread: Floats
    factor: Floats
    predicted: Floats
    scale: Floats
    doubt: Floats

    def widened(self, by: Floats) -> "Prediction":
        """The same, as far off by a factor."""
        # Every bucket comes this way: dataclasses.replace takes several times as long.
        return Prediction(
            self.typical,
            self.spread,
            self.steady,
            self.steady_spread,
            self.factor * by,
            self.predicted,
            self.scale,
            self.doubt,
        )


@frozen
class Views:
    """The residual z in spreads, and z and the other views: views x series `scores`, NaN where there is too little."""

    z: Floats
    scores: Floats
    sums: Sums
    steps: Steps


@frozen
class Evidence:
    """How improbable each view is, one element per series; `by_view` is views x series.

    `by_sum` is what the sums say whatever the present bucket does (sums x series), `outlier` is that of the residual
    to either side, `odd` the same but for jumps that were predicted and did not come, `new` that of leaving the range,
    `single` and `multi` what is made of them for one bucket and for several, `least` the least of all; `most` is what
    -log10 p of all may be at most.
    """

    by_sum: Floats
    outlier: Floats
    odd: Floats
    by_view: Floats
    new: Floats
    single: Floats
    multi: Floats
    least: Floats
    most: Floats

    def surprise(self) -> Floats:
        """-log10 p of all views: the strongest one, less for the choice, and a quarter of what each has beyond one
        chance in ten.
        """
        return _surprise(np.array([*self.by_view, self.new]))

    def surprise_of_bucket(self, chosen: Mask) -> Floats:
        """The same of those chosen without the sums, which tell again what was told of the buckets before."""
        return _surprise(
            np.array([of(p, chosen) for p in (self.by_view[RESIDUAL], self.by_view[VOLATILITY], self.new)])
        )


def _surprise(p: Floats) -> Floats:
    size = -np.log10(clip_p(p))
    strongest = maximum(np.maximum.reduce(size) - CHOSEN, 0.0)
    surprise: Floats = strongest + ADDED * np.add.reduce(np.maximum(size - _OF_USUAL, 0.0))
    return surprise


@frozen
class Judged:
    """What one bucket's values mean; one element per series. `p` is final, two- or one-sided as asked.

    `raw_surprise` is -log10 p before the event in progress and similar ones of the past are taken off, `surprise`
    after, with what a streak adds; `goes_on` tells where the value is no worse than the event that it belongs to was
    before, `lasts` where a sum is on an excursion that single buckets do not show. `samples` are the records each
    value rests on, None where they do not matter.
    """

    rows: Rows
    value: Floats
    ready: Mask
    wanted: Prediction
    views: Views
    evidence: Evidence
    p: Floats
    surprise: Floats
    raw_surprise: Floats
    goes_on: Mask
    lasts: Mask
    samples: Floats | None
    # The same in numbers, where it is of a series alone.
    alone: "Judged | None" = None

    def listed(self) -> "Judged":
        """What is in numbers, in arrays of one element; what is only learnt from is left to `alone`."""
        w, v, e = self.wanted, self.views, self.evidence
        numbers = (w.typical, w.spread, w.factor, v.z, e.outlier, e.odd, e.new, e.single, e.multi, e.most)
        # One array for all of them costs a third of one for each.
        typical, spread, factor, z, outlier, odd, new, single, multi, most, value, p, surprise, raw = np.array(
            (*numbers, self.value, self.p, self.surprise, self.raw_surprise)
        )[:, None]
        return Judged(
            _list(self.rows),
            value,
            _list(self.ready),
            Prediction(typical, spread, w.steady, w.steady_spread, factor, w.predicted, w.scale, w.doubt),
            Views(z, v.scores[:, None], v.sums, v.steps),
            Evidence(e.by_sum, outlier, odd, e.by_view, new, single, multi, e.least, most),
            p,
            surprise,
            raw,
            _list(self.goes_on),
            _list(self.lasts),
            None if self.samples is None else _list(self.samples),
            alone=self,
        )

    @property
    def typical(self) -> Floats:
        """What was expected."""
        return self.wanted.typical

    @property
    def spread(self) -> Floats:
        """How far off values may be, without the time of day's factor."""
        return self.wanted.spread

    @property
    def factor(self) -> Floats:
        """By what the spread was widened for the time of day and for few records."""
        return self.wanted.factor

    @property
    def is_high(self) -> Mask:
        """Which values are above what was expected."""
        return self.views.z >= 0


Kind = Literal["level shift", "linear scale", "time shift", "period", "calendar"]


@dataclass(frozen=True, slots=True)
class Change:
    """A lasting change that the model made of what it saw: of a level, a scale (a factor), a clock or a period (both
    in seconds), or a day of the month that is unlike others (as `calendar_days.title` takes it).
    """

    row: int
    kind: Kind
    size: float


def changes(kind: Kind, rows: Rows, sizes: Floats) -> list[Change]:
    """A change of this kind of each of these series."""
    return [Change(row, kind, float(size)) for row, size in zip(rows.tolist(), sizes.tolist(), strict=True)]


def _list(number: Array) -> Array:
    return np.array([number])  # type: ignore[return-value]


def two_sided(tail: Floats) -> Floats:
    """p of each view from its one-sided tail, views x series; 1 where that is NaN: there is too little yet."""
    return np.fmin(1.0, 2.0 * tail)


def one_sided(p: Floats, scores: Floats, side: int) -> Floats:
    """Two-sided p of each view, where it lies on this `side` (1 or -1), else 1: the other one is usual."""
    is_on_side = scores * side > 0
    # Volatility has no side of its own: it counts on the side the value is on.
    is_on_side[VOLATILITY] = is_on_side[RESIDUAL] & (scores[VOLATILITY] > 0)
    return np.where(is_on_side, p, 1.0)


def tempered(p: Floats, residual: Floats) -> Floats:
    """p of a view, as far as the residual (p) is unusual too: in full from one chance in ten on."""
    if not anywhere(p < 1.0):
        return p
    as_far: Floats = np.power(p, clip(-np.log10(residual + 1e-300), 0.0, 1.0))
    return as_far
