"""Where a series is going, read off its last days: level, slope and how far it strays from them. Pure arithmetic.

    fit(means: float64[days, series], NaN = unknown) -> Trend

Candidates are the median of the last 3, 7 or 28 days, standing still or going on with the slope of Tukey's resistant
line (medians of the outer thirds) through the last 7 or 28 days. Each forecasts the days of the past from what was
known before them, and the one with the least squared error is believed, a slope only where it more than halves
that error. How the median error of the chosen one grows with the horizon says how uncertain the future is:

    variance(h days ahead) = start + growth * h

Fails where something began within the last days: nothing in the past tells how it goes on.
"""

import warnings
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from proxy.engine.results import Floats

# (days the level rests on, days the slope rests on; 0 = none)
CANDIDATES = ((28, 0), (7, 0), (3, 0), (28, 28), (7, 28), (3, 7))
HORIZONS = (1, 2, 4, 7)
FEWEST_DAYS = 4
# A slope must leave no more than this of the squared error.
SLOPE_WORTH = 0.5
# Of a normal law: squared standard deviation over squared median of the absolute value.
_NORMAL = 1.4826**2


@dataclass(frozen=True, slots=True)
class Trend:
    """One element per series: `level` on the last day, `slope` a day, error variance `start + growth * days`.

    `days` is how long it was watched; 0 = too short to say anything, all else is then 0.
    """

    level: Floats
    slope: Floats
    start: Floats
    growth: Floats
    days: Floats

    def ahead(self, days: float) -> tuple[Floats, Floats]:
        """(value, error variance) so many days after the last; a slope goes on for as long as it was seen."""
        return self.level + self.slope * np.minimum(days, self.days), self.start + self.growth * days

    def where(self, chosen: NDArray[np.bool_], other: "Trend") -> "Trend":
        """This trend where `chosen`, the other elsewhere."""
        return Trend(*(np.where(chosen, getattr(self, f.name), getattr(other, f.name)) for f in fields(Trend)))


def fit(means: Floats) -> Trend:
    """The trend of each series; the last day is that of the last row."""
    known = np.isfinite(means)
    days = np.where(known.any(axis=0), len(means) - known.argmax(axis=0), 0)
    parts = np.zeros((5, means.shape[1]))
    for age in np.unique(days[days >= FEWEST_DAYS]).tolist():
        parts[:, days == age] = _of_one_age(means[-age:, days == age])
    return Trend(*parts)


def _of_one_age(means: Floats) -> Floats:
    """The five parts of a trend for series known from the first row on."""
    with warnings.catch_warnings():
        # A window without a known day has no median, and is not used.
        warnings.simplefilter("ignore", RuntimeWarning)
        lines = [_lines(means, *candidate) for candidate in CANDIDATES]
        errors = np.stack([_errors(means, *line) for line in lines])
        # All candidates are asked the same questions.
        errors = np.where(np.isfinite(errors).all(axis=0), errors, np.nan)
        squared = np.nanmean(errors**2, axis=(1, 2))
        spread2 = _NORMAL * np.nanmedian(np.abs(errors), axis=2) ** 2
    handicap = np.array([1.0 / SLOPE_WORTH if slope_days else 1.0 for _, slope_days in CANDIDATES])
    score = np.where(np.isfinite(squared), squared, np.inf) * handicap[:, None]
    chosen, series = score.argmin(axis=0), np.arange(means.shape[1])
    level, slope = (np.stack([line[part][-1] for line in lines])[chosen, series] for part in (0, 1))
    start, growth = _growth(spread2[chosen, :, series].T)
    is_told = np.isfinite(score[chosen, series]) & np.isfinite(level + slope)
    return np.where(is_told, np.stack([level, slope, start, growth, np.full(len(series), float(len(means)))]), 0.0)


def _lines(means: Floats, level_days: int, slope_days: int) -> tuple[Floats, Floats]:
    """(level, slope) as known after each day, days x series."""
    slope = _slopes(means, slope_days) if slope_days else np.zeros_like(means)
    level = np.full_like(means, np.nan)
    for last in range(len(means)):
        first = max(0, last + 1 - level_days)
        back = np.arange(last - first, -1, -1.0)[:, None]
        level[last] = np.nanmedian(means[first : last + 1] + slope[last] * back, axis=0)
    return level, slope


def _slopes(means: Floats, slope_days: int) -> Floats:
    slope = np.full_like(means, np.nan)
    for last in range(FEWEST_DAYS - 2, len(means)):
        window = means[max(0, last + 1 - slope_days) : last + 1]
        third = max(1, len(window) // 3)
        rise = np.nanmedian(window[-third:], axis=0) - np.nanmedian(window[:third], axis=0)
        slope[last] = rise / (len(window) - third)
    return slope


def _errors(means: Floats, level: Floats, slope: Floats) -> Floats:
    """Errors of forecasts made on each day, horizons x days x series; NaN where there is none to see."""
    out = np.full((len(HORIZONS), *means.shape), np.nan)
    for number, ahead in enumerate(HORIZONS):
        if 2 * ahead <= len(means):
            out[number, :-ahead] = means[ahead:] - level[:-ahead] - slope[:-ahead] * ahead
    # Who has seen only a few days cannot know where they go.
    out[:, : len(means) // 3] = np.nan
    return out


def _growth(spread2: Floats) -> tuple[Floats, Floats]:
    """Line through the squared errors of the horizons (horizons x series), neither end below 0."""
    x = np.array(HORIZONS, float)[:, None]
    known = np.isfinite(spread2)
    count = np.maximum(known.sum(axis=0), 1)
    y = np.where(known, spread2, 0.0)
    mean_x, mean_y = (x * known).sum(axis=0) / count, y.sum(axis=0) / count
    around = np.where(known, x - mean_x, 0.0)
    growth = np.maximum((around * y).sum(axis=0) / np.maximum((around**2).sum(axis=0), 1e-12), 0.0)
    return np.maximum(mean_y - growth * mean_x, 0.0), growth
