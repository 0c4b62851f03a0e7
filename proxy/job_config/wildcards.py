"""Names with stars, as they stand for jobs, groups, columns and fields. A star is the only special character."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A text whose stars stand for any text, also an empty one.

    Matching looks for the pieces between the stars one behind the other, each as early as it can stand. Nothing is
    tried twice, so the effort grows with the length of the name and not with the number of stars.
    """

    head: str
    middle: tuple[str, ...]
    tail: str | None

    @staticmethod
    def of(text: str) -> Wildcard:
        head, *rest = collapsed(text).split("*")
        return Wildcard(head, tuple(rest[:-1]), rest[-1] if rest else None)

    def matches(self, name: str) -> bool:
        if self.tail is None:
            return name == self.head
        end = len(name) - len(self.tail)
        at = len(self.head)
        if end < at or not (name.startswith(self.head) and name.endswith(self.tail)):
            return False
        for piece in self.middle:
            found = name.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


def collapsed(text: str) -> str:
    """Stars in a row mean no more than one."""
    return re.sub(r"\*+", "*", text)
