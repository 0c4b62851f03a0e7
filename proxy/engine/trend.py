"""Where a series is going, read off its last days: level, slope, weekdays and how far it strays. Pure arithmetic.

    fit(means: float64[days, series], NaN = unknown) -> Trend

Days that were an incident are left out first: those far from the median of the four weeks around, if that is over.
Candidates are the median of the last 3, 7, 14 or 28 days, standing still or going on with the slope of Tukey's
resistant line (medians of the outer thirds) through the last 7, 28 or 84 days. Each forecasts the days of the past from
what was known before them, and the one with the least squared error is believed, a slope only where it lessens that
error clearly. How the errors of the chosen one grow with the horizon says how uncertain the future is:

    variance(h days ahead) = start + growth * h

Fails where something began within the last days: nothing in the past tells how it goes on.
"""

import warnings
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from proxy.engine.results import Floats

# (days the level rests on, days the slope rests on, 0 = none, share of the squared error it must leave at most)
CANDIDATES = (
    (28, 0, 1.0),
    (14, 0, 1.0),
    (7, 0, 1.0),
    (3, 0, 1.0),
    (14, 84, 0.8),
    (28, 28, 0.5),
    (7, 28, 0.5),
    (3, 7, 0.5),
)
HORIZONS = (1, 2, 4, 7, 14, 28)
FEWEST_DAYS = 4
# So many days of a horizon may be one incident or one change: they do not tell how far forecasts stray. The quantile
# of the others that does is between these.
ONE_EVENT, LEAST_QUANTILE, MOST_QUANTILE = 5, 0.5, 0.9
# A day is odd that is so many spreads away from the median of so many days to each side; an incident is over when so
# many days were not odd.
ODD, AROUND, OVER = 6.0, 14, 2
# The variance grows by at least this share of itself a day: what has not moved for a while may still move.
LEAST_GROWTH = 0.2
# So many days are usual: a week of four may be odd, and of days that are mostly alike the others are not.
_MOST_DAYS = 0.7
DAYS_OF_WEEK, WEEKS = 7, 4


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

    def ahead(self, days: Floats) -> tuple[Floats, Floats]:
        """(value, error variance) so many days after the last, times x series for times x 1.

        A slope goes on for as long as it was seen.
        """
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
        parts[:, days == age] = _of_one_age(without_incidents(means[-age:, days == age]))
    return Trend(*parts)


def weekdays(means: Floats) -> Floats:
    """What each weekday is off the week around it, 7 x series; the last day is row 6, and rows sum to 0.

    The median of the last four weeks; 0 for a weekday seen less than twice. `means` are days x series, of which fewer
    than two weeks tell nothing.
    """
    off = np.full((DAYS_OF_WEEK, WEEKS + 1, means.shape[1]), np.nan)
    last = means[-DAYS_OF_WEEK * (WEEKS + 1) :]
    if len(last) >= 2 * DAYS_OF_WEEK:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for back in range(len(last)):
                middle = min(max(len(last) - 1 - back, DAYS_OF_WEEK // 2), len(last) - 1 - DAYS_OF_WEEK // 2)
                week = last[middle - DAYS_OF_WEEK // 2 : middle + DAYS_OF_WEEK // 2 + 1]
                of_week = np.where(np.isfinite(week).sum(axis=0) >= DAYS_OF_WEEK - 1, np.nanmean(week, axis=0), np.nan)
                off[DAYS_OF_WEEK - 1 - back % DAYS_OF_WEEK, back // DAYS_OF_WEEK] = last[len(last) - 1 - back] - of_week
            found = np.nanmedian(off[:, :WEEKS], axis=1)
        found = np.where(np.isfinite(off).sum(axis=1) >= 2, found, 0.0)
        return np.asarray(found - found.mean(axis=0), np.float64)
    return np.zeros((DAYS_OF_WEEK, means.shape[1]))


def without_incidents(means: Floats) -> Floats:
    """The days x series with NaN for those of an incident that is over.

    A lasting change is none: from its other side nothing came back.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        middle = np.stack([np.nanmedian(means[max(0, d - AROUND) : d + AROUND + 1], axis=0) for d in range(len(means))])
        off = np.abs(means - middle)
        spread = np.nanquantile(off, _MOST_DAYS, axis=0) / ndtri(0.5 + 0.5 * _MOST_DAYS)
    odd = off > ODD * np.maximum(spread, 1e-9 * np.abs(middle))
    usual_since = np.zeros(means.shape[1])
    out = means.copy()
    for day in range(len(means) - 1, -1, -1):
        out[day, odd[day] & (usual_since >= OVER)] = np.nan
        usual_since += np.isfinite(means[day]) & ~odd[day]
    return out


def _of_one_age(means: Floats) -> Floats:
    """The five parts of a trend for series known from the first row on."""
    with warnings.catch_warnings():
        # A window without a known day has no median, and is not used.
        warnings.simplefilter("ignore", RuntimeWarning)
        lines = [_lines(means, level_days, slope_days) for level_days, slope_days, _ in CANDIDATES]
        errors = np.stack([_errors(means, *line) for line in lines])
        # All candidates are asked the same questions.
        errors = np.where(np.isfinite(errors).all(axis=0), errors, np.nan)
        squared = np.nanmean(errors**2, axis=(1, 2))
    spread2 = _spread(np.abs(errors)) ** 2
    handicap = np.array([1.0 / worth for _, _, worth in CANDIDATES])
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
        if 3 * ahead <= len(means):
            out[number, :-ahead] = means[ahead:] - level[:-ahead] - slope[:-ahead] * ahead
    # Who has seen only a few days cannot know where they go.
    out[:, : len(means) // 3] = np.nan
    return out


def _spread(size: Floats) -> Floats:
    """Standard deviation by a quantile of absolute errors over the days, the last axis but one; NaN without any."""
    count = np.isfinite(size).sum(axis=-2)
    quantile = np.clip(1.0 - ONE_EVENT / np.maximum(count, 1), LEAST_QUANTILE, MOST_QUANTILE)
    place = quantile * np.maximum(count - 1, 0)
    ranked, low = np.sort(size, axis=-2), np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    lower, upper = (np.take_along_axis(ranked, at[..., None, :], axis=-2)[..., 0, :] for at in (low, high))
    return np.asarray((lower + (place - low) * (upper - lower)) / ndtri(0.5 + 0.5 * quantile), np.float64)


def _growth(spread2: Floats) -> tuple[Floats, Floats]:
    """Line through the squared errors of the horizons (horizons x series), neither end below 0."""
    x = np.array(HORIZONS, float)[:, None]
    known = np.isfinite(spread2)
    count = np.maximum(known.sum(axis=0), 1)
    y = np.where(known, spread2, 0.0)
    mean_x, mean_y = (x * known).sum(axis=0) / count, y.sum(axis=0) / count
    around = np.where(known, x - mean_x, 0.0)
    growth = np.maximum((around * y).sum(axis=0) / np.maximum((around**2).sum(axis=0), 1e-12), 0.0)
    start = np.maximum(mean_y - growth * mean_x, 0.0)
    return start, np.maximum(growth, LEAST_GROWTH * start)
