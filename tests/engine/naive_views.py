"""What a value is looked at as, in plain Python: the twin of models/sums.py, views.py, streaks.py and echoes.py."""

from __future__ import annotations

import math
from statistics import NormalDist

from tests.engine.naive_location import DAY, clip, memory, single

NAN = math.nan


class NaiveViews:
    """Running sums, volatility and range."""

    def __init__(self, span):
        self.memory = memory(span)
        self.last, self.low, self.high = None, None, None
        self.sum, self.sum_var, self.sum_scale, self.sum_n = [0.0, 0.0], [0.0, 0.0], [1.0, 1.0], 0
        self.volatility = self.vol_mean = self.vol_var = 0.0

    def look(self, n, value, off, spread):
        """(scores of sums and volatility, sizes of the sums, how far the bucket goes with them, what keeps it)."""
        sums, variances, sizes, scores = [], [], [], []
        for k, decay in enumerate((1.0 - 1.0 / 6.0, 1.0 - 1.0 / 24.0)):
            sums.append(self.sum[k] * decay + clip(off, -4.0, 4.0))
            variances.append(self.sum_var[k] * decay**2 + 1.0)
            sizes.append(sums[k] / math.sqrt(variances[k]))
            scores.append(sizes[k] / max(self.sum_scale[k], 0.3) if self.sum_n >= 9 else NAN)
        volatility = self.volatility
        if self.last is not None:
            volatility += max(1.0 / 18.0, 1.0 / (n + 1.0)) * (min(abs(value - self.last), 4.0 * spread) - volatility)
        log_volatility = math.log(volatility + 0.05 * spread + 1e-30)
        of_steps = (log_volatility - self.vol_mean) / math.sqrt(self.vol_var + 0.02) if n >= 36 else NAN

        def keep(is_held):
            rate = 0.0 if is_held else max(1.0 / (n + 1.0), 1.0 / self.memory)
            for k in range(2):
                square = self.sum_scale[k] ** 2
                square += rate * (min(sizes[k] ** 2, 16.0 * square) - square)
                self.sum_scale[k] = single(math.sqrt(square))
            self.sum, self.sum_var = [single(x) for x in sums], [single(x) for x in variances]
            self.sum_n += 1
            self.volatility, self.last = single(volatility), value
            if n >= 18 and not is_held:
                rate = 1.0 / clip(n - 17.0, 1.0, self.memory)
                beyond, variance = log_volatility - self.vol_mean, self.vol_var
                self.vol_mean = single(self.vol_mean + rate * beyond)
                self.vol_var = single(variance + rate * (min(beyond**2, 16.0 * (variance + 0.01)) - variance))

        means = [x / memory for x, memory in zip(sums, (6.0, 24.0), strict=True)]
        return [*scores, of_steps], sizes, [self._support(off, mean) for mean in means], keep

    def _support(self, off, mean):
        """How far a bucket goes with a sum: in full from half of its mean on, not at all on the other side."""
        return clip(off * math.copysign(1.0, mean) / max(0.5 * abs(mean), 1e-9), 0.0, 1.0) if mean else 0.0

    def novelty(self, n, age, value, spread, side):
        if self.low is None or n < 100:
            return 1.0
        above = value - self.high if side >= 0 else 0.0
        below = self.low - value if side <= 0 else 0.0
        excess = max(above, below) / max(self.high - self.low, 2.0 * spread)
        p = 1.0 / ((min(n, 1000.0) + 1.0) * (1.0 + 10.0 * (excess - 0.05)) ** 2) if excess > 0.05 else 1.0
        return p ** min(1.0, age / DAY)

    def learn_range(self, value, level, step, span):
        half_life = min(30 * DAY * max(1.0, 3600 / span), 365 * DAY)
        drift = (1.0 - 0.5 ** (span / half_life)) * step
        if self.low is not None:
            self.low += drift * (level - self.low)
            self.high += drift * (level - self.high)
        if step > 0:
            self.low = value if self.low is None else min(self.low, value)
            self.high = value if self.high is None else max(self.high, value)


class NaiveStreak:
    """What odd buckets in a row have beyond one chance in ten, fading by a fifth; below 0 for low values."""

    def __init__(self, span):
        self.share, self.sum = span / (span + 3600.0), 0.0

    def added(self, z, p, has_gap):
        before = 0.0 if has_gap else 0.8 * self.sum
        return self.share * min(abs(before), 3.0) if p < 0.01 and before * z > 0 else 0.0

    def learn(self, z, p, has_gap):
        before = 0.0 if has_gap else 0.8 * self.sum
        new = math.copysign(max(-math.log10(max(p, 1e-300)) - 1.0, 0.0), z)
        self.sum = single(before + new if before * new >= 0 else new)


class NaiveEchoes:
    """Jumps that were expected: those that came, those that failed to."""

    def __init__(self):
        # (value, what was expected by all, by those that do not follow) when the first two last were about the same.
        self.before = None
        self.came = self.failed = 0.0
        self.goes_on = False

    def jump(self, typical):
        return abs(typical - self.before[1]) if self.before else 0.0

    def least_p(self, value, expected, visits, is_proven, by=1):
        """The least p of a value that stays while what is expected jumps; `is_proven`: on a day of the month."""
        if self.before is None or abs(expected - self.before[by]) <= 3.0 * abs(value - self.before[0]):
            return 0.0
        p = (self.failed + 1.0) / (self.came + self.failed + 2.0) / (visits + 2.0)
        return min(p, 2e-4) if is_proven else p

    def bounded(self, off, value, steady, spread, visits, is_proven):
        """How far off a value is, no farther from what it was off before than a normal law is with that p."""
        p = self.least_p(value, steady, visits, is_proven, by=2)
        if not p:
            return off
        before, most = (self.before[0] - self.before[2]) / spread, NormalDist().inv_cdf(1.0 - 0.5 * p)
        return min(clip(off, before - most, before + most), off, key=abs)

    def learn(self, n, value, typical, steady, spread, p):
        jump = self.jump(typical)
        if jump > 3.0 * spread and not self.goes_on:
            came, failed = 3.0 * abs(value - typical) < jump, 3.0 * abs(value - self.before[0]) < jump
            if came != failed:
                kept = 1.0 - 1.0 / 300.0
                self.came, self.failed = single(kept * self.came + came), single(kept * self.failed + failed)
        self.goes_on = p < 0.01 or n == 0
        if not self.goes_on:
            self.before = (value, typical, steady)
