"""Finding a series' own rhythm and starting with it: every pattern is fitted anew to the past it was found in.

Level, day, week and rhythm are fitted in turn (backfitting). The past is coarser than the tables of the day and the
week, so these are corrected by what their means over its stretches are off; what they know in more detail stays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.models import past, period_search, periods
from proxy.engine.models.location import LEVEL
from proxy.engine.models.mixture import LEAST_LOG_WEIGHT, NORMAL
from proxy.engine.models.patterns import DAY, WEEK, Grid
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

SLOTS: dict[str, Slot] = {**periods.SLOTS, **past.SLOTS}
ROUNDS = 6
# A week's pattern is told from the rhythm in a past of two weeks.
WEEK_FROM_S = 14 * DAY
# Rows looked at together.
_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Past:
    """One series' past: means of stretches of `stretch_s` seconds from `start_s` on, NaN = unknown."""

    means: Floats
    start_s: float
    stretch_s: float

    @property
    def length_s(self) -> float:
        """Seconds it covers."""
        return len(self.means) * self.stretch_s

    def bins(self, period_s: float) -> tuple[NDArray[np.intp], int]:
        """(bin of every stretch in a table of this period that begins with the past, how many bins there are)."""
        middle = self.stretch_s * (np.arange(len(self.means)) + 0.5)
        return (middle % period_s / self.stretch_s).astype(np.intp), max(1, int(np.ceil(period_s / self.stretch_s)))

    def coarse(self, table: Floats, period_s: float) -> tuple[Floats, NDArray[np.intp]]:
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
    """Parts of a past, one element per stretch; the rhythm's are as they came, its errors still in them."""

    level: Floats
    rhythm: Floats
    error: Floats
    # Tables by `Past.bins`, None where it tells of none.
    day: Floats | None
    week: Floats | None


def observe(columns: Columns, grid: Grid, time: int, rows: Rows, value: Floats) -> Rows:
    """Adds a bucket's values to the past; returns the rows that have got a rhythm by it, mostly none."""
    found: list[int] = []
    for stretches, due in past.completed(columns, grid.span, time, rows):
        for some in np.array_split(due, -(-len(due) // _AT_ONCE)):
            found.extend(_look(columns, grid, time, some, stretches))
    past.add(columns, grid.span, time, rows, value)
    return np.array(found, np.intp)


def _look(columns: Columns, grid: Grid, time: int, rows: Rows, stretches: int) -> list[int]:
    c = columns
    table = np.ascontiguousarray(c["past"][:stretches, rows].T, np.float64)
    start_s, stretch_s = (c[name][rows] * float(grid.span) for name in ("past_from", "past_width"))
    period = c["period"][rows]
    known = np.flatnonzero(period >= period_search.BINS_A_RHYTHM * stretch_s)
    told = period_search.Table.of(table, stretch_s)
    if len(known):
        better = period_search.best_nearby(told.of_rows(known), period[known] / stretch_s[known], grid.span)
        periods.correct(c, time, rows[known], better, stretches * stretch_s[known])
    searched = np.flatnonzero(period == 0)
    is_new = np.zeros(len(rows), bool)
    if len(searched):
        period[searched] = period_search.search(told.of_rows(searched), grid.span)
        is_new[searched] = period[searched] > 0
    for i in np.flatnonzero(is_new).tolist():
        _adopt(c, grid, int(rows[i]), float(period[i]), Past(table[i], float(start_s[i]), float(stretch_s[i])))
    return [int(row) for row in rows[is_new]]


def fit(seen: Past, period_s: float) -> Fit:
    """Takes a past apart; what the rhythm and the day could both explain goes to the rhythm."""
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


def _adopt(columns: Columns, grid: Grid, row: int, period_s: float, seen: Past) -> None:
    c, unit = columns, float(columns["past_unit"][row])
    parts = fit(seen, period_s)
    _fill(c, grid, row, period_s, seen, unit * parts.rhythm)
    _correct_tables(c, row, seen, unit, parts)
    lately = max(1, round(max(period_s, DAY) / seen.stretch_s))
    level = float(c["past_zero"][row]) + unit * float((parts.level + parts.error)[-lately:].mean())
    c["level"][row] = c["base"][row] = level
    # Means of several buckets vary less than a bucket, errors of a fit less than errors to come.
    width, repeats = seen.stretch_s / grid.span, seen.length_s / period_s
    noise = NORMAL * unit * np.abs(parts.error).mean() * np.sqrt(width * repeats / (repeats - 1.0))
    c["scale"][LEVEL + 1 :, row] = np.minimum(c["scale"][LEVEL + 1 :, row], noise)
    c["log_weight"][LEVEL, row], c["log_weight"][LEVEL + 1 :, row] = LEAST_LOG_WEIGHT, 0.0
    c["local"][:, row], c["strength"][row], c["power"][row], c["strong_for"][row] = 0.0, 1.0, 0.0, 0


def _correct_tables(columns: Columns, row: int, seen: Past, unit: float, parts: Fit) -> None:
    """Takes what day and week held of the rhythm out of their tables; one that had little to learn from starts anew."""
    c = columns
    for name, period_s, profile in (("day", DAY, parts.day), ("week", WEEK, parts.week)):
        if profile is not None:
            means, at = seen.coarse(c[name][:, row].astype(np.float64), period_s)
            c[name][:, row] += (unit * profile - means)[at]
    if parts.day is None and seen.length_s < period_search.DAY_FROM_S:
        c["day"][:, row], c["day_n"][:, row] = 0.0, 0
    if parts.week is None and seen.length_s < WEEK_FROM_S:
        c["week"][:, row], c["week_n"][:, row], c["week_far"][:, row] = 0.0, 0, 0


def _fill(columns: Columns, grid: Grid, row: int, period_s: float, seen: Past, rhythm: Floats) -> None:
    """Every bin starts as the mean of the stretches it falls into, one in every repeat."""
    c = columns
    visit = int(np.ceil(period_s / grid.span / periods.BINS))
    bins = int(np.clip(round(period_s / (grid.span * visit)), 2, periods.BINS))
    repeats = int(np.ceil(seen.length_s / period_s))
    middle = period_s * ((np.arange(bins) + 0.5)[:, None] / bins + np.arange(repeats))
    at = (middle / seen.stretch_s).astype(np.intp)
    there = at < len(rhythm)
    at = np.where(there, at, 0)
    there &= np.isfinite(seen.means)[at]
    count = there.sum(axis=1)
    c["period"][row], c["period_from"][row], c["period_over"][row] = period_s, seen.start_s, seen.length_s
    c["period_bins"][row], c["period_visit"][row], c["period_vote"][row] = bins, visit, 1.0
    c["period_table"][:bins, row] = (rhythm[at] * there).sum(axis=1) / np.maximum(count, 1)
    c["period_table"][bins:, row] = 0.0
    c["period_n"][:, row] = 0
    c["period_n"][:bins, row] = np.minimum(count * visit, periods.MOST_COUNTED)
