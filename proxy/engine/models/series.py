"""The model of one number per bucket, for all series of a detector at once.

Level, daily and weekly pattern are three nested predictors; their mixture is what a normal value would be.
A value is judged on five views of its residual: the residual itself, two running sums of it (multi-bucket),
the volatility of the series and how far it leaves the range seen so far. Tails are calibrated per series by
tails.py, low counts are judged by a negative binomial, past events by events.py.

Series share the bucket clock, so one call handles one bucket of every series. State is float32 where the
precision allows, arithmetic is float64.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.columns import Columns, Slot
from proxy.engine.models import changes, events, tails
from proxy.engine.probability import any_of, clip_p, join_correlated
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

DAY, WEEK = 86400, 604800
PREDICTORS = 4
RESIDUAL, SHORT_SUM, LONG_SUM, VOLATILITY = range(4)
FEATURES = 4
# Nothing is reported before this many values: a tail of a handful of residuals says nothing.
WARM_UP = 36
LEVEL_MEMORY = 2000
LEVEL_MEMORY_S = 14 * DAY
SCALE_MEMORY = 1500.0
# The first weeks are badly predicted; what came later counts this much more.
SCALE_FRESHNESS = 3.0
WEIGHT_MEMORY = 300.0
DAY_MEMORY, WEEK_MEMORY, FACTOR_MEMORY = 8.0, 4.0, 12.0
SUM_DECAYS = (1.0 - 1.0 / 6.0, 1.0 - 1.0 / 24.0)
SUM_LIMIT = 15.0
VOLATILITY_MEMORY = 18.0
# Variance of the log of a mean of so few steps: a constant series must not find any step sensational.
VOLATILITY_NOISE = 0.02
# Counts of the plain spread that stand against a bin's own.
FACTOR_PRIOR = 8.0
LOW_COUNT = 20.0
# The day's pattern is used once it was seen twice, the week's once it was seen beside a day's pattern.
DAY_FROM, WEEK_FROM = 2 * DAY, 9 * DAY
# A series that wanders is also predicted from its last few values.
LOCAL_FROM, LOCAL_MEMORY = 2 * DAY, 4.0
# 97.5 % quantile of Student's t with 4 degrees of freedom, the family the predictors are compared by.
BOUND_SPREADS = 2.776
RANGE_HALF_LIFE_S = 30 * DAY
NOVELTY_AFTER = 100
NOVELTY_MARGIN = 0.05
# A bin of a pattern learns at most this many plain spreads at once.
PATTERN_LIMIT = 1.0
# Updates weaker than this do not count as a value seen.
COUNTS_FROM = 0.3


def layout(day_bins: int, week_bins: int) -> dict[str, Slot]:
    """The state of a series."""
    return {
        "n": Slot("f4"),
        "first": Slot("i8", (), -1),
        "seen": Slot("i8", (), -1),
        "level": Slot("f8"),
        "slope": Slot("f8"),
        "local": Slot("f4"),
        "samples": Slot("f4"),
        "last": Slot("f8", (), np.nan),
        "low": Slot("f8", (), np.inf),
        "high": Slot("f8", (), -np.inf),
        "scale": Slot("f4", (PREDICTORS,)),
        "log_weight": Slot("f4", (PREDICTORS,)),
        "occupancy": Slot("f4", (), 1.0),
        "day": Slot("f4", (day_bins,)),
        "day_n": Slot("u1", (day_bins,)),
        "day_spread": Slot("f2", (day_bins,), 1.0),
        "week": Slot("f4", (week_bins,)),
        "week_n": Slot("u1", (week_bins,)),
        "sum": Slot("f4", (2,)),
        "sum_var": Slot("f4", (2,)),
        "sum_scale": Slot("f4", (2,), 1.0),
        "sum_n": Slot("f4"),
        "volatility": Slot("f4"),
        "vol_mean": Slot("f4"),
        "vol_var": Slot("f4"),
        **tails.slots(FEATURES),
        **events.SLOTS,
        **changes.SLOTS,
    }


@dataclass(frozen=True, slots=True)
class Judged:
    """What one bucket's values mean; one element per row. `p` is final, two- or one-sided as asked."""

    rows: Rows
    value: Floats
    ready: NDArray[np.bool_]
    typical: Floats
    spread: Floats
    z: Floats
    p_single: Floats
    p_multi: Floats
    p: Floats
    surprise: Floats
    raw_surprise: Floats
    alarm: Floats
    is_high: NDArray[np.bool_]
    factor: Floats
    errors: Floats
    scores: Floats
    p_outlier: Floats
    vol_now: Floats
    sums_now: Floats
    samples: Floats | None


class SeriesModel:
    """State and arithmetic of all series of one detector feature."""

    def __init__(self, span: int, *, side: int, is_count: bool, non_negative: bool, zero_empty: bool) -> None:
        self.span = span
        self.side = side
        self.is_count = is_count
        self.non_negative = non_negative
        self.zero_empty = zero_empty
        self.day_bins = min(96, DAY // span) if span <= DAY // 2 else 1
        self.week_bins = max(1, min(168, WEEK // span))
        self.level_memory = float(min(LEVEL_MEMORY, max(60, LEVEL_MEMORY_S // span)))
        self.day_memory = DAY_MEMORY * max(1.0, DAY / self.day_bins / span)
        self.week_memory = WEEK_MEMORY * max(1.0, WEEK / self.week_bins / span)
        self.day_buckets = max(1.0, DAY / span)
        self.range_keep = 0.5 ** (span / RANGE_HALF_LIFE_S)
        self.warm_up = WARM_UP
        self.columns = Columns(layout(self.day_bins, self.week_bins))

    def _bins(self, time: int) -> tuple[int, int]:
        return (time % DAY) * self.day_bins // DAY, (time % WEEK) * self.week_bins // WEEK

    def predict(self, time: int, rows: Rows) -> tuple[Floats, Floats, Floats, Floats]:
        """(typical, spread without factor, factor, the three predictors) for the bucket at `time`."""
        c = self.columns
        d, w = self._bins(time)
        age = time - c["first"][rows]
        level = c["level"][rows]
        day_on = np.clip(c["day_n"][d][rows] / 2.0, 0.0, 1.0) * ((age >= DAY_FROM) & (self.day_bins > 1))
        known_week = c["week_n"][w][rows].astype(np.float64)
        week_on = known_week / (known_week + 0.25) * (age >= WEEK_FROM)
        with_day = level + c["day"][d][rows] * day_on
        with_week = with_day + c["week"][w][rows] * week_on
        tracked = with_week + c["local"][rows] * (age >= LOCAL_FROM)
        predictors = np.stack([level, with_day, with_week, tracked])
        scale = c["scale"][:, rows].astype(np.float64)
        floor = np.maximum(np.maximum(1e-3 * np.abs(level), 0.01 * scale[0]), 1e-9)
        scale = np.maximum(scale, floor)
        weight = np.exp(c["log_weight"][:, rows].astype(np.float64))
        weight /= weight.sum(axis=0)
        typical = (weight * predictors).sum(axis=0)
        spread = (weight * scale).sum(axis=0)
        if self.is_count:
            # Counts this low cannot be steadier than chance lets them be.
            spread = np.where(typical < LOW_COUNT, np.maximum(spread, 0.7 * np.sqrt(np.maximum(typical, 0.25))), spread)
        known = c["day_n"][d][rows].astype(np.float64)
        factor = np.clip((FACTOR_PRIOR + known * c["day_spread"][d][rows]) / (FACTOR_PRIOR + known), 0.6, 6.0)
        if self.non_negative:
            typical = np.maximum(typical, 0.0)
        return typical, spread, factor, np.concatenate([predictors, scale])

    def judge(self, time: int, rows: Rows, value: Floats, samples: Floats | None = None) -> Judged:
        """Judges `value` of `rows` in the bucket starting at `time`; changes nothing.

        `samples` says how many records a mean-like value rests on: fewer than usual make it less certain.
        """
        c = self.columns
        n = c["n"][rows]
        typical, spread, factor, parts = self.predict(time, rows)
        if samples is not None:
            usual = np.maximum(c["samples"][rows], 1.0)
            factor = factor * np.sqrt(np.clip(0.5 + 0.5 * usual / np.maximum(samples, 1e-9), 1.0, 9.0))
        errors = value - parts[:PREDICTORS]
        z = (value - typical) / (spread * factor)
        if self.is_count:
            z = self._low_count_z(value, typical, spread * factor, z)
        z = np.clip(z, -1e4, 1e4)
        sums, sums_now = self._sums(rows, z)
        vol_z, vol_now = self._volatility(rows, value, spread)
        scores = np.stack([z, sums[0], sums[1], vol_z])
        scores[:, n < 12] = np.nan
        one_sided = np.stack([tails.survival(c, k, rows, np.nan_to_num(scores[k])) for k in range(FEATURES)])
        p_outlier = np.minimum(1.0, 2.0 * one_sided[RESIDUAL])
        p_views = self._sided(one_sided, scores)
        p_new = self._novelty(rows, value, n, spread)
        # Leaving the range is no news while the model expects as much.
        p_new = p_new ** np.clip(-np.log10(p_views[RESIDUAL] + 1e-300), 0.0, 1.0)
        p_single = np.minimum(p_views[RESIDUAL], p_new)
        p_multi = any_of(p_views[1:].min(axis=0), 3)
        if self.zero_empty:
            p_single = self._soften_empty(rows, value, p_single)
        # Where only one view speaks, the other must not talk it down by more than having been asked.
        p = np.minimum(join_correlated(p_single, p_multi), any_of(np.minimum(p_single, p_multi), 2))
        youth = np.minimum(1.0, n / max(self.day_buckets, self.warm_up))
        p = clip_p(p**youth)
        ready = n >= self.warm_up
        raw = np.where(ready, -np.log10(p), 0.0)
        bucket = time // self.span
        surprise = events.discount(c, rows, bucket, raw)
        alarm = np.where(ready, self._alarm(p_views, p_new) * youth - (raw - surprise), 0.0)
        alarm = events.first_alarm(c, rows, bucket, np.maximum(alarm, 0.0))
        return Judged(
            rows,
            value,
            ready,
            typical,
            spread,
            z,
            p_single,
            p_multi,
            clip_p(10.0**-surprise),
            surprise,
            raw,
            alarm,
            z >= 0,
            factor,
            np.concatenate([errors, parts[PREDICTORS:]]),
            scores,
            p_outlier,
            vol_now,
            sums_now,
            samples,
        )

    def _sided(self, tail: Floats, scores: Floats) -> Floats:
        if self.side:
            is_on_side = scores * self.side > 0
            # Unrest has no side of its own: it counts on the side the value is on.
            is_on_side[VOLATILITY] = is_on_side[RESIDUAL] & (scores[VOLATILITY] > 0)
            tail = np.where(is_on_side, tail, 0.5)
        return np.minimum(1.0, 2.0 * tail)

    @staticmethod
    def _alarm(p_views: Floats, p_new: Floats) -> Floats:
        """Evidence for alerting: the strongest view, plus half of what every view has beyond one chance in ten."""
        size = -np.log10(clip_p(np.concatenate([p_views, p_new[None]])))
        return np.maximum(size.max(axis=0) - 0.5, 0.0) + 0.5 * np.maximum(size - 1.0, 0.0).sum(axis=0)

    def _low_count_z(self, value: Floats, typical: Floats, spread: Floats, z: Floats) -> Floats:
        low = np.flatnonzero((typical < LOW_COUNT) & (value >= 0))
        if len(low):
            mean = np.maximum(typical[low], 1e-3)
            variance = np.maximum(spread[low] ** 2, mean * 1.001)
            size = np.minimum(mean**2 / (variance - mean), 1e6)
            success = size / (size + mean)
            count = np.floor(value[low])
            at_most = special.betainc(size, count + 1.0, success)
            below = np.where(count > 0, special.betainc(size, np.maximum(count, 1.0), success), 0.0)
            above = special.betaincc(size, count + 1.0, success)
            mass = np.maximum(at_most - below, 0.0)
            upper, lower = above + 0.5 * mass, below + 0.5 * mass
            z[low] = np.where(
                upper < lower, -special.ndtri(np.maximum(upper, 1e-300)), special.ndtri(np.maximum(lower, 1e-300))
            )
        return z

    def _sums(self, rows: Rows, z: Floats) -> tuple[Floats, Floats]:
        c = self.columns
        clipped = np.clip(z, -SUM_LIMIT, SUM_LIMIT)
        decay = np.array(SUM_DECAYS)[:, None]
        sums = c["sum"][:, rows] * decay + clipped
        var = c["sum_var"][:, rows] * decay**2 + 1.0
        now = sums / np.sqrt(var)
        out = now / np.maximum(c["sum_scale"][:, rows], 0.3)
        out[:, c["sum_n"][rows] < 9] = np.nan
        return out, np.stack([sums, var, now])

    def _volatility(self, rows: Rows, value: Floats, spread: Floats) -> tuple[Floats, Floats]:
        c = self.columns
        step = np.abs(value - c["last"][rows])
        n = c["n"][rows]
        rate = np.maximum(1.0 / VOLATILITY_MEMORY, 1.0 / (n + 1.0))
        vol = c["volatility"][rows]
        vol = np.where(np.isfinite(step), vol + rate * (step - vol), vol)
        log_vol = np.log(vol + 0.05 * spread + 1e-12)
        z = (log_vol - c["vol_mean"][rows]) / np.sqrt(c["vol_var"][rows] + VOLATILITY_NOISE)
        z[n < 2 * VOLATILITY_MEMORY] = np.nan
        return z, np.stack([vol, log_vol])

    def _novelty(self, rows: Rows, value: Floats, n: Floats, spread: Floats) -> Floats:
        """p of leaving the seen range by more than 5 % of it: 1 / (n + 1) / (1 + 10 excess / range)^2."""
        c = self.columns
        low, high = c["low"][rows], c["high"][rows]
        known = np.isfinite(low)
        seen = np.where(known, high - low, 0.0)
        seen = np.maximum(seen, 2.0 * spread)
        above, below = np.where(known, value - high, 0.0), np.where(known, low - value, 0.0)
        if self.side > 0:
            below = np.zeros_like(below)
        elif self.side < 0:
            above = np.zeros_like(above)
        excess = np.maximum(above, below) / seen
        is_new = (excess > NOVELTY_MARGIN) & (n >= NOVELTY_AFTER)
        return np.where(is_new, 1.0 / ((n + 1.0) * (1.0 + 10.0 * np.maximum(excess, 0.0)) ** 2), 1.0)

    def _soften_empty(self, rows: Rows, value: Floats, p: Floats) -> Floats:
        """An empty bucket of a series that is often empty is no news."""
        mix = np.clip((0.75 - self.columns["occupancy"][rows]) / 0.25, 0.0, 1.0)
        return np.where(value == 0, p ** (1.0 - mix), p)

    def learn(self, time: int, judged: Judged, weight: Floats) -> Floats:
        """Learns a judged bucket; `weight` 0..1 per row scales every update (0 = as if unseen).

        Returns how far each level was moved by a change point, mostly 0.
        """
        c, rows = self.columns, judged.rows
        n = c["n"][rows].astype(np.float64)
        fresh = n == 0
        value = judged.value
        outlier = np.clip(1.0 + 0.95 * (np.log10(judged.p_outlier + 1e-300) + 3.0) / 3.0, 0.05, 1.0)
        step = weight * np.where(n < 30, 1.0, outlier)
        if self.zero_empty:
            filled = value != 0
            occupancy = c["occupancy"][rows]
            rate = np.maximum(1.0 / 200.0, 1.0 / (n + 2.0))
            step = step * np.where(filled, 1.0, np.clip(2.0 * occupancy, 1e-6, 1.0))
            c["occupancy"][rows] = occupancy + weight * rate * (filled - occupancy)
        errors, scale = judged.errors[:PREDICTORS], judged.errors[PREDICTORS:]
        self._learn_location(time, rows, value, judged, n, step, fresh)
        self._learn_scale(time, rows, errors, scale, judged, n, step)
        learning = weight > 0.5
        self._learn_windows(rows[learning], judged, learning, n[learning])
        tails.learn(c, rows[learning], judged.scores[:, learning])
        events.learn(c, rows[learning], time // self.span, judged.raw_surprise[learning])
        events.learn_alarm(c, rows[learning], time // self.span, judged.alarm[learning])
        if judged.samples is not None:
            usual = c["samples"][rows]
            rate = weight / np.clip(n + 1.0, 1.0, SCALE_MEMORY)
            c["samples"][rows] = usual + rate * (judged.samples - usual)
        c["first"][rows] = np.where(c["first"][rows] < 0, time, c["first"][rows])
        c["seen"][rows] = time
        c["last"][rows[learning]] = value[learning]
        c["n"][rows] = n + weight
        return self._learn_changes(time, rows, judged, weight)

    def _learn_changes(self, time: int, rows: Rows, judged: Judged, weight: Floats) -> Floats:
        c = self.columns
        settled = np.flatnonzero(judged.ready & (weight > 0.5))
        shift = np.zeros(len(rows))
        if len(settled):
            at = rows[settled]
            shift[settled] = changes.observe(
                c, at, time, (judged.value - judged.typical)[settled], judged.spread[settled]
            )
            moved = at[shift[settled] != 0]
            if len(moved):
                c["level"][moved] += shift[settled][shift[settled] != 0]
                c["sum"][:, moved] = 0.0
                c["tail"][:, :, :, moved] *= 0.5
                c["tail_total"][:, moved] *= 0.5
        return shift

    def tail_ln(self, judged: Judged, i: int, value: Floats, scale: Floats) -> Floats:
        """ln p of other values in place of row i's, in the direction of its anomaly; `scale` widens the spread."""
        spread = float(judged.spread[i] * judged.factor[i]) * scale
        typical = np.full(len(value), judged.typical[i])
        z = (value - typical) / spread
        if self.is_count:
            z = self._low_count_z(value, typical, spread, z)
        z = np.clip(z if judged.is_high[i] else -z, 0.0, 1e4)
        toward = z if judged.is_high[i] else -z
        at = np.full(len(value), judged.rows[i], np.intp)
        return np.log(clip_p(2.0 * tails.survival(self.columns, RESIDUAL, at, toward)))

    def bounds(self, typical: float, spread: float, row: int) -> tuple[float, float]:
        """95 % bounds; never below 0 where no value ever was."""
        lower, upper = float(typical - BOUND_SPREADS * spread), float(typical + BOUND_SPREADS * spread)
        if self.non_negative or self.columns["low"][row] >= 0.0:
            lower = max(lower, 0.0)
        return lower, upper

    def youth(self, row: int) -> float:
        """0..1: how much of two days (at least the warm-up) the series has been seen."""
        return float(min(1.0, self.columns["n"][row] / max(2.0 * self.day_buckets, self.warm_up)))

    def run_length(self, judged: Judged, i: int) -> int:
        """Buckets the anomaly has lasted, this one included."""
        return int(self.columns["event_run"][judged.rows[i]]) + 1

    def _learn_location(
        self, time: int, rows: Rows, value: Floats, judged: Judged, n: Floats, step: Floats, fresh: NDArray[np.bool_]
    ) -> None:
        c = self.columns
        d, w = self._bins(time)
        level = c["level"][rows]
        limit = np.where(n < 12, np.inf, 3.0 * judged.spread * judged.factor)
        error = np.clip(value - judged.typical, -limit, limit)
        level_new = np.where(fresh, value, level + step * error / np.minimum(n + 1.0, self.level_memory))
        # Bounded by the plain variation of the series, its pattern included.
        bound = np.where(n < 12, np.inf, PATTERN_LIMIT * judged.errors[PREDICTORS])
        day = c["day"][d][rows] if self.day_bins > 1 else np.zeros(len(rows))
        if self.day_bins > 1:
            self._learn_pattern("day", d, rows, value - level, np.where(fresh, 0.0, step), bound, self.day_memory)
        ripe = (time - c["first"][rows] >= DAY_FROM) & ~fresh
        self._learn_pattern("week", w, rows, value - level - day, step * ripe, bound, self.week_memory)
        # The third error is that against level, day and week: what wanders on top of them.
        local = c["local"][rows]
        off = np.clip(judged.errors[2] - local, -bound, bound)
        c["local"][rows] = np.where(fresh, 0.0, local + step * off / LOCAL_MEMORY)
        slope = c["slope"][rows]
        c["slope"][rows] = np.where(
            fresh, 0.0, slope + step * (level_new - level - slope) / np.clip(n, 1.0, self.level_memory)
        )
        c["level"][rows] = level_new
        keep = self.range_keep
        low, high = c["low"][rows], c["high"][rows]
        drift = (1.0 - keep) * step
        known_range = np.isfinite(low)
        low = low + drift * np.where(known_range, level - np.where(known_range, low, 0.0), 0.0)
        high = high + drift * np.where(known_range, level - np.where(known_range, high, 0.0), 0.0)
        taken = step > 0
        c["low"][rows] = np.where(taken, np.minimum(low, value), low)
        c["high"][rows] = np.where(taken, np.maximum(high, value), high)

    def _learn_pattern(
        self, name: str, at: int, rows: Rows, rest: Floats, step: Floats, bound: Floats, memory: float
    ) -> None:
        """A bin follows what is left of its values, at most `bound` at once: a spike must not come back as
        tomorrow's pattern."""
        c = self.columns
        pattern = c[name][at][rows]
        known = c[name + "_n"][at][rows].astype(np.float64)
        move = step * np.clip(rest - pattern, -bound, bound) / np.minimum(known + 1.0, memory)
        c[name][at][rows] = pattern + move
        c[name + "_n"][at][rows] = np.minimum(known + (step > COUNTS_FROM), 250.0)

    def _learn_scale(
        self, time: int, rows: Rows, errors: Floats, scale: Floats, judged: Judged, n: Floats, step: Floats
    ) -> None:
        c = self.columns
        d, _ = self._bins(time)
        limit = np.where(n < 12, np.inf, 4.0 * scale)
        used = self._used_for(time, rows, n)
        rate = np.maximum(SCALE_FRESHNESS / (used + SCALE_FRESHNESS), 1.0 / SCALE_MEMORY) * np.where(
            step > 0, np.maximum(step, 0.3), 0.0
        )
        stored = c["scale"][:, rows]
        c["scale"][:, rows] = np.where(n == 0, 0.0, stored + rate * (1.25 * np.minimum(np.abs(errors), limit) - stored))
        fit = -2.5 * np.log1p((errors / scale) ** 2 / 4.0) - np.log(scale)
        log_weight = (1.0 - 1.0 / WEIGHT_MEMORY) * c["log_weight"][:, rows] + np.where(step > 0, fit, 0.0)
        c["log_weight"][:, rows] = np.maximum(log_weight - log_weight.max(axis=0), -8.0)
        known = c["day_n"][d][rows].astype(np.float64)
        spread = c["day_spread"][d][rows]
        size = np.minimum(1.25 * np.abs(judged.value - judged.typical) / judged.spread, 6.0)
        c["day_spread"][d][rows] = np.where(
            n < 12, spread, spread + step * (size - spread) / np.minimum(known + 1.0, FACTOR_MEMORY)
        )

    def _used_for(self, time: int, rows: Rows, n: Floats) -> Floats:
        """Values each predictor has been in use for: one that just got its pattern is measured afresh."""
        age = time - self.columns["first"][rows]
        starts = (DAY_FROM, WEEK_FROM, LOCAL_FROM)
        since = np.stack([np.full(len(rows), np.inf), *((age - start) / self.span for start in starts)])
        return np.minimum(n, np.where(since < 0, np.inf, np.maximum(since, 12.0)))

    def _learn_windows(self, rows: Rows, judged: Judged, learning: NDArray[np.bool_], n: Floats) -> None:
        c = self.columns
        sums, var, now = judged.sums_now[:, :, learning]
        c["sum"][:, rows] = sums
        c["sum_var"][:, rows] = var
        c["sum_n"][rows] += 1.0
        rate = np.maximum(1.0 / (n + 1.0), 1.0 / SCALE_MEMORY)
        old = c["sum_scale"][:, rows]
        target = np.minimum(now**2, (4.0 * old) ** 2)
        c["sum_scale"][:, rows] = np.sqrt(old**2 + rate * (target - old**2))
        vol, log_vol = judged.vol_now[:, learning]
        c["volatility"][rows] = vol
        mean, variance = c["vol_mean"][rows], c["vol_var"][rows]
        late = n >= VOLATILITY_MEMORY
        rate = np.where(late, 1.0 / np.clip(n - VOLATILITY_MEMORY + 1.0, 1.0, SCALE_MEMORY), 0.0)
        off = log_vol - mean
        c["vol_mean"][rows] = mean + rate * off
        c["vol_var"][rows] = variance + rate * (np.minimum(off**2, 16.0 * (variance + 0.01)) - variance)
