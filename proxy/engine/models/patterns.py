"""The daily and weekly pattern of a series: tables of bins, learnt from what the level leaves of a value.

What a bin of the day and a bin of the week each take of a residual follows how sure they are: the gains of a Kalman
filter with a diagonal covariance. After five equal weekdays a different Saturday is the week's news and leaves the
day's pattern alone. What a time of the week showed only once may have been an incident; it is a habit where a good
part of the hours around it was far from other days, and else no further than a few spreads until a second week
confirms it. Of two weeks that do not agree the less unusual one is believed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

DAY, WEEK = 86400, 604800
LEVEL_MEMORY = 2000
LEVEL_MEMORY_S = 14 * DAY
# Visits after which a bin forgets.
DAY_MEMORY, WEEK_MEMORY = 8.0, 4.0
# The day's pattern is used once it was seen twice, the week's once it was seen beside a day's pattern; each is put to
# the test for a day before that.
DAY_FROM, WEEK_FROM = 2 * DAY, 9 * DAY
DAY_TRIED, WEEK_TRIED = DAY_FROM - DAY, WEEK_FROM - DAY
# Weekdays may differ from what these days have taught.
WEEK_LEARNT_FROM = 2 * DAY
# Spreads beyond which a value does not fit the day's pattern; the share of such bins among those half a day around that
# makes a time of the week another world.
FAR = 2.0
ANOTHER_WORLD = 0.3
# Bins of the week so short that what one visit showed needs a neighbour to support it.
SMOOTH_FROM = 84
# Variance, in units of the noise, of a bin that knows nothing yet.
UNKNOWN_DAY, UNKNOWN_WEEK = 50.0, 20.0
# Updates weaker than this do not count as a value seen.
COUNTS_FROM = 0.3
# The part of a bin's first visit that is taken whole.
FIRST_SHARE = 2.0 / 3.0
# Visits of a bin that are told apart: in one byte, or in two where a bin holds many short buckets.
_FEW_COUNTED, _MANY_COUNTED = 250, 60000


@dataclass(frozen=True, slots=True)
class Grid:
    """Bins of the day and the week, and memories in buckets, for a bucket span in seconds."""

    span: int
    day_bins: int
    week_bins: int
    level_memory: float
    day_memory: float
    week_memory: float
    # Buckets that fall into a bin of the day and of the week each time.
    day_visit: int
    week_visit: int
    day_buckets: float

    @classmethod
    def of(cls, span: int) -> "Grid":
        """The grid for this bucket span; spans above half a day have no bins of the day."""
        day_bins = min(96, DAY // span) if span <= DAY // 2 else 1
        week_bins = max(1, min(168, WEEK // span))
        return cls(
            span,
            day_bins,
            week_bins,
            float(min(LEVEL_MEMORY, max(60, LEVEL_MEMORY_S // span))),
            DAY_MEMORY * max(1.0, DAY / day_bins / span),
            WEEK_MEMORY * max(1.0, WEEK / week_bins / span),
            max(1, DAY // day_bins // span),
            max(1, WEEK // week_bins // span),
            max(1.0, DAY / span),
        )

    @property
    def has_day(self) -> bool:
        """Whether there is a pattern within the day."""
        return self.day_bins > 1

    @property
    def most_counted(self) -> int:
        """Visits of a bin after which they are counted no more: at least the memory of any bin."""
        return _FEW_COUNTED if self.week_memory <= _FEW_COUNTED else _MANY_COUNTED

    def bins(self, time: int) -> tuple[int, int]:
        """Bin of the day and bin of the week."""
        return (time % DAY) * self.day_bins // DAY, (time % WEEK) * self.week_bins // WEEK


@dataclass(frozen=True, slots=True)
class Lesson:
    """What there is to learn from a bucket: one element per row, `predicted` and `scale` predictors x rows.

    `noise` is the spread of a well predicted value, `limit` bounds the error a level takes, `bound` that a pattern
    takes; `step` 0..1 scales every update, `trusted` is the step without regard to how odd the value is.
    """

    value: Floats
    predicted: Floats
    typical: Floats
    noise: Floats
    scale: Floats
    limit: Floats
    bound: Floats
    step: Floats
    trusted: Floats
    n: Floats


def slots(grid: Grid) -> dict[str, Slot]:
    """State of a series."""
    visits = "u1" if grid.most_counted == _FEW_COUNTED else "u2"
    return {
        "day": Slot("f4", (grid.day_bins,)),
        "day_n": Slot(visits, (grid.day_bins,)),
        "week": Slot("f4", (grid.week_bins,)),
        "week_n": Slot(visits, (grid.week_bins,)),
        # Which bins were far from the day's pattern when first visited: a bit for each.
        "week_far": Slot("u1", (-(-grid.week_bins // 8),)),
    }


def day_part(columns: Columns, grid: Grid, time: int, rows: Rows) -> Floats:
    """What the day's pattern adds to the level at `time`."""
    if not grid.has_day:
        return np.zeros(len(rows))
    d, _ = grid.bins(time)
    trust = np.clip(columns["day_n"][d, rows] / 2.0, 0.0, 1.0) * (time - columns["first"][rows] >= DAY_TRIED)
    return columns["day"][d, rows] * trust


def week_part(
    columns: Columns, grid: Grid, time: int, rows: Rows, day_scale: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """(what the week's pattern adds, where this time of the week is known to be another world than the day's pattern).

    `day_scale` is the scale of the errors without it.
    """
    _, w = grid.bins(time)
    week = columns["week"][w, rows].astype(np.float64)
    rounds = columns["week_n"][w, rows] // grid.week_visit
    if not grid.has_day:
        return np.where(rounds >= 1, week, 0.0), np.zeros(len(rows), bool)
    is_other = _is_another_world(columns, grid, w, rows)
    if grid.week_bins >= SMOOTH_FROM:
        before, after = (columns["week"][(w + by) % grid.week_bins, rows] for by in (-1, 1))
        supported = np.clip(week, np.minimum(before, after), np.maximum(before, after))
        week = np.where(rounds >= 2, week, supported)
    habit = np.where((rounds >= 2) | is_other, week, np.clip(week, -FAR * day_scale, FAR * day_scale))
    in_use = (rounds >= 2) | ((rounds == 1) & (is_other | (time - columns["first"][rows] >= WEEK_TRIED)))
    return np.where(in_use, habit, 0.0), is_other & (rounds >= 1)


def doubts(columns: Columns, grid: Grid, time: int, rows: Rows) -> tuple[Floats, Floats]:
    """Variance, in units of the noise, that seldom visited bins of the (day, week) add to a prediction."""
    d, w = grid.bins(time)
    seen_day, seen_week = columns["day_n"][d, rows].astype(np.float64), columns["week_n"][w, rows].astype(np.float64)
    day = (1.0 / np.clip(seen_day, 1.0, grid.day_memory) - 1.0 / grid.day_memory) * grid.has_day
    in_use = (seen_week >= grid.week_visit) & (time - columns["first"][rows] >= WEEK_TRIED)
    return day, in_use * (1.0 / np.clip(seen_week, 1.0, grid.week_memory) - 1.0 / grid.week_memory)


def learn(
    columns: Columns, grid: Grid, time: int, rows: Rows, lesson: Lesson, rest: Floats, scale: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Both patterns take their part of `rest`, the value without its level.

    Returns (the level's part, where this second week explains what was odd in the first). `scale` is that of the
    errors of a prediction without the week.
    """
    d, w = grid.bins(time)
    day = columns["day"][d, rows].astype(np.float64) * grid.has_day
    seen_day, seen_week = columns["day_n"][d, rows].astype(np.float64), columns["week_n"][w, rows].astype(np.float64)
    known = lesson.n > 0
    ripe = known & ((time - columns["first"][rows] >= WEEK_LEARNT_FROM) | (not grid.has_day))
    left = rest - day
    habit, is_other = week_part(columns, grid, time, rows, scale)
    off = left - habit
    bounded = np.clip(off, -lesson.bound, lesson.bound)
    is_far = ripe & ((np.abs(left) > FAR * scale) | (not grid.has_day))
    is_first = seen_week < grid.week_visit
    doubt_level = 1.0 / np.minimum(lesson.n + 1.0, grid.level_memory)
    doubt_day = grid.has_day / np.minimum(seen_day + 1.0 / UNKNOWN_DAY, grid.day_memory)
    again = 1.0 / np.clip(seen_week, 1.0, grid.week_memory)
    doubt_week = ripe * np.where(is_first, UNKNOWN_WEEK * is_far, again)
    total = 1.0 + doubt_level + doubt_day + doubt_week
    explained = is_other & (lesson.trusted > 0.5) & _explains(columns, grid, w, rows, left, scale)
    if grid.has_day:
        _learn_day(columns, grid, d, rows, lesson, off * doubt_day / total, bounded * doubt_day / total)
    _note_far(columns, w, rows[is_first & ripe], is_far[is_first & ripe])
    _learn_week(columns, grid, w, rows, lesson, left, bounded * doubt_week / total, scale, ripe)
    return lesson.step * np.clip(off, -lesson.limit, lesson.limit) * doubt_level / total, explained


def _learn_day(
    columns: Columns, grid: Grid, d: int, rows: Rows, lesson: Lesson, gain: Floats, bounded_gain: Floats
) -> None:
    """Most of the first visit is taken whole: nothing can be odd yet. What came later must not come back as tomorrow's
    pattern, and is bounded.
    """
    day, seen = columns["day"][d, rows].astype(np.float64), columns["day_n"][d, rows]
    is_new = seen < FIRST_SHARE * grid.day_visit
    step = np.where(is_new, lesson.trusted, lesson.step) * (lesson.n > 0)
    columns["day"][d, rows] = day + step * np.where(is_new, gain, bounded_gain)
    columns["day_n"][d, rows] = np.minimum(seen + (step > COUNTS_FROM), grid.most_counted)


def _learn_week(
    columns: Columns,
    grid: Grid,
    w: int,
    rows: Rows,
    lesson: Lesson,
    left: Floats,
    gain: Floats,
    scale: Floats,
    ripe: NDArray[np.bool_],
) -> None:
    """The first visit is noted as it comes; a second that does not agree only where it is the less unusual."""
    week, seen = columns["week"][w, rows].astype(np.float64), columns["week_n"][w, rows].astype(np.float64)
    is_first = seen < grid.week_visit
    young = (seen < 2 * grid.week_visit) & grid.has_day
    agrees = np.abs(left - week) <= np.maximum(0.5 * np.abs(week), FAR * scale)
    noted = (left - week) / np.where(is_first | agrees, seen + 1.0, seen % grid.week_visit + 1.0)
    noted = np.where(is_first | agrees | (np.abs(left) <= np.abs(week)), noted, 0.0)
    step = np.where(young, lesson.trusted, lesson.step) * ripe
    columns["week"][w, rows] = week + step * np.where(young, noted, gain)
    columns["week_n"][w, rows] = np.minimum(seen + (step > COUNTS_FROM), grid.most_counted)


def _is_another_world(columns: Columns, grid: Grid, w: int, rows: Rows) -> NDArray[np.bool_]:
    half = grid.week_bins // 14
    around = np.arange(w - half, w + half + 1) % grid.week_bins
    far = _far(columns, around[:, None], rows).sum(axis=0, dtype=np.uint16)
    return far > ANOTHER_WORLD * len(around)


def _far(columns: Columns, w: NDArray[np.intp] | np.intp, rows: Rows) -> NDArray[np.uint8]:
    return columns["week_far"][w // 8, rows] >> (w % 8).astype(np.uint8) & 1


def _note_far(columns: Columns, w: int, rows: Rows, is_far: NDArray[np.bool_]) -> None:
    others = columns["week_far"][w // 8, rows] & ~np.uint8(1 << w % 8)
    columns["week_far"][w // 8, rows] = others | is_far.astype(np.uint8) << np.uint8(w % 8)


def _explains(columns: Columns, grid: Grid, w: int, rows: Rows, left: Floats, scale: Floats) -> NDArray[np.bool_]:
    week, seen = columns["week"][w, rows].astype(np.float64), columns["week_n"][w, rows]
    is_second = (seen >= grid.week_visit) & (seen < 2 * grid.week_visit) & (_far(columns, np.intp(w), rows) > 0)
    return is_second & (np.abs(week) > FAR * scale) & (np.abs(left - week) < 0.5 * np.abs(week))
