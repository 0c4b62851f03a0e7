"""The mark of a field that a record does not have, which is not the same as one that is null."""

from __future__ import annotations

from enum import Enum, auto


class _Mark(Enum):
    ABSENT = auto()


ABSENT = _Mark.ABSENT
