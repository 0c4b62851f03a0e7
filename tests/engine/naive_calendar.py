"""A day of the month in plain Python: the twin of models/calendar_days.py, with the standard library's calendar."""

from __future__ import annotations

import math
import struct
from calendar import monthrange
from datetime import date

DAY = 86400


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def clip(x, low, high):
    return max(low, min(high, x))


def date_of(day):
    return date.fromordinal(date(1970, 1, 1).toordinal() + day)


def names(day):
    """What a day is called: by what came before it in its month, by what comes after it, and both by weekday."""
    then = date_of(day)
    before, after = then.day - 1, monthrange(then.year, then.month)[1] - then.day
    weekday = (then.weekday() - 3) % 7
    return [before, after, before // 7 * 7 + weekday, after // 7 * 7 + weekday]


def month(day):
    then = date_of(day)
    return 12 * then.year + then.month


class NaiveCalendar:
    """The odd days of one series and what it knows of them."""

    def __init__(self, span):
        self.span, self.bins = span, max(1, min(24, DAY // span))
        self.visit = max(1.0, max(1.0, DAY / span) / self.bins)
        self.known, self.vote = None, 0.0
        self.table, self.n = [0.0] * self.bins, [0] * self.bins
        self.today, self.usual, self.odd = None, 0.0, []

    def bin(self, time):
        return time % DAY * self.bins // DAY

    def is_today(self, time):
        if self.known is None:
            return False
        kind, name = self.known
        return names(time // DAY)[kind] == name

    def part(self, time):
        return self.table[self.bin(time)] if self.is_today(time) else 0.0

    def doubt(self, time):
        if not self.is_today(time):
            return 0.0
        return 1.0 / clip(self.n[self.bin(time)], 1.0, 8.0 * self.visit) - 1.0 / (8.0 * self.visit)

    def scale_by(self, by):
        if self.known is not None:
            self.table = [single(x * by) for x in self.table]

    def learn(self, time, off, noise, bound, step, trusted):
        if not self.is_today(time):
            return
        b = self.bin(time)
        before, seen = self.table[b], clip(self.n[b], 1.0, min(8.0 * self.visit, 250))
        self.table[b] = single(before + step * clip(off, -bound, bound) / (seen + 1.0))
        self.n[b] = min(self.n[b] + (step > 0.3), 250)
        loud = sum(abs(x) > noise for x in self.table)
        if abs(before) > noise:
            gain = 0.5 * math.log(((off + before) ** 2 + noise**2 + 1e-30) / (off**2 + noise**2 + 1e-30))
            self.vote += trusted * (clip(gain, -2.0, 2.0) - self.vote) / (3.0 * self.visit * max(loud, 1))
            self.vote = single(self.vote)
        if self.vote < 0.03 or loud == 0:
            self.known, self.today, self.odd = None, None, []

    def observe(self, time, first, off, level, scale):
        """Returns 100 x the number of the kind + that of the day where one has just been told, else 0."""
        if self.span > DAY or self.known is not None or time - first < 9 * DAY:
            return 0
        if self.today != time // DAY:
            if self.today is not None:
                self.finish(first, level, scale)
            self.today = time // DAY
            if self.known is not None:
                return 100 * (self.known[0] + 1) + self.known[1]
            self.table, self.n = [0.0] * self.bins, [0] * self.bins
        b = self.bin(time)
        self.table[b] = single(self.table[b] + (off - self.table[b]) / (self.n[b] + 1))
        self.n[b] = min(self.n[b] + 1, 250)
        return 0

    def finish(self, first, level, scale):
        size = max(abs(x) for x in self.table)
        least = max(0.2 * scale, 1e-3 * abs(level))
        age = self.today - first // DAY - 9
        is_odd = size > (2.0 + 2.5 / math.sqrt(self.bins)) * max(self.usual, least)
        bounded = min(size, 2.0 * max(self.usual, least)) if age > 0 else size
        self.usual = single(self.usual + (bounded - self.usual) / clip(age + 1, 1, 20))
        if not is_odd or age < 5 or size == 0:
            return
        far = [(b * 8 // self.bins, x > 0) for b, x in enumerate(self.table) if abs(x) >= 0.5 * size]
        self.odd = [(self.today, set(far)), *self.odd][:16]
        self.known = self.recurring()
        if self.known is None:
            return
        self.vote = 1.0
        for b, x in enumerate(self.table):
            if abs(x) <= self.usual:
                self.table[b], self.n[b] = 0.0, 250

    def recurring(self):
        newest, shape = self.odd[0]
        like = [day for day, other in self.odd if 2 * len(other & shape) >= len(other | shape)]
        covered = newest - min(day for day, _ in self.odd) + 1
        chances = []
        for kind in range(4):
            matches = [day for day in like if names(day)[kind] == names(newest)[kind]]
            k, m = len(matches), month(newest) - min(month(day) for day in matches) + 1
            rate = min((len(like) - k + 1) / covered, 1.0)
            tail = sum(math.comb(m - 1, i) * rate**i * (1 - rate) ** (m - 1 - i) for i in range(k - 1, m))
            chances.append(132 * tail if k >= 4 else 1.0)
        best = chances.index(min(chances))
        return (best, names(newest)[best]) if chances[best] < 2e-4 else None
