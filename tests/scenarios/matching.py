"""Partial expectations: what a scenario says must be so, everything else may be anything."""

from __future__ import annotations

import math
import re
from typing import Any


def mismatches(expected: Any, actual: Any, where: str = "response") -> list[str]:
    """Every place where ``actual`` is not what ``expected`` says, in words.

    A mapping expects the keys it has; a list expects all its elements. ``$any``, ``{$regex: …}``, ``{$approx: …}``,
    ``{$type: …}``, ``{$gte: …}``, ``{$length: …}`` and ``{$contains: …}`` stand for values not known beforehand.
    """
    if expected == "$any":
        return []
    if isinstance(expected, dict) and any(str(key).startswith("$") for key in expected):
        return [f"{where}: {actual!r} is not {expected}"] if not _holds(expected, actual) else []
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{where}: {actual!r} is not an object"]
        return [fault for key, part in expected.items() for fault in _at_key(key, part, actual, where)]
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return [f"{where}: {actual!r} is not {expected!r}"]
        return [
            fault
            for index, (part, found) in enumerate(zip(expected, actual, strict=True))
            for fault in mismatches(part, found, f"{where}.{index}")
        ]
    same = expected == actual and isinstance(expected, bool) == isinstance(actual, bool)
    return [] if same else [f"{where}: {actual!r} is not {expected!r}"]


def _at_key(key: str, part: Any, actual: dict[str, Any], where: str) -> list[str]:
    if key not in actual:
        return [f"{where}.{key} is missing in {actual!r}"]
    return mismatches(part, actual[key], f"{where}.{key}")


_TYPES = {"number": (int, float), "integer": int, "string": str, "boolean": bool, "array": list, "object": dict}


def _holds(expected: dict[str, Any], actual: Any) -> bool:
    checks = {
        "$regex": lambda pattern: isinstance(actual, str) and re.search(pattern, actual) is not None,
        "$approx": lambda value: isinstance(actual, int | float) and math.isclose(actual, value, rel_tol=1e-6),
        "$type": lambda name: isinstance(actual, _TYPES[name]),
        "$gte": lambda value: isinstance(actual, int | float) and actual >= value,
        "$lte": lambda value: isinstance(actual, int | float) and actual <= value,
        "$length": lambda value: hasattr(actual, "__len__") and len(actual) == value,
        "$contains": lambda part: any(not mismatches(part, element) for element in actual),
        "$float": lambda value: isinstance(actual, float) and actual == value,
    }
    return all(checks[name](value) for name, value in expected.items())


def at(document: Any, dotted: str) -> Any:
    """The part at a dotted path.

    Raises:
        KeyError: there is none.
    """
    for key in dotted.split(".") if dotted else []:
        try:
            document = document[int(key)] if isinstance(document, list) else document[key]
        except (IndexError, TypeError) as error:
            raise KeyError(dotted) from error
    return document
