"""A series' own period in plain Python: the twin of models/past.py, period_search.py, period_fit.py and periods.py.

One series, lists of floats; numbers are rounded only where they are stored.
"""

from __future__ import annotations

import math
import struct

DAY, WEEK = 86400, 604800
NAN = math.nan


def single(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def half(x):
    return struct.unpack("e", struct.pack("e", x))[0]


def clip(x, low, high):
    return max(low, min(high, x))


def mean(values):
    return sum(values) / len(values) if values else 0.0


def share_of_f(free_1, free_2, ratio):
    """Upper tail of Fisher's F by Simpson's rule over the beta density, good to three digits of its logarithm."""
    a, b, x = 0.5 * free_2, 0.5 * free_1, free_2 / (free_2 + free_1 * ratio)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    # With t = x u^(1/a) the integrand is smooth at 0.
    steps = 400
    inner = [(1.0 - x * (i / steps) ** (1.0 / a)) ** (b - 1.0) if x < 1 or i < steps else 0.0 for i in range(steps + 1)]
    area = (inner[0] + inner[-1] + 4 * sum(inner[1:-1:2]) + 2 * sum(inner[2:-1:2])) / (3 * steps)
    return math.exp(front + a * math.log(max(x, 1e-300)) - math.log(a)) * area


class NaivePast:
    """Means of stretches, ever longer."""

    def __init__(self, span):
        self.span, self.start, self.width = span, None, 1
        self.stretches, self.growing = {}, None
        self.zero = self.unit = 0.0

    def place(self, bucket):
        return (bucket - self.start) // self.width

    def table(self, count):
        return [self.stretches.get(i, NAN) for i in range(count)]

    def completed(self, time):
        """The numbers of stretches that are complete as of now and were not before."""
        if self.start is None or self.growing is None:
            return []
        return [n for n in (144, 192) if self.growing[0] < n <= self.place(time // self.span)]

    def add(self, time, value, n, level, scale):
        bucket = time // self.span
        if self.start is None:
            if n < 12:
                return
            self.begin(bucket, 1, level, scale)
        while self.place(bucket) >= 192:
            stretch = self.width * self.span
            if 192 * stretch >= 56 * DAY or (self.is_even(stretch) and not self.is_even(2 * stretch)):
                self.begin(bucket, self.second_width(), level, scale)
                continue
            pairs = [[self.stretches[i] for i in (k, k + 1) if i in self.stretches] for k in range(0, 192, 2)]
            self.stretches = {k: half(mean(pair)) for k, pair in enumerate(pairs) if pair}
            self.width, self.growing = 2 * self.width, None
        place, size = self.place(bucket), clip((value - self.zero) / self.unit, -6e4, 6e4)
        if self.growing and self.growing[0] == place:
            _, count, before = self.growing
            size = before + (size - before) / (count + 1)
            self.growing = (place, count + 1, single(size))
        else:
            self.growing = (place, 1, single(size))
        self.stretches[place] = half(size)

    @staticmethod
    def is_even(stretch):
        return stretch % DAY == 0 or DAY % stretch == 0

    def second_width(self):
        """The least that covers four days by the first look and stays even up to 56 days, else just the least."""
        least = -(-4 * DAY // (144 * self.span))
        doublings = {w: [w * self.span] for w in range(least, DAY // self.span + 1)}
        for stretches in doublings.values():
            while 192 * stretches[-1] < 56 * DAY:
                stretches.append(2 * stretches[-1])
        return next((w for w, each in doublings.items() if all(map(self.is_even, each))), least)

    def begin(self, bucket, width, level, scale):
        self.start, self.width, self.stretches, self.growing = bucket, width, {}, None
        self.zero, self.unit = level, max(scale, 1e-3 * abs(level), 1e-9)


class NaiveSearch:
    """The search of one past for a period."""

    def __init__(self, past, stretch_s, span):
        self.n, self.stretch_s, self.span = len(past), stretch_s, span
        self.known = [not math.isnan(v) for v in past]
        x = [v for v in past if not math.isnan(v)]
        middle = mean(x)
        limit = 5.0 * mean([abs(v - middle) for v in x])
        self.x = self.detrended([clip(v - middle, -limit, limit) if k else 0.0 for v, k in self.pairs(past)])
        told = [(p, p / stretch_s) for p, least in ((DAY, 4 * DAY), (WEEK, 21 * DAY)) if stretch_s * self.n >= least]
        self.patterns = [lag for period, lag in told if 4 * stretch_s <= period]

    def pairs(self, values):
        return list(zip(values, self.known, strict=True))

    def detrended(self, x):
        """Without the best parabola over all stretches."""
        at = [2.0 * i / (self.n - 1) - 1.0 for i in range(self.n)]
        basis = []
        for power in (2, 1, 0):
            shape = [t**power for t in at]
            for other in basis:
                dot = sum(a * b for a, b in zip(shape, other, strict=True))
                shape = [a - dot * b for a, b in zip(shape, other, strict=True)]
            size = math.sqrt(sum(a * a for a in shape))
            basis.append([a / size for a in shape])
        for shape in basis:
            dot = sum(a * b for a, b in zip(x, shape, strict=True))
            x = [a - dot * b for a, b in zip(x, shape, strict=True)]
        return [v if k else 0.0 for v, k in self.pairs(x)]

    def bins(self, lag):
        turns = [(i + 0.5) / lag for i in range(self.n)]
        return [int((t - math.floor(t)) * math.ceil(lag)) for t in turns]

    def fold(self, x, lag):
        bins = self.bins(lag)
        means = {b: mean([v for v, k, at in zip(x, self.known, bins, strict=True) if k and at == b]) for b in set(bins)}
        return [means[b] if k else 0.0 for b, k in zip(bins, self.known, strict=True)]

    def without_patterns(self):
        left = self.x
        for lag in self.patterns:
            left = [v - f for v, f in zip(left, self.fold(left, lag), strict=True)]
        return left

    def error(self, lag):
        left, folds = self.x, {each: [0.0] * self.n for each in [("own", lag), *enumerate(self.patterns)]}
        for _ in range(4):
            for each in folds:
                left = [v + f for v, f in zip(left, folds[each], strict=True)]
                folds[each] = self.fold(left, each[1])
                left = [v - f for v, f in zip(left, folds[each], strict=True)]
            left = self.detrended(left)
        return sum(v * v for v in left)

    def search(self):
        x = self.without_patterns()
        count = sum(self.known)
        if count < 0.7 * self.n or sum(v * v for v in x) <= 1e-4 * count:
            return 0.0
        likeness = []
        for lag in range(self.n * 2 // 3):
            pairs = max(sum(self.known[i] and self.known[i + lag] for i in range(self.n - lag)), 1)
            likeness.append(sum(x[i] * x[i + lag] for i in range(self.n - lag)) / pairs)
        likeness = [v / likeness[0] for v in likeness]
        lag = self.suspect(likeness)
        if lag == 0:
            return 0.0
        period = self.best_nearby(self.refined(likeness, lag))
        if self.is_of_the_day(period) or not self.is_proven(x, period / self.stretch_s):
            return 0.0
        return period

    @staticmethod
    def suspect(likeness):
        peaks = []
        for lag in range(2, len(likeness) // 2 + 1):
            v = likeness[lag]
            if v >= 0.4 and v >= likeness[lag - 1] and v >= likeness[lag + 1] and v - min(likeness[1 : lag + 1]) >= 0.3:
                peaks.append(lag)
        return min((lag for lag in peaks if likeness[lag] >= 0.85 * max(likeness[p] for p in peaks)), default=0)

    @staticmethod
    def refined(likeness, lag):
        def summit(at):
            before, here, after = likeness[at - 1 : at + 2]
            bend = before - 2 * here + after
            return at + (clip(0.5 * (before - after) / bend, -0.5, 0.5) if bend < 0 else 0.0)

        last, period, turns = len(likeness) - 2, summit(lag), 2
        while turns <= last and turns * period + 2 <= last:
            about = clip(round(turns * period), 3, last - 2)
            peak = max(range(about - 2, about + 3), key=lambda at: likeness[at])
            period, turns = summit(peak) / turns, 2 * turns
        return period

    def best_nearby(self, lag):
        step = 0.5 / self.n
        tried = [lag * (1 + step * k) for k in range(-4, 5)]
        errors = [self.error(one) for one in tried]
        least, best = min(errors), tried[errors.index(min(errors))]
        own = lag * self.stretch_s
        if abs(round(own / 3600) * 3600 - own) < 1e-3 and errors[4] <= 1.15 * least + 1e-3:
            return own
        for unit in (DAY, 3600, 600, 60, self.span):
            whole = max(round(best * self.stretch_s / unit), 1) * unit
            if abs(whole / (best * self.stretch_s) - 1) > 2 * step:
                continue
            if self.error(whole / self.stretch_s) <= 1.15 * least + 1e-3:
                return float(whole)
        return best * self.stretch_s

    def is_proven(self, x, lag):
        bins = self.bins(lag)
        off, rest = [], 0.0
        for i, value in enumerate(x):
            same = [x[j] for j in range(self.n) if bins[j] == bins[i] and self.known[j]]
            others = len(same) - 1
            if not self.known[i]:
                off.append(0.0)
                continue
            off.append(value - (sum(same) - value) / others if others > 0 else value)
            rest += (value - mean(same)) ** 2
        plain, foretold = sum(v * v for v in x), sum(v * v for v in off)
        kept = clip(sum(a * b for a, b in zip(off[1:], off, strict=False)) / max(foretold, 1e-300), 0.0, 0.99)
        worth = (1 - kept) / (1 + kept)
        fitted = max(math.ceil(lag) * worth, 1.0)
        free = max(sum(self.known) * worth - fitted, 1e-3)
        ratio = (plain - rest) / fitted * free / max(rest, 1e-9 * plain)
        turns = [int((i + 0.5) / lag) for i in range(self.n)]
        gains = [sum(v * v - o * o for v, o, t in zip(x, off, turns, strict=True) if t == k) for k in set(turns)]
        return (
            foretold <= 0.5 * plain
            and self.n >= 3.0 * lag
            and sum(g > 0 for g in gains) >= 0.75 * len(gains)
            and plain**2 >= 5.0 * sum(v**4 for v in x)
            and share_of_f(fitted, free, ratio) < 1e-6
        )

    def is_of_the_day(self, period):
        blur = period**2 / (self.stretch_s * self.n)
        of_day = abs(DAY / max(round(DAY / period), 1) - period) <= blur and self.span <= DAY // 2
        is_told = self.span >= 900 or period >= 8 * 900
        of_days = abs(round(period / DAY) * DAY - period) <= blur and period > DAY and DAY % self.stretch_s > 0
        of_days = of_days and self.span <= DAY // 2
        return (of_day and is_told) or of_days or abs(period - WEEK) <= blur


class NaiveFit:
    """A past taken apart: own period, day and week in turn, then what is left as a parabola."""

    def __init__(self, past, start_s, stretch_s, period):
        self.n, self.start_s, self.stretch_s, self.period = len(past), start_s, stretch_s, period
        self.length_s = self.n * stretch_s
        search = NaiveSearch(past, stretch_s, 0)
        self.known = search.known
        middle = mean([v for v in past if not math.isnan(v)])
        x = [v if k else middle for v, k in zip(past, self.known, strict=True)]
        told = {DAY: 4 * DAY, WEEK: 14 * DAY}
        parts = [p for p, least in told.items() if self.length_s >= least and 4 * stretch_s <= p]
        self.profiles = {p: [0.0] * math.ceil(p / stretch_s) for p in (period, *parts)}
        bins = {p: [int((i + 0.5) * stretch_s % p / stretch_s) for i in range(self.n)] for p in self.profiles}
        level = [mean(x)] * self.n
        for _ in range(6):
            for p, at in bins.items():
                others = [self.total(bins, i, p) for i in range(self.n)]
                left = [v - a - o for v, a, o in zip(x, level, others, strict=True)]
                means = [self.known_mean(left, at, b) for b in range(len(self.profiles[p]))]
                middle = mean([means[b] for b in at])
                self.profiles[p] = [m - middle for m in means]
            whole = [self.total(bins, i) for i in range(self.n)]
            left = [v - w if k else a for v, w, a, k in zip(x, whole, level, self.known, strict=True)]
            search.known = [True] * self.n
            level = [v - d for v, d in zip(left, search.detrended(left), strict=True)]
            error = [v - w - a if k else 0.0 for v, w, a, k in zip(x, whole, level, self.known, strict=True)]
            limit = 5.0 * mean([abs(e) for e in error])
            x = [w + a + clip(e, -limit, limit) for w, a, e in zip(whole, level, error, strict=True)]
        self.error = [v - w - a for v, w, a in zip(x, whole, level, strict=True)]
        self.level = level
        self.own = [self.profiles[period][bins[period][i]] + self.error[i] for i in range(self.n)]

    def total(self, bins, i, but=None):
        return sum(self.profiles[p][at[i]] for p, at in bins.items() if p != but)

    def known_mean(self, values, at, wanted):
        return mean([v for v, b, k in zip(values, at, self.known, strict=True) if k and b == wanted])

    def corrected(self, table, period, unit):
        """A table of the day or the week with the profile's means."""
        size = period / len(table)
        at = [int((size * (i + 0.5) - self.start_s) % period / self.stretch_s) for i in range(len(table))]
        means = {b: mean([v for v, other in zip(table, at, strict=True) if other == b]) for b in at}
        return [single(v + unit * self.profiles[period][b] - means[b]) for v, b in zip(table, at, strict=True)]


class NaivePeriods:
    """The own period of one series."""

    def __init__(self, span):
        self.span, self.past = span, NaivePast(span)
        self.period = self.start = self.over = self.vote = 0.0
        self.table, self.n, self.visit = [], [], 1

    def bin(self, time):
        turns = (time + 0.5 * self.span - self.start) / self.period
        return int((turns - math.floor(turns)) * len(self.table))

    def part(self, time):
        return self.table[self.bin(time)] if self.period else 0.0

    def doubt(self, time):
        memory = 8.0 * self.visit
        return 1.0 / clip(self.n[self.bin(time)], 1.0, memory) - 1.0 / memory if self.period else 0.0

    def learn(self, time, off, noise, bound, step, trusted):
        """`off` is what all patterns leave of a value."""
        if not self.period:
            return
        b = self.bin(time)
        without, doubt = off + self.table[b], 1.0 / clip(self.n[b], 1.0, min(8.0 * self.visit, 250))
        self.table[b] = single(self.table[b] + step * clip(off, -bound, bound) * doubt / (1.0 + doubt))
        self.n[b] = min(self.n[b] + (step > 0.3), 250)
        gain = clip(0.5 * math.log((without**2 + noise**2 + 1e-30) / (off**2 + noise**2 + 1e-30)), -2.0, 2.0)
        self.vote = single(self.vote + trusted * (gain - self.vote) / max(48.0, self.period / self.span))
        if self.vote < 0.03:
            self.period = 0.0

    def observe(self, time, value, series):
        """Returns the seconds of a period found just now, else 0."""
        found = 0.0
        for count in self.past.completed(time):
            start_s, stretch_s = float(self.past.start * self.span), float(self.past.width * self.span)
            past = self.past.table(count)
            if not self.period:
                found = NaiveSearch(past, stretch_s, self.span).search()
                if found:
                    self.adopt(found, NaiveFit(past, start_s, stretch_s, found), series)
            elif self.period >= 8 * stretch_s:
                better = NaiveSearch(past, stretch_s, self.span).best_nearby(self.period / stretch_s)
                self.correct(time, better, count * stretch_s)
        self.past.add(time, value, series.n, series.location.level, series.mixture.scale[0])
        return found

    def correct(self, time, period, length_s):
        if length_s > self.over:
            settled = time - 3.0 * self.period
            turns = (settled - self.start) / self.period
            self.start, self.over = settled - (turns - math.floor(turns)) * period, length_s
            self.period = period

    def adopt(self, period, fit, series):
        unit, location = self.past.unit, series.location
        self.visit = math.ceil(period / self.span / 64)
        bins = clip(round(period / (self.span * self.visit)), 2, 64)
        self.table, self.n = [], []
        for b in range(bins):
            at = [int(period * ((b + 0.5) / bins + k) / fit.stretch_s) for k in range(math.ceil(fit.length_s / period))]
            seen = [fit.own[i] for i in at if i < fit.n and fit.known[i]]
            self.table.append(single(unit * mean(seen)))
            self.n.append(min(len(seen) * self.visit, 250))
        self.period, self.start, self.over, self.vote = period, fit.start_s, fit.length_s, 1.0
        self.correct_tables(fit, unit, location.patterns)
        lately = max(1, round(max(period, DAY) / fit.stretch_s))
        level = mean([a + e for a, e in zip(fit.level, fit.error, strict=True)][-lately:])
        location.level = location.base = self.past.zero + unit * level
        location.local, location.strength, location.power, location.strong_for = [0.0, 0.0], 1.0, 0.0, 0
        repeats = fit.length_s / period
        noise = 1.25 * unit * mean([abs(e) for e in fit.error])
        noise *= math.sqrt(fit.stretch_s / self.span * repeats / (repeats - 1))
        scale = series.mixture.scale
        series.mixture.scale = [scale[0], *(single(min(s, noise)) for s in scale[1:])]
        series.mixture.log_weight = [-8.0] + [0.0] * (len(scale) - 1)
        series.mixture.steady = series.mixture.log_weight[:4]

    @staticmethod
    def correct_tables(fit, unit, patterns):
        if DAY in fit.profiles:
            patterns.day = fit.corrected(patterns.day, DAY, unit)
        elif fit.length_s < 4 * DAY:
            patterns.day, patterns.day_n = [0.0] * len(patterns.day), [0] * len(patterns.day)
        if WEEK in fit.profiles:
            patterns.week = fit.corrected(patterns.week, WEEK, unit)
        elif fit.length_s < 14 * DAY:
            patterns.week, patterns.week_n = [0.0] * len(patterns.week), [0] * len(patterns.week)
            patterns.far = [False] * patterns.week_bins
