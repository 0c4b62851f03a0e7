"""The daily and weekly pattern of a series: tables of bins, learnt from what the level leaves of a value.

What a bin of the day and a bin of the week each take of a residual follows how sure they are: the gains of a Kalman
filter with a diagonal covariance (Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989,
ch. 3). After five equal weekdays a different Saturday is learnt by the week's pattern and leaves the day's alone. A
difference that a time of the week has shown only once may have been an anomaly. It is taken whole where a good part of
the hours around it was far from other days, else up to a few spreads until a second week confirms it. Of two weeks that
do not agree the less unusual one is taken.

It fails where a series follows holidays, or a shift plan of other lengths than a week.
"""

from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, double, is_one, maximum, minimum, of, where, zeros
from proxy.engine.models.component import COUNTS_FROM, Component, Lesson, Mask, Moment
from proxy.engine.models.grid import DAY, DAY_TRIED, FEW_COUNTED, WEEK, WEEK_TRIED, Grid
from proxy.engine.results import Floats, Ints

# Weekdays may differ from what these days have taught.
WEEK_LEARNT_FROM = 2 * DAY
# Spreads beyond which a value does not fit the day's pattern; the share of such bins among those half a day around that
# makes a time of the week unlike other days.
FAR = 2.0
UNLIKE_OTHERS = 0.3
# Bins of the week so short that what one visit showed needs a neighbour to support it.
SMOOTH_FROM = 84
# Variance, in units of the noise, of a bin that knows nothing yet.
UNKNOWN_DAY, UNKNOWN_WEEK = 50.0, 20.0
# The part of a bin's first visit that is taken whole.
FIRST_SHARE = 2.0 / 3.0
# Visits of a bin of the day before which every one counts, and the less unusual one is believed.
YOUNG_VISITS = 3
# A second visit agrees with the first if it differs by no more than this part of it.
AGREES = 0.5


# The same for all series of all jobs with such a week, and more than all else that a small job keeps.
@lru_cache(maxsize=64)
def _half_days(week_bins: int) -> tuple[tuple[Rows, NDArray[np.uint8]], list[int]]:
    """The bins half a day around each of the week: (bytes of their marks, bits in these), and as bits of one number."""
    half = week_bins // 14
    around = (np.arange(week_bins)[:, None] + np.arange(-half, half + 1)) % week_bins
    bits = np.left_shift(1, around % 8).astype(np.uint8)
    return (around // 8, bits), [sum(1 << w for w in bins) for bins in around.tolist()]


class DayWeek(Component):
    """The tables of the day and the week: a mean and the number of visits of each bin."""

    _day: Floats
    _day_n: Ints
    _week: Floats
    _week_n: Ints
    _week_far: Ints

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._around, self._half_day = _half_days(grid.week_bins)
        # 1, or 0 where there is no pattern within the day.
        self._daily, self._has_no_day = float(grid.has_day), np.bool_(not grid.has_day)
        visits = "u1" if grid.most_counted == FEW_COUNTED else "u2"
        super().__init__(
            day=Slot("f4", (grid.day_bins,)),
            day_n=Slot(visits, (grid.day_bins,)),
            week=Slot("f4", (grid.week_bins,)),
            week_n=Slot(visits, (grid.week_bins,)),
            # Which bins were far from the day's pattern when first visited: a bit for each.
            week_far=Slot("u1", (-(-grid.week_bins // 8),)),
        )

    def day_part(self, at: Moment) -> Floats:
        """What the day's pattern adds to the level."""
        if not self.grid.has_day:
            return zeros(at.rows)
        d, _ = self.grid.bins(at.time)
        trust = clip(double(self._day_n[d, at.rows]) / 2.0, 0.0, 1.0)
        part: Floats = self._day[d, at.rows] * where(at.age >= DAY_TRIED, trust, 0.0)
        return part

    def week_part(self, at: Moment, day_scale: Floats) -> tuple[Floats, Mask]:
        """(what the week's pattern adds, where this time of the week is known to be unlike other days).

        `day_scale` is the scale of the errors without it.
        """
        _, w = self.grid.bins(at.time)
        rounds = self._week_n[w, at.rows] // self.grid.week_visit
        if not anywhere(rounds >= 1):
            return zeros(at.rows), rounds < 0
        week = double(self._week[w, at.rows])
        if not self.grid.has_day:
            return where(rounds >= 1, week, 0.0), rounds < 0
        is_other = self._is_unlike_others(w, at.rows)
        if self.grid.week_bins >= SMOOTH_FROM:
            before, after = (self._week[(w + by) % self.grid.week_bins, at.rows] for by in (-1, 1))
            supported = clip(week, minimum(before, after), maximum(before, after))
            week = where(rounds >= 2, week, supported)
        expected = where((rounds >= 2) | is_other, week, clip(week, -FAR * day_scale, FAR * day_scale))
        in_use = (rounds >= 2) | ((rounds == 1) & (is_other | (at.age >= WEEK_TRIED)))
        return where(in_use, expected, 0.0), is_other & (rounds >= 1)

    def part(self, at: Moment, day_scale: Floats) -> Floats:
        """What both add to the level; `day_scale` is the scale of the errors without the week."""
        return self.day_part(at) + self.week_part(at, day_scale)[0]

    def doubts(self, at: Moment) -> tuple[Floats, Floats]:
        """Variance, in units of that of the noise, that seldom visited bins of the (day, week) add to a prediction."""
        grid = self.grid
        d, w = grid.bins(at.time)
        seen_day, seen_week = self._visits(d, w, at.rows)
        day = (1.0 / clip(seen_day, 1.0, grid.day_memory) - 1.0 / grid.day_memory) * self._daily
        in_use = (seen_week >= grid.week_visit) & (at.age >= WEEK_TRIED)
        week = 1.0 / clip(seen_week, 1.0, grid.week_memory) - 1.0 / grid.week_memory
        return day, where(in_use, week, 0.0)

    def day_visits(self, at: Moment) -> Floats:
        """Values that the bin of the day has seen."""
        d, _ = self.grid.bins(at.time)
        return double(self._day_n[d, at.rows])

    def learn(self, at: Moment, lesson: Lesson, rest: Floats, scale: Floats) -> tuple[Floats, Mask]:
        """Both patterns take their part of `rest`, the value without its level.

        Returns (the level's part, where this second week explains what was odd in the first). `scale` is that of the
        errors of a prediction without the week.
        """
        grid, rows = self.grid, at.rows
        d, w = grid.bins(at.time)
        day = double(self._day[d, rows]) * self._daily
        seen_day, seen_week = self._visits(d, w, rows)
        ripe = (lesson.n > 0) & ((at.age >= WEEK_LEARNT_FROM) | self._has_no_day)
        left = rest - day
        expected, is_other = self.week_part(at, scale)
        off = left - expected
        bounded = clip(off, -lesson.bound, lesson.bound)
        is_far = ripe & ((abs(left) > FAR * scale) | self._has_no_day)
        is_first = seen_week < grid.week_visit
        doubt_level = 1.0 / minimum(lesson.n + 1.0, grid.level_memory)
        doubt_day = self._daily / minimum(seen_day + 1.0 / UNKNOWN_DAY, grid.day_memory)
        again = 1.0 / clip(seen_week, 1.0, grid.week_memory)
        doubt_week = where(ripe, where(is_first, where(is_far, UNKNOWN_WEEK, 0.0), again), 0.0)
        total = 1.0 + doubt_level + doubt_day + doubt_week
        explained = is_other & (lesson.trusted > 0.5)
        if anywhere(explained):
            explained &= self._explains(w, rows, left, scale)
        if grid.has_day:
            self._learn_day(d, rows, lesson, (off * doubt_day / total, bounded * doubt_day / total))
        is_noted = is_first & ripe
        if anywhere(is_noted):
            self._note_far(w, of(rows, is_noted), of(is_far, is_noted))
        self._learn_week(w, rows, lesson, (left, bounded * doubt_week / total, scale), ripe)
        return lesson.step * clip(off, -lesson.limit, lesson.limit) * doubt_level / total, explained

    def scale(self, rows: Rows, by: Floats) -> None:
        """Makes both patterns `by` times as strong."""
        self._day[:, rows] *= by
        self._week[:, rows] *= by

    def move(self, rows: Rows, seconds: int) -> None:
        """Rolls every table by whole bins; what is less than half a bin changes nothing."""
        for table, period_s in (
            (self._day, DAY),
            (self._day_n, DAY),
            (self._week, WEEK),
            (self._week_n, WEEK),
            # The marks move by whole bytes: a third of a day where bins are hours.
            (self._week_far, WEEK),
        ):
            roll(table, rows, seconds, period_s)

    def table(self, row: int, period_s: int) -> Floats:
        """A copy of one series' table of the day (`period_s` = DAY) or the week (WEEK)."""
        return (self._day if period_s == DAY else self._week)[:, row].astype(np.float64)

    def correct(self, row: int, period_s: int, by: Floats) -> None:
        """Adds `by`, one element per bin, to one series' table of the day or the week."""
        (self._day if period_s == DAY else self._week)[:, row] += by

    def restart(self, row: int, period_s: int) -> None:
        """Lets one series' pattern of the day or the week start anew."""
        if period_s == DAY:
            self._day[:, row], self._day_n[:, row] = 0.0, 0
        else:
            self._week[:, row], self._week_n[:, row], self._week_far[:, row] = 0.0, 0, 0

    def _visits(self, d: int, w: int, rows: Rows) -> tuple[Floats, Floats]:
        return double(self._day_n[d, rows]), double(self._week_n[w, rows])

    def _learn_day(self, d: int, rows: Rows, lesson: Lesson, gains: tuple[Floats, Floats]) -> None:
        """Takes the first of `gains` whole, or the second, bounded one, into the bin.

        Most of the first visit is taken whole: nothing can be odd yet. What came later must not come back as tomorrow's
        pattern, and is bounded, unless it takes an early visit back.
        """
        gain, bounded_gain = gains
        day, seen = double(self._day[d, rows]), self._day_n[d, rows]
        is_new = seen < FIRST_SHARE * self.grid.day_visit
        is_young = seen < YOUNG_VISITS * self.grid.day_visit
        is_milder = is_young & (gain * day < 0)
        whole = is_new | is_milder
        step = where(lesson.n > 0, where(whole, lesson.trusted, lesson.step), 0.0)
        self._day[d, rows] = day + step * where(whole, gain, bounded_gain)
        counted = where(lesson.n > 0, where(is_young, lesson.trusted, step), 0.0)
        self._day_n[d, rows] = minimum(seen + (counted > COUNTS_FROM), self.grid.most_counted)

    def _learn_week(self, w: int, rows: Rows, lesson: Lesson, what: tuple[Floats, Floats, Floats], ripe: Mask) -> None:
        """Takes (what level and day leave, the bin's part of it, scale of an error without the week) into the bin.

        The first visit is noted as it comes; a second that does not agree only where it is the less unusual.
        """
        left, gain, scale = what
        grid = self.grid
        week, seen = double(self._week[w, rows]), double(self._week_n[w, rows])
        is_first = seen < grid.week_visit
        young = (seen < 2 * grid.week_visit) & grid.has_day
        agrees = abs(left - week) <= maximum(AGREES * abs(week), FAR * scale)
        noted = (left - week) / where(is_first | agrees, seen + 1.0, seen % grid.week_visit + 1.0)
        noted = where(is_first | agrees | (abs(left) <= abs(week)), noted, 0.0)
        step = where(ripe, where(young, lesson.trusted, lesson.step), 0.0)
        self._week[w, rows] = week + step * where(young, noted, gain)
        self._week_n[w, rows] = minimum(seen + (step > COUNTS_FROM), grid.most_counted)

    def _is_unlike_others(self, w: int, rows: Rows) -> Mask:
        if is_one(rows):
            marks = int.from_bytes(self._week_far[:, rows].tobytes(), "little")
            count = (marks & self._half_day[w]).bit_count()
            return cast(Mask, np.bool_(count > UNLIKE_OTHERS * self._around[0].shape[1]))
        places, bits = self._around
        far = self._week_far[places[w][:, None], rows] & bits[w][:, None]
        is_other: Mask = np.add.reduce(far > 0, axis=0, dtype=np.uint16) > UNLIKE_OTHERS * len(places[w])
        return is_other

    def _note_far(self, w: int, rows: Rows, is_far: Mask) -> None:
        mark = np.uint8(1 << w % 8)
        others = self._week_far[w // 8, rows] & ~mark
        self._week_far[w // 8, rows] = others | is_far * mark

    def _explains(self, w: int, rows: Rows, left: Floats, scale: Floats) -> Mask:
        visit = self.grid.week_visit
        week, seen = double(self._week[w, rows]), self._week_n[w, rows]
        is_second = (seen >= visit) & (seen < 2 * visit) & (self._week_far[w // 8, rows] & np.uint8(1 << w % 8) > 0)
        is_explained: Mask = is_second & (abs(week) > FAR * scale) & (abs(left - week) < AGREES * abs(week))
        return is_explained


def roll(table: Floats | Ints, rows: Rows, seconds: int, period_s: int) -> None:
    """Moves a table of bins (bins x series) over a period for these series: at t it says what it said at t + seconds.

    A move counts in whole bins, what is less than half a bin changes nothing.
    """
    table[:, rows] = np.roll(table[:, rows], -round(seconds * len(table) / period_s), axis=0)
