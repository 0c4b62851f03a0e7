"""Large pages of documents, from the cluster's text to the API's without an object for every value.

Nearly all documents of a page are written by the product itself. Those that bear its seal (``seal``) are not
even read: their text is the answer's. Others mostly have the types of their table, so msgspec reads and writes them
by a struct with the table's keys, many times faster than dictionaries. Where any has another form, all of these are
read by the table itself (``document_table``), which takes every form there is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from types import GenericAlias
from typing import Any, Literal

import msgspec
import orjson
from msgspec import UNSET, UnsetType

from proxy.store.results.document_table import (
    Document,
    Key,
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
from proxy.store.results.seal import Seal, is_husk, may_bear
from proxy.units import java_double

# A struct made from a table; its fields are not known to a type checker.
Struct = Any
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

    struct: Any  # a type made at run time, which no checker can know
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
                is_list = key.read == key.table.read_all
                kind: object = GenericAlias(list, (shape.struct,)) if is_list else shape.struct
                inner.append((key.name, shape))
            else:
                kind = _TYPES.get(key.read) or _always(key)
            fields.append((key.name, *_field(kind, key.default)))
        return Shape(
            struct=msgspec.defstruct(name, fields, gc=False),
            doubles=tuple(key.name for key in table.keys if key.read is to_double),
            lists=tuple(key.name for key in table.keys if key.read is to_doubles),
            inner=tuple((name, shape) for name, shape in inner if shape.doubles or shape.lists or shape.inner),
        )

    def show(self, document: Struct) -> None:
        """Puts Java's text in place of each double that Java writes otherwise."""
        for name in self.doubles:
            value = getattr(document, name)
            if value is not UNSET and not is_plain(value):
                setattr(document, name, msgspec.Raw(java_double(value)))
        for name in self.lists:
            values = getattr(document, name)
            if values is not UNSET and not all(map(is_plain, values)):
                setattr(
                    document, name, [value if is_plain(value) else msgspec.Raw(java_double(value)) for value in values]
                )
        for name, shape in self.inner:
            part = getattr(document, name)
            if part is UNSET:
                continue
            for one in part if type(part) is list else (part,):
                shape.show(one)


def is_plain(value: float) -> bool:
    """Whether Java writes a double as Python does."""
    return 1e-3 <= value < 1e7 or value == 0 or -1e7 < value <= -1e-3


def _field(kind: object, default: Callable[[], object] | None) -> tuple[object, object]:
    if default is None:
        return kind | UnsetType, UNSET
    made = default()
    return kind, msgspec.field(default_factory=default) if isinstance(made, list) else made


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page: the total, 0 where it was not counted, and the texts of its documents without their braces."""

    total: int
    texts: list[bytes]


_Raw = msgspec.defstruct("RawHit", [("source", msgspec.Raw, msgspec.field(name="_source"))], gc=False)


class Pages:
    """Reads search answers whose hits are documents of one table, and writes them as the API does.

    ``finish`` makes a document's text from its struct and the text of its keys.
    """

    def __init__(self, table: Table, name: str, finish: Callable[[Struct, bytes], bytes]) -> None:
        self._table = table.with_doubles(_shown)
        self._shape = Shape.of(table, name)
        hit = msgspec.defstruct("Hit", [("source", self._shape.struct, msgspec.field(name="_source"))], gc=False)
        self._decode = _answers_with(hit)
        self._decode_raw = _answers_with(_Raw)
        self._finish = finish
        self.seal = Seal(zlib.crc32(table.form().encode()))

    def source(self, document: Document) -> bytes:
        """What to store for a document: sealed where the API shows it as it is, but for absent keys with a default.

        A document may bear ``event.ingested``, which the API does not show.
        """
        shown, ingested_ms = _without_ingested(document)
        try:
            text = self._text(msgspec.convert(shown, self._shape.struct))
        except msgspec.ValidationError:
            text = orjson.dumps(self._table.read(shown))
        is_whole = shown.items() <= orjson.loads(text).items()
        return self.seal.closed(text, ingested_ms) if is_whole else orjson.dumps(document)

    def part(self, answer: bytes) -> Part:
        """The documents of a search answer: sealed ones as they are, the others read."""
        husks, sealed = self.seal.cut(answer)
        part = self._spliced(husks, sealed) if sealed else None
        if part is None:
            total, texts = self._texts(answer)
            return Part(total, [text[1:-1] for text in texts])
        return part

    def _spliced(self, husks: bytes, sealed: list[bytes]) -> Part | None:
        """The sealed texts back in their places, between other documents; None where these places are not clear."""
        try:
            total, hits = self._decode_raw(husks)
        except msgspec.DecodeError:
            return None
        sources = [bytes(hit.source) for hit in hits]
        others = [source for source in sources if not is_husk(source)]
        if len(sources) != len(sealed) + len(others):
            return None
        if others:
            of_sealed, of_others = iter(sealed), iter(self._texts(_answer_of(others))[1])
            sealed = [next(of_sealed) if is_husk(source) else next(of_others)[1:-1] for source in sources]
        return Part(total, sealed)

    def _texts(self, answer: bytes) -> tuple[int, list[bytes]]:
        try:
            total, hits = self._decode(answer)
        except msgspec.ValidationError:
            return self._texts_of_any_form(answer)
        return total, [self._text(hit.source) for hit in hits]

    def _text(self, document: Struct) -> bytes:
        self._shape.show(document)
        return self._finish(document, encode(document))

    def _texts_of_any_form(self, answer: bytes) -> tuple[int, list[bytes]]:
        hits = orjson.loads(answer)["hits"]
        total = hits["total"]["value"] if "total" in hits else 0
        return total, [orjson.dumps(self._table.read(hit["_source"])) for hit in hits["hits"]]


def _without_ingested(document: Document) -> tuple[Document, int | None]:
    """The document, and when it was ingested where that is a time that its seal can bear."""
    match document.get("event"):
        case {"ingested": int(ingested_ms), **others} if not others and may_bear(ingested_ms):
            return {name: value for name, value in document.items() if name != "event"}, ingested_ms
    return document, None


def _always(key: Key) -> object:
    """The type of what is the same in every document."""
    assert key.default is not None, "such a key is never left out"
    return Literal[str(key.default())]


def _answers_with(hit: Any) -> Callable[[bytes], tuple[int, list[Any]]]:
    """A decoder of search answers: the total, 0 where it was not counted, and the hits."""
    total = msgspec.defstruct("Total", [("value", int)])
    hits = msgspec.defstruct("Hits", [("hits", list[hit]), ("total", total | UnsetType, UNSET)])
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(msgspec.defstruct("Answer", [("hits", hits)])).decode

    def decoded(answer: bytes) -> tuple[int, list[Any]]:
        found = decode(answer).hits
        return (0 if found.total is UNSET else found.total.value), found.hits

    return decoded


def _answer_of(sources: list[bytes]) -> bytes:
    return b'{"hits":{"hits":[%b]}}' % b",".join(b'{"_source":%b}' % source for source in sources)


def _shown(value: float) -> Any:
    """The double as orjson must find it to write it in Java's form."""
    return value if is_plain(value) else orjson.Fragment(java_double(value))
