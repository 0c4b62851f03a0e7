"""What is wrong with a text that is not JSON, in the words of Elasticsearch's parser. A leaf: imports nothing of ours.

Called only for texts that a fast parser has refused; reading good JSON is ``body_text``'s matter.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum, auto

SPACE = re.compile(r"[ \t\r\n]*")
SCALAR = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,\]}:]+', re.DOTALL)

_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"(?P<minus>-?)(?P<whole>\d*)(?P<fraction>(?:\.\d*)?)(?P<exponent>(?:[eE][+-]?\d*)?)")
_HEX_DIGITS = re.compile(r"[0-9a-fA-F]*")
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_TOKENS = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_CONSTANTS = ("NaN", "Infinity", "INF", "-Infinity", "-INF")


def match_at(pattern: re.Pattern[str], text: str, offset: int) -> re.Match[str]:
    """The match of a pattern that stands there, or that an empty text satisfies."""
    found = pattern.match(text, offset)
    assert found is not None, f"[{pattern.pattern}] at [{offset}]"
    return found


@dataclass(frozen=True, slots=True)
class Fault:
    """``{opened}`` in ``text`` stands for the place ``opened_at``, where the unfinished object or list began.

    ``read_on`` is how many bytes behind ``offset`` were read before the fault was seen; a line's end among them does
    not yet begin another line.
    """

    text: str
    offset: int
    is_end: bool = False
    opened_at: int | None = None
    read_on: int = 0


class _Wants(Enum):
    NAME_OR_END = auto()
    NAME = auto()
    COLON = auto()
    VALUE = auto()
    ELEMENT_OR_END = auto()
    ELEMENT = auto()
    COMMA = auto()
    NOTHING = auto()


@dataclass(slots=True)
class _Open:
    opener: str
    offset: int
    names: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        return "Object" if self.opener == "{" else "Array"

    @property
    def closer(self) -> str:
        return "}" if self.opener == "{" else "]"


class _Broken(Exception):
    def __init__(
        self, text: str, offset: int, *, is_end: bool = False, opened_at: int | None = None, read_on: int = 0
    ) -> None:
        super().__init__(text)
        self.fault = Fault(text, offset, is_end, opened_at, read_on)


def first_fault(text: str) -> Fault:
    """The first fault that a reader from left to right meets.

    Raises:
        ValueError: the text is good JSON.
    """
    reader = _Reader(text)
    try:
        while reader.step():
            pass
    except _Broken as broken:
        return broken.fault
    raise ValueError("there is no fault")


def _described(char: str) -> str:
    if char < " ":
        return f"(CTRL-CHAR, code {ord(char)})"
    return f"'{char}' (code {ord(char)})" if ord(char) < 256 else f"'{char}' (code {ord(char)} / 0x{ord(char):04x})"


class _Reader:
    """Reads token by token, keeping a stack instead of recursing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Open] = []
        self._wants = _Wants.VALUE

    def step(self) -> bool:
        """Reads one token; False at the end of a whole value."""
        self._at = match_at(SPACE, self._text, self._at).end()
        if self._at == len(self._text):
            if self._wants is _Wants.NOTHING:
                return False
            raise self._end()
        char = self._text[self._at]
        if char < " ":
            raise _Broken(
                f"Illegal character ({_described(char)}): only regular white space (\\r, \\n, \\t) is "
                "allowed between tokens",
                self._at + 1,
            )
        _STEPS[self._wants](self, char)
        return True

    def _end(self) -> _Broken:
        offset = len(self._text)
        if not self._open:
            return _Broken("Unexpected end-of-input", offset, is_end=True)
        inner = self._open[-1]
        if self._wants in (_Wants.COMMA, _Wants.NAME_OR_END, _Wants.ELEMENT_OR_END):
            text = f"Unexpected end-of-input: expected close marker for {inner.kind} (start marker at {{opened}})"
            return _Broken(text, offset, is_end=True, opened_at=inner.offset)
        # Behind a comma, Elasticsearch does not take the end of the text for one.
        return _Broken(
            f"Unexpected end-of-input within/between {inner.kind} entries",
            offset,
            is_end=self._wants in (_Wants.VALUE, _Wants.COLON),
        )

    def _unexpected(self, char: str, wanted: str) -> _Broken:
        return _Broken(f"Unexpected character ({_described(char)}): {wanted}", self._at)

    def _name(self, char: str) -> None:
        if char in "]}" and self._wants is _Wants.NAME_OR_END:
            return self._close(char)
        if char != '"':
            raise self._unexpected(char, "was expecting double-quote to start field name")
        start = self._at
        self._string("in field name")
        name = json.loads(self._text[start : self._at])
        names = self._open[-1].names
        if name in names:
            raise _Broken(f"Duplicate field '{name}'", self._at)
        names.add(name)
        self._wants = _Wants.COLON
        return None

    def _colon(self, char: str) -> None:
        if char != ":":
            raise self._unexpected(char, "was expecting a colon to separate field name and value")
        self._at += 1
        self._wants = _Wants.VALUE

    def _value(self, char: str) -> None:
        if char in "]}" and self._wants is _Wants.ELEMENT_OR_END:
            return self._close(char)
        if char in "{[":
            self._open.append(_Open(char, self._at))
            self._at += 1
            self._wants = _Wants.NAME_OR_END if char == "{" else _Wants.ELEMENT_OR_END
            return None
        if char == '"':
            self._string("in VALUE_STRING")
        elif char == "-" or (char.isascii() and char.isdigit()):
            self._number()
        else:
            self._word(char)
        self._wants = _Wants.COMMA if self._open else _Wants.NOTHING
        return None

    def _comma(self, char: str) -> None:
        inner = self._open[-1]
        if char in "]}":
            return self._close(char)
        if char != ",":
            raise self._unexpected(char, f"was expecting comma to separate {inner.kind} entries")
        self._at += 1
        self._wants = _Wants.NAME if inner.opener == "{" else _Wants.ELEMENT
        return None

    def _close(self, char: str) -> None:
        inner = self._open[-1]
        if char != inner.closer:
            text = (
                f"Unexpected close marker '{char}': expected '{inner.closer}' (for {inner.kind} starting at {{opened}})"
            )
            raise _Broken(text, self._at, opened_at=inner.offset)
        self._open.pop()
        self._at += 1
        self._wants = _Wants.COMMA if self._open else _Wants.NOTHING

    def _nothing(self, char: str) -> None:
        raise self._unexpected(char, "was expecting the end of the body")

    def _string(self, where: str) -> None:
        self._at += 1
        if self._at == len(self._text) and where == "in field name":
            raise _Broken("Unexpected end-of-input: was expecting closing '\"' for name", self._at, is_end=True)
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                return
            if char < " ":
                raise _Broken(
                    f"Illegal unquoted character ({_described(char)}): has to be escaped using backslash "
                    f"to be included in {'name' if where == 'in field name' else 'string value'}",
                    self._at,
                )
            self._at = self._escape() if char == "\\" else self._at + 1
        raise _Broken(f"Unexpected end-of-input {where}", len(self._text), is_end=True)

    def _escape(self) -> int:
        whole = _ESCAPE.match(self._text, self._at)
        if whole:
            return whole.end()
        letter = self._text[self._at + 1 : self._at + 2]
        if letter == "u":
            digits = match_at(_HEX_DIGITS, self._text, self._at + 2).end()
            char = self._text[digits : digits + 1]
            if char:
                raise _Broken(
                    f"Unexpected character ({_described(char)}): expected a hex-digit for character escape sequence",
                    digits,
                )
        elif letter:
            raise _Broken(f"Unrecognized character escape {_described(letter)}", self._at + 1)
        raise _Broken("Unexpected end-of-input in character escape sequence", len(self._text), is_end=True)

    def _number(self) -> None:
        number = match_at(_NUMBER, self._text, self._at)
        after = self._text[number.end() : number.end() + 1]
        if not number["whole"] and number["fraction"]:
            self._at = number.end("minus")
            raise self._unexpected(".", f"expected a valid value {_TOKENS}")
        if not number["whole"]:
            return self._bad_number(
                "expected digit (0-9) to follow minus sign, for valid numeric value", number.end("minus")
            )
        if len(number["whole"]) > 1 and number["whole"][0] == "0":
            raise _Broken("Invalid numeric value: Leading zeroes not allowed", number.start("whole") + 1)
        if number["fraction"] == ".":
            return self._bad_number("Decimal point not followed by a digit", number.end("fraction"))
        if number["exponent"] and not number["exponent"][-1].isdigit():
            return self._bad_number("Exponent indicator not followed by a digit", number.end())
        self._at = number.end()
        if after and not self._open and not after.isspace():
            raise self._unexpected(after, "Expected space separating root-level values")
        return None

    def _bad_number(self, text: str, offset: int) -> None:
        char = self._text[offset : offset + 1]
        if not char:
            if self._text[-1] in "-eE":
                raise _Broken("Unexpected end-of-input in VALUE_NUMBER_INT", offset, is_end=True)
            char, offset = self._text[-1], offset - 1
        word = _WORD.match(self._text, offset)
        if word and "-" + word[0] in _CONSTANTS:
            raise self._constant("-" + word[0], word.end())
        raise _Broken(f"Unexpected character ({_described(char)}) in numeric value: {text}", offset)

    def _constant(self, name: str, end: int) -> _Broken:
        return _Broken(f"Non-standard token '{name}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow", end)

    def _word(self, char: str) -> None:
        word = _WORD.match(self._text, self._at)
        if word is None:
            raise self._not_a_value(char)
        if word[0] in _CONSTANTS:
            raise self._constant(word[0], word.end())
        if word[0] not in ("null", "true", "false"):
            behind = self._text[word.end() : word.end() + 1]
            text = f"Unrecognized token '{word[0]}': was expecting {_TOKENS}"
            raise _Broken(text, word.end(), read_on=len(behind.encode("utf-8", "replace")))
        self._at = word.end()

    def _not_a_value(self, char: str) -> _Broken:
        if char == "+":
            return _Broken(
                "Unexpected character ('+' (code 43)) in numeric value: JSON spec does not allow numbers to have plus "
                "signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow",
                self._at + 1,
            )
        if (char in ",}" and self._open) or (char == "]" and self._wants is _Wants.ELEMENT):
            return self._unexpected(char, "expected a value")
        return self._unexpected(char, f"expected a valid value {_TOKENS}")


_STEPS = {
    _Wants.NAME_OR_END: _Reader._name,
    _Wants.NAME: _Reader._name,
    _Wants.COLON: _Reader._colon,
    _Wants.VALUE: _Reader._value,
    _Wants.ELEMENT_OR_END: _Reader._value,
    _Wants.ELEMENT: _Reader._value,
    _Wants.COMMA: _Reader._comma,
    _Wants.NOTHING: _Reader._nothing,
}
