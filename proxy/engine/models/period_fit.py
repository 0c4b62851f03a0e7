"""Finding a series' own period and starting with it: every pattern is fitted anew to the past it was found in.

Level, day, week and own period are fitted in turn (backfitting: Breiman and Friedman, Journal of the American
Statistical Association 80, 1985). The past is coarser than the tables of the day and the week, so these are corrected
by what their means over its stretches are off; what they know in more detail stays.
"""

from dataclasses import dataclass

import numpy as np

from proxy.engine.columns import NOBODY, Rows
from proxy.engine.models import period_search
from proxy.engine.models.component import Moment
from proxy.engine.models.grid import DAY, WEEK, Grid
from proxy.engine.models.location import Location
from proxy.engine.models.mixture import NORMAL, Mixture
from proxy.engine.models.past import Past, Sizes
from proxy.engine.results import Floats

ROUNDS = 6
# A week's pattern is told from the own period in a past of two weeks.
WEEK_FROM_S = 14 * DAY
# Rows looked at together.
_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Stretches:
    """One series' past: means of stretches of `stretch_s` seconds from `start_s` on, NaN = unknown."""

    means: Floats
    start_s: float
    stretch_s: float

    @property
    def length_s(self) -> float:
        """Seconds it covers."""
        return len(self.means) * self.stretch_s

    def bins(self, period_s: float) -> tuple[Rows, int]:
        """(bin of every stretch in a table of this period that begins with the past, how many bins there are)."""
        middle = self.stretch_s * (np.arange(len(self.means)) + 0.5)
        return (middle % period_s / self.stretch_s).astype(np.intp), max(1, int(np.ceil(period_s / self.stretch_s)))

    def coarse(self, table: Floats, period_s: float) -> tuple[Floats, Rows]:
        """(a table's means over the bins of `bins`, the bin each of its own falls into); it begins with the epoch."""
        middle = period_s * (np.arange(len(table)) + 0.5) / len(table) - self.start_s
        at = (middle % period_s / self.stretch_s).astype(np.intp)
        count = np.bincount(at, minlength=int(np.ceil(period_s / self.stretch_s)))
        return np.bincount(at, table, len(count)) / np.maximum(count, 1), at

    def told(self, period_s: float, least_s: float) -> bool:
        """Whether it tells of a pattern of this period."""
        is_long = self.length_s >= least_s
        return is_long and period_search.SHORT_STRETCHES * self.stretch_s <= period_s


@dataclass(frozen=True, slots=True)
class Fit:
    """Parts of a past, one element per stretch; the own period's are as they came, its errors still in them."""

    level: Floats
    own: Floats
    error: Floats
    # Tables by `Past.bins`, None where it tells of none.
    day: Floats | None
    week: Floats | None


def fit(seen: Stretches, period_s: float) -> Fit:
    """Takes a past apart; what the period and the day could both explain goes to the period."""
    known = np.isfinite(seen.means)
    x = np.where(known, seen.means, np.nanmean(seen.means))
    tables = {period_s: seen.bins(period_s)}
    if seen.told(DAY, period_search.DAY_FROM_S):
        tables[DAY] = seen.bins(DAY)
    if seen.told(WEEK, WEEK_FROM_S):
        tables[WEEK] = seen.bins(WEEK)
    profiles = {each: np.zeros(count) for each, (_, count) in tables.items()}
    level = np.full(len(x), x.mean())
    for _ in range(ROUNDS):
        for each, (at, count) in tables.items():
            left = x - level - sum(profiles[other][tables[other][0]] for other in tables if other != each)
            means = np.bincount(at, left * known, count) / np.maximum(np.bincount(at, known, count), 1.0)
            profiles[each] = means - means[at].mean()
        whole = sum(profiles[each][at] for each, (at, _) in tables.items())
        left = np.where(known, x - whole, level)
        level = left - period_search.detrended(left[None, :])[0]
        error = np.where(known, x - whole - level, 0.0)
        limit = period_search.CLIPPED * np.abs(error).mean()
        x = whole + level + np.clip(error, -limit, limit)
    own = profiles[period_s][tables[period_s][0]]
    error = x - whole - level
    return Fit(level, own + error, error, profiles.get(DAY), profiles.get(WEEK))


def own_table(seen: Stretches, period_s: float, bins: int, own: Floats) -> tuple[Floats, Floats]:
    """(mean of the stretches that fall into each of the bins of a period, one in every repeat; how many they are)."""
    repeats = int(np.ceil(seen.length_s / period_s))
    middle = period_s * ((np.arange(bins) + 0.5)[:, None] / bins + np.arange(repeats))
    at = (middle / seen.stretch_s).astype(np.intp)
    there = at < len(own)
    at = np.where(there, at, 0)
    there &= np.isfinite(seen.means)[at]
    count = there.sum(axis=1)
    return (own[at] * there).sum(axis=1) / np.maximum(count, 1), count


class PeriodFinder:
    """Looks through the past of series for a period of their own, and gives it to their location."""

    def __init__(self, grid: Grid, past: Past, location: Location, mixture: Mixture) -> None:
        self.grid, self.past, self.location, self.mixture = grid, past, location, mixture

    def observe(self, at: Moment, value: Floats, sizes: Sizes) -> Rows:
        """Adds a bucket's values to the past; returns the rows that have got a period by it, mostly none."""
        found: list[int] = []
        for stretches, due in self.past.completed(at.time, at.rows):
            for some in np.array_split(due, -(-len(due) // _AT_ONCE)):
                found.extend(self._look(at.time, some, stretches))
        self.past.add(at, value, sizes)
        return np.array(found, np.intp) if found else NOBODY

    def _look(self, time: int, rows: Rows, stretches: int) -> list[int]:
        table, start_s, stretch_s = self.past.table(rows, stretches)
        period = self.location.own_period.of(rows)
        known = np.flatnonzero(period >= period_search.BINS_A_PERIOD * stretch_s)
        told = period_search.Table.of(table, stretch_s)
        if len(known):
            better = period_search.best_nearby(told.of_rows(known), period[known] / stretch_s[known], self.grid.span)
            self.location.own_period.correct(time, rows[known], better, stretches * stretch_s[known])
        searched = np.flatnonzero(period == 0)
        is_new = np.zeros(len(rows), bool)
        if len(searched):
            period[searched] = period_search.search(told.of_rows(searched), self.grid.span)
            is_new[searched] = period[searched] > 0
        for i in np.flatnonzero(is_new).tolist():
            seen = Stretches(table[i], float(start_s[i]), float(stretch_s[i]))
            self._adopt(int(rows[i]), float(period[i]), seen)
        return [int(row) for row in rows[is_new]]

    def _adopt(self, row: int, period_s: float, seen: Stretches) -> None:
        """Gives one series the period, and to its other terms what the fit leaves them."""
        zero, unit = self.past.zero_and_unit(row)
        parts = fit(seen, period_s)
        bins, _ = self.location.own_period.bins_of(period_s)
        means, count = own_table(seen, period_s, bins, unit * parts.own)
        self.location.own_period.start(row, period_s, (seen.start_s, seen.length_s), means, count)
        self._correct_tables(row, seen, unit, parts)
        lately = max(1, round(max(period_s, DAY) / seen.stretch_s))
        self.location.level.restart(row, zero + unit * float((parts.level + parts.error)[-lately:].mean()))
        # Means of several buckets vary less than a bucket, errors of a fit less than errors to come.
        width, repeats = seen.stretch_s / self.grid.span, seen.length_s / period_s
        noise = NORMAL * unit * np.abs(parts.error).mean() * np.sqrt(width * repeats / (repeats - 1.0))
        self.mixture.trust_patterns(row, float(noise))
        self.location.local.forget(np.array([row]))
        self.location.strength.forget(np.array([row]))

    def _correct_tables(self, row: int, seen: Stretches, unit: float, parts: Fit) -> None:
        """Takes what day and week held of the period out of their tables; one with little to learn from starts anew."""
        patterns = self.location.patterns
        for period_s, profile in ((DAY, parts.day), (WEEK, parts.week)):
            if profile is not None:
                means, at = seen.coarse(patterns.table(row, period_s), period_s)
                patterns.correct(row, period_s, (unit * profile - means)[at])
        if parts.day is None and seen.length_s < period_search.DAY_FROM_S:
            patterns.restart(row, DAY)
        if parts.week is None and seen.length_s < WEEK_FROM_S:
            patterns.restart(row, WEEK)
