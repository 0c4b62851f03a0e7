"""Posted data to columns: JSON records in any of the accepted forms become one batch for the engine, with counts.

Nothing is analysed here; times are read, fields picked, everything else counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, cast

import numpy as np
import orjson

from proxy.engine import Batch, Column
from proxy.errors import parse_error
from proxy.runtime.time_columns import seconds_of_alike
from proxy.runtime.time_format import compile_pattern, seconds_from

Record = dict[str, Any]
# Large enough to make the per-chunk cost vanish, small enough that its parsed records fit in tens of megabytes.
_CHUNK_BYTES = 4 * 1024 * 1024
_MAX_MALFORMED = 100
_MISSING = object()


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
    """Reads newline-separated, concatenated or listed JSON objects.

    Raises:
        MlError: parse_exception where more than 100 objects are malformed.
    """
    reading = _Reading(fields)
    for records, is_flat in read_records(body):
        reading.add(records if is_flat else [_flatten(record) for record in records])
    return reading.finish(len(body))


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


def _line_end(body: bytes, offset: int) -> int:
    found = body.find(b"\n", offset)
    return len(body) if found < 0 else found + 1


def _read_tolerantly(body: bytes) -> Iterator[Record]:
    """Objects with anything or nothing between them; behind a malformed one, reading goes on at its end."""
    text, decoder = body.decode("utf-8", errors="replace"), json.JSONDecoder()
    offset, malformed = 0, 0
    while True:
        while offset < len(text) and text[offset] in " \t\r\n,[]":
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
        self._text = {name: _TextColumn() for name in fields.text}
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
        columns = {name: [record.get(name, _MISSING) for record in records] for name in self._fields.analysed}
        self._missing += sum(values.count(_MISSING) for values in columns.values())
        for name, column in self._text.items():
            column.add(columns[name])
        for name, chunks in self._numbers.items():
            chunks.append(_numbers(columns[name]))

    def finish(self, input_bytes: int) -> Ingested:
        batch = Batch(
            time=np.concatenate(self._times) if self._times else np.empty(0, np.int64),
            text={name: column.finish() for name, column in self._text.items()},
            numbers={name: np.concatenate(chunks) if chunks else np.empty(0) for name, chunks in self._numbers.items()},
        )
        return Ingested(batch, input_bytes, self._input_fields, self._invalid_dates, self._missing)


@dataclass(slots=True)
class _TextColumn:
    """Values numbered in the order of their first appearance."""

    numbers: dict[str, int] = field(default_factory=dict)
    chunks: list[np.ndarray] = field(default_factory=list)

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
    """A scalar's text, a list's texts joined by commas, None where there is no value at all."""
    if value is _MISSING:
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


def _numbers(values: Sequence[object]) -> np.ndarray:
    kinds = set(map(type, values))
    if kinds <= {int, float}:
        return np.array(values, np.float64)
    return np.fromiter(map(_number, values), np.float64, len(values))


def _number(value: object) -> float:
    if isinstance(value, bool) or value is None or value is _MISSING:
        return float("nan")
    try:
        number = float(cast(Any, value))  # whatever is no number has just that told
    except (TypeError, ValueError):
        return float("nan")
    return number if abs(number) != float("inf") else float("nan")


def _seconds(values: Sequence[object], time_format: str) -> tuple[np.ndarray, np.ndarray]:
    """Epoch seconds, and which of them are valid."""
    divisor = {"epoch": 1, "epoch_ms": 1000}.get(time_format)
    if divisor and set(map(type, values)) == {int}:
        try:
            seconds = np.array(values, np.int64) // divisor
            return seconds, np.abs(seconds) < _MAX_SECOND
        except OverflowError:
            pass
    if not divisor and (alike := seconds_of_alike(values, compile_pattern(time_format))) is not None:
        return alike, np.abs(alike) < _MAX_SECOND
    read: Callable[[str], int] = (lambda text: seconds_from(text, divisor)) if divisor else compile_pattern(time_format)
    seconds, is_valid = np.zeros(len(values), np.int64), np.ones(len(values), bool)
    known: dict[object, int | None] = {}
    for row, value in enumerate(values):
        key = value if isinstance(value, str | int | float) else None
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


def _second(value: object, read: Callable[[str], int]) -> int | None:
    if value is None or isinstance(value, bool):
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
