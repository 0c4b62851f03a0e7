"""Whether one clock moved, in plain Python: the obviously right twin of models/clock_shift.py.

The tables of the day and the week, and what they tell, are NaivePatterns of naive_location.py.
"""

from __future__ import annotations

from tests.engine.naive_location import DAY, LEVEL, WEEK, WITH_DAY, WITH_WEEK, NaivePatterns


def rolled(cells, seconds, period):
    by = round(seconds * len(cells) / period)
    return [cells[(i + by) % len(cells)] for i in range(len(cells))]


class NaiveClock:
    """The patterns of a series and the votes of one day about when they come."""

    def __init__(self, span):
        self.span = span
        self.patterns = NaivePatterns(span)
        self.day, self.votes = None, {-3600: 0, 3600: 0}

    def observe(self, time, age, rest, spread, scale, strength):
        """By how many seconds the clock moved."""
        if not self.patterns.has_day or self.span > 3600:
            return 0
        by_pattern = min(scale[WITH_DAY], scale[WITH_WEEK])
        tells_time = by_pattern < 0.5 * scale[LEVEL] and abs(strength - 1.0) < 0.2 and age >= 9 * DAY
        moved = 0
        if self.day != time // DAY:
            if tells_time:
                moved = self.decision()
                self.shift(moved)
            self.day, self.votes = time // DAY, {-3600: 0, 3600: 0}
        if tells_time:
            self.vote(time, age, rest, max(min(spread, by_pattern), 1e-30), scale[WITH_DAY])
        return moved

    def decision(self):
        for seconds, votes in self.votes.items():
            if votes == max(self.votes.values()) and votes * self.span >= 5400:
                return seconds
        return 0

    def vote(self, time, age, rest, noise, day_scale):
        def distance(later):
            at, old = time + later, age + later
            return abs(rest - self.patterns.day_part(at, old) - self.patterns.week_part(at, old, day_scale)) / noise

        for seconds in self.votes:
            nearer = distance(0) - distance(seconds)
            if nearer > 2 and distance(seconds) < 0.5 * distance(0):
                self.votes[seconds] += 1
            elif nearer < -2:
                self.votes[seconds] -= 4

    def shift(self, seconds):
        tables = self.patterns
        tables.day, tables.day_n = rolled(tables.day, seconds, DAY), rolled(tables.day_n, seconds, DAY)
        tables.week, tables.week_n = rolled(tables.week, seconds, WEEK), rolled(tables.week_n, seconds, WEEK)
