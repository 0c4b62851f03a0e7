"""A Java pattern in RE2's syntax, construct by construct.

Anchors and the dot are written out, since the two disagree about line ends: RE2 is only ever asked for the flag `i`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from proxy.java_regex import errors
from proxy.java_regex.char_set import LINE_ENDS, CharSet, code
from proxy.java_regex.classes import Reader, escaped_set, read_class
from proxy.java_regex.errors import InvalidPattern, UnsupportedPattern

_MOST_REPETITIONS = 1000
_MOST_DIGITS = 10
_LINE_END = f"(?:\\r\\n|{LINE_ENDS.text()})"
_QUANTIFIER = re.compile(r"[*+?]|\{(\d+)(?:(,)(\d*))?\}")
_NAMED = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")
_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
_KNOWN_FLAGS = frozenset("idmsuxU")
_LOOK_AROUND = (("(?=", "a look-ahead"), ("(?!", "a negative look-ahead"), ("(?<=", "a look-behind"),
                ("(?<!", "a negative look-behind"))  # fmt: skip
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|\Z)|\\.|[^\\]|\\\Z", re.DOTALL)
# As Elasticsearch names Java's flags; those that change nothing here are known all the same.
FLAG_NAMES = {"CASE_INSENSITIVE": "i", "MULTILINE": "m", "DOTALL": "s", "COMMENTS": "x", "UNICODE_CASE": "u",
              "UNIX_LINES": "d", "UNICODE_CHARACTER_CLASS": "U", "UNICODE_CHAR_CLASS": "U", "CANON_EQ": "",
              "LITERAL": ""}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Modes:
    """What the flags say at one place; they hold until the group around it ends."""

    dot_matches_all: bool = False
    has_unix_lines: bool = False
    is_multiline: bool = False

    def switched(self, letters: str, *, on: bool) -> _Modes:
        names = {"s": "dot_matches_all", "d": "has_unix_lines", "m": "is_multiline"}
        return replace(self, **{names[letter]: on for letter in letters if letter in names})


@dataclass(frozen=True, slots=True)
class _Group:
    """What to go back to behind a group."""

    modes: _Modes
    skips_space: bool
    is_atomic: bool


def translated(pattern: str, flags: str = "") -> str:
    """`pattern` in RE2's syntax; `flags` are Java's letters.

    Raises:
        InvalidPattern, UnsupportedPattern
    """
    return _Translation(Reader(unquoted(pattern)), flags).text()


def unquoted(pattern: str) -> str:
    """The pattern with what stands between \\Q and \\E escaped, as Java itself begins."""

    def plain(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        return "".join(c if c.isalnum() or not c.isascii() else f"\\{c}" for c in found[1])

    return _QUOTED.sub(plain, pattern)


class _Translation:
    def __init__(self, reader: Reader, flags: str) -> None:
        self.reader, self.out, self.groups = reader, [""], list[_Group]()
        self.modes, self.names = _Modes(), set[str]()
        # Whether something stands before that a quantifier could repeat.
        self.is_repeatable = False
        self.out[0] = self._switch(flags, "", "(?i)", "")

    def text(self) -> str:
        reader = self.reader
        while True:
            reader.skip()
            if reader.at >= len(reader.pattern):
                break
            self._step()
        if self.groups:
            raise InvalidPattern(f"[{reader.pattern}] has an unclosed group")
        return "".join(self.out)

    def _step(self) -> None:
        reader = self.reader
        if quantifier := reader.matched(_QUANTIFIER):
            self._quantify(quantifier)
            return
        self.is_repeatable = not reader.follows("(") and not reader.follows("|")
        if reader.follows("("):
            self._open()
        elif reader.take(")"):
            self._close()
        elif reader.take("["):
            chars, is_negated = read_class(reader)
            self.out.append(chars.text(is_negated=is_negated))
        elif reader.take("\\"):
            self._escape()
        else:
            self._plain(reader.next())

    def _plain(self, letter: str) -> None:
        if letter == "{":
            raise InvalidPattern(f"[{self.reader.pattern}] has a repetition without a number")
        special = {"|": "|", ".": self._dot(), "^": "(?m:^)" if self.modes.is_multiline else "\\A", "$": self._end()}
        self.out.append(special.get(letter) or code(ord(letter)))

    def _dot(self) -> str:
        if self.modes.dot_matches_all:
            return "(?s:.)"
        return "[^\\n]" if self.modes.has_unix_lines else LINE_ENDS.text(is_negated=True)

    def _end(self) -> str:
        """RE2 cannot look past what it matches, so the last line end belongs to the match."""
        if self.modes.is_multiline:
            return "(?m:$)" if self.modes.has_unix_lines else "(?:\\r?(?m:$))"
        return "(?:\\n?\\z)" if self.modes.has_unix_lines else f"(?:{_LINE_END}?\\z)"

    def _escape(self) -> None:
        reader = self.reader
        letter = reader.pattern[reader.at : reader.at + 1]
        if letter in ("1", "2", "3", "4", "5", "6", "7", "8", "9", "k"):
            raise UnsupportedPattern(f"a back-reference [\\{letter}]", errors.BACK_REFERENCE)
        if letter == "G":
            raise UnsupportedPattern("the end of the last match [\\G]", errors.END_OF_LAST_MATCH)
        if letter == "X" or reader.follows("b{g}"):
            raise UnsupportedPattern("a grapheme [\\X]", errors.CLUSTER)
        anchors = {"A": "\\A", "z": "\\z", "Z": f"(?:{_LINE_END}?\\z)", "b": "\\b", "B": "\\B"}
        if letter == "R":
            anchors["R"] = f"(?:\\r\\n|{CharSet.of((0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029)).text()})"
        if letter in anchors:
            reader.next()
            self.out.append(anchors[letter])
            return
        chars = escaped_set(reader)
        self.out.append(chars.text() if len(chars.ranges) != 1 or _is_wide(chars) else code(chars.ranges[0][0]))

    def _quantify(self, found: re.Match[str]) -> None:
        reader = self.reader
        if not self.is_repeatable and found[1]:
            raise UnsupportedPattern(
                f"a repetition [{found[0]}] of nothing, or of a repetition", errors.NOTHING_TO_REPEAT
            )
        if not self.is_repeatable:
            raise InvalidPattern(f"[{reader.pattern}] has nothing that [{found[0]}] could repeat")
        self.is_repeatable = False
        least, has_range, most = found.groups()
        for count in (least, most):
            if count and (len(count) > _MOST_DIGITS or int(count) > _MOST_REPETITIONS):
                raise UnsupportedPattern(f"a repetition [{found[0]}]", errors.TOO_OFTEN)
        if least and has_range and most and int(least) > int(most):
            raise InvalidPattern(f"[{found[0]}] ends before it begins")
        reader.skip()
        if reader.take("+") and not self._is_last_of_branch():
            raise UnsupportedPattern(f"a possessive quantifier [{found[0]}+]", errors.POSSESSIVE)
        self.out.append(found[0] + ("?" if reader.take("?") else ""))

    def _is_last_of_branch(self) -> bool:
        """Whether the match ends here: then nothing could ask for characters back."""
        self.reader.skip()
        return not self.groups and (self.reader.at >= len(self.reader.pattern) or self.reader.follows("|"))

    def _open(self) -> None:
        reader = self.reader
        for text, name in _LOOK_AROUND:
            if reader.follows(text):
                raise UnsupportedPattern(f"{name} [{text}...)]", errors.LOOK_AROUND)
        is_atomic = reader.take("(?>")
        self.groups.append(_Group(self.modes, reader.skips_space, is_atomic))
        if is_atomic:
            self.out.append("(?:")
        elif named := reader.matched(_NAMED):
            if named[1] in self.names:
                raise InvalidPattern(f"[{reader.pattern}] has two groups of the name [{named[1]}]")
            self.names.add(named[1])
            self.out.append(f"(?P<{named[1]}>")
        elif flags := reader.matched(_FLAGS):
            is_group = flags[3] == ":"
            if not is_group:
                self.groups.pop()
            forms = ("(?i:", "(?-i:", "(?:") if is_group else ("(?i)", "(?-i)", "")
            self.out.append(self._switch(flags[1], flags[2] or "", forms[0], forms[1]) or forms[2])
        elif reader.follows("(?"):
            raise InvalidPattern(f"[{reader.pattern}] has an unknown kind of group")
        else:
            reader.next()
            self.out.append("(")

    def _close(self) -> None:
        if not self.groups:
            raise InvalidPattern(f"[{self.reader.pattern}] closes a group that is not open")
        group = self.groups.pop()
        self.modes, self.reader.skips_space = group.modes, group.skips_space
        if group.is_atomic and not self._is_last_of_branch():
            raise UnsupportedPattern("an atomic group [(?>...)]", errors.ATOMIC)
        self.out.append(")")

    def _switch(self, on: str, off: str, insensitive: str, sensitive: str) -> str:
        """Takes over flags; returns what RE2 is told of them, which is the case alone."""
        if unknown := set(on + off) - _KNOWN_FLAGS:
            raise InvalidPattern(f"[{min(unknown)}] is no flag")
        if "U" in on:
            raise UnsupportedPattern("the flag UNICODE_CHARACTER_CLASS", errors.UNICODE_CLASSES)
        self.modes = self.modes.switched(on, on=True).switched(off, on=False)
        self.reader.skips_space = ("x" in on or self.reader.skips_space) and "x" not in off
        if "i" in off:
            return sensitive
        return insensitive if "i" in on else ""


def _is_wide(chars: CharSet) -> bool:
    return bool(chars.properties) or chars.ranges[0][0] != chars.ranges[0][1]
