"""The form in which a value of a request is usually written, of all forms that Elasticsearch takes.

Numbers and flags may be texts, a lone value stands for a list of one, and some words may be in capitals: programs that
make clients of a document would have a type for each.
"""

from __future__ import annotations

from typing import Any

from proxy.schemas import Schema

_TYPES = ("boolean", "integer", "number", "string")
_LISTS = ("list", "string_list")
# They say how texts look, which the usual type does not need or cannot be.
_OF_TEXTS = frozenset({"enum", "pattern"})


def usual_form(schema: Schema) -> Schema:
    """A schema of ``schemas/`` without the forms that its ``x-coerce`` makes up for."""
    wanted = schema.get("x-coerce")
    if wanted in _TYPES:
        return {key: value for key, value in schema.items() if key not in _OF_TEXTS or wanted == "string"} | {
            "type": _typed(str(wanted), schema)
        }
    if wanted in _LISTS:
        kept = {key: value for key, value in schema.items() if key not in ("if", "then")}
        return kept | {"type": _typed("array", schema)}
    if isinstance(schema.get("const"), bool):
        # A flag that may be one thing only is a flag all the same; few generators know types of one value.
        return {key: value for key, value in schema.items() if key != "const"} | {"type": "boolean"}
    if "enum" in schema:
        return {**schema, "enum": [value for value in schema["enum"] if not _is_in_capitals(value, schema["enum"])]}
    return schema


def types_apart(schema: dict[str, Any]) -> dict[str, Any]:
    """An object or something else as alternatives, each with what is said of it."""
    types = schema.get("type")
    if not isinstance(types, list) or "object" not in types:
        return schema
    about = {key: schema[key] for key in ("description", "default") if key in schema}
    of_object = {key: value for key, value in schema.items() if key not in about} | {"type": "object"}
    return about | {"anyOf": [{"type": each} for each in types if each != "object"] + [of_object]}


def _is_in_capitals(value: Any, words: list[Any]) -> bool:
    """Whether a word is there in small letters as well."""
    return isinstance(value, str) and value != value.lower() and value.lower() in words


def _typed(usual: str, schema: Schema) -> Any:
    return [usual, "null"] if "null" in schema.get("type", ()) else usual
