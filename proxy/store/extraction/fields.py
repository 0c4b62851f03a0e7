"""Where each field of a record comes from: doc values where it has them, else the source document; pure.

The cluster's answer about the types of the fields is read once for a run of a datafeed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from proxy.store.extraction.errors import unusable_field
from proxy.store.extraction.queries import parent_of
from proxy.store.extraction.source import Json, Source
from proxy.store.extraction.values import BY_TYPE, EPOCH_MILLIS_TYPES, SOURCE_TYPES, Convert

_CONTAINERS = frozenset({"object", "nested"})
# What the cluster says of one field: type -> its capabilities.
Types = Mapping[str, Mapping[str, Json]]


class Place(Enum):
    DOC_VALUES = "docvalue_fields"
    SCRIPT = "script_fields"
    SOURCE = "_source"


@dataclass(frozen=True, slots=True)
class Field:
    """``name`` is the job's name of it, ``key`` the one under which the cluster answers."""

    name: str
    key: str
    place: Place
    convert: Convert | None = None
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """All fields of a source, and whether some index has its time in nanoseconds."""

    fields: tuple[Field, ...]
    sorts_nanos: bool

    def of(self, place: Place) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.place is place)

    def fetch(self, source: Source) -> Json:
        """What a search has to bring of each document, and nothing else."""
        paths = sorted({field.key for field in self.of(Place.SOURCE)})
        doc_values = {field.key: field for field in self.of(Place.DOC_VALUES)}
        body: Json = {"_source": paths or False}
        if doc_values:
            body["docvalue_fields"] = [_doc_value(field) for field in doc_values.values()]
        if source.script_fields:
            body["script_fields"] = dict(source.script_fields)
        elif not paths:
            # Not even the id: reading stored fields costs more than all doc values together.
            body["stored_fields"] = "_none_"
        return body


def _doc_value(field: Field) -> Json:
    return {"field": field.key, "format": "epoch_millis"} if field.is_date else field.key


def plan(source: Source, capabilities: Mapping[str, Types]) -> Plan:
    """How to read a source whose indices have these fields.

    Raises:
        ExtractionError: 400 where a field has no mapping, or the time no doc values.
    """
    time_types = _types(source, source.time_field, capabilities)
    if not _is_aggregatable(time_types):
        raise unusable_field(source.datafeed_id, f"time field [{source.time_field}] because it is not aggregatable")
    return Plan(
        fields=tuple(_field(source, name, capabilities) for name in source.fields),
        sorts_nanos="date_nanos" in time_types,
    )


def _field(source: Source, name: str, capabilities: Mapping[str, Types]) -> Field:
    if name in source.script_fields:
        return Field(name, name, Place.SCRIPT)
    types = _types(source, name, capabilities)
    if _has_doc_values(types):
        return _from_doc_values(name, name, types)
    parent = parent_of(name)
    parent_types = capabilities.get(parent, {})
    if parent_types and not parent_types.keys() <= _CONTAINERS:
        # A multi-field has no place of its own in the document: its parent holds the value.
        if _has_doc_values(parent_types):
            return _from_doc_values(name, parent, parent_types)
        return Field(name, parent, Place.SOURCE, _convert(parent_types))
    return Field(name, name, Place.SOURCE, _convert(types))


def _types(source: Source, name: str, capabilities: Mapping[str, Types]) -> Types:
    types = capabilities.get(name)
    if not types:
        raise unusable_field(source.datafeed_id, f"field [{name}] because it has no mappings")
    return types


def _is_aggregatable(types: Types) -> bool:
    """In every index that has the field."""
    return all(each.get("aggregatable", False) for each in types.values())


def _has_doc_values(types: Types) -> bool:
    return _is_aggregatable(types) and not types.keys() & SOURCE_TYPES


def _from_doc_values(name: str, key: str, types: Types) -> Field:
    # The format suits dates alone, and a field that is a date in some indices only would fail in the others.
    is_date = types.keys() <= EPOCH_MILLIS_TYPES
    return Field(name, key, Place.DOC_VALUES, _convert(types), is_date=is_date)


def _convert(types: Types) -> Convert | None:
    """None where the field's types are not read the same way."""
    found = {BY_TYPE.get(kind) for kind in types}
    return found.pop() if len(found) == 1 else None
