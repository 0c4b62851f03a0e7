"""The model of one number per bucket, for all series of a detector at once.

The predictors of location.py, from the plain level up to level, patterns and the last residuals, are mixed by how well
each has done; their mixture is what a normal value would be. A period of the series' own (periods.py) and a day of the
month unlike others (calendar_days.py), if there are such, go with the pattern of the day.
A value is judged on five views of its residual: the residual itself, two running sums of it (multi-bucket),
the volatility of the series and how far it leaves the range seen so far. Tails are calibrated per series by
tails.py, low counts are judged by a negative binomial, past events by events.py.

Series share the bucket clock, so one call handles one bucket of every series. State is float32 where the
precision allows, arithmetic is float64.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.columns import Columns, Slot
from proxy.engine.models import (
    calendar_days,
    changes,
    clock_shift,
    events,
    location,
    mixture,
    period_fit,
    tails,
    views,
)
from proxy.engine.models.patterns import DAY_FROM, DAY_TRIED, WEEK, Grid, Lesson
from proxy.engine.probability import any_of, clip_p, join_correlated
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

RESIDUAL, SHORT_SUM, LONG_SUM, VOLATILITY = range(4)
FEATURES = 4
# Nothing is reported before this many values: a tail of a handful of residuals says nothing.
WARM_UP = 36
FACTOR_MEMORY = 12.0
# Counts of the plain spread that stand against a bin's own.
FACTOR_PRIOR = 8.0
LOW_COUNT = 20.0
# What the tails of a series keep of the time before its day's pattern was used.
OLD_TAILS = 0.2
# What they keep of the time before a period of its own was found: most was surprise at that.
UNTOLD_TAILS = 0.05
# What the oddest of scores still counts for in the tails: an incident must not become usual by itself.
LEAST_IN_TAILS = 0.2
# 97.5 % quantile of Student's t with 4 degrees of freedom, the family the predictors are compared by.
BOUND_SPREADS = 2.776


def layout(grid: Grid) -> dict[str, Slot]:
    """The state of a series."""
    return {
        "n": Slot("f4"),
        "first": Slot("i8", (), -1),
        "seen": Slot("i8", (), -1),
        "samples": Slot("f4"),
        "occupancy": Slot("f4", (), 1.0),
        "day_spread": Slot("f2", (grid.day_bins,), 1.0),
        **location.slots(grid),
        **mixture.slots(location.PREDICTORS),
        **views.SLOTS,
        **tails.slots(FEATURES),
        **events.SLOTS,
        **changes.SLOTS,
        **clock_shift.SLOTS,
        **period_fit.SLOTS,
    }


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a bucket should hold, one element per row; `spread` is yet without the time of day's `factor`.

    `predicted` and `scale` are predictors x rows.
    """

    typical: Floats
    spread: Floats
    factor: Floats
    predicted: Floats
    scale: Floats


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
    predicted: Floats
    scale: Floats
    scores: Floats
    p_outlier: Floats
    windows: views.Windows
    samples: Floats | None


@dataclass(frozen=True, slots=True)
class Change:
    """A lasting change that the model made of what it saw: of a level, a scale (a factor), a clock or a period (both
    in seconds), or a day of the month that is unlike others (as `calendar_days.title` takes it).
    """

    row: int
    kind: Literal["level shift", "linear scale", "time shift", "period", "calendar"]
    size: float


def _by_chance(z: Floats, sums: Floats) -> Floats:
    """Features x rows: what low counts do by chance, in one bucket (which is also what stirs them up) and in many."""
    single = 2.0 * special.ndtr(-np.abs(z))
    return np.stack([single, *(2.0 * special.ndtr(-np.abs(sums))), single])


class SeriesModel:
    """State and arithmetic of all series of one detector feature."""

    def __init__(self, span: int, *, side: int, is_count: bool, non_negative: bool, zero_empty: bool) -> None:
        self.span = span
        self.side = side
        self.is_count = is_count
        self.non_negative = non_negative
        self.zero_empty = zero_empty
        self.grid = Grid.of(span)
        self.warm_up = WARM_UP
        self.columns = Columns(layout(self.grid))

    def predict(self, time: int, rows: Rows, ahead: int = 0) -> Prediction:
        """What is expected of the bucket at `time`, `ahead` buckets after the next one."""
        c = self.columns
        predicted = location.predictors(c, self.grid, time, rows, ahead)
        doubt = location.doubt(c, self.grid, time, rows)
        in_use = location.in_use(c, time, rows)
        typical, spread, scale = mixture.combine(c, rows, predicted, doubt, in_use)
        if self.is_count:
            # Counts this low cannot be steadier than chance lets them be.
            spread = np.where(typical < LOW_COUNT, np.maximum(spread, 0.7 * np.sqrt(np.maximum(typical, 0.25))), spread)
        d, _ = self.grid.bins(time)
        known = c["day_n"][d, rows].astype(np.float64)
        factor = np.clip((FACTOR_PRIOR + known * c["day_spread"][d, rows]) / (FACTOR_PRIOR + known), 0.6, 6.0)
        typical = np.where(self.non_negative | (c["low"][rows] >= 0.0), np.maximum(typical, 0.0), typical)
        return Prediction(typical, spread, factor, predicted, scale)

    def judge(self, time: int, rows: Rows, value: Floats, samples: Floats | None = None) -> Judged:
        """Judges `value` of `rows` in the bucket starting at `time`; changes nothing.

        `samples` says how many records a mean-like value rests on: fewer than usual make it less certain.
        """
        c = self.columns
        n = c["n"][rows]
        wanted = self.predict(time, rows)
        factor = wanted.factor
        if samples is not None:
            usual = np.maximum(c["samples"][rows], 1.0)
            factor = factor * np.sqrt(np.clip(0.5 + 0.5 * usual / np.maximum(samples, 1e-9), 1.0, 9.0))
        z = (value - wanted.typical) / (wanted.spread * factor)
        if self.is_count:
            z = self._low_count_z(value, wanted.typical, wanted.spread * factor, z)
        z = np.clip(z, -1e4, 1e4)
        sums, unrest, windows = views.look(c, rows, value, z, wanted.spread)
        scores = np.stack([z, *sums, unrest])
        scores[:, n < 12] = np.nan
        one_sided = np.stack([tails.survival(c, k, rows, np.nan_to_num(scores[k])) for k in range(FEATURES)])
        p_outlier = np.minimum(1.0, 2.0 * one_sided[RESIDUAL])
        p_views = self._sided(one_sided, scores)
        by_chance = np.zeros_like(p_views)
        if self.is_count:
            by_chance = _by_chance(z, windows.sizes) * (wanted.typical < LOW_COUNT)
            p_views = np.maximum(p_views, by_chance)
        p_new = views.novelty(c, rows, value, wanted.spread, self.side)
        # The range is that of ordinary days; leaving it is no news while the model expects as much.
        p_new[calendar_days.having(c, time, rows)] = 1.0
        p_new = p_new ** np.clip(-np.log10(p_views[RESIDUAL] + 1e-300), 0.0, 1.0)
        p_single = np.maximum(np.minimum(p_views[RESIDUAL], p_new), by_chance[RESIDUAL])
        p_multi = any_of(p_views[1:].min(axis=0), 3)
        if self.zero_empty:
            p_single = self._soften_empty(rows, value, p_single)
        # Where only one view speaks, the other must not talk it down by more than having been asked.
        p = np.minimum(join_correlated(p_single, p_multi), any_of(np.minimum(p_single, p_multi), 2))
        youth = np.minimum(1.0, n / max(self.grid.day_buckets, self.warm_up))
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
            wanted.typical,
            wanted.spread,
            z,
            p_single,
            p_multi,
            clip_p(10.0**-surprise),
            surprise,
            raw,
            alarm,
            z >= 0,
            factor,
            wanted.predicted,
            wanted.scale,
            scores,
            p_outlier,
            windows,
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
            # From the upper side: of a difference of lower tails near 1 nothing is left far out.
            above = special.betaincc(size, count + 1.0, success)
            at_least = np.where(count > 0, special.betaincc(size, np.maximum(count, 1.0), success), 1.0)
            upper = 0.5 * (at_least + above)
            lower = 1.0 - upper
            z[low] = np.where(
                upper < lower, -special.ndtri(np.maximum(upper, 1e-300)), special.ndtri(np.maximum(lower, 1e-300))
            )
        return z

    def _soften_empty(self, rows: Rows, value: Floats, p: Floats) -> Floats:
        """An empty bucket of a series that is often empty is no news."""
        mix = np.clip((0.75 - self.columns["occupancy"][rows]) / 0.25, 0.0, 1.0)
        return np.where(value == 0, p ** (1.0 - mix), p)

    def learn(self, time: int, judged: Judged, weight: Floats) -> list[Change]:
        """Learns a judged bucket; `weight` 0..1 per row scales every update (0 = as if unseen).

        Returns the lasting changes it made of them, mostly none.
        """
        c, rows = self.columns, judged.rows
        n = c["n"][rows].astype(np.float64)
        value = judged.value
        outlier = np.clip(1.0 + 0.95 * (np.log10(judged.p_outlier + 1e-300) + 3.0) / 3.0, 0.05, 1.0)
        trusted = weight
        if self.zero_empty:
            filled = value != 0
            occupancy = c["occupancy"][rows]
            rate = np.maximum(1.0 / 200.0, 1.0 / (n + 2.0))
            trusted = weight * np.where(filled, 1.0, np.clip(2.0 * occupancy, 1e-6, 1.0))
            c["occupancy"][rows] = occupancy + weight * rate * (filled - occupancy)
        step = trusted * np.where(n < 30, 1.0, outlier)
        explained = self._learn_prediction(time, judged, n, step, trusted, weight)
        self._renew_tails(time, rows, rows[explained])
        learning = weight > 0.5
        taught = rows[learning]
        views.learn(c, rows, judged.windows, learning, value)
        tails.learn(c, taught, judged.scores[:, learning], np.maximum(outlier, LEAST_IN_TAILS)[learning])
        events.learn(c, taught, time // self.span, judged.raw_surprise[learning])
        events.learn_alarm(c, taught, time // self.span, judged.alarm[learning])
        if judged.samples is not None:
            usual = c["samples"][rows]
            rate = weight / np.clip(n + 1.0, 1.0, mixture.SCALE_MEMORY)
            c["samples"][rows] = usual + rate * (judged.samples - usual)
        c["first"][rows] = np.where(c["first"][rows] < 0, time, c["first"][rows])
        c["seen"][rows] = time
        c["n"][rows] = n + weight
        settled = np.flatnonzero(judged.ready & (weight > 0.5))
        made = self._learn_changes(time, judged, settled) if len(settled) else []
        off = (value - judged.predicted[location.WITH_WEEK])[learning]
        return made + self._learn_periods(time, taught, value[learning]) + self._learn_calendar(time, taught, off)

    def _renew_tails(self, time: int, rows: Rows, explained: Rows) -> None:
        """Residuals from before a day's pattern was used, or a week's was known, say little of those to come."""
        age, before = time - self.columns["first"][rows], self.columns["seen"][rows] - self.columns["first"][rows]
        renewed = (age >= DAY_FROM) & (before < DAY_FROM) & self.grid.has_day
        tails.fade(self.columns, rows[renewed], OLD_TAILS)
        if len(explained):
            tails.forget(self.columns, explained, WEEK / self.span)
            events.excuse(self.columns, explained)

    def _learn_changes(self, time: int, judged: Judged, settled: Rows) -> list[Change]:
        c, at = self.columns, judged.rows[settled]
        off = judged.value[settled] - judged.typical[settled]
        shift = changes.observe(c, at, time, off, judged.spread[settled])
        moved = at[shift != 0]
        if len(moved):
            location.move(c, moved, shift[shift != 0])
            c["sum"][:, moved] = 0.0
            tails.fade(c, moved, 0.5)
        scale = location.settle_strength(c, self.grid, at)
        rest = judged.value[settled] - c["base"][at] - location.own_part(c, self.grid, time, at)
        clock = clock_shift.observe(c, self.grid, time, at, rest, judged.spread[settled])
        found = (("level shift", shift, 0.0), ("linear scale", scale, 1.0), ("time shift", clock, 0.0))
        return [
            Change(int(at[i]), kind, float(size[i]))
            for kind, size, none in found
            for i in np.flatnonzero(size != none).tolist()
        ]

    def _learn_periods(self, time: int, rows: Rows, value: Floats) -> list[Change]:
        """Looks for other periods than day and week; where one is found, what was hard to foretell is so no more."""
        c, new = self.columns, period_fit.observe(self.columns, self.grid, time, rows, value)
        self._forget_surprises(new)
        return [Change(row, "period", float(c["period"][row])) for row in new.tolist()]

    def _learn_calendar(self, time: int, rows: Rows, off: Floats) -> list[Change]:
        """Looks for a day of the month that is unlike others; `off` is what all patterns leave of a value."""
        new = calendar_days.observe(self.columns, self.grid, time, rows, off)
        self._forget_surprises(new)
        return [Change(row, "calendar", calendar_days.found(self.columns, row)) for row in new.tolist()]

    def _forget_surprises(self, new: Rows) -> None:
        """Most of what was hard to foretell of these series is so no more."""
        c = self.columns
        if len(new):
            tails.fade(c, new, UNTOLD_TAILS)
            events.call_off(c, new)
            changes.forget(c, new)
            c["sum"][:, new] = 0.0
            c["day_spread"][:, new] = 1.0

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
        return float(min(1.0, self.columns["n"][row] / max(2.0 * self.grid.day_buckets, self.warm_up)))

    def run_length(self, judged: Judged, i: int) -> int:
        """Buckets the anomaly has lasted, this one included."""
        return int(self.columns["event_run"][judged.rows[i]]) + 1

    def _learn_prediction(
        self, time: int, judged: Judged, n: Floats, step: Floats, trusted: Floats, weight: Floats
    ) -> NDArray[np.bool_]:
        """Location, scales and range learn from values the more the less odd they are."""
        c, rows = self.columns, judged.rows
        young = n < 12
        lesson = Lesson(
            judged.value,
            judged.predicted,
            judged.typical,
            judged.spread,
            judged.scale,
            np.where(young, np.inf, 3.0 * judged.spread * judged.factor),
            # Bounded by the plain variation of the series, its pattern included.
            np.where(young, np.inf, judged.scale[location.LEVEL]),
            step,
            trusted,
            n,
        )
        ranged = step.copy()
        ranged[calendar_days.having(c, time, rows)] = 0.0
        views.learn_range(c, rows, judged.value, c["level"][rows], ranged, self.span)
        doubt = location.doubt(c, self.grid, time, rows)
        explained = location.learn(c, self.grid, time, rows, lesson)
        tried = location.tried(c, self.grid, time, rows)
        mixture.learn(c, rows, judged.value - judged.predicted, judged.scale, doubt, tried, step, weight)
        self._learn_factor(time, judged, step, young)
        return explained

    def _learn_factor(self, time: int, judged: Judged, step: Floats, young: NDArray[np.bool_]) -> None:
        """How much more, or less, than usual the bin's values spread: around the day's pattern from its first trial."""
        c, rows = self.columns, judged.rows
        d, _ = self.grid.bins(time)
        known = c["day_n"][d, rows].astype(np.float64)
        spread = c["day_spread"][d, rows]
        age = np.where(c["first"][rows] < 0, 0, time - c["first"][rows])
        on_trial = (age < DAY_FROM) & self.grid.has_day
        typical = np.where(on_trial, judged.predicted[location.WITH_DAY], judged.typical)
        usual = np.where(on_trial, judged.scale[location.WITH_DAY], judged.spread)
        size = np.minimum(mixture.NORMAL * np.abs(judged.value - typical) / usual, 6.0)
        size = np.where(on_trial & (age < DAY_TRIED), 1.0, size)
        moved = spread + step * (size - spread) / np.minimum(known + 1.0, FACTOR_MEMORY)
        c["day_spread"][d, rows] = np.where(young, spread, moved)
