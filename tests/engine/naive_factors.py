"""Errors that are factors rather than sums, in plain Python: the twin of models/factors.py."""

from __future__ import annotations

import math

from tests.engine.naive_location import clip, memory, single


class NaiveFactors:
    """Whether errors are factors, and how far off a value is then."""

    def __init__(self, span):
        self.span, self.memory = span, memory(span)
        self.centre = self.size = self.gain = 0.0
        self.wins = False

    def score(self, value, typical, level):
        return (self._log(value, typical, level) - self.centre) / max(self.size, 1e-3) if self.wins else 0.0

    def _log(self, value, typical, level):
        added = 0.05 * abs(level) + 1e-30
        return math.log(max(value + added, 1e-3 * added) / max(typical + added, added))

    def learn(self, time, n, value, typical, level, spread, step, able):
        counts = 1.0 if n < 500 else 0.0 if time // self.span % 8 else 8.0
        if not counts or not (able or self.wins):
            return
        off, size, z = self._log(value, typical, level) - self.centre, max(self.size, 1e-3), (value - typical) / spread
        by_factor = 0.062 - 0.5 * (off / size) ** 2 - math.log(size * max(value + 0.05 * abs(level), 1e-30))
        by_sum = -2.5 * math.log1p(z * z / 4.0) - math.log(spread)
        if n >= 12 and step > 0:
            gained = clip(by_factor - by_sum, -10.0, 3.0)
            self.gain = single(self.gain + counts / clip(n - 11.0, 1.0, self.memory) * (gained - self.gain))
        self.wins = able and n >= 40 and self.gain > (0.0 if self.wins else 0.1)
        if n > 0:
            limit = math.inf if n < 12 else 4.0 * size
            step *= counts
            centred = max(1.0 / n, 1.0 / self.memory) * clip(off, -limit, limit)
            sized = max(3.0 / (n + 2.0), 1.0 / self.memory) * (1.25 * min(abs(off), limit) - self.size)
            self.centre, self.size = single(self.centre + step * centred), single(self.size + step * sized)
