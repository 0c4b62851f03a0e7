"""What of a series changed for good becomes part of its model at once; most of the tails of before is forgotten.

A level that moved (changes.py), a pattern that became stronger (strength.py), a clock that was put forward or back
(clock_shift.py), a period of the series' own (periods.py), a day of the month unlike others (calendar_days.py).
"""

from collections.abc import Callable, Sequence

from proxy.engine.columns import Rows
from proxy.engine.elementwise import anywhere, everywhere, is_one, listed, of, positions, put
from proxy.engine.models.changes import LevelShifts
from proxy.engine.models.clock_shift import ClockChanges, Told
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import Grid
from proxy.engine.models.home import Home
from proxy.engine.models.judged import Change, Judged, changes
from proxy.engine.models.location import LEVEL, STRENGTHENED, WITH_WEEK, Location
from proxy.engine.models.mixture import Mixture
from proxy.engine.models.past import Past
from proxy.engine.models.period_fit import PeriodFinder
from proxy.engine.models.tails import Tails
from proxy.engine.results import Floats

# What tails keep of the time before a level, a strength or a clock changed for good.
SHIFTED_TAILS = 0.2
# What they keep of the time before a period of the series' own was found: most was surprise at that.
UNTOLD_TAILS = 0.05


class LastingChanges:
    """Finds lasting changes of series; `parts` is what it keeps of each.

    `of_levels` forget what they gathered where a level moved, `of_patterns` where a new pattern explains it; `move`
    moves all patterns of these series by so many seconds.
    """

    def __init__(
        self,
        span: int,
        grid: Grid,
        location: Location,
        mixture: Mixture,
        tails: Tails,
        *,
        home: Home,
        of_levels: Sequence[Component],
        of_patterns: Sequence[Component],
        move: Callable[[Rows, int], None],
    ) -> None:
        self.location, self.mixture, self.tails, self.move = location, mixture, tails, move
        self.level_shifts, self.clock_changes, self.past = LevelShifts(), ClockChanges(grid), Past(span)
        self.home = home
        self.period_finder = PeriodFinder(grid, self.past, location, mixture)
        self.parts: dict[str, Component] = {
            "level_shifts": self.level_shifts,
            "clock_changes": self.clock_changes,
            "past": self.past,
            **self.home.parts,
        }
        self.of_levels, self.of_patterns = of_levels, (self.level_shifts, *of_patterns)

    def learn(self, at: Moment, judged: Judged, learning: Mask) -> list[Change]:
        """Learns the judged buckets that are `learning`, and returns the changes they made, mostly none."""
        settled = positions(judged.ready & learning)
        made = self._learn_changes(at.only(settled), judged, settled) if len(settled) else []
        value, off = judged.value, judged.value - judged.wanted.predicted[WITH_WEEK]
        if not everywhere(learning):
            at, value, off = at.only(learning), value[learning], off[learning]
        return made + self._learn_periods(at, value) + self._learn_calendar(at, off)

    def _learn_changes(self, at: Moment, judged: Judged, settled: Rows) -> list[Change]:
        """Levels that moved for good, patterns that became stronger, clocks that changed."""
        rows, value, spread = at.rows, of(judged.value, settled), of(judged.spread, settled)
        made: list[Change] = []
        predicted = judged.wanted.predicted if is_one(rows) else judged.wanted.predicted[:, settled]
        typical = of(judged.typical, settled)
        shift = self._move_levels(at, value, predicted=predicted, typical=typical, spread=spread)
        has_moved = shift != 0.0
        if anywhere(has_moved):
            moved = listed(rows, has_moved)
            for part in self.of_levels:
                part.forget(moved)
            self.tails.fade(moved, SHIFTED_TAILS)
            made += changes("level shift", moved, listed(shift, has_moved))
        scale = self.location.settle_strength(rows, self._is_strengthened)
        changed = scale != 1.0
        if anywhere(changed):
            self.tails.fade(listed(rows, changed), SHIFTED_TAILS)
            made += changes("linear scale", listed(rows, changed), listed(scale, changed))
        told = Told(self.location.rest(at, value), spread, self.mixture.scales(rows), self.location.strength.of(rows))
        clock = self.clock_changes.observe(at, told, self.location.patterns.part, self.move)
        is_late = clock != 0.0
        if anywhere(is_late):
            self.tails.fade(listed(rows, is_late), SHIFTED_TAILS)
            made += changes("time shift", listed(rows, is_late), listed(clock, is_late))
        return made

    def _move_levels(self, at: Moment, value: Floats, *, predicted: Floats, typical: Floats, spread: Floats) -> Floats:
        """Moves levels, elsewhere or home; returns how far each moved, mostly 0.

        `predicted` (predictors x series) is what each predictor expected, `typical` what all did, within `spread`.
        """
        rows = at.rows
        shift, may_begin = self.level_shifts.observe(rows, at.time, value - typical, spread)
        if anywhere(may_begin):
            self.home.put_aside(at.listed(may_begin))
        leaves = shift != 0.0
        if anywhere(leaves):
            self.home.leave(at.listed(leaves), listed(shift, leaves))
            self.location.shift(listed(rows, leaves), listed(shift, leaves))
        is_back = self.home.is_back(at, value, predicted, self.level_shifts.spread_before(rows))
        if anywhere(is_back):
            back = positions(is_back)
            home = of(rows, back)
            shift = put(shift, back, self.home.take_up(home))
            self.level_shifts.forget(home)
            self.location.local.forget(home)
        return shift

    def _is_strengthened(self, rows: Rows) -> Mask:
        """Where the prediction at the patterns' present strength is believed most."""
        is_best: Mask = self.mixture.best(rows) == STRENGTHENED
        return is_best

    def _learn_periods(self, at: Moment, value: Floats) -> list[Change]:
        """Looks for other periods than day and week."""
        new = self.period_finder.observe(at, value, self._sizes)
        if not len(new):
            return []
        self._forget_surprises(new)
        return changes("period", new, self.location.own_period.of(new))

    def _learn_calendar(self, at: Moment, off: Floats) -> list[Change]:
        """Looks for a day of the month that is unlike others; `off` is what all patterns leave of a value."""
        new = self.location.month_day.observe(at, off, self._sizes)
        if not len(new):
            return []
        self._forget_surprises(new)
        return [Change(row, "calendar", self.location.month_day.name_of(row)) for row in new.tolist()]

    def _sizes(self, rows: Rows) -> tuple[Floats, Floats]:
        """(level, scale of the errors around it) of each series."""
        return self.location.level.of(rows), self.mixture.scale_of(LEVEL, rows)

    def _forget_surprises(self, new: Rows) -> None:
        """Most of what was hard to foretell of these series is so no more."""
        self.tails.fade(new, UNTOLD_TAILS)
        for part in self.of_patterns:
            part.forget(new)
