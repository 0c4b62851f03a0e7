"""What a series does on one day of every month: at most one such day, a table of bins over its hours.

How it is found: the hours of every day are compared with what level, day, week and own period foretold. A day far odder
than the days before it is remembered by its date and its shape: which hours were far up, which far down. Once days
like it have come on the same day of the month (counted from its first day or its last, or as the n-th of its weekdays)
more often than chance lets them (a binomial test), the table starts with what the latest of them was off. From there
it is learnt like the day's pattern, and dropped when it no longer foretells anything. Months are those of UTC.

It fails where such a day is odd at other hours each time, and with buckets longer than a day.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from proxy.engine.columns import NOBODY, Rows, Slot
from proxy.engine.elementwise import anywhere, double, listed, minimum, of, positions
from proxy.engine.models.component import Mask, Moment
from proxy.engine.models.grid import DAY, DAY_MEMORY, WEEK_FROM, Grid
from proxy.engine.models.voted_table import FIRST_VOTE, MOST_COUNTED, VotedTable
from proxy.engine.results import Floats, Ints

Days = NDArray[np.int64]
# (level, spread around it) of some series.
Sizes = Callable[[Rows], tuple[Floats, Floats]]

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
# Days of such a table's own that its vote is a mean of.
VOTE_DAYS = 3.0
_NEVER = -(2**31)


class MonthDay(VotedTable):
    """The kind and number of each series' day, the odd days of late, and what the hours of the day are off.

    While a series has no such day, the table holds the day in progress.
    """

    _kind: Ints
    _number: Ints
    _day: Ints
    _usual: Floats
    _odd_day: Ints
    _odd_shape: NDArray[np.uint16]

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.bins = max(1, min(BINS, DAY // grid.span))
        # Buckets of a visit to a bin.
        self.visit = max(1.0, grid.day_buckets / self.bins)
        super().__init__(
            self.bins,
            # Number of the kind, from 1 on; 0 = none.
            kind=Slot("u1"),
            number=Slot("u1"),
            # The day in progress, since 1970.
            day=Slot("i4", (), _NEVER),
            # How far off the farthest hour of a day usually is.
            usual=Slot("f4"),
            # The latest odd days since 1970, newest first, and their shapes.
            odd_day=Slot("i4", (REMEMBERED,), _NEVER),
            odd_shape=Slot("u2", (REMEMBERED,)),
        )

    def is_known(self, rows: Rows) -> Mask:
        """Which of these series have such a day."""
        return self._kind[rows] > 0

    def name_of(self, row: int) -> float:
        """The day of one series as `title` takes it."""
        return 100.0 * float(self._kind[row]) + float(self._number[row])

    def having(self, at: Moment) -> Rows:
        """Positions in `at.rows` of those whose day of the month it is."""
        own = positions(self._kind[at.rows] > 0)
        if not len(own):
            return own
        rows, today = of(at.rows, own), names(np.array(at.time // DAY))
        return listed(own, today[self._kind[rows] - 1] == self._number[rows])

    def scale(self, rows: Rows, by: Floats) -> None:
        """Makes what such a day adds `by` times as strong."""
        super().scale(rows, np.where(self._kind[rows] > 0, by, 1.0))

    def observe(self, at: Moment, off: Floats, sizes: Sizes) -> Rows:
        """Takes what the patterns leave of a bucket's values; returns the rows with a day of the month found by it."""
        if self.grid.span > DAY:
            return NOBODY
        is_open = (self._kind[at.rows] == 0) & (at.age >= WEEK_FROM)
        if not anywhere(is_open):
            return NOBODY
        at, off = at.only(is_open), of(off, is_open)
        is_over = self._day[at.rows] != at.time // DAY
        new = self._turn_day(at.listed(is_over), sizes) if anywhere(is_over) else NOBODY
        rows = at.rows
        if len(new):
            still = self._kind[rows] == 0
            if not anywhere(still):
                return new
            rows, off = of(rows, still), of(off, still)
        b = self._bins(at.time, rows)
        count, mean = double(self._visits[b, rows]) + 1.0, double(self._table[b, rows])
        self._table[b, rows] = mean + (off - mean) / count
        self._visits[b, rows] = minimum(count, MOST_COUNTED)
        return new

    def _turn_day(self, at: Moment, sizes: Sizes) -> Rows:
        """Begins a day of each row; returns those whose last one has told a day of the month."""
        new = self._finish(at, sizes)
        self._day[at.rows] = at.time // DAY
        rest = at.rows[self._kind[at.rows] == 0]
        self._table[:, rest], self._visits[:, rest] = 0.0, 0
        return new

    def _bins(self, time: int, rows: Rows) -> int:
        return time % DAY * self.bins // DAY

    def _memory(self, rows: Rows) -> float:
        return DAY_MEMORY * self.visit

    def _votes(self, rows: Rows, before: Floats, noise: Floats) -> tuple[Mask, Floats, Mask]:
        """Hours like those of other days have no say."""
        loud_hours = (abs(self._table[:, rows]) > noise).sum(axis=0)
        return abs(before) > noise, VOTE_DAYS * self.visit * np.maximum(loud_hours, 1), loud_hours == 0

    def _drop(self, rows: Rows) -> None:
        self._kind[rows] = 0
        self._day[rows] = self._odd_day[:, rows] = _NEVER

    def _finish(self, at: Moment, sizes: Sizes) -> Rows:
        """Judges the last day of each row; returns those it tells a day of the month."""
        at = at.only(self._day[at.rows] != _NEVER)
        rows = at.rows
        if not len(rows):
            return rows
        table, day = self._table[:, rows].astype(np.float64), self._day[rows].astype(np.int64)
        size = np.abs(table).max(axis=0)
        level, spread = sizes(rows)
        least = np.maximum(LEAST_USUAL * spread, 1e-3 * np.abs(level))
        usual, known = self._usual[rows].astype(np.float64), day - at.first // DAY - WEEK_FROM // DAY
        bounded = np.where(known > 0, np.minimum(size, MOST_USUAL * np.maximum(usual, least)), size)
        odd = ODD + ODD_ALONE / np.sqrt(len(table))
        is_odd = (size > odd * np.maximum(usual, least)) & (known >= ODD_FROM_DAYS - WEEK_FROM // DAY) & (size > 0)
        self._usual[rows] = usual + (bounded - usual) / np.clip(known + 1.0, 1.0, USUAL_MEMORY)
        odd_rows = rows[is_odd]
        return self._remember(odd_rows, day[is_odd], _shape(table[:, is_odd])) if len(odd_rows) else odd_rows

    def _remember(self, rows: Rows, day: Days, shape: NDArray[np.uint16]) -> Rows:
        """Files an odd day of each row; returns the rows of whose odd days enough are one day of the month."""
        self._odd_day[:, rows] = np.concatenate([day[None], self._odd_day[:-1, rows]])
        self._odd_shape[:, rows] = np.concatenate([shape[None], self._odd_shape[:-1, rows]])
        kind, name = _recurring(self._odd_day[:, rows].astype(np.int64), self._odd_shape[:, rows])
        new = rows[kind > 0]
        if len(new):
            self._kind[new], self._number[new], self._vote[new] = kind[kind > 0], name[kind > 0], FIRST_VOTE
            # Hours no farther off than those of other days are known: they are like those.
            is_calm = np.abs(self._table[:, new]) <= self._usual[new]
            self._table[:, new] = np.where(is_calm, 0.0, self._table[:, new])
            self._visits[:, new] = np.where(is_calm, MOST_COUNTED, self._visits[:, new])
        return new


def title(name: float) -> str:
    """The day in words, by 100 x kind + number of its name as `MonthDay.name_of` gives it."""
    kind, key = divmod(int(name), 100)
    number, weekday = (key, 0) if kind <= 2 else divmod(key, 7)
    return KINDS[kind - 1].format(number=number + _COUNTED_FROM[kind - 1], weekday=_WEEKDAYS[weekday])


def names(days: Days) -> NDArray[np.int64]:
    """What each day (since 1970) is called: kinds x the shape of `days`."""
    month = days.astype("M8[D]").astype("M8[M]")
    after = days - month.astype("M8[D]").astype(np.int64)
    before = (month + 1).astype("M8[D]").astype(np.int64) - 1 - days
    return np.stack([after, before, after // 7 * 7 + days % 7, before // 7 * 7 + days % 7])


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
