"""What a series was like over the past weeks: means of equal stretches of time, few and ever longer.

Here a stretch grows from one bucket up to what lets the whole cover MONTHS_S; then the record begins anew. So it does
before stretches would no longer make up whole days: every other day would look different then, a period of two days.
Whenever it has grown enough to be worth a look its rows are named. What is looked for is period_search.py's matter.
"""

from collections.abc import Callable

import numpy as np

from proxy.engine.columns import Rows, Slot
from proxy.engine.elementwise import anywhere, clip, double, everywhere, listed, where
from proxy.engine.models.component import Component, Mask, Moment
from proxy.engine.models.grid import DAY
from proxy.engine.results import Floats, Ints

# (level, spread around it) of some series.
Sizes = Callable[[Rows], tuple[Floats, Floats]]

STRETCHES = 192
# How many stretches make a record worth looking at; the last of them must be all.
LOOKED_AT = (144, STRETCHES)
# What a record must cover before it begins anew, and what a record that did must cover before its first look.
MONTHS_S, SECOND_LOOK_S = 56 * DAY, 4 * DAY
# Values before this many say nothing of the size of the numbers to come.
BEGINS_AT = 12
# Two bytes hold no more.
_LARGEST = 6e4


class Past(Component):
    """The means of each series' stretches, in units of its own, and the stretch that is growing."""

    _means: Floats
    _zero: Floats
    _unit: Floats
    _begin: Ints
    _width: Ints
    _at: Ints
    _n: Floats
    _mean: Floats

    def __init__(self, span: int) -> None:
        self.span = span
        # Buckets of a stretch where a record begins anew.
        self.second_width = second_width(span)
        super().__init__(
            # Less `zero` and in `unit`.
            means=Slot("f2", (STRETCHES,), np.nan),
            zero=Slot("f8"),
            unit=Slot("f8", (), 1.0),
            # The bucket it begins with and the buckets of a stretch.
            begin=Slot("i8", (), -1),
            width=Slot("i4", (), 1),
            # The stretch that is growing, how many values it has and their mean.
            at=Slot("i2", (), -1),
            n=Slot("f4"),
            mean=Slot("f4"),
        )

    def table(self, rows: Rows, stretches: int) -> tuple[Floats, Floats, Floats]:
        """(means of the first stretches, series x stretches and NaN = unknown; start and stretch in seconds)."""
        start_s, stretch_s = (column[rows].astype(np.float64) * self.span for column in (self._begin, self._width))
        return np.ascontiguousarray(self._means[:stretches, rows].T, np.float64), start_s, stretch_s

    def zero_and_unit(self, row: int) -> tuple[float, float]:
        """What one series' means are less, and in units of."""
        return float(self._zero[row]), float(self._unit[row])

    def completed(self, time: int, rows: Rows) -> list[tuple[int, Rows]]:
        """(number of stretches, the rows that have just completed so many), before the bucket at `time` is added."""
        place = self._place(time // self.span, rows)
        before = self._at[rows]
        out: list[tuple[int, Rows]] = []
        if not anywhere(place > before):
            return out
        known = self._begin[rows] >= 0
        for stretches in LOOKED_AT:
            is_due = known & (before < stretches) & (place >= stretches) & (before >= 0)
            if anywhere(is_due):
                out.append((stretches, listed(rows, is_due)))
        return out

    def add(self, at: Moment, value: Floats, sizes: Sizes) -> None:
        """Adds a bucket's values."""
        bucket, rows = at.time // self.span, at.rows
        begins = (self._begin[rows] < 0) & (at.n >= BEGINS_AT)
        if anywhere(begins):
            self._start(listed(rows, begins), bucket, 1, sizes)
        known = self._begin[rows] >= 0
        if not anywhere(known):
            return
        if not everywhere(known):
            rows, value = rows[known], value[known]
        place = self._place(bucket, rows)
        while anywhere(is_full := place >= STRETCHES):
            self._make_room(bucket, listed(rows, is_full), sizes)
            place = self._place(bucket, rows)
        size = (value - self._zero[rows]) / self._unit[rows]
        size = clip(size, -_LARGEST, _LARGEST)
        count = where(place == self._at[rows], self._n[rows], 0.0)
        mean = double(self._mean[rows])
        mean = where(count > 0, mean + (size - mean) / (count + 1.0), size)
        self._at[rows], self._n[rows], self._mean[rows] = place, count + 1.0, mean
        self._means[place, rows] = mean

    def _place(self, bucket: int, rows: Rows) -> Ints:
        return (bucket - self._begin[rows]) // self._width[rows]

    def _start(self, rows: Rows, bucket: int, width: int, sizes: Sizes) -> None:
        level, spread = sizes(rows)
        self._means[:, rows] = np.nan
        self._zero[rows] = level
        self._unit[rows] = np.maximum(np.maximum(spread, 1e-3 * np.abs(level)), 1e-9)
        self._begin[rows], self._width[rows], self._at[rows] = bucket, width, -1

    def _make_room(self, bucket: int, rows: Rows, sizes: Sizes) -> None:
        """Makes one stretch of every two, or starts again where they are long enough."""
        stretch_s = self._width[rows].astype(np.int64) * self.span
        is_done = stretch_s * STRETCHES >= MONTHS_S
        is_done |= makes_up_days(stretch_s) & ~makes_up_days(2 * stretch_s)
        self._start(rows[is_done], bucket, self.second_width, sizes)
        rows = rows[~is_done]
        half = STRETCHES // 2
        pairs = self._means[:, rows].astype(np.float64).reshape(half, 2, len(rows))
        first, second = pairs[:, 0], pairs[:, 1]
        mean = np.where(np.isnan(first), second, np.where(np.isnan(second), first, 0.5 * (first + second)))
        self._means[:half, rows] = mean
        self._means[half:, rows] = np.nan
        self._width[rows] *= 2
        self._at[rows] = -1


def makes_up_days(stretch_s: Ints) -> Mask:
    """Whether whole numbers of stretches make up a day, or a stretch is a whole number of days."""
    fits: Mask = (stretch_s % DAY == 0) | (DAY % stretch_s == 0)
    return fits


def second_width(span: int) -> int:
    """Buckets of a stretch that cover SECOND_LOOK_S by the first look and can be doubled up to MONTHS_S.

    The least such number; where the span does not make up days, the least that covers it.
    """
    least = -(-SECOND_LOOK_S // (LOOKED_AT[0] * span))
    for width in range(least, DAY // span + 1):
        stretch_s, fits = width * span, True
        while fits and stretch_s * STRETCHES < MONTHS_S:
            fits = bool(makes_up_days(np.array(2 * stretch_s)))
            stretch_s *= 2
        if fits and makes_up_days(np.array(width * span)):
            return width
    return least
