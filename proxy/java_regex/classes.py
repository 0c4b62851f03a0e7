"""Java's escapes and character classes, read one at a time from a pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass

import re2  # type: ignore[import-untyped]  # it has no types

from proxy.java_regex import errors
from proxy.java_regex.char_set import CLASS_LETTERS, LAST, POSIX, CharSet
from proxy.java_regex.errors import InvalidPattern, UnsupportedPattern

_CONTROLS = {"t": 0x09, "n": 0x0A, "r": 0x0D, "f": 0x0C, "a": 0x07, "e": 0x1B}
_CODES = (
    re.compile(r"0([0-3][0-7]{2}|[0-7]{1,2})"),
    re.compile(r"x([0-9A-Fa-f]{2})"),
    re.compile(r"x\{([0-9A-Fa-f]+)\}"),
    re.compile(r"u([0-9A-Fa-f]{4})"),
)
_PAIR = re.compile(r"u([Dd][89ABab][0-9A-Fa-f]{2})\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")
_PROPERTY = re.compile(r"([pP])(?:\{([^}]*)\}|([A-Z]))")
_SCRIPT = re.compile(r"(?:Is|(?:script|sc)=)([A-Za-z_]+)")
_CATEGORY = re.compile(r"(?:Is|(?:general_category|gc)=)?([A-Z][a-z]?)")
# Java's binary properties that are one general category.
_BINARY = {"LETTER": "L", "TITLECASE": "Lt", "PUNCTUATION": "P", "CONTROL": "Cc", "DIGIT": "Nd"}


@dataclass(slots=True)
class Reader:
    """A pattern and how far it is read; `skips_space` while its COMMENTS flag is on."""

    pattern: str
    at: int = 0
    skips_space: bool = False

    def skip(self) -> None:
        """Passes over white space and comments where they mean nothing."""
        while self.skips_space and self.at < len(self.pattern):
            if self.pattern[self.at] == "#":
                end = self.pattern.find("\n", self.at)
                self.at = len(self.pattern) if end < 0 else end + 1
            elif self.pattern[self.at] in " \t\n\x0b\f\r":
                self.at += 1
            else:
                return

    def follows(self, text: str) -> bool:
        return self.pattern.startswith(text, self.at)

    def take(self, text: str) -> bool:
        """Whether `text` comes next; then it is read."""
        is_next = self.follows(text)
        self.at += len(text) * is_next
        return is_next

    def matched(self, form: re.Pattern[str]) -> re.Match[str] | None:
        found = form.match(self.pattern, self.at)
        self.at = self.at if found is None else found.end()
        return found

    def next(self) -> str:
        """The next character; the pattern must not end here."""
        if self.at >= len(self.pattern):
            raise InvalidPattern(f"[{self.pattern}] ends too early")
        self.at += 1
        return self.pattern[self.at - 1]


def escaped_set(reader: Reader) -> CharSet:
    """What an escape stands for, the backslash being read.

    Raises:
        InvalidPattern: no character or class, in Java either.
        UnsupportedPattern: a class that only Java knows.
    """
    if pair := reader.matched(_PAIR):
        high, low = (int(half, 16) for half in pair.groups())
        return _one(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    for form in _CODES:
        if found := reader.matched(form):
            return _one(int(found[1], 8 if found[0][0] == "0" else 16))
    if found := reader.matched(_PROPERTY):
        return _property(found[2] or found[3] or "", is_negated=found[1] == "P")
    letter = reader.next()
    if letter in _CONTROLS:
        return _one(_CONTROLS[letter])
    if letter == "c":
        return _one(ord(reader.next()) ^ 0x40)
    if letter.lower() in CLASS_LETTERS:
        found_set = CLASS_LETTERS[letter.lower()]
        return ~found_set if letter.isupper() else found_set
    if letter == "N":
        raise UnsupportedPattern("a character by its name [\\N{...}]", errors.CHARACTER_NAME)
    if letter.isascii() and letter.isalnum():
        raise InvalidPattern(f"[\\{letter}] means nothing here")
    return _one(ord(letter))


def _one(point: int) -> CharSet:
    if point > LAST:
        raise InvalidPattern(f"there is no character [{point:X}]")
    return CharSet.of((point, point))


def _property(name: str, *, is_negated: bool) -> CharSet:
    if name in POSIX:
        return ~POSIX[name] if is_negated else POSIX[name]
    known = _known_property(name)
    if known is None:
        raise UnsupportedPattern(f"the class [\\p{{{name}}}]", errors.PROPERTY)
    return CharSet((), (f"\\{'P' if is_negated else 'p'}{{{known}}}",))


def _known_property(name: str) -> str | None:
    if (category := _CATEGORY.fullmatch(name)) and _is_known(category[1]):
        return category[1]
    if name[:2] == "Is" and name[2:].upper() in _BINARY:
        return _BINARY[name[2:].upper()]
    if script := _SCRIPT.fullmatch(name):
        spelt = "_".join(part.capitalize() for part in script[1].split("_"))
        return spelt if _is_known(spelt) else None
    return None


def _is_known(name: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(f"\\p{{{name}}}", options)
    except re2.error:
        return False
    return True


def read_class(reader: Reader) -> tuple[CharSet, bool]:
    """A class whose `[` is read, up to its `]`: the set, and whether all others are meant."""
    is_negated = reader.take("^")
    found: CharSet | None = None
    while True:
        operand = _union(reader)
        found = operand if found is None else found & operand
        if not reader.take("&&"):
            break
    reader.next()
    return found, is_negated


def _union(reader: Reader) -> CharSet:
    """Characters, ranges and classes up to `]` or `&&`."""
    found: CharSet | None = None
    while True:
        reader.skip()
        if reader.follows("&&") or (reader.follows("]") and found is not None):
            if found is None:
                raise InvalidPattern(f"[{reader.pattern}] has an empty side of [&&]")
            return found
        part = _part(reader)
        found = part if found is None else found | part


def _part(reader: Reader) -> CharSet:
    if reader.take("["):
        inner, is_negated = read_class(reader)
        return ~inner if is_negated else inner
    first = escaped_set(reader) if reader.take("\\") else _one(ord(reader.next()))
    reader.skip()
    low = _point(first)
    if low is None or not reader.follows("-") or reader.follows("-]") or reader.follows("-["):
        return first
    reader.next()
    reader.skip()
    last = escaped_set(reader) if reader.take("\\") else _one(ord(reader.next()))
    high = _point(last)
    if high is None or low > high:
        raise InvalidPattern(f"[{reader.pattern}] has a range of characters without an order")
    return CharSet.of((low, high))


def _point(chars: CharSet) -> int | None:
    """The only character of a set."""
    is_one = not chars.properties and len(chars.ranges) == 1 and chars.ranges[0][0] == chars.ranges[0][1]
    return chars.ranges[0][0] if is_one else None
