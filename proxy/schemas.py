"""The JSON Schemas of the operations: loading, checking, and turning lenient text into real types.

Faults are data: where, what kind, and the error as Elasticsearch's parser would word it, not yet positioned.
``api.call`` chooses the first one in document order and wraps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path as FilePath
from typing import Any, cast
from urllib.parse import urldefrag, urljoin

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource

from proxy.body_text import At, Path
from proxy.errors import MlError, did_you_mean, illegal_argument, number_format, x_content_parse
from proxy.resources import resource_dir
from proxy.schema_search import Search, Suspects

# A JSON Schema: what its keywords hold depends on the keyword.
Schema = Mapping[str, Any]
_Registry = Registry[bool | Schema]

_TOKENS = {str: "VALUE_STRING", bool: "VALUE_BOOLEAN", int: "VALUE_NUMBER", float: "VALUE_NUMBER",
           dict: "START_OBJECT", list: "START_ARRAY", type(None): "VALUE_NULL"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an instance.

    ``error`` lacks its position; ``wrapped`` tells whether Elasticsearch puts it under "failed to parse field".
    """

    path: Path
    at: At
    error: MlError
    wrapped: bool
    kind: str


class Schemas:
    """All schema files of a folder, by operation name."""

    def __init__(self, folder: FilePath) -> None:
        files = sorted(folder.rglob("*.json"))
        self._files: dict[str, Schema] = {
            str(file.relative_to(folder)): json.loads(file.read_bytes()) for file in files
        }
        self._registry: _Registry = Registry().with_resources(
            (name, Resource[bool | Schema].from_contents(schema)) for name, schema in self._files.items()
        )
        self._sections: dict[tuple[str, str], Section] = {}

    @cached_property
    def search(self) -> Search:
        return Search(self._files)

    def operations(self) -> list[str]:
        return [name.removesuffix(".json") for name in self._files if "/" not in name and not name.startswith("_")]

    def files(self) -> Mapping[str, Schema]:
        """Every file by its path below the folder."""
        return self._files

    def file(self, name: str) -> Schema:
        return self._files[name]

    def action(self, operation: str) -> str:
        """What the cluster calls the operation where it grants or refuses it."""
        return str(self._files[f"{operation}.json"]["x-action"])

    def has_section(self, operation: str, section: str) -> bool:
        return section in self._files[f"{operation}.json"]["properties"]

    def section(self, operation: str, section: str) -> Section:
        """The ``path``, ``query`` or ``body`` part of an operation's schema; an empty object where it has none."""
        key = (operation, section)
        if key not in self._sections:
            self._sections[key] = self._made(operation, section)
        return self._sections[key]

    def _made(self, operation: str, section: str) -> Section:
        name = f"{operation}.json"
        schema = self._files[name]
        part: Schema = {"$ref": f"{name}#/properties/{section}"}
        if not self.has_section(operation, section):
            part = {"type": "object", "additionalProperties": False}
        is_required = section in schema.get("required", ())
        parser = schema.get("x-action", operation)
        return Section(part, name, self._registry, is_required=is_required, parser=parser, search=lambda: self.search)


class Section:
    """One part of an operation's input, with its validator. ``parser`` is who reads it where it does not say so."""

    def __init__(
        self,
        schema: Schema,
        base: str,
        registry: _Registry,
        *,
        is_required: bool,
        parser: str,
        search: Callable[[], Search],
    ) -> None:
        self._registry = registry
        self._search = search
        self._whole = schema
        # Looking for what a reference leads to takes longer than all else that is done with an element of a list.
        self._resolved: dict[tuple[int, str], tuple[Schema, Schema, str]] = {}
        self.schema, self.base = self.resolve(schema, base)
        self.required = is_required
        self.parser = str(self.schema.get("x-parser", parser))
        # Given whole, a part of a file would lose what its own references point to.
        self._validator = _Validator(schema, registry=registry)

    def resolve(self, schema: Schema, base: str) -> tuple[Schema, str]:
        """The schema behind a chain of ``$ref``, and the file whose references it is relative to."""
        if "$ref" not in schema:
            return schema, base
        key = (id(schema), base)
        if key not in self._resolved:
            # The schema is kept as well, so that its identity stays its own.
            self._resolved[key] = (schema, *self._followed(schema, base))
        return self._resolved[key][1:]

    def _followed(self, schema: Schema, base: str) -> tuple[Schema, str]:
        while "$ref" in schema:
            reference = str(schema["$ref"])
            found = self._registry.resolver(base_uri=base).lookup(reference).contents
            assert isinstance(found, Mapping), "a reference leads to a schema with keywords"
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            schema, base = {**found, **siblings}, urldefrag(urljoin(base, reference)).url
        return schema, base

    def properties(self) -> dict[str, Schema]:
        return {name: self.resolve(part, self.base)[0] for name, part in self.schema.get("properties", {}).items()}

    def faults(self, instance: object) -> Iterator[Fault]:
        for error in self._validator.iter_errors(instance):
            yield from self._describe(error)

    def faults_of_large(self, instance: object) -> Iterator[Fault]:
        """As ``faults``, of a document that may have a hundred thousand of anything."""
        suspects = self._search().suspects(str(self._whole["$ref"]), instance)
        if suspects.first is None:
            return
        is_found = False
        for error in _narrowed(suspects)(self._whole, registry=self._registry).iter_errors(instance):
            for fault in self._describe(error):
                is_found = True
                yield fault
        if not is_found:
            path, text = suspects.first
            yield Fault(
                path, "value", illegal_argument(f"[{'.'.join(map(str, path))}] is invalid: {text}"), True, "value"
            )

    def _describe(self, error: ValidationError) -> Iterator[Fault]:
        path: Path = tuple(error.absolute_path)
        own = _schema_of(error).get("x-error", {})
        if error.validator in own:
            yield Fault(path, "value", _own_error(own[error.validator], error, path), True, "value")
        elif error.validator == "additionalProperties":
            yield from self._unknown_keys(error, path)
        elif error.validator == "required":
            missing = [
                name for name in _schema_of(error)["required"] if name not in cast(Mapping[str, object], error.instance)
            ]
            described = ", ".join(missing)
            yield Fault(path, "end", illegal_argument(f"Required [{described}]"), True, "required")
        elif error.validator == "type" or error.validator in ("oneOf", "anyOf"):
            yield Fault(path, "value", self._wrong_token(error, path), False, "token")
        else:
            yield Fault(path, "value", _bad_value(error, path), True, "value")

    def _unknown_keys(self, error: ValidationError, path: Path) -> Iterator[Fault]:
        schema, instance = _schema_of(error), cast(Mapping[str, object], error.instance)
        known = list(schema.get("properties", {}))
        patterns = schema.get("patternProperties", {})
        # Only the first in the text is ever told, and describing each takes its time.
        key = next((key for key in instance if key not in known and not patterns), None)
        if key is not None:
            text = f"[{self.parser_of(path)}] unknown field [{key}]" + did_you_mean(key, known)
            yield Fault((*path, key), "name", x_content_parse(text), False, "unknown")

    def _wrong_token(self, error: ValidationError, path: Path) -> MlError:
        field = next((key for key in reversed(path) if isinstance(key, str)), "")
        token = _TOKENS[type(error.instance)]
        return x_content_parse(f"[{self.parser_of(path[:-1])}] {field} doesn't support values of type: {token}")

    def parser_of(self, path: Sequence[str | int]) -> str:
        """The Elasticsearch parser that reads the object at ``path``: the nearest ``x-parser`` above."""
        return [name for name in self.parsers_along(path) if name][-1]

    def parsers_along(self, path: Sequence[str | int]) -> list[str | None]:
        """The ``x-parser`` of the root and of each step of ``path``, None where a step begins no object of its own."""
        schema, base = self.schema, self.base
        found: list[str | None] = [self.parser]
        for key in path:
            schema, base = self._step(schema, base, key)
            found.append(schema.get("x-parser"))
        return found

    def _step(self, schema: Schema, base: str, key: str | int) -> tuple[Schema, str]:
        if isinstance(key, str) and "properties" not in schema and "then" in schema:
            schema, base = self.resolve(schema["then"], base)
        if isinstance(key, int):
            inner = schema.get("items", {})
        else:
            extra = schema.get("additionalProperties", {})
            inner = schema.get("properties", {}).get(key, extra if isinstance(extra, Mapping) else {})
        return self.resolve(inner if isinstance(inner, Mapping) else {}, base)

    def without_dropped(self, instance: object, *, on_old_path: bool) -> object:
        """A copy without the fields that are accepted and mean nothing, see ``x-dropped`` in schemas/README.md."""
        return self._without_dropped(self.schema, self.base, instance, on_old_path)

    def _without_dropped(self, schema: Schema, base: str, value: object, on_old_path: bool) -> object:
        if isinstance(value, list):
            schema, base = self._step(schema, base, 0)
            return [self._without_dropped(schema, base, part, on_old_path) for part in value]
        if not isinstance(value, dict):
            return value
        if "properties" not in schema and "then" in schema:
            schema, base = self.resolve(schema["then"], base)
        dropped = schema.get("x-dropped", {})
        if on_old_path:
            dropped = {**dropped, **schema.get("x-dropped-on-old-paths", {})}
        return {
            key: self._without_dropped(*self._step(schema, base, key), part, on_old_path)
            for key, part in value.items()
            if not (key in dropped and type(part) is type(dropped[key]) and part == dropped[key])
        }

    def coerce(self, instance: object) -> object:
        """A copy with numbers and booleans for the texts that stood for them, lists for lone values."""
        return self._coerce(self.schema, self.base, instance)

    def _coerce(self, schema: Schema, base: str, value: object) -> object:
        schema, base = self.resolve(schema, base)
        wanted = schema.get("x-coerce")
        if wanted is not None:
            value = _COERCE[wanted](value)
        if isinstance(value, dict):
            return {key: self._coerce(*self._step(schema, base, key), part) for key, part in value.items()}
        if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
            return [self._coerce(schema["items"], base, part) for part in value]
        return value


def _refuse_unknown_fields(
    validator: Any, allowed: object, instance: object, schema: Schema
) -> Iterator[ValidationError]:
    """As jsonschema's own keyword, without the ordered list of them all: a hundred thousand hold up everything."""
    if allowed is not False or "patternProperties" in schema:
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](validator, allowed, instance, schema)
    elif isinstance(instance, dict) and any(key not in schema.get("properties", ()) for key in instance):
        yield ValidationError("fields that are not known")


_OWN_KEYWORDS = {"additionalProperties": _refuse_unknown_fields}
_Validator = extend(Draft202012Validator, _OWN_KEYWORDS)  # type: ignore[no-untyped-call]  # jsonschema has no types here


def _narrowed(suspects: Suspects) -> Any:
    """A validator that looks only at the elements of lists that have faults."""

    def items(validator: Any, schema: Schema, instance: object, _: Schema) -> Iterator[ValidationError]:
        if isinstance(instance, list):
            for index in suspects.of(instance):
                yield from validator.descend(instance[index], schema, path=index)

    return extend(Draft202012Validator, {**_OWN_KEYWORDS, "items": items})  # type: ignore[no-untyped-call]


def _schema_of(error: ValidationError) -> Schema:
    """The keywords that stand beside the broken one."""
    return error.schema if isinstance(error.schema, Mapping) else {}


def _own_error(own: Schema, error: ValidationError, path: Path) -> MlError:
    value = str(error.instance)
    texts = {"{value}": value, "{VALUE}": value.upper(), "{field}": str(path[-1]) if path else ""}
    reason = str(own["reason"])
    for mark, text in texts.items():
        reason = reason.replace(mark, text)
    return MlError(str(own["type"]), reason, int(own.get("status", 400)))


def _bad_value(error: ValidationError, path: Path) -> MlError:
    """The refusal of a value of a right type, where its schema has no text of its own."""
    schema = _schema_of(error)
    wanted = schema.get("x-coerce")
    field = path[-1] if path else ""
    if wanted == "boolean":
        return illegal_argument(f"Failed to parse value [{error.instance}] as only [true] or [false] are allowed.")
    if wanted in ("integer", "number") and error.validator == "pattern":
        return number_format(str(error.instance))
    if error.validator == "enum":
        allowed = ", ".join(str(value) for value in schema["enum"])
        return illegal_argument(f"[{field}] must be one of [{allowed}], found [{error.instance}]")
    return illegal_argument(f"[{field}] has an invalid value [{error.instance}]: {error.message}")


def _to_boolean(value: object) -> object:
    texts: dict[str, object] = {"true": True, "false": False}
    return texts.get(value, value) if isinstance(value, str) else value


def _to_integer(value: object) -> object:
    return int(float(value)) if isinstance(value, str | float) and not isinstance(value, bool) else value


def _to_number(value: object) -> object:
    return float(value) if isinstance(value, str | int) and not isinstance(value, bool) else value


def _to_string(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _to_list(value: object) -> object:
    return value if isinstance(value, list) or value is None else [value]


def _to_lowercase(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _split(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


_COERCE: Mapping[str, Callable[[object], object]] = {
    "boolean": _to_boolean,
    "integer": _to_integer,
    "number": _to_number,
    "lowercase": _to_lowercase,
    "string": _to_string,
    "list": _to_list,
    "string_list": _to_list,
    "comma_list": _split,
}


@cache
def shipped_schemas() -> Schemas:
    return Schemas(resource_dir("schemas"))
