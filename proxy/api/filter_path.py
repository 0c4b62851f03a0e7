"""``filter_path``: which parts of an answer a client wants. How the rest is written is ``render``'s matter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# JSON as a value: the answers of an API that promises any document.
Json = Any
_GONE = object()


def filtered(body: Json, paths: Sequence[str]) -> Json:
    """The parts of ``body`` that ``filter_path`` keeps; a path that starts with ``-`` takes away."""
    excluded = [_split(path[1:]) for path in paths if path.startswith("-")]
    included = [_split(path) for path in paths if not path.startswith("-")]
    if excluded:
        body = _without(body, excluded)
    if included and body is not _GONE:
        body = _only(body, included)
    return {} if body is None or body is _GONE else body


def _split(path: str) -> list[str]:
    return [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path)]


def _advance(patterns: Sequence[list[str]], key: str) -> list[list[str]]:
    """What is left of each pattern below ``key``; an empty one means that ``key`` itself is meant."""
    left: list[list[str]] = []
    for pattern in patterns:
        head, rest = pattern[0], pattern[1:]
        if head == "**":
            left += [pattern, rest]  # one key or more, never none
        elif re.fullmatch(re.escape(head).replace(r"\*", ".*"), key):
            left.append(rest)
    return left


def _only(value: Json, patterns: Sequence[list[str]]) -> Json:
    if isinstance(value, list):
        parts = [_only(part, patterns) for part in value]
        return [part for part in parts if part is not None] or None
    if not isinstance(value, dict):
        return None
    kept: dict[str, Json] = {}
    for key, part in value.items():
        below = _advance(patterns, key)
        whole = any(not pattern for pattern in below)
        inner = part if whole else _only(part, below) if below else None
        if whole or inner is not None:
            kept[key] = inner
    return kept or None


def _without(value: Json, patterns: Sequence[list[str]]) -> Json:
    """``_GONE`` for what exclusion empties; what was empty before stays."""
    if isinstance(value, list):
        parts = [_without(part, patterns) for part in value]
        left = [part for part in parts if part is not _GONE]
        return left if left or not value else _GONE
    if not isinstance(value, dict):
        return value
    kept: dict[str, Json] = {}
    for key, part in value.items():
        below = _advance(patterns, key)
        if not any(not pattern for pattern in below):
            kept[key] = _without(part, below) if below else part
    kept = {key: part for key, part in kept.items() if part is not _GONE}
    return kept if kept or not value else _GONE
