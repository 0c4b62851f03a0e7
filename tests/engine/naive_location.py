"""Where one series is expected to be, in plain Python: the obviously right twin of models/location.py and below.

Numbers are rounded only where they are stored, to the size the model stores them in, so that the two do not drift
apart.
"""

from __future__ import annotations

import math
import struct

from tests.engine.naive_calendar import NaiveCalendar
from tests.engine.naive_periods import NaivePeriods

DAY, WEEK = 86400, 604800
LEVEL, WITH_DAY, WITH_WEEK, STRENGTHENED = range(4)


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def half(x):
    return struct.unpack("e", struct.pack("e", x))[0]


def clip(x, low, high):
    return max(low, min(high, x))


class NaivePatterns:
    """The tables of the day and the week."""

    def __init__(self, span):
        self.span = span
        self.has_day = span <= DAY // 2
        self.day_bins = min(96, DAY // span) if self.has_day else 1
        self.week_bins = max(1, min(168, WEEK // span))
        self.day_visit = max(1, DAY // self.day_bins // span)
        self.week_visit = max(1, WEEK // self.week_bins // span)
        self.day_memory = 8.0 * max(1.0, DAY / self.day_bins / span)
        self.week_memory = 4.0 * max(1.0, WEEK / self.week_bins / span)
        self.most_counted = 250 if self.week_memory <= 250 else 60000
        self.level_memory = min(2000, max(60, 14 * DAY // span))
        self.day_buckets = max(1.0, DAY / span)
        self.day, self.day_n = [0.0] * self.day_bins, [0] * self.day_bins
        self.week, self.week_n = [0.0] * self.week_bins, [0] * self.week_bins
        self.far = [False] * self.week_bins

    def bins(self, time):
        return time % DAY * self.day_bins // DAY, time % WEEK * self.week_bins // WEEK

    def day_part(self, time, age):
        if not self.has_day or age < DAY:
            return 0.0
        d, _ = self.bins(time)
        return self.day[d] * min(1.0, self.day_n[d] / 2)

    def is_other_world(self, time):
        """Whether the hours around this time of the week are known to be none of those the day's pattern tells of."""
        _, w = self.bins(time)
        half = self.week_bins // 14
        far = sum(self.far[(w + by) % self.week_bins] for by in range(-half, half + 1))
        return self.has_day and self.week_n[w] >= self.week_visit and far > 0.3 * (2 * half + 1)

    def week_part(self, time, age, day_scale):
        _, w = self.bins(time)
        rounds = self.week_n[w] // self.week_visit
        if rounds == 0:
            return 0.0
        if not self.has_day or rounds >= 2:
            return self.week[w]
        week = self.week[w]
        if self.week_bins >= 84:
            week = sorted(self.week[(w + by) % self.week_bins] for by in (-1, 0, 1))[1]
        if self.is_other_world(time):
            return week
        return clip(week, -2.0 * day_scale, 2.0 * day_scale) if age >= 8 * DAY else 0.0

    def doubt(self, time, age):
        """Variance an error has here in units of one where all is known, for all predictors."""
        d, w = self.bins(time)
        day = 1.0 / clip(self.day_n[d], 1.0, self.day_memory) - 1.0 / self.day_memory if self.has_day else 0.0
        week = 0.0
        if self.week_n[w] >= self.week_visit and age >= 8 * DAY:
            week = 1.0 / clip(self.week_n[w], 1.0, self.week_memory) - 1.0 / self.week_memory
        with_week = 1.0 + day + week
        return [1.0, 1.0 + day, with_week, with_week, with_week, 1.0 + day]

    def learn(self, time, age, n, rest, scale, limit, bound, step, trusted):
        """Shares `rest` out between the bins of the day and the week.

        Returns (what is left to the level, whether this second week explains what was odd in the first).
        """
        if n == 0:
            return 0.0, False
        d, w = self.bins(time)
        ripe = age >= 2 * DAY or not self.has_day
        left = rest - self.day[d] if self.has_day else rest
        off = left - self.week_part(time, age, scale)
        bounded = clip(off, -bound, bound)
        is_far = ripe and (abs(left) > 2.0 * scale or not self.has_day)
        is_first = self.week_n[w] < self.week_visit
        doubt_week = 0.0
        if ripe and not is_first:
            doubt_week = 1.0 / clip(self.week_n[w], 1.0, self.week_memory)
        elif is_far:
            doubt_week = 20.0
        doubt_day = 1.0 / min(self.day_n[d] + 1 / 50, self.day_memory) if self.has_day else 0.0
        doubt_level = 1.0 / min(n + 1.0, self.level_memory)
        total = 1.0 + doubt_level + doubt_day + doubt_week
        week = self.week[w]
        is_second = self.week_visit <= self.week_n[w] < 2 * self.week_visit
        explained = trusted > 0.5 and is_second and self.far[w] and self.is_other_world(time)
        explained = explained and abs(week) > 2.0 * scale and abs(left - week) < 0.5 * abs(week)
        if self.has_day:
            self._learn_day(d, off, bounded, doubt_day / total, step, trusted)
        if is_first and ripe:
            self.far[w] = is_far
        if ripe:
            self._learn_week(w, left, bounded * doubt_week / total, scale, step, trusted)
        return step * clip(off, -limit, limit) * doubt_level / total, explained

    def _learn_day(self, d, off, bounded, gain, step, trusted):
        is_new, is_young = (self.day_n[d] < visits * self.day_visit for visits in (2 / 3, 3))
        takes_back = is_young and off * self.day[d] < 0
        step, off = (trusted, off) if is_new or takes_back else (step, bounded)
        self.day[d] = single(self.day[d] + step * off * gain)
        self.day_n[d] = min(self.day_n[d] + ((trusted if is_young else step) > 0.3), self.most_counted)

    def _learn_week(self, w, left, gain, scale, step, trusted):
        seen, week = self.week_n[w], self.week[w]
        if self.has_day and seen < 2 * self.week_visit:
            step = trusted
            agrees = seen < self.week_visit or abs(left - week) <= max(0.5 * abs(week), 2.0 * scale)
            gain = (left - week) / ((seen if agrees else seen % self.week_visit) + 1)
            if not agrees and abs(left) > abs(week):
                gain = 0.0
        self.week[w] = single(week + step * gain)
        self.week_n[w] = min(seen + (step > 0.3), self.most_counted)


def local_from(span):
    """Seconds after which what wanders may be believed."""
    return min(2 * DAY, 100 * span)


def memory(span):
    """Two weeks in buckets."""
    return float(min(2000, max(60, 14 * DAY // span)))


class NaiveLocation:
    """Level, patterns, their strength and what wanders: six predictions of the next value."""

    def __init__(self, span):
        self.patterns, self.periods = NaivePatterns(span), NaivePeriods(span)
        self.calendar = NaiveCalendar(span)
        self.local_from = local_from(span)
        self.level = self.base = 0.0
        self.strength, self.power, self.strong_for = 1.0, 0.0, 0
        self.local = [0.0, 0.0]

    def predict(self, time, age, day_scale):
        day = self.patterns.day_part(time, age) + self.periods.part(time) + self.calendar.part(time)
        week = self.patterns.week_part(time, age, day_scale)
        with_day = (self.base if age >= DAY else self.level) + day
        with_week = with_day + week
        strengthened = with_day
        if age >= 8 * DAY:
            strengthened = self.level + self.strength * (with_week - self.level)
        if self.patterns.is_other_world(time):
            with_day = with_week
        of_week, of_day = self.local if age >= self.local_from // 2 else (0.0, 0.0)
        return [self.level, with_day, with_week, strengthened, with_week + of_week, with_day + of_day]

    def learn(self, time, age, n, judged, limit, bound, step, trusted):
        value, level, memory = judged.value, self.level, self.patterns.level_memory
        if n == 0:
            self.level = self.base = value
            self.local = [0.0, 0.0]
        else:
            self.level += step * clip(value - judged.typical, -limit, limit) / min(n + 1.0, memory)
            for i, k in enumerate((WITH_WEEK, WITH_DAY)):
                most = min(bound, 4.0 * judged.scale[k])
                off = clip(value - judged.predicted[k] - self.local[i], -most, most)
                self.local[i] = single(self.local[i] + trusted * off / 4.0)
        day_scale = judged.scale[WITH_DAY]
        rest = value - self.base - self.periods.part(time) - self.calendar.part(time)
        self.calendar.learn(time, value - judged.predicted[WITH_WEEK], judged.spread, bound, step, trusted)
        off = rest - self.patterns.day_part(time, age) - self.patterns.week_part(time, age, day_scale)
        self.periods.learn(time, off, judged.spread, bound, step, trusted)
        part, explained = self.patterns.learn(time, age, n, rest, day_scale, limit, bound, step, trusted)
        self.base += part
        if n > 0 and age < DAY <= age + self.patterns.span:
            then = self.patterns.day_part(time + self.patterns.span, age + self.patterns.span)
            self.local = [single(local + self.level - self.base - then) for local in self.local]
        pattern, noise = judged.predicted[WITH_WEEK] - level, judged.spread
        rate = trusted / max(2.0, 0.25 * self.patterns.day_buckets)
        off = clip(value - judged.predicted[STRENGTHENED], -6.0 * noise, 6.0 * noise)
        moved = rate * off * pattern / max(max(self.power, pattern**2) + noise**2, 1e-30)
        self.strength = single(clip(self.strength + moved, 0.0, 4.0))
        self.power += rate * (pattern**2 - self.power)
        return explained

    def settle(self, log_weight):
        """Makes a strength that has long been another that of the patterns; returns by how much."""
        lasting = (
            log_weight.index(max(log_weight)) == STRENGTHENED
            and abs(self.strength - 1.0) > 0.2
            and self.strength >= 0.1
        )
        self.strong_for = self.strong_for + 1 if lasting else 0
        if self.strong_for < max(12.0, self.patterns.day_buckets):
            return 1.0
        by = self.strength
        self.base = self.level + by * (self.base - self.level)
        self.patterns.day = [single(x * by) for x in self.patterns.day]
        self.patterns.week = [single(x * by) for x in self.patterns.week]
        self.periods.table = [single(x * by) for x in self.periods.table]
        self.calendar.scale_by(by)
        self.strength, self.power, self.strong_for, self.local = 1.0, self.power * by**2, 0, [0.0, 0.0]
        return by


class NaiveMixture:
    """How far off each predictor is, and how much each is believed."""

    def __init__(self, span):
        self.local_from = local_from(span)
        self.scale, self.log_weight, self.steady = [0.0] * 6, [0.0] * 6, [0.0] * 4
        self.memory = memory(span)

    def combine(self, level, moved, age, predicted, doubt):
        """(expected, spread) of all predictors and of the four that do not follow the last values, and all scales.

        `moved` is how far the series was seen to move.
        """
        steadiest = min(1e-3 * abs(level), 0.05 * moved) if moved > 0 else 1e-3 * abs(level)
        floor = max(steadiest, 0.01 * self.scale[0], 1e-30)
        scale = [max(s * math.sqrt(d), floor) for s, d in zip(self.scale, doubt, strict=True)]
        starts = (0, 2 * DAY, 9 * DAY, 9 * DAY, self.local_from, self.local_from)

        def mean_of(values, log_weight):
            """The mean by weight of as many predictors, the first ones."""
            weight = [math.exp(w) if age >= start else 0.0 for w, start in zip(log_weight, starts, strict=False)]
            return sum(w * x for w, x in zip(weight, values, strict=False)) / sum(weight)

        each = (self.log_weight, self.steady)
        return [(mean_of(predicted, weight), mean_of(scale, weight)) for weight in each], scale

    def learn(self, n, age, span, judged, step, weight, is_held, lasts):
        """`age` is in seconds. An incident that only the level explains says little, another one nothing."""
        fits = []
        local = self.local_from // 2
        for k, starts in enumerate((0, DAY, 8 * DAY, 8 * DAY, local, local)):
            error, scale = judged.value - judged.predicted[k], judged.scale[k]
            used = n if age < starts else min(n, max(12.0, (age - starts) / span))
            taught = weight * max(step, 0.3) if step > 0 and not is_held else 0.0
            rate = max(3.0 / (used + 3.0), 1.0 / self.memory) * taught
            size = abs(error) if n < 12 else min(abs(error), 4.0 * scale)
            wanted = 1.25 * size / math.sqrt(judged.doubt[k])
            self.scale[k] = single(self.scale[k] + rate * (wanted - self.scale[k])) if n > 0 else 0.0
            fits.append(-2.5 * math.log1p((error / scale) ** 2 / 4.0) - math.log(scale))
        if is_held:
            is_plain = abs(judged.value - judged.predicted[LEVEL]) <= 2.0 * judged.scale[LEVEL]
            fits = [max(f - max(fits), -8.0 * span / 21600 if is_plain else 0.0) for f in fits]
        kept = [(1.0 - weight / 300.0) * w for w in self.log_weight]
        fits = [w + (weight * f if step > 0 else 0.0) for w, f in zip(kept, fits, strict=True)]
        self.log_weight = [single(max(f - max(fits), -8.0)) for f in fits]
        if not lasts:
            self.steady = self.log_weight[:4]
