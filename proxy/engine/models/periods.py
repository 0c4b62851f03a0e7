"""A rhythm of a series' own, besides the day and the week: at most one, a table of bins over its period.

How it is found: period_fit.py. Here it is used, learnt like the day's pattern, and dropped when it no longer foretells
anything.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.models import patterns
from proxy.engine.models.patterns import COUNTS_FROM, DAY_MEMORY, Grid, Lesson
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

BINS = 64
# Mean gain in log likelihood below which a rhythm is useless, and the least buckets it is a mean of.
USELESS, VOTE_MEMORY = 0.03, 48.0
MOST_VOTE = 2.0
MOST_COUNTED = 250
# A period told better by a longer past keeps its phase of so many periods ago.
SETTLED_AGO = 3.0

SLOTS = {
    # Seconds; 0 = none.
    "period": Slot("f8"),
    # A time when it begins, in seconds since the epoch.
    "period_from": Slot("f8"),
    # Seconds of the past that told it.
    "period_over": Slot("f8"),
    "period_bins": Slot("u1", (), 1.0),
    # Buckets of a visit to a bin.
    "period_visit": Slot("f4", (), 1.0),
    "period_table": Slot("f4", (BINS,)),
    "period_n": Slot("u1", (BINS,)),
    "period_vote": Slot("f4"),
}


def having(columns: Columns, rows: Rows) -> NDArray[np.intp]:
    """Positions in `rows` of those with a rhythm of their own."""
    return np.flatnonzero(columns["period"][rows] > 0)


def _bins(columns: Columns, span: int, time: int, at: Rows) -> NDArray[np.intp]:
    turns = (time + 0.5 * span - columns["period_from"][at]) / columns["period"][at]
    return ((turns - np.floor(turns)) * columns["period_bins"][at]).astype(np.intp)


def part(columns: Columns, span: int, time: int, rows: Rows) -> Floats:
    """What the rhythm adds to the level at `time`."""
    out = np.zeros(len(rows))
    own = having(columns, rows)
    if len(own):
        at = rows[own]
        out[own] = columns["period_table"][_bins(columns, span, time, at), at]
    return out


def doubt(columns: Columns, span: int, time: int, rows: Rows) -> Floats:
    """Variance, in units of the noise, that seldom visited bins add to a prediction."""
    out = np.zeros(len(rows))
    own = having(columns, rows)
    if len(own):
        at = rows[own]
        memory = DAY_MEMORY * columns["period_visit"][at]
        seen = columns["period_n"][_bins(columns, span, time, at), at]
        out[own] = 1.0 / np.clip(seen, 1.0, memory) - 1.0 / memory
    return out


def learn(columns: Columns, grid: Grid, time: int, rows: Rows, lesson: Lesson, rest: Floats, scale: Floats) -> None:
    """Takes its part of `rest`, what level and rhythm leave of a value; `scale` is that of errors without the week."""
    own = having(columns, rows)
    if not len(own):
        return
    c, at = columns, rows[own]
    bins = _bins(c, grid.span, time, at)
    known = patterns.day_part(c, grid, time, at) + patterns.week_part(c, grid, time, at, scale[own])[0]
    off = rest[own] - known
    without = off + c["period_table"][bins, at]
    seen, step, limit = c["period_n"][bins, at], lesson.step[own], lesson.bound[own]
    doubted = 1.0 / np.clip(seen, 1.0, np.minimum(DAY_MEMORY * c["period_visit"][at], MOST_COUNTED))
    c["period_table"][bins, at] += step * np.clip(off, -limit, limit) * doubted / (1.0 + doubted)
    c["period_n"][bins, at] = np.minimum(seen + (step > COUNTS_FROM), MOST_COUNTED)
    noise = lesson.noise[own] ** 2 + 1e-30
    gain = 0.5 * np.log((without**2 + noise) / (off**2 + noise))
    vote = c["period_vote"][at]
    memory = np.maximum(VOTE_MEMORY, c["period"][at] / grid.span)
    vote = vote + lesson.trusted[own] * (np.clip(gain, -MOST_VOTE, MOST_VOTE) - vote) / memory
    c["period_vote"][at] = vote
    useless = at[vote < USELESS]
    c["period"][useless] = 0.0


def scale_by(columns: Columns, rows: Rows, by: Floats) -> None:
    """Makes the rhythm of these rows as many times as strong."""
    columns["period_table"][:, rows] *= by


def correct(columns: Columns, time: int, rows: Rows, period: Floats, length_s: Floats) -> None:
    """Takes over the period of a longer past; what the table says of a while ago stays as it is."""
    longer = length_s > columns["period_over"][rows]
    rows, period = rows[longer], period[longer]
    old = columns["period"][rows]
    settled = time - SETTLED_AGO * old
    turns = (settled - columns["period_from"][rows]) / old
    columns["period_from"][rows] = settled - (turns - np.floor(turns)) * period
    columns["period"][rows], columns["period_over"][rows] = period, length_s[longer]
