"""Extracted pages to batches, with the counts that posting the same records would have given.

What absent, null and lists mean for a text or a number is what it is for posted records (``runtime.field_values``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import orjson

from proxy.engine import Batch
from proxy.runtime.field_values import number_column, text_column
from proxy.runtime.ingest import Fields, Ingested
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
