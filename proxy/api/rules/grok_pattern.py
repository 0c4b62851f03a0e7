"""The grok pattern of a category: its regular expression with the variable parts named after what they hold.

Between the fixed words of a category's expression lie parts that vary. For each, all examples are asked for the
first kind of token, most specific first, that every one of them contains; what surrounds the token is
treated the same way again. The tokens are in ``grok_tokens``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from proxy.api.rules.grok_tokens import expanded

_WORD = r"\b"
_NOT_IN_A_NUMBER = r"(?<![\w.+-])"
# Token, the field that holds it, and what must stand before and behind it.
_CANDIDATES = (
    ("TOMCAT_DATESTAMP", "timestamp", _WORD, _WORD),
    ("TIMESTAMP_ISO8601", "timestamp", _WORD, _WORD),
    ("DATESTAMP_RFC822", "timestamp", _WORD, _WORD),
    ("DATESTAMP_RFC2822", "timestamp", _WORD, _WORD),
    ("DATESTAMP_OTHER", "timestamp", _WORD, _WORD),
    ("DATESTAMP_EVENTLOG", "timestamp", _WORD, _WORD),
    ("SYSLOGTIMESTAMP", "timestamp", _WORD, _WORD),
    ("HTTPDATE", "timestamp", _WORD, _WORD),
    ("CATALINA_DATESTAMP", "timestamp", _WORD, _WORD),
    ("CISCOTIMESTAMP", "timestamp", _WORD, _WORD),
    ("DATE", "date", _WORD, _WORD),
    ("TIME", "time", _WORD, _WORD),
    ("LOGLEVEL", "loglevel", _WORD, _WORD),
    ("URI", "uri", _WORD, _WORD),
    ("UUID", "uuid", _WORD, _WORD),
    ("MAC", "macaddress", _WORD, _WORD),
    # A slash is no word character, so a path has no word boundary before it.
    ("PATH", "path", "", ""),
    ("EMAILADDRESS", "email", _WORD, _WORD),
    ("IP", "ipaddress", _WORD, _WORD),
    ("QUOTEDSTRING", "field", "", ""),
    # Signs and dots before a number, like letters, would make it the end of something else.
    ("NUMBER", "field", _NOT_IN_A_NUMBER, r"(?![\w+-]|\.\d)"),
    ("BASE16NUM", "field", _NOT_IN_A_NUMBER, r"(?![\w+-]|\.\w)"),
)
# Ours are cut at so many characters. Others have no bound, and a search through a text takes up to its square.
_MOST_CHARACTERS = 1000
# Each token found means another search through what is left; no log line that people read has as many.
_MOST_NAMED = 64
_VARIABLE_PART = re.compile(r"\.[*+]\??")


@dataclass(frozen=True, slots=True)
class _Token:
    name: str
    field: str
    pattern: re.Pattern[str]


@cache
def _tokens() -> tuple[_Token, ...]:
    return tuple(
        _Token(name, field, re.compile(f"{before}(?:{expanded(name)}){after}"))
        for name, field, before, after in _CANDIDATES
    )


def grok_pattern(regex: str, examples: Sequence[str]) -> str:
    """The pattern for a category; empty without an expression or examples, or if the expression cannot be read."""
    if not regex or not examples:
        return ""
    try:
        whole = _whole(regex)
    except re.error:
        return ""
    fixed = _VARIABLE_PART.split(regex)
    while fixed and not fixed[-1]:
        fixed.pop()
    bounded = (example for example in examples if len(example) <= _MOST_CHARACTERS)
    matches = [match.groups() for match in map(whole.fullmatch, bounded) if match]
    named: Counter[str] = Counter()
    parts: list[str] = []
    for number, text in enumerate(fixed):
        varying = [groups[number] for groups in matches if number < len(groups)]
        parts += [text, _best(varying, named, is_first=number == 0, is_last=number == len(fixed) - 1)]
    return "".join(parts)


def _whole(regex: str) -> re.Pattern[str]:
    """The expression with a group for each part that varies.

    Words of a category follow one another, so each may stand where it is first found, and what was found is not given
    up again (an atomic group): an example that does not match, being cut short, would else be tried in every way.
    Only the last word has to be at the end, where the expression ends with it.

    Raises:
        re.error: what stands between the variable parts is no expression of its own
    """
    fixed, varying = _VARIABLE_PART.split(regex), _VARIABLE_PART.findall(regex)
    pieces = [f"({part}){text}" for part, text in zip(varying, fixed[1:], strict=True)]
    return re.compile(fixed[0] + "".join(f"(?>{piece})" for piece in pieces[:-1]) + "".join(pieces[-1:]), re.DOTALL)


def _best(texts: Sequence[str], named: Counter[str], *, is_first: bool, is_last: bool) -> str:
    """The pattern for a part that varies as ``texts`` show."""
    has_room = bool(texts) and named.total() < _MOST_NAMED
    token = next((token for token in _tokens() if has_room and all(map(token.pattern.search, texts))), None)
    if token is None:
        if is_last:
            return ".*"
        return ".*?" if is_first or not all(texts) else ".+?"
    found = [match for match in map(token.pattern.search, texts) if match]
    before = _best([match.string[: match.start()] for match in found], named, is_first=is_first, is_last=False)
    named[token.field] += 1
    count = named[token.field]
    field = token.field if count == 1 else f"{token.field}{count}"
    after = _best([match.string[match.end() :] for match in found], named, is_first=False, is_last=is_last)
    return f"{before}%{{{token.name}:{field}}}{after}"
