"""Answers with documents to columns of plain values, without a dictionary for any document.

Doc values and script fields come as lists. Nearly always they have one element, and a tuple of one is read several
times faster than a list; the first answer with more makes the reader take lists from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from proxy.store.extraction.fields import Field, Place, Plan
from proxy.store.extraction.pages import ABSENT
from proxy.store.extraction.searcher import refuse_skipped

# A struct made for the fields of a plan, and the values in it, are not known to a type checker.
Struct = Any
Columns = dict[str, list[object]]


class Clusters(msgspec.Struct):
    total: int = 0
    skipped: int = 0


class HitReader:
    """Reads the answers to the searches of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._keys = tuple({field.key: None for field in plan.fields if field.place is not Place.SOURCE})
        self._takes_lists = not self._keys
        self._decode = _decoder(self._keys, list if self._takes_lists else tuple[Any])

    def read(self, answer: bytes) -> tuple[list[int], Columns]:
        """Times in epoch milliseconds and one column per field, for as many records.

        Raises:
            ExtractionError: a remote cluster was left out, or a value is not what its type says.
        """
        decoded = self._decoded(answer)
        if decoded.clusters is not UNSET:
            refuse_skipped(decoded.clusters.skipped, decoded.clusters.total)
        hits = decoded.hits.hits
        found = {key: self._column(f"f{number}", hits) for number, key in enumerate(self._keys)}
        columns = {field.name: self._values(field, found, hits) for field in self._plan.fields}
        return [int(hit.sort[0]) for hit in hits], columns

    def _decoded(self, answer: bytes) -> Struct:
        try:
            return self._decode(answer)
        except msgspec.ValidationError:
            if self._takes_lists:
                raise
        self._takes_lists = True
        self._decode = _decoder(self._keys, list)
        return self._decode(answer)

    def _column(self, slot: str, hits: Sequence[Struct]) -> list[object]:
        values = [getattr(hit.fields, slot) for hit in hits]
        if not self._takes_lists and ABSENT not in values:
            return list(chain.from_iterable(values))
        return [_of_list(value) for value in values]

    def _values(self, field: Field, found: Mapping[str, list[object]], hits: Sequence[Struct]) -> list[object]:
        if field.place is Place.SOURCE:
            path = field.key.split(".")
            values = [_of_list(_at(hit.source, path)) for hit in hits]
        else:
            values = found[field.key]
        if field.convert is None:
            return values
        convert = field.convert
        return [
            value if value is ABSENT else [convert(one) for one in value] if isinstance(value, list) else convert(value)
            for value in values
        ]


def _of_list(value: Any) -> object:
    """The only element of a list, the list where it has several; ABSENT where it has none, and for an object."""
    if value is ABSENT or value is None or isinstance(value, Mapping):
        return ABSENT
    if not isinstance(value, list | tuple):
        return value
    return value[0] if len(value) == 1 else list(value) or ABSENT


def _at(source: Any, path: Sequence[str]) -> object:
    """What a document has at a dotted path, ABSENT where a part of it is missing or no object.

    A document may also have written the dots, or some of them, into its names.
    """
    if not path:
        return source
    if not isinstance(source, Mapping):
        return ABSENT
    for size in range(1, len(path) + 1):
        name = ".".join(path[:size])
        if name in source and (found := _at(source[name], path[size:])) is not ABSENT:
            return found
    return ABSENT


# Making one costs as much as reading hundreds of hits, and a datafeed in real time reads a few with each.
@lru_cache(maxsize=256)
def _decoder(keys: tuple[str, ...], kind: Any) -> Any:
    slots = [
        (f"f{number}", kind | UnsetType, msgspec.field(default=UNSET, name=key)) for number, key in enumerate(keys)
    ]
    fields = msgspec.defstruct("Fields", slots, gc=False)
    hit = msgspec.defstruct(
        "Hit",
        [
            ("sort", tuple[Any, ...]),
            ("fields", fields, msgspec.field(default_factory=fields)),
            ("source", dict[str, Any], msgspec.field(default_factory=dict, name="_source")),
        ],
        gc=False,
    )
    hits = msgspec.defstruct("Hits", [("hits", list[hit])])  # type: ignore[valid-type]
    answer = msgspec.defstruct(
        "Answer", [("hits", hits), ("clusters", Clusters | UnsetType, msgspec.field(default=UNSET, name="_clusters"))]
    )
    return msgspec.json.Decoder(answer).decode
