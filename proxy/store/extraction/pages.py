"""Extracted records as columns of plain values, and how pages of documents are cut at whole milliseconds."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from msgspec import UNSET

# Stands where a record has no value for a field.
ABSENT = UNSET


@dataclass(slots=True)
class Page:
    """Records in order of their time (epoch milliseconds), each column as long as ``times``.

    A value is a scalar, a list where a record has several, or ABSENT. Whatever the range holds before ``read_to_ms``
    has been handed out with this page and those before it, and nothing else has: a reading that begins there anew
    neither loses nor doubles a record.
    """

    times: list[int]
    columns: dict[str, list[object]]
    read_to_ms: int

    def records(self, time_field: str) -> list[dict[str, object]]:
        """The same as one dictionary per record."""
        rows: list[dict[str, object]] = [{time_field: time} for time in self.times]
        for name, values in self.columns.items():
            for row, value in zip(rows, values, strict=True):
                if value is not ABSENT:
                    row[name] = value
        return rows


class WholeMilliseconds:
    """Holds back the last millisecond of each page but the last: its other records may be on the next."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._held = Page([], {name: [] for name in fields}, 0)

    def drop(self) -> None:
        """Forgets what is held back, because it will come again."""
        self._held = Page([], {name: [] for name in self._held.columns}, 0)

    def add(self, times: list[int], columns: dict[str, list[object]], *, ends_at_ms: int | None) -> Page:
        """What may be handed out; all of it where the range ends with these records at ``ends_at_ms``."""
        held = self._held
        held.times.extend(times)
        for name, values in held.columns.items():
            values.extend(columns[name])
        if ends_at_ms is not None:
            self.drop()
            held.read_to_ms = ends_at_ms
            return held
        last_ms = held.times[-1]
        cut = bisect_left(held.times, last_ms)
        out = Page(held.times[:cut], {name: values[:cut] for name, values in held.columns.items()}, last_ms)
        if cut:
            rest = {name: values[cut:] for name, values in held.columns.items()}
            self._held = Page(held.times[cut:], rest, 0)
        return out
