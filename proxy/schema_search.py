"""Where in a large document the faults are, found by a validator that takes a thousandth of the time.

It says less than ``schemas`` needs, so that it only narrows the search: a document without faults is not searched at
all, and of long lists only those elements are that have some.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import jsonschema_rs

# Where the files are said to be, because this validator takes no relative names.
_BASE = "https://lanewatch.invalid/"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MOST_FAULTS = 1000


@dataclass(slots=True)
class Suspects:
    """Which elements of lists have faults in or below them, by the identity of the list.

    ``first`` says in the validator's own words what is wrong, at a path.
    """

    elements: dict[int, set[int]] = field(default_factory=dict)
    first: tuple[tuple[str | int, ...], str] | None = None

    def of(self, values: list[Any]) -> Collection[int]:
        """The numbers of the elements of a list that have to be looked at, in order."""
        return sorted(self.elements.get(id(values), ()))


class Search:
    """Looks for faults by the schemas of a folder."""

    def __init__(self, files: Mapping[str, Mapping[str, Any]]) -> None:
        resources = [(_BASE + name, {**schema, "$id": _BASE + name}) for name, schema in files.items()]
        self._registry = jsonschema_rs.Registry(resources)
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def suspects(self, reference: str, document: object) -> Suspects:
        """``reference`` leads to a schema within a file; without faults there is no ``first``."""
        found = Suspects()
        for path, text in self._faults(reference, document):
            found.first = found.first or (path, text)
            part: Any = document
            for key in path:
                if isinstance(part, list):
                    found.elements.setdefault(id(part), set()).add(int(key))
                part = part[key]
        return found

    def _faults(self, reference: str, document: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
        if reference not in self._validators:
            schema = {"$schema": _DIALECT, "$ref": _BASE + reference}
            self._validators[reference] = jsonschema_rs.Draft202012Validator(schema, registry=self._registry)
        for error in islice(self._validators[reference].iter_errors(document), _MOST_FAULTS):
            yield tuple(error.instance_path), error.message
