"""Schema files as the schemas of an OpenAPI document: each shared shape once, under ``#/components/schemas``.

What the words of ``schemas/README.md`` mean to Lanewatch alone is left out; what they promise to callers is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urldefrag, urljoin

from proxy.openapi.usual_forms import types_apart, usual_form
from proxy.schemas import Schema, shipped_schemas

# The folder of a shared file, and what the names of its shapes begin with.
_PREFIXES = {"_common": "request.", "_answers": "", "_documents": "document."}
_DEFINITIONS = "/$defs/"
# What identifies a file has no meaning inside the document.
_OF_A_FILE = frozenset({"$schema", "$id", "$defs"})
# Keywords whose values are schemas by name, by place, or single ones.
_BY_NAME = frozenset({"properties"})
_VALUES = frozenset({"const", "default", "enum", "examples", "required"})


class Components:
    """Collects the shapes that are referred to; ``in_usual_forms`` leaves out what only lenient readers take."""

    def __init__(self, *, in_usual_forms: bool) -> None:
        self.in_usual_forms = in_usual_forms
        self._files = shipped_schemas().files()
        self._schemas: dict[str, Any] = {}

    def schemas(self) -> dict[str, Any]:
        """By name, in the order of the names."""
        return dict(sorted(self._schemas.items()))

    def add_documents(self) -> None:
        """What is stored in the cluster, which no operation answers whole."""
        for name in self._files:
            if name.startswith("_documents/"):
                self._reference(name, "")

    def schema(self, part: Any, file: str) -> Any:
        """A part of ``file`` as it stands in the document."""
        if isinstance(part, list):
            return [self.schema(each, file) for each in part]
        if not isinstance(part, Mapping):
            return part
        if self.in_usual_forms:
            part = usual_form(part)
        shown: dict[str, Any] = {}
        for key, value in part.items():
            if key == "$ref":
                shown = self._referred(str(value), file) | shown
            elif key in _BY_NAME:
                shown[key] = {name: self.schema(each, file) for name, each in value.items()}
            elif key in _VALUES:
                shown[key] = value
            elif key not in _OF_A_FILE and not key.startswith("x-"):
                shown[key] = self.schema(value, file)
        if "x-later" in part:
            shown = _with_later(shown, self.schema(part["x-later"], file))
        return types_apart(shown) if self.in_usual_forms else shown

    def _referred(self, reference: str, file: str) -> dict[str, Any]:
        """What stands for a ``$ref``: another one to a whole shape, or the schema itself where it is a part of one.

        Many generators of clients follow no reference into a shape.
        """
        target, fragment = urldefrag(urljoin(file, reference))
        if "/" in target and "/" not in fragment.removeprefix(_DEFINITIONS):
            return {"$ref": self._reference(target, fragment)}
        found: Any = self._files[target]
        for step in fragment.strip("/").split("/"):
            found = found[step]
        copied = self.schema(found, target)
        assert isinstance(copied, dict), "a reference leads to a schema with keywords"
        return copied

    def _reference(self, file: str, fragment: str) -> str:
        """Where the document has a shape of a shared file, which it has from now on."""
        folder, _, stem = file.removesuffix(".json").partition("/")
        name, schema = _PREFIXES[folder] + stem, self._files[file]
        if fragment.startswith(_DEFINITIONS):
            shape = fragment.removeprefix(_DEFINITIONS)
            name, schema = f"{name}.{shape}", schema["$defs"][shape]
        if name not in self._schemas:
            self._schemas[name] = {}  # shapes may refer to themselves
            self._schemas[name] = self.schema(schema, file)
        return f"#/components/schemas/{name}"


def _with_later(schema: dict[str, Any], later: Schema) -> dict[str, Any]:
    """A schema with what is checked later as well."""
    if schema.keys().isdisjoint(later):
        return {**schema, **later}
    return {**schema, "allOf": [*schema.get("allOf", ()), later]}
