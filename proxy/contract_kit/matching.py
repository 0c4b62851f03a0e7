"""Partial expectations: what a scenario says must be so, everything else may be anything.

What a whole step expects (status, headers, keys) is put together in expecting.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ANYTHING = "$any"
_MISSING = "nothing"
_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """One place of an answer that is not as expected; ``expected`` and ``got`` are texts for people."""

    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, got {self.got}"


def mismatches(expected: Any, actual: Any, where: str = "response") -> list[Fault]:
    """Every place where ``actual`` is not what ``expected`` says.

    A mapping expects the keys it has; a list expects all its elements. ``$any``, ``{$regex: …}``, ``{$approx: …}``,
    ``{$type: …}``, ``{$gte: …}``, ``{$length: …}`` and ``{$contains: …}`` stand for values not known beforehand.
    """
    return list(_mismatches(expected, actual, where))


def _mismatches(expected: Any, actual: Any, where: str) -> Iterator[Fault]:
    if expected == ANYTHING:
        return
    if isinstance(expected, dict) and any(str(key).startswith("$") for key in expected):
        if not _holds(expected, actual):
            yield fault(where, expected, actual)
    elif isinstance(expected, dict):
        yield from _object_mismatches(expected, actual, where)
    elif isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            yield fault(where, expected, actual)
        else:
            for index, (part, found) in enumerate(zip(expected, actual, strict=True)):
                yield from _mismatches(part, found, f"{where}.{index}")
    elif expected != actual or isinstance(expected, bool) != isinstance(actual, bool):
        yield fault(where, expected, actual)


def _object_mismatches(expected: dict[str, Any], actual: Any, where: str) -> Iterator[Fault]:
    if not isinstance(actual, dict):
        yield fault(where, expected, actual)
        return
    for key, part in expected.items():
        if key in actual:
            yield from _mismatches(part, actual[key], f"{where}.{key}")
        else:
            yield Fault(f"{where}.{key}", _shown(part), f"{_MISSING} in {_shown(actual)}")


def fault(where: str, expected: object, got: object) -> Fault:
    """One of two values, shown as Python writes them and cut where they are long."""
    return Fault(where, _shown(expected), _shown(got))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "number": (int, float),
    "integer": int,
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
}
_CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$regex": lambda pattern, actual: isinstance(actual, str) and re.search(pattern, actual) is not None,
    "$approx": lambda value, actual: isinstance(actual, int | float) and math.isclose(actual, value, rel_tol=1e-6),
    "$type": lambda name, actual: isinstance(actual, _TYPES[name]),
    "$gte": lambda value, actual: isinstance(actual, int | float) and actual >= value,
    "$lte": lambda value, actual: isinstance(actual, int | float) and actual <= value,
    "$length": lambda value, actual: hasattr(actual, "__len__") and len(actual) == value,
    "$contains": lambda part, actual: any(not mismatches(part, element) for element in actual),
    "$float": lambda value, actual: isinstance(actual, float) and actual == value,
}


def _holds(expected: dict[str, Any], actual: Any) -> bool:
    return all(_CHECKS[name](value, actual) for name, value in expected.items())


def at(document: Any, dotted: str) -> Any:
    """The part at a dotted path.

    Raises:
        KeyError: there is none.
    """
    for key in dotted.split(".") if dotted else []:
        try:
            document = document[int(key)] if isinstance(document, list) else document[key]
        except (IndexError, TypeError, ValueError) as error:
            raise KeyError(dotted) from error
    return document
