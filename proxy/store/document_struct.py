"""Large pages of documents, from the cluster's text to the API's without an object for every value.

Nearly all documents of a page are written by the product itself: they have the types of their table, so msgspec
reads and writes them by a struct with the table's keys, many times faster than dictionaries. A page in which any
document has another form is read by the table itself (``document_table``), which takes every form there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from proxy.store.document_table import (
    Reader,
    Table,
    to_boolean,
    to_double,
    to_doubles,
    to_long,
    to_longs,
    to_text,
    to_texts,
    to_time,
)

# A struct made from a table; its fields are not known to a type checker.
Struct = Any
Odd = Callable[[float], str]
_TYPES: dict[Reader, object] = {
    to_double: float,
    to_long: int,
    to_boolean: bool,
    to_text: str,
    to_time: int,
    to_doubles: list[float],
    to_texts: list[str],
    to_longs: list[int],
}
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Shape:
    """The struct of a table, and where its doubles are."""

    struct: type
    doubles: tuple[str, ...]
    lists: tuple[str, ...]
    inner: tuple[tuple[str, Shape], ...]

    @staticmethod
    def of(table: Table, name: str) -> Shape:
        fields: list[tuple[str, object, object]] = []
        inner: list[tuple[str, Shape]] = []
        for key in table.keys:
            if key.table is not None:
                shape = Shape.of(key.table, f"{name}_{key.name}")
                kind: object = list[shape.struct] if key.read == key.table.read_all else shape.struct
                inner.append((key.name, shape))
            else:
                kind = _TYPES.get(key.read) or Literal[str(key.default())]  # what is always the same may only be that
            fields.append((key.name, *_field(kind, key.default)))
        return Shape(
            struct=msgspec.defstruct(name, fields, gc=False),
            doubles=tuple(key.name for key in table.keys if key.read is to_double),
            lists=tuple(key.name for key in table.keys if key.read is to_doubles),
            inner=tuple((name, shape) for name, shape in inner if shape.doubles or shape.lists or shape.inner),
        )

    def show(self, document: Struct, odd: Odd) -> None:
        """Puts the text of ``odd`` in place of each double that Java writes otherwise."""
        for name in self.doubles:
            value = getattr(document, name)
            if value is not UNSET and not is_plain(value):
                setattr(document, name, msgspec.Raw(odd(value)))
        for name in self.lists:
            values = getattr(document, name)
            if values is not UNSET and not all(map(is_plain, values)):
                setattr(document, name, [value if is_plain(value) else msgspec.Raw(odd(value)) for value in values])
        for name, shape in self.inner:
            part = getattr(document, name)
            if part is UNSET:
                continue
            for one in part if type(part) is list else (part,):
                shape.show(one, odd)


def is_plain(value: float) -> bool:
    """Whether Java writes a double as Python does."""
    return 1e-3 <= value < 1e7 or value == 0 or -1e7 < value <= -1e-3


def _field(kind: object, default: Callable[[], object] | None) -> tuple[object, object]:
    if default is None:
        return kind | UnsetType, UNSET
    made = default()
    return kind, msgspec.field(default_factory=default) if isinstance(made, list) else made


class Pages:
    """Reads search answers whose hits are documents of one table, and writes them as the API does.

    ``finish`` makes a document's text from its struct and the text of its keys. ``odd`` writes the doubles that Java
    writes otherwise than Python.
    """

    def __init__(self, table: Table, name: str, finish: Callable[[Struct, bytes], bytes], odd: Odd) -> None:
        self._odd = odd
        self._table = table.with_doubles(lambda value: value if is_plain(value) else orjson.Fragment(odd(value)))
        self._shape = Shape.of(table, name)
        hit = msgspec.defstruct("Hit", [("source", self._shape.struct, msgspec.field(name="_source"))], gc=False)
        total = msgspec.defstruct("Total", [("value", int)])
        hits = msgspec.defstruct("Hits", [("hits", list[hit]), ("total", total | UnsetType, UNSET)])
        self._decode = msgspec.json.Decoder(msgspec.defstruct("Answer", [("hits", hits)])).decode
        self._finish = finish

    def texts(self, answer: bytes) -> tuple[int, list[bytes]]:
        """The total, 0 where it was not counted, and the text of each document."""
        try:
            hits = self._decode(answer).hits
        except msgspec.ValidationError:
            return self._texts_of_any_form(answer)
        texts = []
        for hit in hits.hits:
            document = hit.source
            self._shape.show(document, self._odd)
            texts.append(self._finish(document, encode(document)))
        return (0 if hits.total is UNSET else hits.total.value), texts

    def _texts_of_any_form(self, answer: bytes) -> tuple[int, list[bytes]]:
        hits = orjson.loads(answer)["hits"]
        total = hits["total"]["value"] if "total" in hits else 0
        return total, [orjson.dumps(self._table.read(hit["_source"])) for hit in hits["hits"]]
