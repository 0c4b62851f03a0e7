"""What the configuration, the secrets and the parameters of a connector may hold, checked with Kibana's words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.errors import MlError, illegal_argument

# What can be wrong with a value that has the right type; None where nothing is.
Rule = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Field:
    """A value of one of some types, in JSON's names; ``one_of`` lists what a text may be."""

    types: tuple[str, ...]
    is_required: bool = False
    one_of: tuple[str, ...] = ()
    rule: Rule | None = None


Fields = Mapping[str, Field]


def text(*, required: bool = False, one_of: tuple[str, ...] = (), rule: Rule | None = None) -> Field:
    return Field(("string",), required, one_of, rule)


def flag() -> Field:
    return Field(("boolean",))


def texts(*, required: bool = False, rule: Rule | None = None) -> Field:
    return Field(("array of string",), required, rule=rule)


def at_most(length: int) -> Rule:
    """For texts and for lists."""

    def check(value: Any) -> str | None:
        return f"must have at most [{length}] elements" if len(value) > length else None

    return check


def is_web_address(value: Any) -> str | None:
    return None if str(value).startswith(("http://", "https://")) else "must begin with http:// or https://"


def check_fields(fields: Fields, values: Any, what: str, required: Collection[str] = ()) -> None:
    """``required`` names fields that must be there besides those that always must.

    Raises:
        MlError: 400 for the first value that is not as its field wants it, and for values without a field.
    """
    if not isinstance(values, Mapping):
        raise _fault(what, f"expected value of type [object] but got [{type_of(values)}]")
    for name, field in fields.items():
        value = values.get(name)
        if value is None:
            if field.is_required or name in required:
                raise _fault(what, f"[{name}]: expected value of type [{field.types[0]}] but got [undefined]")
            continue
        if type_of(value) not in field.types:
            raise _fault(what, f"[{name}]: expected value of type [{field.types[0]}] but got [{type_of(value)}]")
        if field.one_of and value not in field.one_of and "{{" not in value:
            raise _fault(what, f"[{name}]: expected one of [{', '.join(field.one_of)}] but got [{value}]")
        if field.rule is not None and (wrong := field.rule(value)) is not None:
            raise _fault(what, f"[{name}]: {wrong}")
    for name in values:
        if name not in fields:
            raise _fault(what, f"[{name}]: definition for this key is missing")


def _fault(what: str, told: str) -> MlError:
    return illegal_argument(f"error validating {what}: {told}")


def type_of(value: Any) -> str:
    """The type of a value of JSON; lists of texts alone and objects of texts alone are told apart from others."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "array of string" if all(isinstance(part, str) for part in value) else "array"
    return "record of string" if all(isinstance(part, str) for part in value.values()) else "object"
