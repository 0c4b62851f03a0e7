"""A replacement as Java reads it: `$1`, `${name}`, and a backslash before what is meant as it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.java_regex.errors import InvalidPattern

_PIECE = re.compile(r"\$\{(\w+)\}|\$(\d+)|\\(.)|([^$\\]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Texts, and numbers of groups whose part of the match goes in between."""

    pieces: tuple[str | int, ...]

    def of(self, found: Any) -> str:
        """What replaces a match of RE2; a group that takes no part gives nothing."""
        return "".join(piece if isinstance(piece, str) else found[piece] or "" for piece in self.pieces)


def java_replacement(text: str, groups: int, names: Mapping[str, int]) -> Replacement:
    """The replacement for a pattern that has so many groups, some of them named.

    Raises:
        InvalidPattern: a group that the pattern does not have, or a `$` or backslash before nothing.
    """
    pieces: list[str | int] = []
    at = 0
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise InvalidPattern(f"the replacement [{text}] has a [{text[at]}] that means nothing")
        at = found.end()
        name, number, escaped, plain = found.groups()
        if number is not None:
            at -= len(number) - len(number := _longest_known(number, groups))
            pieces.append(int(number))
        elif name is not None:
            pieces.append(names.get(name, -1))
        else:
            pieces.append(escaped or plain or "")
        if isinstance(pieces[-1], int) and not 0 <= pieces[-1] <= groups:
            raise InvalidPattern(f"the replacement [{text}] names a group that its pattern does not have")
    return Replacement(tuple(pieces))


def _longest_known(digits: str, groups: int) -> str:
    """The first digit, and those behind it for as long as there is a group of that number."""
    size = 1
    while size < len(digits) and int(digits[: size + 1]) <= groups:
        size += 1
    return digits[:size]
