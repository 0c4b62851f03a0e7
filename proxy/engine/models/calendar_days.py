"""What a series does on one day of every month: at most one such day, a table of bins over its hours.

How it is found: the hours of every day are compared with what level, day, week and rhythm foretold. A day far odder
than the days before it is remembered by its date and its shape: which hours were far up, which far down. Once days
like it have come on the same day of the month (counted from its first day or its last, or as the n-th of its weekdays)
more often than chance lets them (a binomial test), the table starts with what the latest of them was off. From there
it is learnt like the day's pattern, and dropped when it no longer foretells anything. Months are those of UTC.

It fails where such a day is odd at other hours each time, and with buckets longer than a day.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.columns import Columns, Slot
from proxy.engine.models.patterns import COUNTS_FROM, DAY, DAY_MEMORY, WEEK_FROM, Grid, Lesson
from proxy.engine.results import Floats

Rows = NDArray[np.intp]
Days = NDArray[np.int64]

BINS = 24
# How a day may be named, and how many names there are of each kind.
KINDS = (
    "Day {number} of the month",
    "Day {number} before the last of the month",
    "{weekday} number {number} of the month",
    "{weekday} number {number} before the last of the month",
)
_COUNTED_FROM = (1, 0, 1, 0)
_WEEKDAYS = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
_NAMES = 31 + 31 + 35 + 35
# Nothing is odd before the week's pattern has been confirmed.
ODD_FROM_DAYS = 14
# A day is odd whose farthest hour is this many times as far off as that of the usual day of late, and the more the
# fewer hours it has to choose from.
ODD, ODD_ALONE = 2.0, 2.5
USUAL_MEMORY, MOST_USUAL = 20.0, 2.0
# The farthest hour of a usual day is no nearer than this part of a spread.
LEAST_USUAL = 0.2
REMEMBERED = 16
# Parts of a day that make its shape; those belong to it that are this part as far off as the farthest.
PARTS, LOUD = 8, 0.5
# Days as often odd on the same day of the month, and as improbable by chance whatever it is called.
LEAST_REPEATS, CHANCE = 4, 2e-4
# Mean gain in log likelihood below which the table is useless, and how many days it is a mean of.
USELESS, VOTE_DAYS, MOST_VOTE = 0.03, 3.0, 2.0
MOST_COUNTED = 250
_NEVER = -(2**31)


def slots(grid: Grid) -> dict[str, Slot]:
    """State of a series."""
    bins = _bin_count(grid)
    return {
        # Number of the kind, from 1 on; 0 = none.
        "calendar": Slot("u1"),
        "calendar_name": Slot("u1"),
        # What the hours of the day are off; while none is known, those of the day in progress.
        "calendar_table": Slot("f4", (bins,)),
        "calendar_n": Slot("u1", (bins,)),
        "calendar_vote": Slot("f4"),
        "calendar_day": Slot("i4", (), _NEVER),
        # How far off the farthest hour of a day usually is.
        "calendar_usual": Slot("f4"),
        # The latest odd days since 1970, newest first, and their shapes.
        "odd_day": Slot("i4", (REMEMBERED,), _NEVER),
        "odd_shape": Slot("u2", (REMEMBERED,)),
    }


def title(name: float) -> str:
    """The day in words, by 100 x kind + number of its name as `found` gives it."""
    kind, key = divmod(int(name), 100)
    number, weekday = (key, 0) if kind <= 2 else divmod(key, 7)
    return KINDS[kind - 1].format(number=number + _COUNTED_FROM[kind - 1], weekday=_WEEKDAYS[weekday])


def found(columns: Columns, row: int) -> float:
    """Its day as `title` takes it."""
    return 100.0 * float(columns["calendar"][row]) + float(columns["calendar_name"][row])


def names(days: Days) -> NDArray[np.int64]:
    """What each day (since 1970) is called: kinds x the shape of `days`."""
    month = days.astype("M8[D]").astype("M8[M]")
    after = days - month.astype("M8[D]").astype(np.int64)
    before = (month + 1).astype("M8[D]").astype(np.int64) - 1 - days
    return np.stack([after, before, after // 7 * 7 + days % 7, before // 7 * 7 + days % 7])


def _bin_count(grid: Grid) -> int:
    return max(1, min(BINS, DAY // grid.span))


def _bin(grid: Grid, time: int) -> int:
    return time % DAY * _bin_count(grid) // DAY


def _visit(grid: Grid) -> float:
    return max(1.0, grid.day_buckets / _bin_count(grid))


def having(columns: Columns, time: int, rows: Rows) -> NDArray[np.intp]:
    """Positions in `rows` of those whose day of the month it is."""
    own = np.flatnonzero(columns["calendar"][rows])
    if not len(own):
        return own
    at, today = rows[own], names(np.array(time // DAY))
    return own[today[columns["calendar"][at] - 1] == columns["calendar_name"][at]]


def part(columns: Columns, grid: Grid, time: int, rows: Rows) -> Floats:
    """What the day of the month adds to the level at `time`."""
    out = np.zeros(len(rows))
    own = having(columns, time, rows)
    if len(own):
        out[own] = columns["calendar_table"][_bin(grid, time), rows[own]]
    return out


def doubt(columns: Columns, grid: Grid, time: int, rows: Rows) -> Floats:
    """Variance, in units of the noise, that hours seldom seen on such a day add to a prediction."""
    out = np.zeros(len(rows))
    own = having(columns, time, rows)
    if len(own):
        memory = DAY_MEMORY * _visit(grid)
        seen = columns["calendar_n"][_bin(grid, time), rows[own]]
        out[own] = 1.0 / np.clip(seen, 1.0, memory) - 1.0 / memory
    return out


def learn(columns: Columns, grid: Grid, time: int, rows: Rows, lesson: Lesson, off: Floats) -> None:
    """Takes its part of `off`, what all patterns leave of a value."""
    own = having(columns, time, rows)
    if not len(own):
        return
    c, at, b, off = columns, rows[own], _bin(grid, time), off[own]
    table, seen = c["calendar_table"][b, at].astype(np.float64), c["calendar_n"][b, at]
    step, limit, noise = lesson.step[own], lesson.bound[own], lesson.noise[own]
    doubted = 1.0 / np.clip(seen, 1.0, min(DAY_MEMORY * _visit(grid), MOST_COUNTED))
    c["calendar_table"][b, at] = table + step * np.clip(off, -limit, limit) * doubted / (1.0 + doubted)
    c["calendar_n"][b, at] = np.minimum(seen + (step > COUNTS_FROM), MOST_COUNTED)
    # Hours like those of other days have no say.
    is_loud = np.abs(table) > noise
    loud_hours = (np.abs(c["calendar_table"][:, at]) > noise).sum(axis=0)
    gain = 0.5 * np.log(((off + table) ** 2 + noise**2 + 1e-30) / (off**2 + noise**2 + 1e-30))
    vote, memory = c["calendar_vote"][at], VOTE_DAYS * _visit(grid) * np.maximum(loud_hours, 1)
    vote = vote + is_loud * lesson.trusted[own] * (np.clip(gain, -MOST_VOTE, MOST_VOTE) - vote) / memory
    c["calendar_vote"][at] = vote
    _drop(c, at[(vote < USELESS) | (loud_hours == 0)])


def scale_by(columns: Columns, rows: Rows, by: Floats) -> None:
    """Makes what the day adds as many times as strong."""
    columns["calendar_table"][:, rows] *= np.where(columns["calendar"][rows] > 0, by, 1.0)


def observe(columns: Columns, grid: Grid, time: int, rows: Rows, off: Floats) -> Rows:
    """Takes what the patterns leave of a bucket's values; returns the rows whose day of the month is known by it."""
    if grid.span > DAY:
        return rows[:0]
    c, today = columns, time // DAY
    age = time - c["first"][rows]
    open_ones = np.flatnonzero((c["calendar"][rows] == 0) & (age >= WEEK_FROM))
    rows, off = rows[open_ones], off[open_ones]
    over = rows[c["calendar_day"][rows] != today]
    new = rows[:0]
    if len(over):
        new = _finish(c, over)
        c["calendar_day"][over] = today
        rest = over[c["calendar"][over] == 0]
        c["calendar_table"][:, rest], c["calendar_n"][:, rest] = 0.0, 0
    if len(new):
        still = c["calendar"][rows] == 0
        rows, off = rows[still], off[still]
    b = _bin(grid, time)
    count, mean = c["calendar_n"][b, rows] + 1.0, c["calendar_table"][b, rows].astype(np.float64)
    c["calendar_table"][b, rows] = mean + (off - mean) / count
    c["calendar_n"][b, rows] = np.minimum(count, MOST_COUNTED)
    return new


def _drop(columns: Columns, rows: Rows) -> None:
    columns["calendar"][rows] = 0
    columns["calendar_day"][rows] = columns["odd_day"][:, rows] = _NEVER


def _finish(columns: Columns, rows: Rows) -> Rows:
    """Judges the last day of each row; returns those it tells a day of the month."""
    c = columns
    rows = rows[c["calendar_day"][rows] != _NEVER]
    if not len(rows):
        return rows
    table, day = c["calendar_table"][:, rows].astype(np.float64), c["calendar_day"][rows].astype(np.int64)
    size = np.abs(table).max(axis=0)
    least = np.maximum(LEAST_USUAL * c["scale"][0, rows], 1e-3 * np.abs(c["level"][rows]))
    usual, known = c["calendar_usual"][rows].astype(np.float64), day - c["first"][rows] // DAY - WEEK_FROM // DAY
    bounded = np.where(known > 0, np.minimum(size, MOST_USUAL * np.maximum(usual, least)), size)
    odd = ODD + ODD_ALONE / np.sqrt(len(table))
    is_odd = (size > odd * np.maximum(usual, least)) & (known >= ODD_FROM_DAYS - WEEK_FROM // DAY) & (size > 0)
    c["calendar_usual"][rows] = usual + (bounded - usual) / np.clip(known + 1.0, 1.0, USUAL_MEMORY)
    at = rows[is_odd]
    if not len(at):
        return at
    for name, newest in (("odd_day", day[is_odd]), ("odd_shape", _shape(table[:, is_odd]))):
        c[name][:, at] = np.concatenate([newest[None], c[name][:-1, at]])
    kind, name = _recurring(c["odd_day"][:, at].astype(np.int64), c["odd_shape"][:, at])
    new = at[kind > 0]
    if len(new):
        c["calendar"][new], c["calendar_name"][new], c["calendar_vote"][new] = kind[kind > 0], name[kind > 0], 1.0
        _adopt(c, new)
    return new


def _adopt(columns: Columns, rows: Rows) -> None:
    """Hours no farther off than those of other days are known: they are like those."""
    c = columns
    is_calm = np.abs(c["calendar_table"][:, rows]) <= c["calendar_usual"][rows]
    c["calendar_table"][:, rows] = np.where(is_calm, 0.0, c["calendar_table"][:, rows])
    c["calendar_n"][:, rows] = np.where(is_calm, MOST_COUNTED, c["calendar_n"][:, rows])


def _shape(table: Floats) -> NDArray[np.uint16]:
    """Bits of the parts of the day that were far up and, above those, far down."""
    far = LOUD * np.abs(table).max(axis=0)
    places = np.arange(len(table)) * PARTS // len(table)
    bits = np.zeros(table.shape[1], np.uint16)
    for hour, place in zip(table, places.tolist(), strict=True):
        bits |= np.where(hour >= far, 1 << place, 0).astype(np.uint16)
        bits |= np.where(hour <= -far, 1 << (place + PARTS), 0).astype(np.uint16)
    return bits


def _recurring(days: Days, shapes: NDArray[np.uint16]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """(kind from 1 on, name) of the day of the month of which the newest of each row's odd days is one; kind 0 = none.

    With r the share of like days among all, k of m months have it by chance with the tail of a binomial law, given
    the first and however it may be called.
    """
    known = days != _NEVER
    days = np.where(known, days, 0)
    shared, either = np.bitwise_count(shapes & shapes[0]), np.bitwise_count(shapes | shapes[0])
    is_like = known & (2 * shared >= either)
    name = names(days)
    matches = is_like & (name == name[:, :1])
    month = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
    repeats = matches.sum(axis=1)
    months = month[0] - np.where(matches, month, month[0]).min(axis=1) + 1
    covered = days[0] - np.where(known, days, days[0]).min(axis=0) + 1
    rate = np.minimum((is_like.sum(axis=0) - repeats + 1.0) / covered, 1.0)
    chance = _NAMES * special.bdtrc(repeats - 2.0, months - 1, rate)
    chance = np.where(repeats >= LEAST_REPEATS, chance, 1.0)
    best, each = chance.argmin(axis=0), np.arange(days.shape[1])
    return np.where(chance[best, each] < CHANCE, best + 1, 0), name[best, 0, each]
