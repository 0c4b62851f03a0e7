"""One series in plain Python: the obviously right twin of models/series.py.

Loops over lists of floats; numbers are rounded only where they are stored, to the size the model stores them in, so
that the two do not drift apart. Where a series is expected is in naive_location.py, tails and past events are in
naive_series.py, its views in naive_views.py, levels that move in naive_changes.py and naive_home.py, errors that are
factors in naive_factors.py; clocks stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from tests.engine.naive_changes import NaiveChanges
from tests.engine.naive_factors import NaiveFactors
from tests.engine.naive_home import NaiveHome
from tests.engine.naive_location import (
    DAY,
    LEVEL,
    STRENGTHENED,
    WEEK,
    WITH_DAY,
    WITH_WEEK,
    NaiveLocation,
    NaiveMixture,
    clip,
    half,
    single,
)
from tests.engine.naive_series import NaiveEvents, NaiveExcursion, NaiveIncidents, NaiveSilence, NaiveTail
from tests.engine.naive_views import NaiveEchoes, NaiveStreak, NaiveViews

NAN, INF = math.nan, math.inf
NORMAL = NormalDist()


def tail_of_normal(z):
    return 0.5 * math.erfc(abs(z) / math.sqrt(2.0))


def low_count_z(count, mean, spread):
    """z of the middle of `count`'s share of a negative binomial."""
    mean = max(mean, 1e-3)
    variance = max(spread**2, mean * 1.001)
    size = min(mean**2 / (variance - mean), 1e6)
    success, count = size / (size + mean), math.floor(count)
    above = beta_share(count + 1, size, 1.0 - success)
    at_least = beta_share(count, size, 1.0 - success) if count else 1.0
    upper = 0.5 * (above + at_least)
    return -NORMAL.inv_cdf(max(upper, 1e-300)) if upper < 0.5 else NORMAL.inv_cdf(1.0 - upper)


def beta_share(a, b, x):
    """The regularised incomplete beta function by its continued fraction."""
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_share(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    fraction, c, d = 1.0, 1.0, 0.0
    for i in range(5000):
        m = i // 2
        if i == 0:
            step = 1.0
        elif i % 2 == 0:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / (1.0 + step * d)
        c = 1.0 + step / c
        fraction *= c * d
        if abs(c * d - 1.0) < 1e-13:
            break
    return math.exp(log_front) / a * (fraction - 1.0)


@dataclass
class Judged:
    """What the twin thinks of one value."""

    value: float
    samples: float | None
    predicted: list[float]
    scale: list[float]
    doubt: list[float]
    typical: float
    steady: float
    spread: float
    factor: float
    z: float
    scores: list[float]
    keep: Callable[[bool], None]
    by_sum: list[float]
    p_outlier: float
    p_odd: float
    p_new: float
    p_residual: float
    ready: bool
    raw: float
    p: float


class NaiveSeries:
    """All of it: judges a value, then learns it."""

    def __init__(self, span, *, side, is_count, non_negative, zero_empty):
        self.span, self.side = span, side
        self.is_count, self.non_negative, self.zero_empty = is_count, non_negative, zero_empty
        self.n, self.first, self.seen, self.samples, self.occupancy = 0.0, None, None, 0.0, 1.0
        self.location, self.mixture, self.views = NaiveLocation(span), NaiveMixture(span), NaiveViews(span)
        self.patterns = self.location.patterns
        self.day_spread = [1.0] * self.patterns.day_bins
        self.streak, self.echoes = NaiveStreak(span), NaiveEchoes()
        self.incidents = NaiveIncidents(span)
        self.excursions = [NaiveExcursion(memory, span) for memory in (6.0, 24.0)]
        # Bin of the week: (filled, all) buckets of late.
        self.filled = {}
        self.silence = NaiveSilence(span, self.patterns.week_visit)
        self.factors, self.home = NaiveFactors(span), NaiveHome(self)
        self.tails, self.events, self.changes = [NaiveTail() for _ in range(4)], NaiveEvents(), NaiveChanges()

    def age(self, time):
        return 0 if self.first is None else time - self.first

    def judge(self, time, value, samples=None):
        age, n = self.age(time), self.n
        predicted = self.location.predict(time, age, self.mixture.scale[WITH_DAY])
        of_own = self.location.periods.doubt(time) + self.location.calendar.doubt(time)
        doubt = [d + of_own * (k != LEVEL) for k, d in enumerate(self.patterns.doubt(time, age))]
        moved = 0.0 if self.views.low is None else self.views.high - self.views.low
        expected, scale = self.mixture.combine(self.location.level, moved, age, predicted, doubt)
        is_positive = self.non_negative or self.views.low is None or self.views.low >= 0
        (typical, spread), (steady, steady_spread) = (self._possible(*each, is_positive) for each in expected)
        d, _ = self.patterns.bins(time)
        known = self.patterns.day_n[d]
        factor = clip((8.0 + known * self.day_spread[d]) / (8.0 + known), 0.6, 6.0)
        if samples is not None:
            factor *= math.sqrt(clip(0.5 + 0.5 * max(self.samples, 1.0) / max(samples, 1e-9), 1.0, 9.0))
        factor *= math.sqrt(1.0 + (0.05 * self.echoes.jump(typical) / (spread * factor)) ** 2)
        z = self._off(value, typical, spread * factor)
        visits = known / self.patterns.day_visit
        is_proven = self.location.calendar.is_today(time)
        off = self._off(value, steady, steady_spread * factor)
        off = self.echoes.bounded(off, value, steady, steady_spread * factor, visits, is_proven)
        others, sizes, supports, keep = self.views.look(n, value, off, spread)
        scores = [z, *others] if n >= 12 else [NAN] * 4
        tail = [0.5 if math.isnan(s) else t.survival(s) for s, t in zip(scores, self.tails, strict=True)]
        p_views = [min(1.0, 2.0 * t) for t in tail]
        if scores[3] > 0 and p_views[3] < 0.1:
            p_views[3] **= clip(-math.log10(p_views[0] + 1e-300), 0.0, 1.0)
        if self.side:
            on_side = [s * self.side > 0 for s in scores]
            on_side[3] = on_side[0] and scores[3] > 0
            p_views = [p if on else 1.0 for p, on in zip(p_views, on_side, strict=True)]
        by_sum = p_views[1:3]
        if min(by_sum) < 0.1:
            p_views[1:3] = [p**support for p, support in zip(by_sum, supports, strict=True)]
        echo = self.echoes.least_p(value, typical, visits, is_proven)
        p_views[0] = max(p_views[0], echo)
        if self.is_count and typical < 20:
            by_chance = [2.0 * tail_of_normal(x) for x in (z, *sizes, z)]
            by_sum = [max(p, chance) for p, chance in zip(by_sum, by_chance[1:3], strict=True)]
            p_views = [max(p, chance) for p, chance in zip(p_views, by_chance, strict=True)]
        p_new = self.views.novelty(n, age, value, spread, self.side)
        expected = 1.0 if is_proven else p_new
        ready = n >= clip(self.patterns.day_buckets, 14, 36)
        raw, of_bucket = self._surprises(time, value, typical, z, p_views, expected) if ready else (0.0, 0.0)
        at_home = self.home.most_surprise(time, self.first, value)
        raw = min(raw, at_home)
        p_odd = max(min(1.0, 2.0 * tail[0]), echo)
        lasts = self.lasts(time, p_odd)
        surprise = self.events.discount(time, raw, lasts)
        goes_on = self.events.goes_on(time, raw, lasts)
        if raw > 1.0 and goes_on:
            surprise = min(0.5 * surprise, max(of_bucket, 1.9))
        if raw > 1.0 and not goes_on:
            surprise += self._believed(time) * self.streak.added(z, p_views[0], self._has_gap(time))
        if self.factors.wins:
            by_both = min(2.0 * tail_of_normal(self.factors.score(value, typical, self.location.level)), *p_views[1:])
            surprise = min(surprise, max(math.log10(2.0 * (n + 1.0)), -math.log10(max(by_both, 1e-300))))
        if spread * factor <= 1e-9 * moved:
            surprise = min(surprise, math.log10(2.0 * (n + 1.0)))
        surprise = min(surprise, at_home)
        final = clip(10.0**-surprise, 1e-300, 1.0)
        return Judged(
            value, samples, predicted, scale, doubt, typical, steady, spread, factor, z, scores, keep, by_sum,
            min(1.0, 2.0 * tail[0]), p_odd, p_new, p_views[0], ready, raw, final,
        )  # fmt: skip

    def lasts(self, time, p_odd):
        """Whether one of the sums is on an excursion that no single bucket shows; a gap of half a day ends it."""
        is_near = self.seen is not None and time - self.seen <= DAY // 2
        return is_near and p_odd >= 1e-2 and any(excursion.scores for excursion in self.excursions)

    def _possible(self, typical, spread, is_positive):
        """What is expected is no less than 0 where values never were, and low counts spread by chance at least."""
        if self.is_count and typical < 20:
            spread = max(spread, 0.7 * math.sqrt(max(typical, 0.25)))
        return max(typical, 0.0) if is_positive else typical, spread

    def _off(self, value, typical, spread):
        z = (value - typical) / spread
        if self.is_count and typical < 20 and value >= 0:
            z = low_count_z(value, typical, spread)
        return clip(z, -1e4, 1e4)

    def _filled_at(self, time):
        """Share of filled buckets at a time of the week, one more of the share of all."""
        filled, visits = self.filled.get(self.patterns.bins(time)[1], (0.0, 0.0))
        return (self.occupancy + filled) / (1.0 + visits)

    def _due_at(self, time):
        """Share of filled buckets at a time of the week, one more visit having been silent."""
        filled, visits = self.filled.get(self.patterns.bins(time)[1], (0.0, 0.0))
        return filled / (visits + self.patterns.week_visit)

    def _surprises(self, time, value, typical, z, p_views, p_new):
        """The strongest view, less a power of ten for the choice, and a quarter of what each has beyond one in ten.

        Of all views, and without the sums.
        """
        p_new **= clip(-math.log10(p_views[0] + 1e-300), 0.0, 1.0)
        if self.is_count and typical < 20:
            p_new = max(p_new, 2.0 * tail_of_normal(z))
        residual = p_views[0]
        if self.zero_empty and value == 0:
            kept = 1.0 - clip((0.75 - self._filled_at(time)) / 0.25, 0.0, 1.0)
            if self.side <= 0:
                p_new = min(p_new, self.silence.p(self._due_at(time)))
            residual, p_new = residual**kept, p_new**kept
        sizes = [-math.log10(clip(p, 1e-300, 1.0)) for p in (residual, *p_views[1:], p_new)]
        believed = self._believed(time)

        def joined(those):
            return believed * (max(max(those) - 1.0, 0.0) + 0.25 * sum(max(s - 1.0, 0.0) for s in those))

        return joined(sizes), joined([sizes[0], *sizes[3:]])

    def _has_gap(self, time):
        return self.seen is not None and time - self.seen > max(DAY // 2, 2 * self.span)

    def _believed(self, time):
        seen = 0.8 + 0.2 * min(1.0, self.age(time) / WEEK)
        return seen * min(1.0, self.n / clip(self.patterns.day_buckets, 36, 250))

    def learn(self, time, judged, weight):
        """Returns the lasting changes made, by kind."""
        n, trusted, is_held, has_gap = self.n, weight, self._is_held(time, judged), self._has_gap(time)
        habit = self.events.habit(time) if judged.p_odd < 1e-3 else 1.0
        outlier = clip(1.0 + 0.95 * (math.log10(judged.p_odd + 1e-300) + 3.0) / 3.0, 0.05, 1.0)
        if self.zero_empty:
            filled = judged.value != 0
            self.silence.learn(not filled, self._due_at(time), weight)
            trusted *= 1.0 if filled else clip(2.0 * self.occupancy, 1e-6, 1.0)
            rate = max(1 / 200, 1.0 / (n + 2.0))
            self.occupancy = single(self.occupancy + weight * rate * (filled - self.occupancy))
            w = self.patterns.bins(time)[1]
            kept = 1.0 - weight / (8 * self.patterns.week_visit)
            pair = self.filled.get(w, (0.0, 0.0))
            self.filled[w] = tuple(half(x * kept + weight * new) for x, new in zip(pair, (filled, 1.0), strict=True))
        step = trusted * (1.0 if n < 30 else outlier)
        explained = self._learn_prediction(time, judged, step, trusted, weight, is_held)
        self._renew_tails(time)
        if explained:
            for tail in self.tails:
                tail.forget(WEEK / self.span)
            self.events.excuse()
        if weight > 0.5:
            judged.keep(is_held)
            share = self.incidents.share(time) if is_held else 1.0
            lasts, told = self.lasts(time, judged.p_odd), [(score, 1.0) for score in judged.scores]
            for k, excursion in enumerate(self.excursions):
                told[1 + k] = excursion.learn(judged.scores[1 + k], judged.by_sum[k])
            for tail, (score, often) in zip(self.tails, told, strict=True):
                tail.learn(score, often * max(outlier, 0.2) * habit * share)
            self.events.learn(time, judged.raw, lasts)
            self.streak.learn(judged.z, judged.p_residual, has_gap)
            spread = judged.spread * judged.factor
            self.echoes.learn(n, judged.value, judged.typical, judged.steady, spread, judged.p_outlier)
        self.incidents.learn(time, judged.p_odd if weight > 0.5 else 1.0)
        if judged.samples is not None:
            self.samples = single(self.samples + weight / clip(n + 1.0, 1, 1500) * (judged.samples - self.samples))
        self.first, self.seen = time if self.first is None else self.first, time
        self.n = single(n + weight)
        if weight <= 0.5:
            return {}
        made = self._learn_changes(time, judged) if judged.ready else {}
        period = self.location.periods.observe(time, judged.value, self)
        off, scale = judged.value - judged.predicted[WITH_WEEK], self.mixture.scale[0]
        day = self.location.calendar.observe(time, self.first, off, self.location.level, scale)
        for kind, size in (("period", period), ("calendar", day)):
            if size:
                self._forget_surprises()
                made[kind] = size
        return made

    def _is_held(self, time, judged):
        """Where an incident goes on that no pattern explains."""
        off = [abs(judged.value - judged.predicted[k]) / judged.scale[k] for k in (WITH_DAY, WITH_WEEK, STRENGTHENED)]
        is_incident = self.incidents.is_held(time, judged.p_odd) or self.lasts(time, judged.p_odd)
        return is_incident and self.events.habit(time) <= 0.5 and min(off) > 2.0 and self.age(time) >= 14 * DAY

    def _forget_surprises(self):
        self._fade_tails(0.05)
        self.incidents.odd = []
        self.streak.sum = 0.0
        self.events.opened, self.events.peak = None, 0.0
        self.changes = NaiveChanges()
        self._forget_sums()
        self.day_spread = [1.0] * len(self.day_spread)

    def _learn_changes(self, time, judged):
        shift = self.changes.observe(time, judged.value - judged.typical, judged.spread)
        if self.changes.may_begin:
            self.home.put_aside(time, self.first)
        if shift:
            self.home.leave(time, self.first, shift)
            self.location.level += shift
            self.location.base += shift
        if self.home.is_back(time, self.first, judged, self.changes.spread):
            shift, self.changes = self.home.take_up(), NaiveChanges()
        if shift:
            self._forget_level()
        scale = self.location.settle(self.mixture.log_weight)
        if scale != 1.0:
            self._fade_tails(0.2)
        return ({"level shift": shift} if shift else {}) | ({"linear scale": scale} if scale != 1.0 else {})

    def _forget_level(self):
        self.location.local = [0.0, 0.0]
        self._forget_sums()
        self._fade_tails(0.2)
        self.incidents.odd = []
        self.streak.sum = 0.0

    def _forget_sums(self):
        self.views.sum = [0.0, 0.0]
        for excursion in self.excursions:
            excursion.scores, excursion.is_normal = [], False

    def _renew_tails(self, time):
        """Four fifths of what was seen are forgotten when the day's pattern comes into use."""
        starts = self.patterns.has_day and self.first is not None and self.seen - self.first < 2 * DAY
        if starts and self.age(time) >= 2 * DAY:
            self._fade_tails(0.2)

    def _fade_tails(self, keep):
        for tail in self.tails:
            tail.counts = [[keep * c for c in side] for side in tail.counts]

    def _learn_prediction(self, time, judged, step, trusted, weight, is_held):
        n, age = self.n, self.age(time)
        limit, bound = 3.0 * judged.spread * judged.factor, judged.scale[LEVEL]
        if n < 12:
            limit = bound = INF
        is_ordinary = not self.location.calendar.is_today(time)
        self.views.learn_range(judged.value, self.location.level, step * is_ordinary, self.span)
        able = not (self.is_count or self.zero_empty) and (self.views.low is None or self.views.low >= 0.0)
        spread = judged.spread * judged.factor
        self.factors.learn(time, n, judged.value, judged.typical, self.location.level, spread, step, able)
        explained = self.location.learn(time, age, n, judged, limit, bound, step, trusted)
        lasts = any(excursion.scores for excursion in self.excursions)
        self.mixture.learn(n, age, self.span, judged, step, weight, is_held, lasts)
        d, _ = self.patterns.bins(time)
        if n >= 12:
            typical, usual = judged.typical, judged.spread
            if age < 2 * DAY and self.patterns.has_day:
                typical, usual = judged.predicted[WITH_DAY], judged.scale[WITH_DAY]
            size = min(1.25 * abs(judged.value - typical) / usual, 6.0)
            if age < DAY and self.patterns.has_day:
                size = 1.0
            rate = step / min(self.patterns.day_n[d] + 1.0, 12.0)
            self.day_spread[d] = half(self.day_spread[d] + rate * (size - self.day_spread[d]))
        return explained
