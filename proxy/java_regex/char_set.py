"""Sets of characters, as Java's classes are made of them: unions, intersections, complements, and their RE2 text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.java_regex.errors import CLASS_ALGEBRA, UnsupportedPattern

LAST = 0x10FFFF
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CharSet:
    """Ranges of code points (both ends included, ascending, apart), and RE2 texts of Unicode properties beside them.

    Properties are known to RE2 alone, so a set that has them can be joined with others, but neither intersected nor
    turned round.
    """

    ranges: tuple[Range, ...] = ()
    properties: tuple[str, ...] = ()

    @classmethod
    def of(cls, *ranges: Range) -> CharSet:
        return cls(_merged(ranges))

    @classmethod
    def named(cls, text: str) -> CharSet:
        """From characters and pairs of ends, as `az` for a to z, separated by spaces."""
        return cls.of(*((ord(part[0]), ord(part[-1])) for part in text.split()))

    def __or__(self, other: CharSet) -> CharSet:
        properties = tuple(dict.fromkeys((*self.properties, *other.properties)))
        return CharSet(_merged((*self.ranges, *other.ranges)), properties)

    def __and__(self, other: CharSet) -> CharSet:
        self._must_be_plain("a Unicode property in an intersection of classes")
        other._must_be_plain("a Unicode property in an intersection of classes")
        return ~(~self | ~other)

    def __invert__(self) -> CharSet:
        self._must_be_plain("a Unicode property in a negated class inside a class")
        starts = [0, *(last + 1 for _, last in self.ranges)]
        ends = [*(first - 1 for first, _ in self.ranges), LAST]
        return CharSet(tuple((a, b) for a, b in zip(starts, ends, strict=True) if a <= b))

    def _must_be_plain(self, construct: str) -> None:
        if self.properties:
            raise UnsupportedPattern(f"{construct} [{self.properties[0]}]", CLASS_ALGEBRA)

    def text(self, *, is_negated: bool = False) -> str:
        """The class in RE2's syntax."""
        if not self.ranges and not self.properties:
            return "[\\x00-\\x{10FFFF}]" if is_negated else "[^\\x00-\\x{10FFFF}]"
        inside = "".join(code(a) if a == b else f"{code(a)}-{code(b)}" for a, b in self.ranges)
        return f"[{'^' if is_negated else ''}{inside}{''.join(self.properties)}]"


def _merged(ranges: Iterable[Range]) -> tuple[Range, ...]:
    out: list[Range] = []
    for first, last in sorted(ranges):
        if out and first <= out[-1][1] + 1:
            out[-1] = out[-1][0], max(out[-1][1], last)
        else:
            out.append((first, last))
    return tuple(out)


def code(point: int) -> str:
    """A character in RE2's syntax, inside a class or outside."""
    letter = chr(point)
    return letter if letter.isascii() and letter.isalnum() else f"\\x{{{point:X}}}"


DIGITS = CharSet.named("09")
WORD = CharSet.named("az AZ 09 _")
SPACES = CharSet.of((0x09, 0x0D), (0x20, 0x20))
HORIZONTAL = CharSet.of(
    *((point, point) for point in (0x09, 0x20, 0xA0, 0x1680, 0x180E, 0x202F, 0x205F, 0x3000)), (0x2000, 0x200A)
)
VERTICAL = CharSet.of((0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
LINE_ENDS = CharSet.of((0x0A, 0x0A), (0x0D, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
# Letter of an escape -> its set; the capital letter means all others.
CLASS_LETTERS = {"d": DIGITS, "w": WORD, "s": SPACES, "h": HORIZONTAL, "v": VERTICAL}
# Java's POSIX classes know only ASCII.
POSIX = {
    "Lower": CharSet.named("az"),
    "Upper": CharSet.named("AZ"),
    "ASCII": CharSet.of((0, 0x7F)),
    "Alpha": CharSet.named("az AZ"),
    "Digit": DIGITS,
    "Alnum": CharSet.named("az AZ 09"),
    "Punct": CharSet.named("!/ :@ [` {~"),
    "Graph": CharSet.named("!~"),
    "Print": CharSet.of((0x20, 0x7E)),
    "Blank": CharSet.of((0x09, 0x09), (0x20, 0x20)),
    "Cntrl": CharSet.of((0, 0x1F), (0x7F, 0x7F)),
    "XDigit": CharSet.named("09 af AF"),
    "Space": SPACES,
}
