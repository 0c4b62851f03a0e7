"""Reading stored documents by a table: one row per key, in output order.

Clients may index documents by hand and older writers stored other forms, so what is read is never echoed:
keys come out in the table's order with the table's types, absent ones get their defaults, unknown ones go.
The tables are in ``docs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.units import parse_date_ms

# A JSON value: documents of any client are read here.
Json = Any
Reader = Callable[[Json], Json]
Document = dict[str, Json]


def to_double(value: Json) -> float:
    return float(value)


def to_long(value: Json) -> int:
    return int(float(value)) if isinstance(value, str) and not value.lstrip("+-").isdigit() else int(value)


def to_boolean(value: Json) -> bool:
    return value is True or value == "true"


def to_text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def to_time(value: Json) -> int:
    """Epoch milliseconds of a number, of digits or of an ISO date."""
    return parse_date_ms(value, 0) if isinstance(value, str) else int(value)


def to_doubles(value: Json) -> list[float]:
    if not isinstance(value, list):
        return [float(value)]
    return value if _all_of(float, value) else [float(part) for part in value]


def to_texts(value: Json) -> list[str]:
    if not isinstance(value, list):
        return [to_text(value)]
    return value if _all_of(str, value) else [to_text(part) for part in value]


def _all_of(kind: type, values: list[Json]) -> bool:
    return set(map(type, values)) <= {kind}


def to_longs(value: Json) -> list[int]:
    return [to_long(part) for part in value] if isinstance(value, list) else [to_long(value)]


_TYPE_OF: Mapping[Reader, type] = {to_double: float, to_long: int, to_boolean: bool, to_text: str, to_time: int}


@dataclass(frozen=True, slots=True)
class Key:
    """One key: how its value is read, and what stands for an absent one (None: it is left out).

    ``table`` is that of the objects inside, where there are any.
    """

    name: str
    read: Reader
    default: Callable[[], Json] | None = None
    table: Table | None = None

    @staticmethod
    def one(name: str, table: Table) -> Key:
        return Key(name, table.read, None, table)

    @staticmethod
    def many(name: str, table: Table, default: Callable[[], Json] | None = None) -> Key:
        return Key(name, table.read_all, default, table)

    def form(self) -> str:
        default = "-" if self.default is None else repr(self.default())
        reader = f"({self.table.form()})" if self.table is not None else ""
        return f"{self.name} {self.read.__qualname__}{reader} {default};"

    def with_doubles(self, double: Callable[[float], Json]) -> Key:
        if self.table is not None:
            table = self.table.with_doubles(double)
            is_list = self.read == self.table.read_all
            return Key.many(self.name, table, self.default) if is_list else Key.one(self.name, table)
        if self.read is to_double:
            default = None if self.default is None else lambda: double(0.0)
            return Key(self.name, lambda value: double(float(value)), default)
        if self.read is to_doubles:
            return Key(self.name, lambda value: [double(part) for part in to_doubles(value)], self.default)
        return self


@dataclass(frozen=True, slots=True)
class _Plan:
    """What documents of one shape need: keys that go, and keys whose values must be read."""

    dropped: tuple[str, ...]
    read: tuple[tuple[str, Reader], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A document type. ``finish`` adds what is computed from the other keys."""

    keys: tuple[Key, ...]
    finish: Callable[[Document], Document] | None = None
    _plans: dict[tuple[tuple[str, ...], tuple[type, ...]], _Plan | None] = field(default_factory=dict, compare=False)

    def read(self, source: Document) -> Document:
        """The document as the API shows it; it may be ``source`` itself, or share parts with it."""
        plan = self._plan_of(source)
        read = self._rebuilt(source) if plan is None else _carried_out(plan, source)
        return read if self.finish is None else self.finish(read)

    def read_all(self, sources: Json) -> list[Document]:
        return [self.read(source) for source in (sources if isinstance(sources, list) else [sources])]

    def with_doubles(self, double: Callable[[float], Json]) -> Table:
        """The same table, with ``double`` deciding what stands for each double: how an answer's text writes it."""
        return Table(tuple(key.with_doubles(double) for key in self.keys), self.finish)

    def form(self) -> str:
        """The keys, their readers and what stands for absent ones, as a text that changes whenever any of them does."""
        return "".join(key.form() for key in self.keys)

    def _plan_of(self, source: Document) -> _Plan | None:
        """Most documents of a page share keys and types: what to convert is decided once per such shape."""
        shape = (tuple(source), tuple(map(type, source.values())))
        if shape not in self._plans:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[shape] = self._new_plan(source)
        return self._plans[shape]

    def _new_plan(self, source: Document) -> _Plan | None:
        """None if keys must be added or reordered."""
        names = {key.name for key in self.keys}
        expected = [key for key in self.keys if key.default is not None or source.get(key.name) is not None]
        if [key.name for key in expected] != [name for name in source if name in names]:
            return None
        if any(source[key.name] is None for key in expected):
            return None
        return _Plan(
            dropped=tuple(name for name in source if name not in names),
            read=tuple(
                (key.name, key.read) for key in expected if type(source[key.name]) is not _TYPE_OF.get(key.read)
            ),
        )

    def _rebuilt(self, source: Document) -> Document:
        read: Document = {}
        for key in self.keys:
            value = source.get(key.name)
            if value is not None:
                read[key.name] = key.read(value)
            elif key.default is not None:
                read[key.name] = key.default()
        return read


def _carried_out(plan: _Plan, source: Document) -> Document:
    if not plan.dropped and not plan.read:
        return source
    read = dict(source)
    for name in plan.dropped:
        del read[name]
    for name, reader in plan.read:
        read[name] = reader(read[name])
    return read


# Shapes vary with the field names and optional keys of the jobs; more than this would be hand-made documents.
_MOST_PLANS = 500
