"""Where a series is at home: to come back there is less of an incident than to leave.

A level is home if the series was there for two weeks, as long as that is longer than it has been away. When it leaves,
what was known there is put aside: level, patterns, strength, spreads, and which predictor to believe. The chance of
coming back in the next bucket is that of one in as many as the series was away for (the rule of succession); once it is
back, staying is what is expected, and where it stays the model takes up again what was put aside.

It fails where a series comes home to another pattern: then what it does there is as new as any. A period of its own and
a day of the month are not put aside.
"""

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, maximum, where, zeros
from proxy.engine.models.changes import FAR
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.factors import UNBOUNDED, most_by_rarity
from proxy.engine.models.grid import DAY, WEEK, Grid
from proxy.engine.models.level import Level
from proxy.engine.models.location import LEVEL, PREDICTORS, STEADY, WITH_DAY, WITH_WEEK, Location
from proxy.engine.models.mixture import OF_LEVEL_SCALE, TINY, Mixture, steadiest
from proxy.engine.models.patterns import DayWeek
from proxy.engine.models.spread_of_day import SpreadOfDay
from proxy.engine.models.strength import Strength
from proxy.engine.models.views import SeenRange
from proxy.engine.results import Floats, Ints

# A place is no home before two weeks: a first weekend is none of the other days, and the second is not away.
HOME_FROM_S = 2 * WEEK
# What was put aside is of the home that a level leaves if it is no older than this, or so many buckets.
PUT_ASIDE_S, PUT_ASIDE_BUCKETS = 4 * DAY, 24
# Scales of its errors within which a value is as was foretold at home: other places are farther away.
AS_FORETOLD = 5.0
# Of the way that a level moves, what is left to the level at home at most where it comes home.
AS_AT_HOME = 0.5
# -log10 p that a value may have at most where the one before was back as well.
STAYS_MOST = 0.3
# Buckets, and seconds, that a series must be back for until its model is, too.
BACK_BUCKETS, BACK_S = 3, 3600


class Home(Component):
    """When each series' time at home began, when its model was put aside and when it left (epoch seconds, -1 = not).

    Also for how many buckets in a row it was back, far from what is expected elsewhere. `parts` is what is put aside.
    """

    _began: Ints
    _put: Ints
    _left: Ints
    _back: Floats

    def __init__(
        self, grid: Grid, location: Location, mixture: Mixture, spread_of_day: SpreadOfDay, seen_range: SeenRange
    ) -> None:
        self.span, self.back_buckets = grid.span, max(BACK_BUCKETS, BACK_S // grid.span)
        self.location, self.seen_range = location, seen_range
        self.longest_put = max(PUT_ASIDE_S, PUT_ASIDE_BUCKETS * grid.span)
        self.level, self.patterns, self.spread_of_day = Level(grid.level_memory), DayWeek(grid), SpreadOfDay(grid)
        self.mixture = Mixture(PREDICTORS, STEADY, grid.span)
        # What is put aside, by name: (the part of the model, where it is kept meanwhile).
        asides: dict[str, tuple[Component, Component]] = {
            "level": (location.level, self.level),
            "patterns": (location.patterns, self.patterns),
            "strength": (location.strength, Strength(grid)),
            "mixture": (mixture, self.mixture),
            "spread_of_day": (spread_of_day, self.spread_of_day),
        }
        self._asides = tuple(asides.values())
        self.parts = {"home": self, **{f"home_{name}": aside for name, (_, aside) in asides.items()}}
        never = Slot("i8", (), -1)
        super().__init__(began=never, put=never, left=never, back=Slot("u2"))

    def most_surprise(self, at: Moment, value: Floats) -> Floats:
        """-log10 p that a value may have at most, of a series that is away."""
        left = self._left[at.rows]
        most = zeros(at.rows) + UNBOUNDED
        if not anywhere(left >= 0):
            return most
        away = maximum(at.time - left, 0) / self.span
        bound = where(self._back[at.rows] > 0, STAYS_MOST, most_by_rarity(away))
        return where(self._is_away(at) & self._is_as_at_home(at, value), bound, most)

    def is_back(self, at: Moment, value: Floats, predicted: Floats, spread: Floats) -> Mask:
        """Takes values; tells which series are home again.

        `predicted` (predictors x series) is what is expected elsewhere, `spread` how far off that was before.
        """
        has_left = self._left[at.rows] >= 0
        if not anywhere(has_left):
            return has_left
        off = np.minimum.reduce(abs(value - predicted[:STEADY]))
        is_there = self._is_away(at) & self._is_as_at_home(at, value) & (off > FAR * spread)
        back = where(is_there, self._back[at.rows] + 1, 0)
        self._back[at.rows] = back
        return back >= self.back_buckets

    def take_up(self, rows: Rows) -> Floats:
        """Makes what was put aside of these series their model again; returns by what their level moves."""
        before = self.location.level.of(rows)
        for live, aside in self._asides:
            live.copy(rows, aside)
        self._left[rows], self._back[rows] = -1, 0
        return self.location.level.of(rows) - before

    def put_aside(self, at: Moment) -> None:
        """Notes what these series are like, as far as they are at home: their levels may be about to move."""
        rows = at.rows[~self._is_away(at)]
        self._put[rows] = at.time
        for live, aside in self._asides:
            aside.copy(rows, live)

    def leave(self, at: Moment, by: Floats) -> None:
        """The levels of these series move by so much: away from what was put aside, to elsewhere, or home."""
        rows, left, put = at.rows, self._left[at.rows], self._put[at.rows]
        is_away = self._is_away(at)
        began = np.where(~is_away & (left >= 0), left, np.maximum(self._began[rows], at.first))
        leaves = ~is_away & (put >= 0) & (at.time - put <= self.longest_put) & (put - began >= HOME_FROM_S)
        off_home = abs(self.location.level.of(rows) + by - self.level.of(rows))
        stays_away = is_away & (off_home >= AS_AT_HOME * abs(by))
        self._began[rows] = began
        self._left[rows] = np.where(leaves, put, np.where(stays_away, left, -1))
        self._back[rows] = 0

    def _is_away(self, at: Moment) -> Mask:
        left = self._left[at.rows]
        away: Mask = (left >= 0) & (at.time - left < left - maximum(self._began[at.rows], at.first))
        return away

    def _is_as_at_home(self, at: Moment, value: Floats) -> Mask:
        """Whether what was right at home, with the week's pattern or without it, is so now."""
        rows, scales = at.rows, self.mixture.scales(at.rows)
        least = steadiest(self.level.of(rows), self.seen_range.width(rows))
        least = maximum(maximum(least, OF_LEVEL_SCALE * scales[LEVEL]), TINY)
        by_week = scales[WITH_WEEK] < scales[WITH_DAY]
        scale = maximum(where(by_week, scales[WITH_WEEK], scales[WITH_DAY]), least)
        within = AS_FORETOLD * self.spread_of_day.factor(at, self.patterns.day_visits(at)) * scale
        off = value - self.level.base(rows) - self.patterns.day_part(at) - self.location.own_part(at)
        off = off - where(by_week, self.patterns.week_part(at, scales[WITH_DAY])[0], 0.0)
        as_at_home: Mask = abs(off) <= within
        return as_at_home
