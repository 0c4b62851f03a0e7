"""Moving a learnt daily and weekly pattern in time: where a rule or an event asks, or where clocks have changed.

After a shift by s seconds a model expects at time t what it expected at t + s. Patterns are tables of bins, so a shift
counts in whole bins; what is less than half a bin changes nothing.

Twice a year whole countries get up an hour earlier or later. So the patterns of an hour before and after are compared
with what comes: one that was clearly better for a whole day is the right one. The first value after that day decides,
if the series still tells the time by then; no vote outlives its day.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.models import patterns
from proxy.engine.models.location import LEVEL, WITH_DAY, WITH_WEEK
from proxy.engine.models.patterns import Grid
from proxy.engine.results import Floats

_PERIODS_S = {"day": 86400, "week": 604800}
CHANGES_S = (-3600, 3600)
# A value votes for a change that brings it this many spreads nearer, and this many times against one that takes it
# away; votes of so many seconds in a day decide: more than one edge that came an hour late.
CLEARLY, AGAINST, DECIDES_S = 2.0, 4.0, 5400
# A pattern whose errors are not this much smaller than those of the level alone tells no time.
WORTH_SHIFTING = 0.5
# Nor does one whose strength is further from 1 than this.
SIZED = 0.2

# The votes, and the day they are of.
SLOTS = {"clock_votes": Slot("f4", (len(CHANGES_S),)), "clock_day": Slot("i4", (), -1)}


def shift_patterns(columns: Columns, rows: NDArray[np.intp], seconds: int) -> None:
    """Rolls every table of day and week bins (columns named day*, week*) of these series."""
    for name, slot in columns.layout.items():
        period = _PERIODS_S.get(name.split("_")[0])
        if period is None or len(slot.shape) != 1:
            continue
        bins = round(seconds * slot.shape[0] / period)
        columns[name][:, rows] = np.roll(columns[name][:, rows], -bins, axis=0)


def observe(columns: Columns, grid: Grid, time: int, rows: NDArray[np.intp], rest: Floats, spread: Floats) -> Floats:
    """Takes what the level leaves of a bucket's values; returns the seconds each clock moved, mostly 0.

    `spread` is how far off values may be.
    """
    changed = np.zeros(len(rows))
    if not grid.has_day or grid.span > max(CHANGES_S):
        return changed
    scale = columns["scale"][:, rows]
    by_pattern = scale[[WITH_DAY, WITH_WEEK]].min(axis=0)
    noise = np.minimum(spread, by_pattern)
    tells_time = by_pattern < WORTH_SHIFTING * scale[LEVEL]
    # A pattern of another size fits nowhere: its size is settled first.
    is_sized = np.abs(columns["strength"][rows] - 1.0) < SIZED
    is_known = tells_time & is_sized & (time - columns["first"][rows] >= patterns.WEEK_FROM)
    has_ended = columns["clock_day"][rows] != time // patterns.DAY
    columns["clock_day"][rows] = time // patterns.DAY
    columns["clock_votes"][:, rows[has_ended & ~is_known]] = 0.0
    known = np.flatnonzero(is_known)
    if not len(known):
        return changed
    at, left, unit, scale = rows[known], rest[known], np.maximum(noise[known], 1e-30), scale[WITH_DAY, known]

    def distance(when: int) -> Floats:
        pattern = patterns.day_part(columns, grid, when, at) + patterns.week_part(columns, grid, when, at, scale)[0]
        return np.abs(left - pattern) / unit

    votes, ended = columns["clock_votes"][:, at], has_ended[known]
    decided = ended & (votes.max(axis=0) * grid.span >= DECIDES_S)
    which = np.array(CHANGES_S)[votes.argmax(axis=0)]
    for seconds in np.unique(which[decided]).tolist():
        shift_patterns(columns, at[decided & (which == seconds)], seconds)
    nearer = distance(time) - np.stack([distance(time + s) for s in CHANGES_S])
    cast = (nearer > CLEARLY) - AGAINST * (nearer < -CLEARLY)
    columns["clock_votes"][:, at] = np.where(ended, 0.0, votes) + cast
    changed[known] = np.where(decided, which, 0)
    return changed
