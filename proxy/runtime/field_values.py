"""What the values of a record mean, for posted and for extracted records alike: values to columns.

=============== ======================= ================= ======================== ====================
role            absent                  null, "", []      negative                 fraction
=============== ======================= ================= ======================== ====================
partition       the partition ""        the partition ""  its text                 its text
by, over        not analysed, or with use_null the value ""                        its text
influencer      no influence            no influence      its text                 its text
metric          not measured            not measured      a number                 a number
summary count   record not analysed     not analysed      record not analysed      rounded, half upwards
time            record dropped          record dropped    before 1970              cut off
=============== ======================= ================= ======================== ====================

What cannot be read is as good as null. A list is the text of its values joined by commas, true and false are their
texts. Only what is absent counts as a missing field. Times are read in time_columns.py and time_format.py; which rows
of a column count in a role is decided in proxy/engine/buckets.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import cast

import numpy as np
from numpy.typing import NDArray

from proxy.engine import Column
from proxy.store.extraction.pages import ABSENT

_NOT_A_NUMBER = float("nan")


@dataclass(slots=True)
class TextColumn:
    """Values numbered in the order of their first appearance, chunk by chunk; -1 where the field is absent."""

    numbers: dict[str, int] = field(default_factory=dict)
    chunks: list[NDArray[np.int32]] = field(default_factory=list)

    def add(self, values: Sequence[object]) -> None:
        texts = _texts(values)
        distinct = [text for text in dict.fromkeys(texts) if text is not None]
        if not _is_storable(distinct):
            texts = [text and text.encode("utf-8", "replace").decode() for text in texts]
            distinct = [text for text in dict.fromkeys(texts) if text is not None]
        for text in distinct:
            if text not in self.numbers:
                self.numbers[text] = len(self.numbers)
        # None is no key, so it gets the default.
        number_of = cast(Callable[[str | None, int], int], self.numbers.get)
        codes = map(number_of, texts, repeat(-1))
        self.chunks.append(np.fromiter(codes, np.int32, len(texts)))

    def finish(self) -> Column:
        codes = np.concatenate(self.chunks) if self.chunks else np.empty(0, np.int32)
        return Column(codes, list(self.numbers))


def text_column(values: Sequence[object]) -> Column:
    """One chunk of values as a column."""
    column = TextColumn()
    column.add(values)
    return column.finish()


def _texts(values: Sequence[object]) -> Sequence[str | None]:
    """The values as texts; most columns are texts already, and then nothing is copied."""
    if all(kind is str for kind in set(map(type, values))):
        return cast(Sequence[str], values)
    return [as_text(value) for value in values]


def _is_storable(texts: Sequence[str]) -> bool:
    """Whether no text has half of a surrogate pair, which JSON can escape but UTF-8 cannot hold."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(value: object) -> str | None:
    """A scalar's text, a list's texts joined by commas, None where there is no field."""
    if value is ABSENT:
        return None
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(as_text(part)) for part in value if not isinstance(part, dict | list))
    return str(value)


def number_column(values: Sequence[object]) -> NDArray[np.float64]:
    """Numbers; NaN where there is none that can be read."""
    if set(map(type, values)) <= {int, float}:
        try:
            numbers = np.array(values, np.float64)
            if np.isfinite(numbers).all():
                return numbers
        except OverflowError:  # an integer beyond any double, among others that may be read
            pass
    return np.fromiter(map(_number, values), np.float64, len(values))


def _number(value: object) -> float:
    if isinstance(value, list):
        value = as_text(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return _NOT_A_NUMBER
    if isinstance(value, str) and not _may_be_number(value):
        return _NOT_A_NUMBER
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return _NOT_A_NUMBER
    return number if abs(number) != float("inf") else _NOT_A_NUMBER


def _may_be_number(text: str) -> bool:
    """Python reads digits of any script, and underscores between them; other readers of the same data do not."""
    return text.isascii() and "_" not in text
