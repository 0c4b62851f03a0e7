"""Many record times at once: texts of one shape, as machines write them, are read as a table of digits.

Texts of mixed shapes, with names of months or zones, or with a time that does not exist, are left to time_format.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from proxy.runtime.time_format import TimePattern

Ints = NDArray[np.int64]

# Least and most of each part; the days of a month are counted where they are needed.
_RANGES = {"year": (1, 9999), "month": (1, 12), "day": (1, 31), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}
# Parts that say nothing about whole seconds.
_IGNORED = ("fraction", "nanos")
_OF_ZONES = frozenset("zZ+-:0123456789")


def seconds_of_alike(values: Sequence[object], pattern: TimePattern) -> Ints | None:
    """Epoch seconds of texts that differ in their digits alone, and not in those of the zone; None for any others."""
    if not values or set(map(type, values)) != {str}:
        return None
    first, size = str(values[0]), len(str(values[0]))
    try:
        epoch, spans = pattern(first), pattern.spans(first)
        letters = "".join(map(str, values)).encode("ascii")
    except ValueError:
        return None
    zone = first[slice(*spans.pop("zone", (0, 0)))]
    if set(map(len, map(str, values))) != {size} or not _OF_ZONES.issuperset(zone):
        return None
    table = np.frombuffer(letters, np.uint8).reshape(-1, size)
    varies = np.zeros(size, bool)
    for span in spans.values():
        varies[slice(*span)] = True
    digits = table - ord("0")
    if (digits[:, varies] > 9).any() or (table[:, ~varies] != table[0, ~varies]).any():
        return None
    seconds = _seconds({part: _numbers(digits[:, slice(*span)]) for part, span in spans.items()})
    # The first tells how far the zone is off.
    return None if seconds is None else seconds + (epoch - seconds[0])


def _numbers(digits: NDArray[np.uint8]) -> Ints:
    return digits @ 10 ** np.arange(digits.shape[1])[::-1]


def _seconds(parts: dict[str, Ints]) -> Ints | None:
    """Seconds as if in UTC; None where a part is unknown here, or out of its range."""
    known = {part: number for part, number in parts.items() if part not in _IGNORED}
    if not {"year", "month", "day"} <= known.keys() <= _RANGES.keys():
        return None
    if any(number.min() < _RANGES[part][0] or number.max() > _RANGES[part][1] for part, number in known.items()):
        return None
    months = (known["year"] - 1970) * 12 + known["month"] - 1
    starts, ends = (m.astype("M8[M]").astype("M8[D]").astype(np.int64) for m in (months, months + 1))
    days = starts + known["day"] - 1
    if (days >= ends).any():
        return None
    return ((days * 24 + known.get("hour", 0)) * 60 + known.get("minute", 0)) * 60 + known.get("second", 0)
