"""The filter of a rule: a part of the Kibana Query Language, judged on one result document.

Understood are ``field: value``, quoted values, ``*`` in values, ``field: (a or b)``, comparisons, ``and``, ``or``,
``not`` and parentheses. What is not understood is refused with its position.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.errors import illegal_argument
from proxy.job_config.wildcards import Wildcard

Document = Mapping[str, Any]
Condition = Callable[[Document], bool]

# Which job, whether interim and how high a score is said by other parameters of the rule.
FORBIDDEN = ("job_id", "is_interim", "record_score", "influencer_score")
_MAX_CHARACTERS = 10_000
_MAX_DEPTH = 20
_TOKEN = re.compile(r'\s+|(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark><=|>=|[<>:()])|(?P<word>(?:[^\s"<>:()\\]|\\.)+)')
_STAR = re.compile(r"(?<!\\)\*")
_WORDS = ("and", "or", "not")


class _Refused(Exception):
    """Why a query is not taken, without the name of the parameter that it stands in."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    def is_word(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word


def anything(_: Document) -> bool:
    """The condition of a rule without a filter."""
    return True


def condition_of(query: str, parameter: str = "kqlQueryString") -> Condition:
    """What the query in a parameter of the API asks for.

    Raises:
        MlError: 400 with the position of what is not understood.
    """
    try:
        return _read(query)
    except _Refused as refused:
        raise illegal_argument(f"[{parameter}] {refused}") from refused


def _read(query: str) -> Condition:
    if len(query) > _MAX_CHARACTERS:
        raise _Refused(f"has [{len(query)}] characters, at most [{_MAX_CHARACTERS}] are read")
    tokens = list(_tokens(query))
    if not tokens:
        return anything
    parser = _Parser(tokens, len(query))
    condition = parser.either(0)
    parser.expect_end()
    return condition


def _tokens(query: str) -> Iterator[_Token]:
    at = 0
    while at < len(query):
        found = _TOKEN.match(query, at)
        if found is None:
            raise _not_understood(at, query[at])
        if found.lastgroup:
            yield _Token(found.lastgroup, found[0], at)
        at = found.end()


def _not_understood(at: int, text: str) -> _Refused:
    told = f"[{text}]" if text else "its end"
    return _Refused(f"cannot be understood at character [{at + 1}], at {told}")


class _Parser:
    """By recursive descent: ``or`` binds loosest, then ``and``, then ``not``."""

    def __init__(self, tokens: Sequence[_Token], length: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._end = _Token("end", "", length)

    def _peek(self) -> _Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else self._end

    def _take(self) -> _Token:
        token = self._peek()
        self._next += 1
        return token

    def _takes(self, text: str) -> bool:
        token = self._peek()
        is_it = token.is_word(text) if text in _WORDS else token.kind == "mark" and token.text == text
        self._next += is_it
        return is_it

    def expect_end(self) -> None:
        if (token := self._peek()).kind != "end":
            raise _not_understood(token.at, token.text)

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            token = self._peek()
            raise _not_understood(token.at, token.text)

    def either(self, depth: int) -> Condition:
        parts = [self._both(depth)]
        while self._takes("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else lambda document: any(part(document) for part in parts)

    def _both(self, depth: int) -> Condition:
        parts = [self._negated(depth)]
        while self._takes("and"):
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else lambda document: all(part(document) for part in parts)

    def _negated(self, depth: int) -> Condition:
        token = self._peek()
        if depth > _MAX_DEPTH:
            raise _not_understood(token.at, token.text)
        if self._takes("not"):
            part = self._negated(depth + 1)
            return lambda document: not part(document)
        if self._takes("("):
            inner = self.either(depth + 1)
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        field = self._take()
        if field.kind != "word" or field.text.lower() in _WORDS or "*" in field.text:
            raise _not_understood(field.at, field.text)
        if field.text in FORBIDDEN:
            raise _Refused(f"must not ask for [{field.text}]: other parameters of the rule do")
        sign = self._take()
        if sign.text == ":" and self._takes("("):
            return self._choice(field.text)
        if sign.kind != "mark" or sign.text not in (":", "<", "<=", ">", ">="):
            raise _not_understood(sign.at, sign.text)
        value = self._take()
        if value.kind not in ("word", "text"):
            raise _not_understood(value.at, value.text)
        if sign.text == ":":
            return _equal(field.text, value)
        return _compared(field.text, sign.text, value)

    def _choice(self, field: str) -> Condition:
        """``field: (a or b)`` after its parenthesis."""
        conditions: list[Condition] = []
        while True:
            value = self._take()
            if value.kind not in ("word", "text"):
                raise _not_understood(value.at, value.text)
            conditions.append(_equal(field, value))
            if not self._takes("or"):
                break
        self._expect(")")
        return lambda document: any(condition(document) for condition in conditions)


def _equal(field: str, value: _Token) -> Condition:
    text = _plain(value)
    pieces = [_unescaped(piece) for piece in _STAR.split(value.text)] if value.kind == "word" else []
    if len(pieces) > 1:
        head, *middle, tail = pieces
        pattern = Wildcard(head, tuple(middle), tail)
        return lambda document: any(pattern.matches(str(found)) for found in values_of(document, field))
    number = _number(text)

    def is_equal(document: Document) -> bool:
        for found in values_of(document, field):
            if isinstance(found, int | float) and not isinstance(found, bool):
                if number is not None and float(found) == number:
                    return True
            elif _shown(found) == text:
                return True
        return False

    return is_equal


def _compared(field: str, sign: str, value: _Token) -> Condition:
    bound = _number(_plain(value))
    if bound is None:
        raise _not_understood(value.at, value.text)
    signs: dict[str, Callable[[float], bool]] = {
        "<": lambda found: found < bound,
        "<=": lambda found: found <= bound,
        ">": lambda found: found > bound,
        ">=": lambda found: found >= bound,
    }
    holds = signs[sign]

    def is_so(document: Document) -> bool:
        numbers = (_number(_shown(found)) for found in values_of(document, field))
        return any(number is not None and holds(number) for number in numbers)

    return is_so


def values_of(document: Any, field: str) -> Iterator[Any]:
    """All values of a dotted field, those within lists each by itself."""
    if isinstance(document, list):
        for part in document:
            yield from values_of(part, field)
    elif field == "":
        if document is not None:
            yield document
    elif isinstance(document, Mapping):
        if field in document:
            yield from values_of(document[field], "")
        head, _, rest = field.partition(".")
        if rest and head in document:
            yield from values_of(document[head], rest)


def _plain(token: _Token) -> str:
    return _unescaped(token.text[1:-1] if token.kind == "text" else token.text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _shown(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
