"""Extracted pages to batches, with the counts that posting the same records would have given.

What absent, null and lists mean for a text or a number is what it is for posted records (``runtime.ingest``).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np
import orjson
from numpy.typing import NDArray

from proxy.engine import Batch, Column
from proxy.runtime.ingest import Fields, Ingested, as_text
from proxy.store.extraction.pages import ABSENT, Page

_BRACES, _COLON, _COMMA = 2, 1, 1


def ingested(page: Page, fields: Fields) -> Ingested:
    """The page as a batch, with times in whole seconds.

    ``input_bytes`` is the length of the same records as JSON objects, which is what a datafeed would have posted.
    """
    columns = {name: page.columns[name] for name in fields.analysed}
    rows = len(page.times)
    present = {name: _present(values) for name, values in columns.items()}
    count = sum(map(len, present.values()))
    batch = Batch(
        time=np.array(page.times, np.int64) // 1000,
        text={name: text_column(columns[name]) for name in fields.text},
        numbers={name: number_column(columns[name]) for name in fields.numbers},
    )
    return Ingested(
        batch,
        input_bytes=_json_bytes({**present, fields.time_field: page.times}, rows),
        input_field_count=count,
        missing_field_count=rows * len(columns) - count,
    )


def _present(values: Sequence[object]) -> Sequence[object]:
    return [value for value in values if value is not ABSENT] if ABSENT in values else values


def _json_bytes(columns: dict[str, Sequence[object]], rows: int) -> int:
    """Lengths of the values, their names, and what stands between them."""
    total = sum(
        len(orjson.dumps(values)) - _BRACES - (len(values) - 1) * _COMMA
        + len(values) * (len(orjson.dumps(name)) + _COLON + _COMMA)
        for name, values in columns.items()
        if values
    )  # fmt: skip
    # Every record has its time, so one comma less than fields.
    return total + rows * (_BRACES - _COMMA)


def text_column(values: Sequence[object]) -> Column:
    """Texts numbered in the order of their first appearance; -1 where there is none."""
    if set(map(type, values)) - {str}:
        values = [None if value is ABSENT else as_text(value) for value in values]
    numbers = {value: number for number, value in enumerate(v for v in dict.fromkeys(values) if v is not None)}
    codes = np.fromiter(map(numbers.get, values, repeat(-1)), np.int32, len(values))
    return Column(codes, [str(value) for value in numbers])


def number_column(values: Sequence[object]) -> NDArray[np.float64]:
    """Numbers; NaN where there is none, or none that can be read."""
    if set(map(type, values)) <= {int, float}:
        return np.array(values, np.float64)
    return np.fromiter(map(_number, values), np.float64, len(values))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return float("nan")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return float("nan")
    return number if abs(number) != float("inf") else float("nan")
