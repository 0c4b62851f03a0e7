"""Where a series is expected to be: its level, its patterns, and what wanders on top of them.

Six predictors of the next value: the level alone, with the day's pattern, with the week's, with both at their
present strength, and with either and the last few errors. Which of them to believe is mixture.py's matter, the
terms are those of level.py, patterns.py, periods.py, calendar_days.py, strength.py and local.py.
"""

from collections.abc import Callable

import numpy as np

from proxy.engine.columns import Rows
from proxy.engine.elementwise import anywhere, column, everywhere, is_one, listed, of, put, root, where, zeros
from proxy.engine.models.calendar_days import MonthDay
from proxy.engine.models.component import Component, Lesson, Mask, Moment
from proxy.engine.models.grid import DAY_FROM, DAY_TRIED, WEEK_FROM, WEEK_TRIED, Grid
from proxy.engine.models.level import Level
from proxy.engine.models.local import Local
from proxy.engine.models.patterns import DayWeek
from proxy.engine.models.periods import OwnPeriod
from proxy.engine.models.strength import Strength
from proxy.engine.results import Floats

LEVEL, WITH_DAY, WITH_WEEK, STRENGTHENED, TRACKED_WEEK, TRACKED_DAY = range(6)
PREDICTORS = 6
# The first ones, which do not follow the last values.
STEADY = TRACKED_WEEK


class Location:
    """The terms of a series, put together."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        local = grid.local_from, grid.local_tried
        self._used_from = np.array((0, DAY_FROM, WEEK_FROM, WEEK_FROM, local[0], local[0]))
        self._tried_from = np.array((0, DAY_TRIED, WEEK_TRIED, WEEK_TRIED, local[1], local[1]))
        self._all_used_from, self._all_tried_from = int(self._used_from.max()), int(self._tried_from.max())
        self.level = Level(grid.level_memory)
        self.patterns = DayWeek(grid)
        self.own_period = OwnPeriod(grid.span)
        self.month_day = MonthDay(grid)
        self.strength = Strength(grid)
        self.local = Local(grid)
        self.parts: dict[str, Component] = {
            "level": self.level,
            "patterns": self.patterns,
            "own_period": self.own_period,
            "month_day": self.month_day,
            "strength": self.strength,
            "local": self.local,
        }

    def predictors(self, at: Moment, day_scale: Floats, ahead: int = 0) -> Floats:
        """Predictors x series for the bucket, `ahead` buckets after the next one: what wanders fades.

        `day_scale` is the scale of the errors with the day's pattern alone.
        """
        level, base = self.level.of(at.rows), self.level.base(at.rows)
        day = self.patterns.day_part(at) + self.own_part(at)
        week, is_other = self.patterns.week_part(at, day_scale)
        with_day = where(at.age >= DAY_TRIED, base, level) + day
        strength = self.strength.of(at.rows)
        strengthened = where(at.age >= WEEK_TRIED, level + strength * (with_day + week - level), with_day)
        local = self.local.part(at, ahead)
        with_week = with_day + week
        # Nobody need wait for the first hours of a Saturday to be told that it is none of the weekdays.
        with_day = where(is_other, with_week, with_day)
        return np.array([level, with_day, with_week, strengthened, with_week + local[0], with_day + local[1]])

    def own_part(self, at: Moment) -> Floats:
        """What is added by patterns that not every series has: its own period and its day of the month."""
        if not self._may_have_own(at.rows):
            return zeros(at.rows)
        return self.own_period.part(at) + self.month_day.part(at)

    def daily(self, at: Moment) -> Floats:
        """The prediction without the week's pattern."""
        return self.level.base(at.rows) + self.patterns.day_part(at) + self.own_part(at)

    def has_own(self, rows: Rows) -> Mask:
        """Which series have a period of their own or a day of the month."""
        return (self.own_period.of(rows) > 0) | self.month_day.is_known(rows)

    def _may_have_own(self, rows: Rows) -> bool:
        """Whether it is worth a look which of these series do."""
        return not is_one(rows) or bool(self.has_own(rows))

    def rest(self, at: Moment, value: Floats) -> Floats:
        """What level and own patterns leave of the values: day and week are still in it."""
        return value - self.level.base(at.rows) - self.own_part(at)

    def doubt(self, at: Moment) -> Floats:
        """Predictors x series: size of an error here over that of one where all bins are well known."""
        day, week = self.patterns.doubts(at)
        one = zeros(at.rows) + 1.0
        variance = one + day
        if self._may_have_own(at.rows):
            variance = variance + (self.own_period.doubt(at) + self.month_day.doubt(at))
        with_day, with_week = root(variance), root(variance + week)
        return np.array([one, with_day, with_week, with_week, with_week, with_day])

    def in_use(self, at: Moment) -> Mask | None:
        """Predictors x series: which may be believed yet; None where all may."""
        if everywhere(at.age >= self._all_used_from):
            return None
        in_use: Mask = at.age >= column(self._used_from, at.rows)
        return in_use

    def tried(self, at: Moment) -> Floats:
        """Predictors x series: buckets each has been put to the test for, infinity where that has not begun."""
        since = (at.age - column(self._tried_from, at.rows)) / self.grid.span
        return since if everywhere(at.age >= self._all_tried_from) else where(since < 0, np.inf, since)

    def learn(self, at: Moment, lesson: Lesson) -> Mask:
        """Moves level and patterns towards a bucket's values.

        Returns where a second week explains what was odd in the first.
        """
        level, day_scale = self.level.of(at.rows), lesson.scale[WITH_DAY]
        base = self.level.learn(at, lesson)
        rest, error = lesson.value - base, lesson.value - lesson.predicted[WITH_WEEK]
        if self._may_have_own(at.rows):
            rest = rest - self.own_part(at)
            self.month_day.learn(at, lesson, error)
            own = self.own_period.having(at)
            if len(own):
                off = of(rest, own) - self.patterns.part(at.only(own), of(day_scale, own))
                self.own_period.learn(at, lesson, put(rest, own, off))
        part, explained = self.patterns.learn(at, lesson, rest, day_scale)
        self.level.settle(at.rows, base + part)
        of_day = lesson.value - lesson.predicted[WITH_DAY]
        self.local.learn(at, lesson, ((error, lesson.scale[WITH_WEEK]), (of_day, lesson.scale[WITH_DAY])))
        self._begin_day(at)
        pattern = lesson.predicted[WITH_WEEK] - level
        self.strength.learn(at, lesson, lesson.value - lesson.predicted[STRENGTHENED], pattern)
        return explained

    def _begin_day(self, at: Moment) -> None:
        """What wanders goes on from where it was, where the next bucket is the first that the day foretells."""
        begins = (at.first >= 0) & (at.age < DAY_TRIED) & (at.age + self.grid.span >= DAY_TRIED)
        if anywhere(begins):
            foretold = self.level.base(at.rows) + self.patterns.day_part(at.later(self.grid.span))
            self.local.add(at.rows, where(begins, self.level.of(at.rows) - foretold, 0.0))

    def shift(self, rows: Rows, by: Floats) -> None:
        """Puts the level of these series elsewhere at once; what wandered there on its own starts afresh."""
        self.level.shift(rows, by)
        self.local.forget(rows)

    def settle_strength(self, rows: Rows, is_best: Callable[[Rows], Mask]) -> Floats:
        """Makes a lasting change of strength that of the patterns themselves; returns the factor per row, mostly 1.

        `is_best(rows)` tells where the prediction at the present strength is believed most.
        """
        by = self.strength.lasting(rows, is_best)
        settled = by != 1.0
        if anywhere(settled):
            for part in self.parts.values():
                part.scale(listed(rows, settled), listed(by, settled))
        return by
