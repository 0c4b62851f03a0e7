"""The model of one number per bucket, for all series of a detector at once.

The predictors of location.py, from the plain level up to level, patterns and the last residuals, are mixed by how well
each has done; their mixture is what a normal value would be. A period of the series' own (periods.py) and a day of the
month unlike others (calendar_days.py), if there are such, go with the pattern of the day.
A value is judged on five views: the residual, two running sums of what it is off those predictors that do not follow
the last values (multi-bucket), the volatility of the series and how far it leaves the range seen so far. Tails are
calibrated per series by tails.py, low counts are judged by a negative binomial, past events by events.py.

Series share the bucket clock, so one call handles one bucket of every series; of one series alone it is in numbers, not
arrays (elementwise.py). State is float32 where the
precision allows, arithmetic is float64.
"""

from collections.abc import Callable
from typing import cast

import numpy as np

from proxy.engine.columns import Rows
from proxy.engine.elementwise import (
    anywhere,
    clip,
    double,
    everywhere,
    listed,
    maximum,
    minimum,
    of,
    positions,
    put,
    where,
    zeros,
)
from proxy.engine.models import location, low_counts, mixture
from proxy.engine.models.component import Lesson, Mask, Model, Moment
from proxy.engine.models.echoes import Echoes
from proxy.engine.models.events import EVENT_S, OPENS_FROM, Events, told_on
from proxy.engine.models.factors import Factors, most_by_rarity
from proxy.engine.models.grid import DAY_FROM, WEEK, Grid
from proxy.engine.models.history import History
from proxy.engine.models.home import Home
from proxy.engine.models.incidents import Incidents
from proxy.engine.models.judged import (
    FEATURES,
    RESIDUAL,
    SUMS,
    VOLATILITY,
    Change,
    Evidence,
    Judged,
    Prediction,
    Views,
    one_sided,
    tempered,
    two_sided,
)
from proxy.engine.models.lasting import LastingChanges
from proxy.engine.models.location import LEVEL, STRENGTHENED, WITH_DAY, WITH_WEEK, Location
from proxy.engine.models.low_counts import LOW_COUNT
from proxy.engine.models.maturity import Maturity
from proxy.engine.models.mixture import Mixture
from proxy.engine.models.records import Records
from proxy.engine.models.silence import Silence
from proxy.engine.models.spread_of_day import SpreadOfDay
from proxy.engine.models.streaks import Streaks
from proxy.engine.models.sums import USUAL, RunningSums
from proxy.engine.models.tails import Tails
from proxy.engine.models.views import SeenRange, Volatility
from proxy.engine.probability import any_of, clip_p
from proxy.engine.results import Floats

# Values before which errors are not bounded and scores not looked at, and before which none counts as odd.
YOUNG, TRUSTED_UNTIL = 12, 30
# What the tails of a series keep of the time before its day's pattern was used.
OLD_TAILS = 0.2
# What the oddest of scores still counts for in the tails: an incident must not become usual by itself.
LEAST_IN_TAILS = 0.2
# A value teaches the less the lower its p is below 10^-3; nothing but this much from 10^-6 on.
LEAST_TAUGHT = 0.05
# Values whose p is below this are odd: of an incident. Incidents are held apart from what is usual once a series has
# shown two weeks.
ODD_BELOW, HELD_FROM_S = 1e-3, 2 * WEEK
# The predictors that may explain an odd value, and the scales within which they do.
PATTERNS, EXPLAINED = [WITH_DAY, WITH_WEEK, STRENGTHENED], 2.0
# A series whose events are a habit beyond this, more than four within a month, has no incidents.
HELD_HABIT = 0.5
# Spreads by which a level moves at once at most.
LEVEL_LIMIT = 3.0
# 97.5 % quantile of Student's t with 4 degrees of freedom, the family the predictors are compared by.
BOUND_SPREADS = 2.776
# A spread that is no larger part of the range is what rounding leaves of a series that is the same but for exceptions.
FLAT_TO = 1e-9
# p of values for what the model of their series does not see, from (rows, values, spreads).
Outside = Callable[[Rows, Floats, Floats], Floats]


class SeriesModel(Model):
    """State and arithmetic of all series of one detector feature.

    `side` is 1 (only high values are unusual), -1 (only low ones) or 0; `zero_empty` tells that a bucket without data
    counts as 0.
    """

    def __init__(self, span: int, *, side: int, is_count: bool, non_negative: bool, zero_empty: bool) -> None:
        self.span = span
        self.side = side
        self.is_count = is_count
        self.non_negative = non_negative
        self.zero_empty = zero_empty
        self.may_be_factors = np.bool_(not (is_count or zero_empty))
        self.grid = Grid.of(span)
        self.history, self.records = History(), Records(self.grid, zero_empty=zero_empty)
        self.location, self.mixture = Location(self.grid), Mixture(location.PREDICTORS, location.STEADY, span)
        self.spread_of_day, self.seen_range = SpreadOfDay(self.grid), SeenRange(span)
        self.sums, self.volatility = RunningSums(span), Volatility(span)
        self.tails, self.events = Tails(FEATURES), Events()
        self.streaks, self.echoes = Streaks(span, self.history), Echoes(self.location)
        self.incidents, self.silence, self.factors = Incidents(span), Silence(self.grid), Factors(span)
        self.grown = Maturity(self.grid, self.history)
        self.home = Home(self.grid, self.location, self.mixture, self.spread_of_day, self.seen_range)
        held = self.incidents, self.streaks, self.sums
        self.lasting = LastingChanges(
            span,
            self.grid,
            self.location,
            self.mixture,
            self.tails,
            home=self.home,
            of_levels=held,
            of_patterns=(*held, self.events, self.spread_of_day),
            move=self.move,
        )
        super().__init__(
            history=self.history,
            records=self.records,
            silence=self.silence,
            **self.location.parts,
            mixture=self.mixture,
            spread_of_day=self.spread_of_day,
            seen_range=self.seen_range,
            sums=self.sums,
            volatility=self.volatility,
            tails=self.tails,
            events=self.events,
            streaks=self.streaks,
            echoes=self.echoes,
            incidents=self.incidents,
            factors=self.factors,
            **self.lasting.parts,
        )

    # ---- prediction

    def predict(self, time: int, rows: Rows, ahead: int = 0) -> Prediction:
        """What is expected of the bucket at `time`, `ahead` buckets after the next one."""
        return self._predict(self.history.at(time, rows), ahead)

    def _predict(self, at: Moment, ahead: int = 0) -> Prediction:
        rows = at.rows
        predicted = self.location.predictors(at, self.mixture.scale_of(WITH_DAY, rows), ahead)
        doubt = self.location.doubt(at)
        (typical, spread), (steady, steady_spread), scale = self.mixture.combine(
            rows,
            predicted,
            least=mixture.steadiest(self.location.level.of(rows), self.seen_range.width(rows)),
            doubt=doubt,
            in_use=self.location.in_use(at),
        )
        if self.is_count:
            spread = low_counts.least_spread(typical, spread)
            steady_spread = low_counts.least_spread(steady, steady_spread)
        factor = self.spread_of_day.factor(at, self.location.patterns.day_visits(at))
        is_positive = self.non_negative or self.seen_range.never_negative(rows)
        typical, steady = (where(is_positive, maximum(x, 0.0), x) for x in (typical, steady))
        return Prediction(typical, spread, steady, steady_spread, factor, predicted, scale, doubt)

    # ---- judging, which changes nothing

    def judge(
        self, time: int, rows: Rows, value: Floats, samples: Floats | None = None, outside: Outside | None = None
    ) -> Judged:
        """Judges `value` of `rows` in the bucket starting at `time`; changes nothing.

        `samples` says how many records a mean-like value rests on: fewer than usual make it less certain. `outside`
        tells how improbable a value is for something else: that it lies off the modes of its series (modes.py), that
        the series is back after a long silence (returns.py).
        """
        if len(rows) != 1:
            return self._judge(self.history.at(time, rows), value, samples, outside)
        at = self.history.at(time, cast(Rows, int(rows[0])))
        return self._judge(at, value[0], None if samples is None else samples[0], outside).listed()

    def _judge(self, at: Moment, value: Floats, samples: Floats | None, outside: Outside | None = None) -> Judged:
        rows, wanted = at.rows, self._predict(at)
        if samples is not None:
            wanted = wanted.widened(self.records.widening(rows, samples))
        wanted = wanted.widened(self.echoes.widening(rows, wanted.typical, wanted.spread * wanted.factor))
        views = self._look(at, value, wanted)
        evidence = self._weigh(at, value, wanted, views, outside)
        ready = self.grown.is_ready(at)
        lasts = self.sums.lasts(rows, evidence.odd)
        if anywhere(lasts):
            # What was before a gap is over.
            lasts &= at.age - self.history.last_age(rows) <= EVENT_S
        raw = believed = at_home = zeros(rows)
        if not everywhere(evidence.least >= USUAL):
            believed, at_home = self.grown.believed(at), self.home.most_surprise(at, value)
            raw = where(ready, minimum(evidence.surprise() * believed, at_home), 0.0)
        goes_on = self.events.goes_on(rows, at.time, raw, lasts)
        surprise, p = raw, raw + 1.0
        if anywhere(raw > 0):
            surprise = self.events.discount(rows, at.time, raw, lasts)
            is_told_on = goes_on & (raw > OPENS_FROM)
            if anywhere(is_told_on):
                of_bucket = evidence.surprise_of_bucket(is_told_on) * of(believed, is_told_on)
                surprise = put(surprise, positions(is_told_on), told_on(of(surprise, is_told_on), of_bucket))
            streak = self.streaks.added(at, views.z, evidence.by_view[RESIDUAL])
            surprise = surprise + where(goes_on | (raw <= OPENS_FROM), 0.0, streak * believed)
            surprise = minimum(surprise, minimum(evidence.most, at_home))
            p = clip_p(np.power(10.0, -surprise))
        return Judged(rows, value, ready, wanted, views, evidence, p, surprise, raw, goes_on, lasts, samples)

    def _look(self, at: Moment, value: Floats, wanted: Prediction) -> Views:
        """The residual and the other views."""
        z = self._off(value, wanted.typical, wanted.spread * wanted.factor)
        spread = wanted.steady_spread * wanted.factor
        off = self.echoes.bounded(at, value, wanted.steady, spread, self._off(value, wanted.steady, spread))
        of_sums, sums = self.sums.look(at.rows, off)
        of_steps, steps = self.volatility.look(at, value, wanted.spread)
        scores = np.array([z, *of_sums, of_steps])
        is_young = at.n < YOUNG
        if anywhere(is_young):
            scores[..., is_young] = np.nan
        return Views(z, scores, sums, steps)

    def _off(self, value: Floats, typical: Floats, spread: Floats) -> Floats:
        """How many spreads values are off."""
        z = (value - typical) / spread
        if self.is_count:
            z = low_counts.scores(value, typical, spread, z)
        return clip(z, -1e4, 1e4)

    def _weigh(self, at: Moment, value: Floats, wanted: Prediction, views: Views, outside: Outside | None) -> Evidence:
        """How improbable the views are, each by its own tail, and the range."""
        scores, rows = views.scores, at.rows
        by_view = two_sided(self.tails.survivals(rows, scores))
        outlier = double(by_view[RESIDUAL])
        unrest = by_view[VOLATILITY]
        moves_more = (scores[VOLATILITY] > 0) & (unrest < USUAL)
        if anywhere(moves_more):
            # The step back from a spike is one more step, but not one more oddity.
            by_view[VOLATILITY] = where(moves_more, tempered(unrest, outlier), unrest)
        if self.side:
            by_view = one_sided(by_view, scores, self.side)
        by_sum = by_view[SUMS].copy()
        by_view[SUMS] = views.sums.supported(by_sum)
        least_p = self.echoes.least_p(at, value, wanted.typical)
        by_view[RESIDUAL] = maximum(by_view[RESIDUAL], least_p)
        new = self.seen_range.novelty(at, value, wanted.spread, self.side)
        its_day = self.location.month_day.having(at)
        if len(its_day):
            # The range is that of ordinary days; leaving it is not unusual where the model expects as much.
            new = put(new, its_day, 1.0)
        is_low = wanted.typical < LOW_COUNT
        if self.is_count and anywhere(is_low):
            by_chance = low_counts.chance(views.z, views.sums.sizes) * is_low
            by_view, by_sum = np.maximum(by_view, by_chance), np.maximum(by_sum, by_chance[SUMS])
            new = maximum(tempered(new, by_view[RESIDUAL]), by_chance[RESIDUAL])
        else:
            new = tempered(new, by_view[RESIDUAL])
        others = unbound = np.minimum.reduce(by_view[1:])
        if outside is not None:
            off = outside(rows, value, wanted.spread)
            new, unbound = minimum(new, off), minimum(others, off)
        if self.zero_empty:
            if self.side <= 0:
                new = minimum(new, self.silence.p(at, value == 0, self.records.due_at(at)))
            by_view[RESIDUAL] = self.records.soften_empty(at, value, by_view[RESIDUAL])
            new = self.records.soften_empty(at, value, new)
        single = minimum(by_view[RESIDUAL], new)
        multi = any_of(others, FEATURES - 1)
        level, width = self.location.level.of(rows), self.seen_range.width(rows)
        most = self.factors.most_surprise(at, value, wanted.typical, level, others=unbound)
        is_flat = wanted.spread * wanted.factor <= FLAT_TO * width
        if anywhere(is_flat):
            # No spread tells how far off an exception is, and there were others; how rare they are does.
            most = where(is_flat, minimum(most, most_by_rarity(at.n)), most)
        odd, least = maximum(outlier, least_p), minimum(single, others)
        return Evidence(by_sum, outlier, odd, by_view, new, single, multi, least, most)

    # ---- learning

    def learn(self, time: int, judged: Judged, weight: Floats) -> list[Change]:
        """Learns a judged bucket; `weight` 0..1 per row scales every update (0 = as if unseen).

        Returns the lasting changes it made of them, mostly none.
        """
        if judged.alone is not None:
            judged, weight = judged.alone, weight[0]
        at = self.history.at(time, judged.rows)
        oddness = np.log10(judged.evidence.odd + 1e-300)
        taught = clip(1.0 + (1.0 - LEAST_TAUGHT) * (oddness + 3.0) / 3.0, LEAST_TAUGHT, 1.0)
        trusted = self._learn_occupancy(at, judged.value, weight) if self.zero_empty else weight
        step = trusted * where(at.n < TRUSTED_UNTIL, 1.0, taught)
        is_held = self._is_held(at, judged)
        self._renew_tails(at, self._learn_location(at, judged, step, trusted, weight=weight, is_held=is_held))
        learning = weight > 0.5
        in_tails = self._weight_in_tails(at, judged, maximum(taught, LEAST_IN_TAILS), is_held)
        self.incidents.learn(at.rows, time, where(learning, judged.evidence.odd, 1.0))
        if anywhere(learning):
            self._learn_views(at, judged, in_tails, learning, is_held)
        if judged.samples is not None:
            self.records.learn_samples(at, judged.samples, weight)
        self.history.learn(at, weight)
        if not anywhere(learning):
            return []
        return self.lasting.learn(self.history.at(time, judged.rows), judged, learning)

    def _learn_occupancy(self, at: Moment, value: Floats, weight: Floats) -> Floats:
        """Whether buckets are filled, and how long they are not; returns the weight each is worth."""
        self.silence.learn(at, value == 0, self.records.due_at(at), weight)
        return self.records.learn_occupancy(at, value, weight)

    def _is_held(self, at: Moment, judged: Judged) -> Mask:
        """Where an incident goes on that is judged by what was before it: no pattern explains it, nor is it a habit."""
        goes_on = self.incidents.is_held(at.rows, at.time, judged.evidence.odd) | judged.lasts
        if not anywhere(goes_on):
            return goes_on
        goes_on &= self.events.habit(at.rows, at.time) <= HELD_HABIT
        wanted = judged.wanted
        far = abs(judged.value - wanted.predicted[PATTERNS]) > EXPLAINED * wanted.scale[PATTERNS]
        held: Mask = goes_on & far.all(axis=0) & (at.first >= 0) & (at.age >= HELD_FROM_S)
        return held

    def _weight_in_tails(self, at: Moment, judged: Judged, weight: Floats, is_held: Mask) -> Floats:
        """`weight`, times what one more odd value stands for (`Events.habit`), and less as an incident goes on."""
        is_odd = judged.evidence.odd < ODD_BELOW
        if anywhere(is_odd):
            weight = where(is_odd, weight * self.events.habit(at.rows, at.time), weight)
        if anywhere(is_held):
            weight = where(is_held, weight * self.incidents.share(at.rows, at.time), weight)
        return weight

    def _learn_location(
        self, at: Moment, judged: Judged, step: Floats, trusted: Floats, *, weight: Floats, is_held: Mask
    ) -> Mask:
        """Location, scales and range learn from values the more the less odd they are.

        Returns where a second week explains what was odd in the first.
        """
        wanted, value, rows = judged.wanted, judged.value, at.rows
        young = at.n < YOUNG
        lesson = Lesson(
            value,
            wanted.predicted,
            wanted.typical,
            wanted.spread,
            wanted.scale,
            where(young, np.inf, LEVEL_LIMIT * wanted.spread * wanted.factor),
            # Bounded by the plain variation of the series, its pattern included.
            where(young, np.inf, wanted.scale[LEVEL]),
            step,
            trusted,
            double(at.n),
        )
        its_day = self.location.month_day.having(at)
        ranged = put(step, its_day, 0.0) if len(its_day) else step
        self.seen_range.learn(rows, value, self.location.level.of(rows), ranged)
        able = self.seen_range.never_negative(rows) & self.may_be_factors
        self.factors.learn(at, lesson, self.location.level.of(rows), factor=wanted.factor, able=able)
        explained = self.location.learn(at, lesson)
        errors, tried = value - wanted.predicted, self.location.tried(at)
        most_vote = zeros(rows)
        if anywhere(is_held):
            is_plain = abs(errors[LEVEL]) <= EXPLAINED * wanted.scale[LEVEL]
            most_vote = where(is_plain, self.mixture.most_held, 0.0)
        self.mixture.learn(
            at,
            errors,
            wanted.scale,
            doubt=wanted.doubt,
            tried=tried,
            step=step,
            weight=weight,
            is_held=is_held,
            most_vote=most_vote,
            lasts=self.sums.is_on(rows),
        )
        visits = self.location.patterns.day_visits(at)
        self.spread_of_day.learn(at, value, wanted, step, visits=visits, learning=at.n >= YOUNG)
        return explained

    def _renew_tails(self, at: Moment, explained: Mask) -> None:
        """Residuals from before a day's pattern was used, or a week's was known, say little of those to come."""
        renewed = (at.age >= DAY_FROM) & (self.history.last_age(at.rows) < DAY_FROM) & self.grid.has_day
        if anywhere(renewed):
            self.tails.fade(listed(at.rows, renewed), OLD_TAILS)
        if anywhere(explained):
            rows = listed(at.rows, explained)
            self.tails.unlearn(rows, WEEK / self.span)
            self.events.excuse(rows)

    def _learn_views(self, at: Moment, judged: Judged, weight: Floats, learning: Mask, is_held: Mask) -> None:
        """Sums, volatility, tails (with this weight, excursions as sums.py says) and events where `learning`."""
        views, wanted, evidence = judged.views, judged.wanted, judged.evidence
        scores, sums, steps, by_sum = views.scores, views.sums, views.steps, evidence.by_sum
        surprise, lasts = judged.raw_surprise, judged.lasts
        outlier, residual = evidence.outlier, evidence.by_view[RESIDUAL]
        value, spread = judged.value, wanted.spread * wanted.factor
        foretold = np.array([wanted.typical, wanted.steady])
        if not everywhere(learning):
            at, sums, steps = at.only(learning), sums.only(learning), steps.only(learning)
            scores, by_sum = scores[:, learning], by_sum[:, learning]
            is_held, lasts, foretold = is_held[learning], lasts[learning], foretold[:, learning]
            weight, surprise, outlier, residual, value, spread = (
                x[learning] for x in (weight, surprise, outlier, residual, value, spread)
            )
        self.sums.learn(at, sums, is_held)
        self.volatility.learn(at, steps, is_held)
        of_sums = self.sums.learn_excursions(at.rows, scores[SUMS], by_sum)
        if of_sums is not None:
            scores = np.array([scores[RESIDUAL], *of_sums[0], scores[VOLATILITY]])
            weight = np.array([weight, *(of_sums[1] * weight), weight])
        self.tails.learn(at.rows, scores, weight)
        self.events.learn(at.rows, at.time, surprise, lasts)
        self.streaks.learn(at, scores[RESIDUAL], residual)
        self.echoes.learn(at, value, foretold, spread, outlier)

    # ---- what is asked of a series

    def tail_ln(self, judged: Judged, i: int, value: Floats, scale: Floats) -> Floats:
        """ln p of other values in place of row i's, in the direction of its anomaly; `scale` widens the spread."""
        spread = float(judged.spread[i] * judged.factor[i]) * scale
        typical = np.full(len(value), judged.typical[i])
        z, is_high = self._off(value, typical, spread), judged.is_high[i]
        z = np.maximum(z if is_high else -z, 0.0)
        at = np.full(len(value), judged.rows[i], np.intp)
        return np.log(clip_p(2.0 * self.tails.survival(RESIDUAL, at, z if is_high else -z)))

    def bounds(self, typical: float, spread: float, row: int) -> tuple[float, float]:
        """95 % bounds; never below 0 where no value ever was."""
        lower, upper = float(typical - BOUND_SPREADS * spread), float(typical + BOUND_SPREADS * spread)
        if self.non_negative or self.seen_range.never_negative(np.array([row]))[0]:
            lower = max(lower, 0.0)
        return lower, upper

    def maturity(self, row: int) -> float:
        """0..1: how far the series has shown the values until which its scores are limited."""
        return self.grown.of(row)

    def run_length(self, judged: Judged, i: int) -> int:
        """Buckets the anomaly has lasted, this one included."""
        return self.events.run_length(int(judged.rows[i])) + 1
