"""A compiled pattern: what it finds, and its replacement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import re2  # type: ignore[import-untyped]  # it has no types

from proxy.java_regex import errors
from proxy.java_regex.errors import InvalidPattern, UnsupportedPattern
from proxy.java_regex.replacement import Replacement
from proxy.java_regex.translate import FLAG_NAMES, translated

# Compiling takes time that grows with the length, and nobody writes so much by hand.
_MOST_CHARACTERS = 10_000


class Pattern:
    """Finds as Java's `Matcher.find` does: from left to right, the first alternative that matches."""

    def __init__(self, text: str, compiled: Any) -> None:
        # RE2's binding has no types.
        self.text, self._compiled = text, compiled

    @property
    def groups(self) -> int:
        return int(self._compiled.groups)

    @property
    def group_names(self) -> dict[str, int]:
        return dict(self._compiled.groupindex)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it matches, in characters."""
        return (found.span() for found in self._found(_encodable(text)))

    def parts(self, text: str, group: int = 0) -> Iterator[str]:
        """What a group has of each match; empty where it takes no part."""
        return (found[group] or "" for found in self._found(_encodable(text)))

    def sub(self, replacement: Replacement, text: str) -> str:
        """`text` with every match replaced."""
        text, pieces, at = _encodable(text), list[str](), 0
        for found in self._found(text):
            start, end = found.span()
            pieces += (text[at:start], replacement.of(found))
            at = end
        return "".join((*pieces, text[at:]))

    def _found(self, text: str) -> Iterator[Any]:
        last = None
        for found in self._compiled.finditer(text):
            # The binding gives an empty match twice if it lies ahead of where the search began.
            if found.span() != last:
                yield found
            last = found.span()


def _encodable(text: str) -> str:
    """Half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a replacement character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def compile_java(pattern: str, flags: str = "") -> Pattern:
    """A pattern of Java; `flags` as Elasticsearch writes them, names joined by `|`.

    Raises:
        InvalidPattern: Java would refuse it too.
        UnsupportedPattern: it cannot be matched in linear time and bounded memory, or RE2 does not know it.
    """
    if len(pattern) > _MOST_CHARACTERS:
        raise UnsupportedPattern(f"a pattern of [{len(pattern)}] characters", errors.TOO_LONG)
    names = [name.strip().upper() for name in flags.split("|") if name.strip()]
    letters = "".join(FLAG_NAMES.get(name, "") for name in names)
    options = re2.Options()
    options.log_errors = False
    try:
        return Pattern(pattern, re2.compile(translated(pattern, letters), options))
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        if "too large" in reason or "repetition size" in reason:
            raise UnsupportedPattern("a pattern of this size", errors.TOO_LARGE) from error
        raise InvalidPattern(f"[{pattern}]: {reason}") from error
    except RecursionError as error:
        raise UnsupportedPattern("a pattern of this depth", errors.TOO_LARGE) from error


def compile_linear(pattern: str) -> Any:
    """What `re.compile` gives for an expression that RE2 knows, with groups by number.

    Raises:
        ValueError: it is too large.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"[{pattern}] cannot be used: {error}") from error
