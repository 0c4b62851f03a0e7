"""What a series was like over the past weeks: means of equal stretches of time, few and ever longer.

Here a stretch grows from one bucket up to what lets the whole cover MONTHS_S; then the record begins anew. Whenever
it has grown enough to be worth a look its rows are named. What is looked for is period_search.py's matter.
"""

import numpy as np
from numpy.typing import NDArray

from proxy.engine.columns import Columns, Slot
from proxy.engine.models.patterns import DAY
from proxy.engine.results import Floats

Rows = NDArray[np.intp]

STRETCHES = 192
# How many stretches make a record worth looking at; the last of them must be all.
LOOKED_AT = (144, STRETCHES)
# What a record must cover before it begins anew, and what a record that did must cover before its first look.
MONTHS_S, SECOND_LOOK_S = 56 * DAY, 4 * DAY
# Values before this many say nothing of the size of the numbers to come.
BEGINS_AT = 12
# Two bytes hold no more.
_LARGEST = 6e4

SLOTS = {
    # Means, less `past_zero` and in `past_unit`.
    "past": Slot("f2", (STRETCHES,), np.nan),
    "past_zero": Slot("f8"),
    "past_unit": Slot("f8", (), 1.0),
    # The bucket it begins with and the buckets of a stretch.
    "past_from": Slot("i8", (), -1),
    "past_width": Slot("i4", (), 1),
    # The stretch that is growing, how many values it has and their mean.
    "past_at": Slot("i2", (), -1),
    "past_n": Slot("f4"),
    "past_mean": Slot("f4"),
}


def completed(columns: Columns, span: int, time: int, rows: Rows) -> list[tuple[int, Rows]]:
    """(number of stretches, the rows that have just completed so many), before the bucket at `time` is added."""
    place = _place(columns, time // span, rows)
    before = columns["past_at"][rows]
    known = columns["past_from"][rows] >= 0
    out = []
    for stretches in LOOKED_AT:
        due = rows[known & (before < stretches) & (place >= stretches) & (before >= 0)]
        if len(due):
            out.append((stretches, due))
    return out


def add(columns: Columns, span: int, time: int, rows: Rows, value: Floats) -> None:
    """Adds a bucket's values."""
    bucket = time // span
    begins = (columns["past_from"][rows] < 0) & (columns["n"][rows] >= BEGINS_AT)
    if begins.any():
        _begin(columns, rows[begins], bucket, 1)
    if (columns["past_from"][rows] < 0).any():
        known = columns["past_from"][rows] >= 0
        rows, value = rows[known], value[known]
    place = _place(columns, bucket, rows)
    while len(full := rows[place >= STRETCHES]):
        _make_room(columns, span, bucket, full)
        place = _place(columns, bucket, rows)
    size = (value - columns["past_zero"][rows]) / columns["past_unit"][rows]
    size = np.clip(size, -_LARGEST, _LARGEST)
    count = np.where(place == columns["past_at"][rows], columns["past_n"][rows], 0.0)
    mean = columns["past_mean"][rows].astype(np.float64)
    mean = np.where(count > 0, mean + (size - mean) / (count + 1.0), size)
    columns["past_at"][rows], columns["past_n"][rows], columns["past_mean"][rows] = place, count + 1.0, mean
    columns["past"][place, rows] = mean


def forget(columns: Columns, rows: Rows) -> None:
    """Lets the records of these rows begin anew with their next value."""
    columns["past_from"][rows] = -1


def _place(columns: Columns, bucket: int, rows: Rows) -> NDArray[np.int64]:
    return (bucket - columns["past_from"][rows]) // columns["past_width"][rows]


def _begin(columns: Columns, rows: Rows, bucket: int, width: int) -> None:
    level = columns["level"][rows]
    columns["past"][:, rows] = np.nan
    columns["past_zero"][rows] = level
    columns["past_unit"][rows] = np.maximum(np.maximum(columns["scale"][0, rows], 1e-3 * np.abs(level)), 1e-9)
    columns["past_from"][rows], columns["past_width"][rows], columns["past_at"][rows] = bucket, width, -1


def _make_room(columns: Columns, span: int, bucket: int, rows: Rows) -> None:
    """Makes one stretch of every two, or starts again where they are long enough."""
    is_done = columns["past_width"][rows] * STRETCHES * span >= MONTHS_S
    _begin(columns, rows[is_done], bucket, -(-SECOND_LOOK_S // (LOOKED_AT[0] * span)))
    rows = rows[~is_done]
    half = STRETCHES // 2
    pairs = columns["past"][:, rows].astype(np.float64).reshape(half, 2, len(rows))
    first, second = pairs[:, 0], pairs[:, 1]
    mean = np.where(np.isnan(first), second, np.where(np.isnan(second), first, 0.5 * (first + second)))
    columns["past"][:half, rows] = mean
    columns["past"][half:, rows] = np.nan
    columns["past_width"][rows] *= 2
    columns["past_at"][rows] = -1
