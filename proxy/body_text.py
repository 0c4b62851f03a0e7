"""A request body: its JSON value, and where in the text each part of it stands.

Elasticsearch's parser names line and column in its errors. Positions cost a second, slower pass, so they are
looked up only once an error is certain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal, NoReturn

from proxy.errors import MlError, x_content_parse

Path = tuple[str | int, ...]
At = Literal["name", "value", "end"]
MAX_DEPTH = 500  # Elasticsearch allows 1000; no body of this API nests beyond 50, and Python's stack is shallower

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,\]}:]+', re.DOTALL)


class BodyText:
    """A parsed JSON body together with its text."""

    def __init__(self, raw: bytes) -> None:
        """Parses ``raw``.

        Raises:
            MlError: 400 with Elasticsearch's type and position for text that is not one JSON value.
        """
        self._spots: dict[Path, dict[At, int]] | None = None
        try:
            self.text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise x_content_parse(f"[1:{error.start + 1}] Invalid UTF-8 start byte") from error
        if _depth(self.text) > MAX_DEPTH:
            raise x_content_parse(f"[1:1] Document nesting depth ({MAX_DEPTH + 1}) exceeds the maximum allowed")
        try:
            self.value = json.loads(self.text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise self._malformed(error.pos) from error
        except _RefusedJson as error:
            raise self._refused(str(error)) from error

    def position(self, path: Sequence[str | int], at: At) -> tuple[int, int]:
        """Line and column, from 1, of the name, the value or the closing token of the part at ``path``."""
        return self._line_column(self.offset(path, at))

    def offset(self, path: Sequence[str | int], at: At) -> int:
        if self._spots is None:
            self._spots = {}
            _scan(self.text, 0, (), self._spots)
        spots = self._spots.get(tuple(path)) or self._spots.get(_without_indices(path), {"value": 0})
        return spots.get(at, spots["value"])

    def _line_column(self, offset: int) -> tuple[int, int]:
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

    def _malformed(self, offset: int) -> MlError:
        rest = self.text[offset:].lstrip()
        if not rest:
            where = self._where(len(self.text))
            cause = MlError("json_e_o_f_exception", f"Unexpected end-of-input\n{where[1]}", 400)
            return MlError("x_content_e_o_f_exception", f"{where[0]} Unexpected end of file", 400, caused_by=cause)
        offset = len(self.text) - len(rest)
        word = re.match(r"[A-Za-z_]\w*", rest)
        if word:
            offset += len(word[0])
            text = (
                f"Unrecognized token '{word[0]}': was expecting "
                "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            )
        else:
            text = f"Unexpected character ('{rest[0]}' (code {ord(rest[0])})): was expecting a JSON value or delimiter"
        return self._fault(text, offset)

    def _refused(self, text: str) -> MlError:
        return self._fault(text, len(self.text) - 1)

    def _fault(self, text: str, offset: int) -> MlError:
        prefix, source = self._where(offset)
        cause = MlError("json_parse_exception", f"{text}\n{source}", 400)
        return x_content_parse(f"{prefix} {text}\n{source}", caused_by=cause)

    def _where(self, offset: int) -> tuple[str, str]:
        line, column = self._line_column(offset)
        shown = self.text if len(self.text) <= 500 else self.text[:500] + f"[truncated {len(self.text) - 500} bytes]"
        return f"[{line}:{column}]", f' at [Source: (byte[])"{shown}"; line: {line}, column: {column}]'


class _RefusedJson(ValueError):
    pass


def _without_indices(path: Sequence[str | int]) -> Path:
    """Where a lone object stands that was read as a list of one."""
    return tuple(key for key in path if isinstance(key, str))


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise _RefusedJson(f"Duplicate field '{repeated}'")
    return value


def _no_constant(name: str) -> NoReturn:
    raise _RefusedJson(f"Non-standard token '{name}': enable `JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS` to allow")


def _depth(text: str) -> int:
    """An upper bound of the nesting, cheap enough to ask before a recursive parser sees the text."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{\]}]', text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest


def _scan(text: str, offset: int, path: Path, spots: dict[Path, dict[At, int]]) -> int:
    """Notes where every part of a well-formed JSON text stands; returns the offset behind it."""
    start = _skip(text, offset)
    spot = spots.setdefault(path, {})
    spot["value"] = start
    opener = text[start : start + 1]
    if opener not in ("{", "["):
        spot["end"] = start
        return _SCALAR.match(text, start).end()
    closer = "}" if opener == "{" else "]"
    position, index = _skip(text, start + 1), 0
    while text[position] != closer:
        child: Path = (*path, index)
        if opener == "{":
            name = _SCALAR.match(text, position)
            child = (*path, json.loads(name[0]))
            spots[child] = {"name": position}
            position = _skip(text, name.end()) + 1
        position = _skip(text, _scan(text, position, child, spots))
        if text[position] == ",":
            position = _skip(text, position + 1)
        index += 1
    spot["end"] = position
    return position + 1


def _skip(text: str, offset: int) -> int:
    return _SPACE.match(text, offset).end()
