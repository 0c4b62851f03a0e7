"""``filter_path``: which parts of an answer a client wants. How the rest is written is ``render``'s matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from proxy.errors import illegal_argument
from proxy.job_config.wildcards import Wildcard

# JSON as a value: the answers of an API that promises any document.
Json = Any
_GONE = object()
_ANY_DEPTH = "**"  # one key or more, never none
# What fits one request line of Elasticsearch with its default settings.
_MAX_CHARACTERS = 4096
_MAX_PATHS = 256

# Where matching stands: a number of a path, and how many of its steps lie behind.
_Place = tuple[int, int]
_Places = frozenset[_Place]


def paths_of(text: str) -> tuple[str, ...]:
    """The paths in a ``filter_path`` parameter.

    Raises:
        MlError: 400 for more of them than anybody needs.
    """
    if len(text) > _MAX_CHARACTERS:
        raise illegal_argument(f"[filter_path] has [{len(text)}] characters, at most [{_MAX_CHARACTERS}] are allowed")
    paths = tuple(path for path in text.split(",") if path)
    if len(paths) > _MAX_PATHS:
        raise illegal_argument(f"[filter_path] has [{len(paths)}] paths, at most [{_MAX_PATHS}] are allowed")
    return paths


def filtered(body: Json, paths: Sequence[str]) -> Json:
    """The parts of ``body`` that ``filter_path`` keeps; a path that starts with ``-`` takes away."""
    excluded = Selection(path[1:] for path in paths if path.startswith("-"))
    included = Selection(path for path in paths if not path.startswith("-"))
    if excluded.start:
        body = _without(body, excluded, excluded.start)
    if included.start and body is not _GONE:
        body = _only(body, included, included.start)
    return {} if body is None or body is _GONE else body


class Selection:
    """Several paths followed at once, key by key.

    The documents of an answer repeat their keys, so where a key leads is found out once for each set of places:
    ``steps_taken`` counts these. There are no more of them than keys at different places, whatever the paths say.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = [_steps(path) for path in paths]
        self._below: dict[tuple[_Places, str], _Places] = {}
        self.start: _Places = frozenset((number, 0) for number in range(len(self._paths)))

    @property
    def steps_taken(self) -> int:
        return len(self._below)

    def below(self, places: _Places, key: str) -> _Places:
        """The places below ``key``."""
        known = self._below.get((places, key))
        if known is None:
            known = self._below[places, key] = frozenset(self._next(places, key))
        return known

    def is_meant(self, places: _Places) -> bool:
        """Whether some path ends here, so that everything below is meant."""
        return any(step == len(self._paths[number]) for number, step in places)

    def _next(self, places: _Places, key: str) -> Iterable[_Place]:
        for number, step in places:
            if step == len(self._paths[number]):
                continue
            pattern = self._paths[number][step]
            if pattern is None:
                yield number, step
            if pattern is None or pattern.matches(key):
                yield number, step + 1


def _steps(path: str) -> tuple[Wildcard | None, ...]:
    """The patterns for each key of a path, None for any number of keys."""
    texts = (part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", path))
    return tuple(None if text == _ANY_DEPTH else Wildcard.of(text) for text in texts)


def _only(value: Json, selection: Selection, places: _Places) -> Json:
    if isinstance(value, list):
        parts = [_only(part, selection, places) for part in value]
        return [part for part in parts if part is not None] or None
    if not isinstance(value, dict):
        return None
    kept: dict[str, Json] = {}
    for key, part in value.items():
        below = selection.below(places, key)
        whole = selection.is_meant(below)
        inner = part if whole else _only(part, selection, below) if below else None
        if whole or inner is not None:
            kept[key] = inner
    return kept or None


def _without(value: Json, selection: Selection, places: _Places) -> Json:
    """``_GONE`` for what exclusion empties; what was empty before stays."""
    if isinstance(value, list):
        parts = [_without(part, selection, places) for part in value]
        left = [part for part in parts if part is not _GONE]
        return left if left or not value else _GONE
    if not isinstance(value, dict):
        return value
    kept: dict[str, Json] = {}
    for key, part in value.items():
        below = selection.below(places, key)
        if not selection.is_meant(below):
            kept[key] = _without(part, selection, below) if below else part
    kept = {key: part for key, part in kept.items() if part is not _GONE}
    return kept if kept or not value else _GONE
