"""Where a series is expected to be: its level, its patterns, and what wanders on top of them.

Six predictors of the next value: the level alone, with the day's pattern, with the week's, with both at their
present strength, and with either and the last few residuals. Which of them to believe is mixture.py's matter, the
patterns are patterns.py's.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.models import calendar_days, patterns, periods
from proxy.engine.models.patterns import DAY, DAY_FROM, DAY_TRIED, WEEK_FROM, WEEK_TRIED, Grid, Lesson
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

LEVEL, WITH_DAY, WITH_WEEK, STRENGTHENED, TRACKED_WEEK, TRACKED_DAY = range(6)
PREDICTORS = 6
# Days in which the strength of the patterns follows a lasting change of it.
STRENGTH_DAYS = 0.25
# Spreads of a residual that it may take from at once.
STRENGTH_LIMIT = 6.0
STRONGEST = 4.0
# A strength this far from 1 that has predicted best for a day becomes the patterns' own.
CHANGED_STRENGTH = 0.2
# A series that wanders is also predicted from its last few values.
LOCAL_FROM, LOCAL_MEMORY = 2 * DAY, 4.0


def slots(grid: Grid) -> dict[str, Slot]:
    """State of a series."""
    return {
        "level": Slot("f8"),
        # The level that the patterns stand on: still while they are being learnt.
        "base": Slot("f8"),
        "strength": Slot("f4", (), 1.0),
        "power": Slot("f8"),
        # Buckets in a row in which another strength predicted best.
        "strong_for": Slot("u2"),
        "local": Slot("f4", (2,)),
        **patterns.slots(grid),
        **calendar_days.slots(grid),
    }


def predictors(columns: Columns, grid: Grid, time: int, rows: Rows, ahead: int = 0) -> Floats:
    """Predictors x rows for the bucket at `time`, `ahead` buckets after the next one: what wanders fades."""
    c = columns
    age = time - c["first"][rows]
    level, base = c["level"][rows], c["base"][rows]
    day = patterns.day_part(c, grid, time, rows) + own_part(c, grid, time, rows)
    week, is_other = patterns.week_part(c, grid, time, rows, c["scale"][WITH_DAY, rows])
    with_day = np.where(age >= DAY_TRIED, base, level) + day
    strengthened = np.where(age >= WEEK_TRIED, level + c["strength"][rows] * (with_day + week - level), with_day)
    local = c["local"][:, rows] * (age >= DAY_TRIED) * (1.0 - 1.0 / LOCAL_MEMORY) ** ahead
    with_week = with_day + week
    # Nobody need wait for the first hours of a Saturday to be told that it is none of the weekdays.
    with_day = np.where(is_other, with_week, with_day)
    return np.stack([level, with_day, with_week, strengthened, with_week + local[0], with_day + local[1]])


def own_part(columns: Columns, grid: Grid, time: int, rows: Rows) -> Floats:
    """What is added to the level by patterns that not every series has: its own rhythm and its day of the month."""
    return periods.part(columns, grid.span, time, rows) + calendar_days.part(columns, grid, time, rows)


def doubt(columns: Columns, grid: Grid, time: int, rows: Rows) -> Floats:
    """Predictors x rows: variance of an error here over that of one where all bins are well known."""
    day, week = patterns.doubts(columns, grid, time, rows)
    one = np.ones(len(rows))
    of_own = periods.doubt(columns, grid.span, time, rows) + calendar_days.doubt(columns, grid, time, rows)
    with_day = one + day + of_own
    with_week = with_day + week
    return np.stack([one, with_day, with_week, with_week, with_week, with_day])


def in_use(columns: Columns, time: int, rows: Rows) -> NDArray[np.bool_]:
    """Predictors x rows: which may be believed yet."""
    return _ages(columns, time, rows, (0, DAY_FROM, WEEK_FROM, WEEK_FROM, LOCAL_FROM, LOCAL_FROM)) >= 0


def tried(columns: Columns, grid: Grid, time: int, rows: Rows) -> Floats:
    """Predictors x rows: buckets each has been put to the test for; below 0 where that has not begun."""
    return _ages(columns, time, rows, (0, DAY_TRIED, WEEK_TRIED, WEEK_TRIED, DAY_TRIED, DAY_TRIED)) / grid.span


def _ages(columns: Columns, time: int, rows: Rows, starts: tuple[int, ...]) -> NDArray[np.int64]:
    return (time - columns["first"][rows])[None, :] - np.array(starts)[:, None]


def learn(columns: Columns, grid: Grid, time: int, rows: Rows, lesson: Lesson) -> NDArray[np.bool_]:
    """Moves level and patterns of `rows` towards a bucket's values.

    Returns where a second week explains what was odd in the first.
    """
    c = columns
    fresh = lesson.n == 0
    level = c["level"][rows]
    error = np.clip(lesson.value - lesson.typical, -lesson.limit, lesson.limit)
    moved = level + lesson.step * error / np.minimum(lesson.n + 1.0, grid.level_memory)
    c["level"][rows] = np.where(fresh, lesson.value, moved)
    base = np.where(fresh, lesson.value, c["base"][rows])
    rest = lesson.value - base - own_part(c, grid, time, rows)
    calendar_days.learn(c, grid, time, rows, lesson, lesson.value - lesson.predicted[WITH_WEEK])
    periods.learn(c, grid, time, rows, lesson, rest, lesson.scale[WITH_DAY])
    part, explained = patterns.learn(c, grid, time, rows, lesson, rest, lesson.scale[WITH_DAY])
    c["base"][rows] = base + part
    local = c["local"][:, rows]
    off = lesson.value - lesson.predicted[[WITH_WEEK, WITH_DAY]] - local
    off = np.clip(off, -lesson.bound, lesson.bound)
    c["local"][:, rows] = np.where(fresh, 0.0, local + lesson.step * off / LOCAL_MEMORY)
    _learn_strength(c, grid, rows, lesson, lesson.predicted[WITH_WEEK] - level)
    return explained


def move(columns: Columns, rows: Rows, shift: Floats) -> None:
    """Puts the level of `rows` elsewhere at once; what wandered there on its own starts afresh."""
    columns["level"][rows] += shift
    columns["base"][rows] += shift
    columns["local"][:, rows] = 0.0


def settle_strength(columns: Columns, grid: Grid, rows: Rows) -> Floats:
    """Makes a lasting change of strength that of the patterns themselves; returns the factor per row, mostly 1."""
    c = columns
    strength = c["strength"][rows].astype(np.float64)
    is_best = c["log_weight"][:, rows].argmax(axis=0) == STRENGTHENED
    lasting = is_best & (np.abs(strength - 1.0) > CHANGED_STRENGTH)
    count = np.where(lasting, np.minimum(c["strong_for"][rows] + 1, 60000), 0)
    settled = count >= max(12.0, grid.day_buckets)
    c["strong_for"][rows] = np.where(settled, 0, count)
    at = rows[settled]
    if len(at):
        by = strength[settled]
        c["base"][at] = c["level"][at] + by * (c["base"][at] - c["level"][at])
        c["day"][:, at] *= by
        c["week"][:, at] *= by
        periods.scale_by(c, at, by)
        calendar_days.scale_by(c, at, by)
        c["strength"][at], c["power"][at] = 1.0, c["power"][at] * by**2
        c["local"][:, at] = 0.0
    return np.where(settled, strength, 1.0)


def _learn_strength(columns: Columns, grid: Grid, rows: Rows, lesson: Lesson, pattern: Floats) -> None:
    """Normalised least mean squares: the residual's part along the pattern, over the pattern's power."""
    strength, power = columns["strength"][rows], columns["power"][rows]
    rate = lesson.trusted / max(2.0, STRENGTH_DAYS * grid.day_buckets)
    off = np.clip(
        lesson.value - lesson.predicted[STRENGTHENED], -STRENGTH_LIMIT * lesson.noise, STRENGTH_LIMIT * lesson.noise
    )
    moved = rate * off * pattern / np.maximum(np.maximum(power, pattern**2) + lesson.noise**2, 1e-30)
    columns["strength"][rows] = np.clip(strength + moved, 0.0, STRONGEST)
    columns["power"][rows] = power + rate * (pattern**2 - power)
