"""A request body: its JSON value, and where in the text each part of it stands.

Elasticsearch's parser names line and column in its errors. Positions cost a second, slower pass, so they are
looked up only once an error is certain. What is wrong with a text that is no JSON is ``json_fault``'s matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NoReturn

from proxy.errors import MlError, x_content_parse
from proxy.json_fault import SCALAR, SPACE, first_fault, match_at

Path = tuple[str | int, ...]
At = Literal["name", "value", "end"]
MAX_DEPTH = 200  # Elasticsearch allows 1000, but what is stored is written by orjson, which nests no deeper than 254
MAX_NUMBER_LENGTH = 1000  # Elasticsearch's own limit; longer ones cost time that grows with the square of their length
_SHOWN_BYTES = 500

_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")  # or a whole one, which _storable leaves as it is
# What has no end reaches to the end of the text: sought again behind each of its quotes or stars, it would take hours.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_NESTING = re.compile(rf"{_STRING}|[\[{{\]}}]", re.DOTALL)
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?P<end>\*/)?", re.DOTALL)


class BodyText:
    """A parsed JSON body together with its text."""

    def __init__(self, raw: bytes, max_depth: int = MAX_DEPTH) -> None:
        """Parses ``raw``, whose lists and objects may nest so deep.

        Raises:
            MlError: 400 with Elasticsearch's type and position for text that is not one JSON value.
        """
        self._spots: dict[Path, dict[At, int]] = {}
        try:
            self.text = _without_comments(raw.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise _invalid_utf8(raw, error) from error
        if _depth(self.text, max_depth) > max_depth:
            raise _beyond_limit(f"Document nesting depth ({max_depth + 1}) exceeds the maximum allowed ({max_depth})")
        try:
            self.value = json.loads(
                self.text,
                object_pairs_hook=_no_duplicates,
                parse_constant=_no_constant,
                parse_int=_integer,
                parse_float=_double,
            )
        except (json.JSONDecodeError, _NotJson) as error:
            raise self._malformed() from error
        if _HALF_PAIR.search(self.text):
            self.value = _storable(self.value)

    def position(self, path: Sequence[str | int], at: At) -> tuple[int, int]:
        """Line and column, from 1, of the name, the value or the closing token of the part at ``path``.

        Columns count bytes, as Elasticsearch's do.
        """
        return _line_column(self.text, self.offset(path, at))

    def offset(self, path: Sequence[str | int], at: At) -> int:
        """Where in the text the part stands, for comparing which of two comes first."""
        self.locate([path])
        spots = self._spots[tuple(path)] or self._spots[_without_indices(path)] or {"value": 0}
        return spots.get(at, spots["value"])

    def locate(self, paths: Iterable[Sequence[str | int]]) -> None:
        """Looks up where parts stand, all of them in one pass; their positions are known at once afterwards."""
        wanted = {place for path in paths for place in (tuple(path), _without_indices(path))} - self._spots.keys()
        if wanted:
            self._spots |= {path: {} for path in wanted}
            _scan(self.text, _tree(wanted), self._spots)

    def _malformed(self) -> MlError:
        fault = first_fault(self.text)
        line, column = _line_column(self.text, fault.offset, fault.read_on)
        opened = "" if fault.opened_at is None else _source(self.text, fault.opened_at)
        text = f"{fault.text.replace('{opened}', opened)}\n at {_source(self.text, fault.offset, fault.read_on)}"
        if fault.is_end:
            cause = MlError("json_e_o_f_exception", text, 400)
            return MlError(
                "x_content_e_o_f_exception", f"[{line}:{column}] Unexpected end of file", 400, caused_by=cause
            )
        cause = MlError("json_parse_exception", text, 400)
        return x_content_parse(f"[{line}:{column}] {text}", caused_by=cause)


class _NotJson(ValueError):
    """JSON to Python's parser but not to Elasticsearch's."""


def _line_column(text: str, offset: int, read_on: int = 0) -> tuple[int, int]:
    before = text[:offset]
    in_line = before[before.rfind("\n") + 1 :]
    return before.count("\n") + 1, len(in_line.encode("utf-8", "replace")) + 1 + offset - len(before) + read_on


def _source(text: str, offset: int, read_on: int = 0) -> str:
    line, column = _line_column(text, offset, read_on)
    raw = text.encode("utf-8", "replace")
    shown = "".join(char if char >= " " or char in "\r\n" else f"\\u{ord(char):04X}" for char in
                    raw[:_SHOWN_BYTES].decode("utf-8", "replace"))  # fmt: skip
    cut = f"[truncated {len(raw) - _SHOWN_BYTES} bytes]" if len(raw) > _SHOWN_BYTES else ""
    return f'[Source: (byte[])"{shown}"{cut}; line: {line}, column: {column}]'


def _invalid_utf8(raw: bytes, error: UnicodeDecodeError) -> MlError:
    """The byte at which a sequence breaks; the column is that behind it."""
    is_start = error.reason == "invalid start byte"
    broken = error.start if is_start else min(error.end, len(raw) - 1)
    text = f"Invalid UTF-8 {'start' if is_start else 'middle'} byte 0x{raw[broken]:x}"
    line, column = raw.count(b"\n", 0, broken) + 1, broken - raw.rfind(b"\n", 0, broken) + 1
    cause = MlError("json_parse_exception", text, 400)
    return x_content_parse(f"[{line}:{column}] {text}", caused_by=cause)


def _beyond_limit(text: str) -> MlError:
    return x_content_parse(text, caused_by=MlError("stream_constraints_exception", text, 400))


def _storable(value: object) -> object:
    """JSON can escape half of a surrogate pair, but UTF-8 cannot hold it: a question mark stands for it, as in Java."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _without_comments(text: str) -> str:
    """Elasticsearch takes ``//`` and ``/* */``; blanks in their place keep all positions."""
    if "//" not in text and "/*" not in text:
        return text
    return _COMMENT.sub(_blank, text)


def _blank(found: re.Match[str]) -> str:
    """Blanks for a comment; a text, and what only begins like a comment, stay for the parser."""
    is_comment = found[1] is None and (found["end"] or found[0].startswith("//"))
    return re.sub(r"[^\n]", " ", found[0]) if is_comment else found[0]


def _without_indices(path: Sequence[str | int]) -> Path:
    """Where a lone object stands that was read as a list of one."""
    return tuple(key for key in path if isinstance(key, str))


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _NotJson("a name stands twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise _NotJson(name)


def _integer(digits: str) -> int:
    return int(_short(digits))


def _double(digits: str) -> float:
    return float(_short(digits))


def _short(digits: str) -> str:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise _beyond_limit(
            f"Number value length ({len(digits)}) exceeds the maximum allowed ({MAX_NUMBER_LENGTH}, "
            "from `StreamReadConstraints.getMaxNumberLength()`)"
        )
    return digits


def _depth(text: str, enough: int) -> int:
    """An upper bound of the nesting, cheap enough to ask before a recursive parser sees the text."""
    if text.count("[") + text.count("{") <= enough:
        return 0
    depth = deepest = 0
    for token in _NESTING.finditer(text):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest


# Keys and indices that lead to the parts that are looked for; True under None where one ends.
_Tree = dict[str | int | None, Any]


def _tree(paths: Iterable[Path]) -> _Tree:
    tree: _Tree = {}
    for path in paths:
        branch = tree
        for key in path:
            branch = branch.setdefault(key, {})
        branch[None] = True
    return tree


def _scan(text: str, wanted: _Tree, spots: dict[Path, dict[At, int]], offset: int = 0, path: Path = ()) -> int:
    """Notes where the wanted parts of a well-formed JSON text stand; returns the offset behind it.

    Only those: a body of millions of numbers must not cost an entry for each.
    """
    start = _skip(text, offset)
    spot = spots.setdefault(path, {}) if None in wanted else {}
    spot["value"] = start
    opener = text[start]
    if opener not in "{[":
        spot["end"] = start
        return _behind(text, start)
    closer = "}" if opener == "{" else "]"
    position, index = _skip(text, start + 1), 0
    while text[position] != closer:
        key: str | int = index
        name_at = position
        if opener == "{":
            name = match_at(SCALAR, text, position)
            key = json.loads(name[0])
            position = _skip(text, name.end()) + 1
        if key in wanted:
            if opener == "{" and None in wanted[key]:
                spots.setdefault((*path, key), {})["name"] = name_at
            position = _skip(text, _scan(text, wanted[key], spots, position, (*path, key)))
        else:
            position = _skip(text, _behind(text, _skip(text, position)))
        if text[position] == ",":
            position = _skip(text, position + 1)
        index += 1
    spot["end"] = position
    return position + 1


def _behind(text: str, start: int) -> int:
    """The offset behind the value that begins there."""
    if text[start] not in "{[":
        return match_at(SCALAR, text, start).end()
    depth = 0
    for token in _NESTING.finditer(text, start):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if not depth:
                return token.end()
    raise ValueError("the text is no good JSON")


def _skip(text: str, offset: int) -> int:
    return match_at(SPACE, text, offset).end()
