"""Posted data to columns: JSON records in any of the accepted forms become one batch for the engine, with counts.

Nothing is analysed here; times are read, fields picked, everything else counted. What the picked values mean is said in
field_values.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from proxy.engine import Batch
from proxy.errors import parse_error
from proxy.runtime.field_values import TextColumn, number_column
from proxy.runtime.time_columns import seconds_of_alike
from proxy.runtime.time_format import compile_pattern, seconds_from
from proxy.store.extraction.pages import ABSENT

Record = dict[str, Any]
# Large enough to make the per-chunk cost vanish, small enough that its parsed records fit in tens of megabytes.
_CHUNK_BYTES = 4 * 1024 * 1024
_MAX_MALFORMED = 100
# Files that were joined bring their byte-order marks with them.
_BETWEEN_OBJECTS = frozenset(" \t\r\n,[]\ufeff")
# What orjson reads as an integer; it makes a double of anything larger.
_INTEGERS = range(-(1 << 63), 1 << 64)
_MOST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of a record matter, and how its time is written."""

    time_field: str
    time_format: str
    text: tuple[str, ...]
    numbers: tuple[str, ...]

    @property
    def analysed(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.text, *self.numbers)))


@dataclass(slots=True)
class Ingested:
    """A batch, and what was counted while reading it.

    ``replaces`` is the range of epoch seconds whose earlier records it replaces, ``post_id`` the request it came with.
    """

    batch: Batch
    input_bytes: int = 0
    input_field_count: int = 0
    invalid_date_count: int = 0
    missing_field_count: int = 0
    replaces: tuple[int, int] | None = None
    post_id: str = ""


def ingest(body: bytes, fields: Fields) -> Ingested:
    """Reads newline-separated, concatenated or listed JSON objects, in UTF-8, UTF-16 or UTF-32.

    Raises:
        MlError: parse_exception where more than 100 objects are malformed.
    """
    reading = _Reading(fields)
    for records, is_flat in read_records(_in_utf8(body)):
        reading.add(records if is_flat else [_flatten(record) for record in records])
    return reading.finish(len(body))


def _in_utf8(body: bytes) -> bytes:
    """The body without a byte-order mark; a wider encoding shows by the zeros in its first bytes."""
    encoding = json.detect_encoding(body)
    if encoding == "utf-8":
        return body
    return body.decode(encoding, errors="replace").encode("utf-8", errors="replace")


def read_records(body: bytes) -> Iterator[tuple[list[Record], bool]]:
    """Chunks of records, each with whether no record in it has a nested object."""
    offset = 0
    try:
        if body.lstrip()[:1] == b"[":
            records = orjson.loads(body)
            if all(type(record) is dict for record in records):
                yield records, body.count(b"{") == len(records)
                return
            raise orjson.JSONDecodeError("not a list of objects", "", 0)
        while offset < len(body):
            end = _line_end(body, offset + _CHUNK_BYTES)
            chunk = body[offset:end].strip()
            lines = b"[" + chunk.replace(b"\n", b",") + b"]" if chunk else b"[]"
            records = orjson.loads(lines)
            if not all(type(record) is dict for record in records):
                raise orjson.JSONDecodeError("not an object", "", 0)
            yield records, chunk.count(b"{") == len(records)
            offset = end
    except orjson.JSONDecodeError:
        yield list(_read_tolerantly(body[offset:])), False


def _integer(text: str) -> int | float:
    if len(text) <= _MOST_DIGITS and (number := int(text)) in _INTEGERS:
        return number
    return float(text)


def _line_end(body: bytes, offset: int) -> int:
    found = body.find(b"\n", offset)
    return len(body) if found < 0 else found + 1


def _read_tolerantly(body: bytes) -> Iterator[Record]:
    """Objects with anything or nothing between them; behind a malformed one, reading goes on at its end."""
    text, decoder = body.decode("utf-8", errors="replace"), json.JSONDecoder(parse_int=_integer)
    offset, malformed = 0, 0
    while True:
        while offset < len(text) and text[offset] in _BETWEEN_OBJECTS:
            offset += 1
        if offset >= len(text):
            return
        try:
            value, offset = decoder.raw_decode(text, offset)
            if isinstance(value, dict):
                yield value
                continue
            malformed += 1
        except (json.JSONDecodeError, RecursionError):
            malformed += 1
            closing = text.find("}", offset)
            offset = len(text) if closing < 0 else closing + 1
        if malformed > _MAX_MALFORMED:
            raise parse_error("The input JSON data is malformed.")


def _flatten(record: Record) -> Record:
    """Dotted names for what is nested, however deep."""
    flat: Record = {}
    left = [("", iter(record.items()))]
    while left:
        prefix, fields = left[-1]
        name, value = next(fields, (None, None))
        if name is None:
            left.pop()
        elif isinstance(value, dict):
            left.append((f"{prefix}{name}.", iter(value.items())))
        else:
            flat[prefix + name] = value
    return flat


class _Reading:
    """Columns that grow chunk by chunk."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._times: list[np.ndarray] = []
        self._text = {name: TextColumn() for name in fields.text}
        self._numbers: dict[str, list[np.ndarray]] = {name: [] for name in fields.numbers}
        self._input_fields = 0
        self._invalid_dates = 0
        self._missing = 0

    def add(self, records: list[Record]) -> None:
        if not records:
            return
        time_field = self._fields.time_field
        raw_times = [record.get(time_field) for record in records]
        untimed = sum(time_field not in record for record in records) if None in raw_times else 0
        self._input_fields += sum(map(len, records)) - (len(records) - untimed)
        seconds, is_valid = _seconds(raw_times, self._fields.time_format)
        if not is_valid.all():
            self._invalid_dates += int((~is_valid).sum())
            self._missing += untimed
            records = [record for record, valid in zip(records, is_valid.tolist(), strict=True) if valid]
            seconds = seconds[is_valid]
        self._times.append(seconds)
        columns = {name: [record.get(name, ABSENT) for record in records] for name in self._fields.analysed}
        self._missing += sum(values.count(ABSENT) for values in columns.values())
        for name, column in self._text.items():
            column.add(columns[name])
        for name, chunks in self._numbers.items():
            chunks.append(number_column(columns[name]))

    def finish(self, input_bytes: int) -> Ingested:
        batch = Batch(
            time=np.concatenate(self._times) if self._times else np.empty(0, np.int64),
            text={name: column.finish() for name, column in self._text.items()},
            numbers={name: np.concatenate(chunks) if chunks else np.empty(0) for name, chunks in self._numbers.items()},
        )
        return Ingested(batch, input_bytes, self._input_fields, self._invalid_dates, self._missing)


def _seconds(values: Sequence[object], time_format: str) -> tuple[np.ndarray, np.ndarray]:
    """Epoch seconds, and which of them are valid."""
    divisor = {"epoch": 1, "epoch_ms": 1000}.get(time_format)
    if divisor and set(map(type, values)) == {int}:
        try:
            seconds = np.array(values, np.int64) // divisor
            return seconds, _are_dates(seconds)
        except OverflowError:
            pass
    if not divisor and (alike := seconds_of_alike(values, compile_pattern(time_format))) is not None:
        return alike, _are_dates(alike)
    read: Callable[[str], int] = (lambda text: seconds_from(text, divisor)) if divisor else compile_pattern(time_format)
    seconds, is_valid = np.zeros(len(values), np.int64), np.ones(len(values), bool)
    known: dict[object, int | None] = {}
    for row, value in enumerate(values):
        # True would be found as 1.
        key = value if isinstance(value, str | int | float) and not isinstance(value, bool) else None
        if key not in known:
            known[key] = _second(key, read)
        second = known[key]
        if second is None:
            is_valid[row] = False
        else:
            seconds[row] = second
    return seconds, is_valid


# Beyond the years that dates can express, a number is no time but a mistake of units.
_MAX_SECOND = 253_402_300_800


def _are_dates(seconds: np.ndarray) -> np.ndarray:
    """Which of them dates can express; the absolute value of the smallest integer is negative itself."""
    return (seconds > -_MAX_SECOND) & (seconds < _MAX_SECOND)


def _second(value: object, read: Callable[[str], int]) -> int | None:
    if value is None:
        return None
    try:
        second = read(str(value))
    except (ValueError, OverflowError):
        return None
    return second if abs(second) < _MAX_SECOND else None


def fields_of(config: Mapping[str, Any], text: Sequence[str], numbers: Sequence[str]) -> Fields:
    """The fields of a job's configuration; ``text`` and ``numbers`` are what its engine asks for."""
    description = config.get("data_description", {})
    return Fields(
        time_field=description.get("time_field", "time"),
        time_format=description.get("time_format", "epoch_ms"),
        text=tuple(text),
        numbers=tuple(numbers),
    )
