"""Records waiting for their bucket to close, as columns.

Kept as they came, in order of arrival, so that any chunking of the same rows aggregates the same numbers
in the same order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy.engine.results import Batch, Codes, Column, Floats, Ints


@dataclass(frozen=True, slots=True)
class RowSet:
    """Rows as columns; every field the job uses is present."""

    time: Ints
    text: dict[str, Column]
    numbers: dict[str, Floats]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "RowSet":
        """The chosen rows."""
        return RowSet(
            self.time[rows],
            {f: Column(c.codes[rows], c.values) for f, c in self.text.items()},
            {f: v[rows] for f, v in self.numbers.items()},
        )


class OpenRows:
    """The rows of buckets that are still open."""

    def __init__(self, text_fields: tuple[str, ...], number_fields: tuple[str, ...]) -> None:
        self._known: dict[str, dict[str, int]] = {f: {} for f in text_fields}
        self._time: list[Ints] = []
        self._codes: dict[str, list[Codes]] = {f: [] for f in text_fields}
        self._numbers: dict[str, list[Floats]] = {f: [] for f in number_fields}
        self.count = 0
        self._earliest: int | None = None

    def append(self, batch: Batch, accepted: NDArray[np.bool_]) -> int:
        """Takes the accepted rows; returns how many of their field values are missing."""
        times = batch.time[accepted]
        missing = 0
        self._time.append(times)
        self.count += len(times)
        self._note_earliest(times)
        for field, chunks in self._codes.items():
            codes = self._translated(field, batch.text.get(field), accepted, len(times))
            missing += int(np.count_nonzero(codes < 0))
            chunks.append(codes)
        for field, numbers in self._numbers.items():
            given = batch.numbers.get(field)
            values = np.full(len(times), np.nan) if given is None else np.asarray(given, np.float64)[accepted]
            missing += int(np.count_nonzero(np.isnan(values)))
            numbers.append(values)
        return missing

    def _translated(self, field: str, column: Column | None, accepted: NDArray[np.bool_], count: int) -> Codes:
        if column is None:
            return np.full(count, -1, np.int32)
        known = self._known[field]
        # An empty text is what a null or an empty list arrives as: nothing.
        numbers = (known.setdefault(v, len(known)) if v else -1 for v in column.values)
        table = np.fromiter(numbers, np.int32, len(column.values))
        codes = np.asarray(column.codes)[accepted]
        return np.append(table, np.int32(-1))[codes].astype(np.int32)

    def rows(self) -> RowSet:
        """All open rows in order of arrival."""
        self._merge()
        text = {f: Column(chunks[0], list(self._known[f])) for f, chunks in self._codes.items()}
        return RowSet(self._time[0], text, {f: chunks[0] for f, chunks in self._numbers.items()})

    def _merge(self) -> None:
        self._time = [np.concatenate(self._time) if self._time else np.empty(0, np.int64)]
        for field, chunks in self._codes.items():
            self._codes[field] = [np.concatenate(chunks) if chunks else np.empty(0, np.int32)]
        for field, numbers in self._numbers.items():
            self._numbers[field] = [np.concatenate(numbers) if numbers else np.empty(0)]

    def earliest(self) -> int | None:
        """The earliest open time, None when nothing is open."""
        return self._earliest

    def filled(self, span: int, first: int, until: int) -> Ints:
        """The buckets of ``span`` seconds from ``first`` to before ``until`` that open rows lie in, in their order."""
        self._merge()
        buckets = np.unique(self._time[0] // span)
        return buckets[(buckets >= first) & (buckets < until)]

    def _note_earliest(self, times: Ints) -> None:
        if len(times):
            first = int(times.min())
            self._earliest = first if self._earliest is None else min(first, self._earliest)

    def none(self) -> RowSet:
        """A row set without rows."""
        return RowSet(
            np.empty(0, np.int64),
            {f: Column(np.empty(0, np.int32), []) for f in self._codes},
            {f: np.empty(0) for f in self._numbers},
        )

    def drop_before(self, time: int) -> RowSet:
        """Removes and returns the rows before `time`."""
        everything = self.rows()
        closed = everything.time < time
        self._replace(everything.take(~closed))
        return everything.take(closed)

    def drop_between(self, start: int, end: int) -> None:
        """Removes the rows from `start` up to, not including, `end`."""
        everything = self.rows()
        self._replace(everything.take((everything.time < start) | (everything.time >= end)))

    def _replace(self, left: RowSet) -> None:
        self._time = [left.time]
        self.count = len(left.time)
        self._earliest = None
        self._note_earliest(left.time)
        for field, column in left.text.items():
            used, codes = np.unique(column.codes, return_inverse=True)
            offset = int(len(used) > 0 and used[0] < 0)
            self._known[field] = {column.values[u]: i for i, u in enumerate(used[offset:])}
            self._codes[field] = [(codes - offset).astype(np.int32).reshape(-1)]
        for field, values in left.numbers.items():
            self._numbers[field] = [values]

    def state(self) -> dict[str, object]:
        """Tree of the open rows."""
        rows = self.rows()
        return {
            "time": rows.time,
            "text": {f: {"codes": c.codes, "values": c.values} for f, c in rows.text.items()},
            "numbers": dict(rows.numbers),
        }

    def restore(self, tree: dict[str, Any]) -> None:
        """Takes over a tree; fields the job did not have then stay missing."""
        time = np.asarray(tree["time"], np.int64)
        text = {
            f: Column(np.asarray(c["codes"], np.int32), list(map(str, c["values"]))) for f, c in tree["text"].items()
        }
        numbers = {f: np.asarray(v, np.float64) for f, v in tree["numbers"].items()}
        if len(time):
            self.append(Batch(time, text, numbers), np.ones(len(time), bool))
