"""Why a pattern is refused: it is not Java's syntax, or it asks for what cannot be matched in linear time."""

from __future__ import annotations


class InvalidPattern(ValueError):
    """Java would refuse it too."""


class UnsupportedPattern(ValueError):
    """Java would take it; `construct` names what stands in the way, and `instead` what to write.

    The text of the error is both, in one sentence.
    """

    def __init__(self, construct: str, instead: str) -> None:
        super().__init__(f"{construct} is not supported, {instead}")
        self.construct, self.instead = construct, instead


LOOK_AROUND = "match the text around it too and keep it with a group and [$1] in the replacement"
BACK_REFERENCE = "write out what may be repeated"
POSSESSIVE = "write a greedy quantifier such as [a+] if giving back characters does no harm"
ATOMIC = "write [(?:...)] if giving back characters does no harm"
END_OF_LAST_MATCH = "leave it out: the search goes on where the last match ended by itself"
UNICODE_CLASSES = "write classes such as [\\p{L}] or [\\p{Nd}]"
NOTHING_TO_REPEAT = "put what it repeats into [(?:...)]"
TOO_OFTEN = "repeat at most 1000 times"
TOO_LONG = "write at most 10000 characters"
TOO_LARGE = "write fewer or smaller repetitions"
CLASS_ALGEBRA = "write out the characters that are meant"
PROPERTY = "write a general category such as [\\p{L}] or [\\p{Lu}], or a script such as [\\p{IsLatin}]"
CLUSTER = "write out the characters that are meant"
CHARACTER_NAME = "write its code such as [\\x{2014}]"
