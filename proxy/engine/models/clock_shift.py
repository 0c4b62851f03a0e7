"""Clocks that changed: a learnt daily and weekly pattern that comes an hour earlier or later from a day on.

Twice a year whole countries get up an hour earlier or later. So the patterns of an hour before and after are compared
with what comes: one that was clearly better for a whole day is the right one. The first value after that day decides,
if the series still tells the time by then; no vote outlives its day. How patterns are moved, also where a rule or an
event asks, is the business of those who own them (`Component.move`).
"""

from collections.abc import Callable

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, listed, maximum, minimum, of, positions, put, where, zeros
from proxy.engine.frozen import frozen
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import DAY, WEEK_FROM, Grid
from proxy.engine.models.location import LEVEL, WITH_DAY, WITH_WEEK
from proxy.engine.results import Floats, Ints

CHANGES_S = (-3600, 3600)
# A value votes for a change that brings it this many spreads nearer and leaves less than this part of the way: what
# is nowhere near any pattern, in an outage, tells no time. It votes this many times against one that takes it away.
CLEARLY, MOST_LEFT, AGAINST = 2.0, 0.5, 4.0
# Votes of so many seconds in a day decide: more than one edge that came an hour late.
DECIDES_S = 5400
# A pattern whose errors are not this much smaller than those of the level alone tells no time.
WORTH_SHIFTING = 0.5
# Nor does one whose strength is further from 1 than this.
SIZED = 0.2


@frozen
class Told:
    """What the other parts of a model say of a bucket, one element per series.

    `rest` is what level and own patterns leave of the values, `spread` how far off they may be, `scales` (predictors x
    series) those of the predictors' errors and `strength` that of the patterns.
    """

    rest: Floats
    spread: Floats
    scales: Floats
    strength: Floats

    def tells_time(self) -> Mask:
        """Whose patterns are good enough to show that they come at another hour."""
        # A pattern of another size fits nowhere: its size is settled first.
        is_sized = abs(self.strength - 1.0) < SIZED
        is_good: Mask = self._by_pattern() < WORTH_SHIFTING * self.scales[LEVEL]
        return is_good & is_sized

    def noise(self) -> Floats:
        """How far off a value may be where the patterns are right."""
        return maximum(minimum(self.spread, self._by_pattern()), 1e-30)

    def _by_pattern(self) -> Floats:
        return minimum(self.scales[WITH_DAY], self.scales[WITH_WEEK])


class ClockChanges(Component):
    """Votes for each change, and the day they are of (since 1970)."""

    _votes: Floats
    _day: Ints

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        super().__init__(votes=Slot("f4", (len(CHANGES_S),)), day=Slot("i4", (), -1))

    def observe(
        self,
        at: Moment,
        told: Told,
        pattern: Callable[[Moment, Floats], Floats],
        move: Callable[[Rows, int], None],
    ) -> Floats:
        """Takes a bucket and moves the patterns whose clocks changed; returns the seconds each moved, mostly 0.

        `pattern(at, day_scale)` is what day and week add at a time, `move(rows, seconds)` moves both.
        """
        if not self.grid.has_day or self.grid.span > max(CHANGES_S):
            return zeros(at.rows)
        is_known = told.tells_time() & (at.age >= WEEK_FROM)
        has_ended = self._day[at.rows] != at.time // DAY
        self._day[at.rows] = at.time // DAY
        if anywhere(has_ended):
            self._votes[:, listed(at.rows, has_ended & ~is_known)] = 0.0
        known = positions(is_known)
        if not len(known):
            return zeros(at.rows)
        left, unit, ended = of(told.rest, known), of(told.noise(), known), of(has_ended, known)
        day_scale, some = of(told.scales[WITH_DAY], known), at.only(known)

        def distance(by: int) -> Floats:
            return abs(left - pattern(some.later(by), day_scale)) / unit

        votes = self._votes[:, some.rows]
        decided = ended & (np.maximum.reduce(votes) * self.grid.span >= DECIDES_S)
        which = where(decided, np.array(CHANGES_S)[votes.argmax(axis=0)], 0)
        for seconds in CHANGES_S if anywhere(decided) else ():
            if anywhere(which == seconds):
                move(listed(some.rows, which == seconds), seconds)
        now, then = distance(0), np.array([distance(seconds) for seconds in CHANGES_S])
        nearer = now - then
        cast = ((nearer > CLEARLY) & (then < MOST_LEFT * now)) - AGAINST * (nearer < -CLEARLY)
        self._votes[:, some.rows] = where(ended, 0.0, votes) + cast
        return put(zeros(at.rows), known, which)
