"""One series in plain Python: the obviously right twins of models/tails.py and events.py."""

from __future__ import annotations

import math

DAY = 86400


class NaiveTail:
    """Histogram of |z| of one series with weights that fade at 1 / (n + 50) a step."""

    PRIOR, LOWEST, PER_OCTAVE, BINS = 20.0, 0.5, 4, 32

    def __init__(self):
        self.counts = [[0.0] * self.BINS, [0.0] * self.BINS]
        self.n = 0

    def edge(self, b):
        return self.LOWEST * 2.0 ** (b / self.PER_OCTAVE)

    def bin(self, size):
        return min(self.BINS - 1, int(math.log2(max(size, self.LOWEST) / self.LOWEST) * self.PER_OCTAVE))

    def learn(self, z, weight=1.0):
        keep = 1.0 - min(0.5, max(1.0 / (self.n + 50.0), 1.0 / 20000.0))
        self.counts = [[c * keep for c in side] for side in self.counts]
        if not math.isnan(z):
            self.counts[int(z < 0)][self.bin(abs(z))] += weight
        self.n += 1

    def forget(self, ago):
        """Takes what a score of so many steps ago counts for by now from all the odd ones."""
        odd = [b for b in range(self.BINS) if self.edge(b) >= 2.2]
        total = sum(side[b] for side in self.counts for b in odd)
        count = (max(self.n - ago, 0) + 50) / (self.n + 50)
        for side in self.counts:
            for b in odd:
                side[b] *= max(0.0, 1.0 - count / total) if total > 0 else 1.0

    def prior(self, b):
        def beyond(x):
            return 1.0 if x <= self.LOWEST else math.erfc(x / math.sqrt(2.0))

        upper = 0.0 if b == self.BINS - 1 else beyond(self.edge(b + 1))
        return 0.5 * self.PRIOR * (beyond(self.edge(b)) - upper)

    def survival(self, z):
        if abs(z) <= 1.8:
            return 0.5 * math.erfc(abs(z) / math.sqrt(2.0))
        counts = [c + self.prior(b) for b, c in enumerate(self.counts[int(z < 0)])]
        total = sum(map(sum, self.counts)) + self.PRIOR
        share = [sum(counts[b:]) / total for b in range(self.BINS)]
        start = min(max(sum(s > 0.01 * 1.0001 for s in share) - 1, 0), self.BINS - 2)
        size = min(abs(z), self.edge(self.BINS))
        tail = sum(counts[b] * math.log(self.edge(b + 0.5) / self.edge(start)) for b in range(start, self.BINS))
        hill = (tail + 8.0 * 0.16) / (sum(counts[start:]) + 8.0)
        own = self.bin(size)
        beyond = share[own + 1] if own + 1 < self.BINS else 0.0
        if size > self.edge(start):
            p = max(share[start] * (size / self.edge(start)) ** (-1.0 / hill), beyond)
        else:
            within = math.log2(size / self.edge(own)) * self.PER_OCTAVE
            p = share[own] ** (1.0 - within) * max(beyond, 1e-12) ** within
        return min(1.0, max(1e-300, p))


class NaiveEvents:
    """All past events of one series as a list, and every surprise."""

    def __init__(self):
        self.closed, self.peak, self.opened, self.surprises = [], 0.0, None, []

    def is_over(self, time, lasts):
        return self.opened is not None and time - self.opened > 12 * 3600 and not lasts

    def discount(self, time, surprise, lasts=False):
        if surprise <= 1.0:
            return surprise

        def grade(size):
            return min(int(size / 0.5), 23)

        similar = sum(
            weight * 0.5 ** ((time - filed) / (30 * 86400))
            for peak, filed, weight in self.closed
            if grade(peak) >= grade(0.8 * surprise)
        )
        if self.is_over(time, lasts) and self.peak >= max(0.8 * surprise, 2.0):
            similar += 1
        return max(0.0, surprise - min(0.8, math.log10(1.0 + similar)))

    def goes_on(self, time, surprise, lasts=False):
        return self.opened is not None and not self.is_over(time, lasts) and surprise <= self.peak + 1.0

    def learn(self, time, surprise, lasts=False):
        self.surprises.append(surprise)
        if surprise <= 1.0:
            return
        if self.is_over(time, lasts) and self.peak > 2.0:
            self.closed.append((self.peak, time, 1.0))
        if self.opened is None or self.is_over(time, lasts) or surprise > self.peak + 1.0:
            self.peak, self.opened = surprise, time

    def habit(self, time):
        """What an odd value counts for: next to nothing at first, in full as incidents are a habit."""
        many = sum(w * 0.5 ** ((time - filed) / (30 * 86400)) for peak, filed, w in self.closed if peak >= 4.0)
        return min(1.0, max(0.02, 4.0 * (many / 8.0) ** 3))

    def excuse(self):
        """One bucket of a past event is explained by now."""
        self.closed = [(peak, filed, 0.9 * weight) for peak, filed, weight in self.closed]

    def run(self):
        """Buckets up to now with p below 0.1, none between them."""
        length = 0
        for surprise in reversed(self.surprises):
            if surprise < 1.0:
                break
            length += 1
        return length


class NaiveExcursion:
    """The scores of one sum since it became improbable; it is over after a day, of 24 buckets at least."""

    def __init__(self, memory, span):
        self.memory, self.longest, self.scores, self.is_normal = memory, max(DAY // span, 24), [], False

    def learn(self, score, p):
        """(score, how often) for the tails: the root of the mean square once it is over, nothing before."""
        if p >= 1e-3:
            self.is_normal = False
        if p < 1e-3 and len(self.scores) < self.longest and not self.is_normal:
            self.scores.append(score)
            return score, 0.0
        self.is_normal = p < 1e-3
        gone, self.scores = self.scores, []
        if not gone:
            return score, 1.0
        mean = sum(s * abs(s) for s in gone) / len(gone)
        return math.copysign(math.sqrt(abs(mean)), mean), min(float(len(gone)), self.memory)


class NaiveIncidents:
    """The odd buckets of what goes on, in order; three buckets without one end it."""

    def __init__(self, span):
        self.span, self.odd = span, []

    def goes_on(self, time):
        return bool(self.odd) and time - self.odd[-1] <= 3 * self.span

    def is_held(self, time, p):
        return p < 1e-2 and time - self.odd[0] <= DAY if self.goes_on(time) else p < 1e-3

    def share(self, time):
        return self.span / (self.span + time - self.odd[0]) if self.goes_on(time) else 1.0

    def learn(self, time, p):
        if not self.goes_on(time):
            self.odd = [time] if p < 1e-3 else []
        elif p < 1e-2:
            self.odd.append(time)


class NaiveSilence:
    """How many visits to times of the week that are seldom silent were missed, by the chance that they would be."""

    def __init__(self, span, visit):
        self.fades, self.visit = 0.5 ** (span / (30 * DAY)), visit
        self.most = max(12.0, DAY / (visit * span))
        self.missed = self.log_chance = self.longest = self.filled = 0.0

    def p(self, due):
        longest = max(self.longest, 1.0)
        missed = self.missed + due / self.visit
        excess = (missed - longest) / longest - 0.05
        if excess <= 0 or missed > self.most:
            return 1.0
        record = 1.0 / (min(self.filled, 1000.0) + 1.0) / (1.0 + 10.0 * excess) ** 2
        return max(record, math.exp(self.log_chance + math.log(1.0 - due) / self.visit), 1e-6)

    def learn(self, is_silent, due, weight):
        self.longest *= self.fades
        self.filled += 0.0 if is_silent else weight / self.visit
        if weight <= 0.5:
            return
        if not is_silent and self.missed <= self.most:
            self.longest = max(self.longest, self.missed)
        self.missed = self.missed + due / self.visit if is_silent else 0.0
        self.log_chance = self.log_chance + math.log(1.0 - due) / self.visit if is_silent else 0.0
