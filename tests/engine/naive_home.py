"""Where a series is at home, in plain Python: the twin of models/home.py."""

from __future__ import annotations

import copy
import math

from tests.engine.naive_location import DAY, clip


class NaiveHome:
    """What a series was like before its level moved."""

    def __init__(self, series):
        self.series, self.span = series, series.span
        self.began = self.put = self.left = self.aside = None
        self.back = 0

    def home_began(self, first):
        return first if self.began is None else self.began

    def is_away(self, time, first):
        return self.left is not None and time - self.left < self.left - self.home_began(first)

    def is_as_at_home(self, time, first, value):
        location, mixture, day_spread = self.aside
        patterns, (plain, by_day, by_week) = location.patterns, mixture.scale[:3]
        d, _ = patterns.bins(time)
        factor = clip((8.0 + patterns.day_n[d] * day_spread[d]) / (8.0 + patterns.day_n[d]), 0.6, 6.0)
        views, now = self.series.views, self.series.location
        least = 1e-3 * abs(location.level)
        if views.high > views.low:
            least = min(least, 0.05 * (views.high - views.low))
        within = 5.0 * factor * max(min(by_day, by_week), least, 0.01 * plain, 1e-30)
        off = value - location.base - patterns.day_part(time, time - first)
        off -= now.periods.part(time) + now.calendar.part(time)
        if by_week < by_day:
            off -= patterns.week_part(time, time - first, by_day)
        return abs(off) <= within

    def most_surprise(self, time, first, value):
        if self.left is None or not self.is_away(time, first) or not self.is_as_at_home(time, first, value):
            return 300.0
        return 0.3 if self.back else math.log10(2.0 * ((time - self.left) / self.span + 1.0))

    def is_back(self, time, first, judged, spread):
        if self.left is None:
            return False
        off = min(abs(judged.value - p) for p in judged.predicted[:4])
        is_there = self.is_away(time, first) and self.is_as_at_home(time, first, judged.value) and off > 3.0 * spread
        self.back = self.back + 1 if is_there else 0
        return self.back >= max(3, 3600 // self.span)

    def take_up(self):
        series, (then, mixture, day_spread), before = self.series, self.aside, self.series.location.level
        now = series.location
        now.level, now.base, now.patterns = then.level, then.base, copy.deepcopy(then.patterns)
        now.strength, now.power, now.strong_for = then.strength, then.power, then.strong_for
        series.patterns = now.patterns
        series.mixture = copy.deepcopy(mixture)
        series.day_spread, self.left, self.back = list(day_spread), None, 0
        return then.level - before

    def put_aside(self, time, first):
        if not self.is_away(time, first):
            series, self.put = self.series, time
            self.aside = copy.deepcopy((series.location, series.mixture, series.day_spread))

    def leave(self, time, first, by):
        self.back = 0
        if not self.is_away(time, first):
            self.began, self.left = self.left if self.left is not None else self.began, None
            is_fresh = self.put is not None and time - self.put <= max(4 * DAY, 24 * self.span)
            if is_fresh and self.put - self.home_began(first) >= 14 * DAY:
                self.left = self.put
        elif abs(self.series.location.level + by - self.aside[0].level) < 0.5 * abs(by):
            self.left = None
