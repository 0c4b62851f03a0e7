"""From a message to its tokens: the categorization analyzer of a job.

Here: character filters, tokenizers and token filters by Elasticsearch's names, and the default analyzer.
Not here: the two tokenizers made for log messages (significant.py), what tokens weigh and how sequences compare.

    Analyzer(config=None, filters=())
        config: analysis_config's categorization_analyzer (None, a name, or char_filter/tokenizer/filter);
        filters: categorization_filters, regular expressions whose matches are removed.
        Raises ValueError for a part it does not know, and for a pattern that RE2 cannot run.
    .tokens(message) -> tuple[str, ...]

The default takes the first line with a letter, splits it by ml_standard and drops names of days, months and time
zones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from proxy.engine.categorize.significant import ml_classic, ml_standard
from proxy.java_regex import InvalidPattern, Pattern, compile_java, java_replacement

Tokens = list[str]
TextStep = Callable[[str], str]
TokenStep = Callable[[Tokens], Tokens]
PartConfig = str | Mapping[str, object]
Part = TypeVar("Part")

# Elasticsearch cuts what it categorizes here.
MAX_MESSAGE_CHARS = 1001
MAX_TOKENS = 100

DATE_WORDS = (
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Wed Thu Fri Sat Sun "
    "January February March April May June July August September October November December "
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec GMT UTC"
)
ENGLISH_STOPWORDS = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they "
    "this to was will with"
)

_WORDS = re.compile(r"[^\W_]+(?:['._][^\W_]+)*")
_LETTERS = re.compile(r"[^\W\d_]+")
_HTML = re.compile(r"<[^>]*>")


def _first_line_with_letters(text: str) -> str:
    return next((line for line in text.splitlines() if any(map(str.isalpha, line))), "")


def _first_non_blank_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


_ENGLISH = frozenset(ENGLISH_STOPWORDS.split())
TOKENIZERS: dict[str, Callable[[str], Tokens]] = {
    "classic": _WORDS.findall,
    "keyword": lambda text: [text] if text else [],
    "letter": _LETTERS.findall,
    "lowercase": lambda text: _LETTERS.findall(text.lower()),
    "ml_classic": ml_classic,
    "ml_standard": ml_standard,
    "standard": _WORDS.findall,
    "whitespace": str.split,
}
CHAR_FILTERS: dict[str, TextStep] = {
    "first_line_with_letters": _first_line_with_letters,
    "first_non_blank_line": _first_non_blank_line,
    "html_strip": lambda text: _HTML.sub("\n", text),
}
TOKEN_FILTERS: dict[str, TokenStep] = {
    "lowercase": lambda tokens: [token.lower() for token in tokens],
    "uppercase": lambda tokens: [token.upper() for token in tokens],
    "trim": lambda tokens: [token.strip() for token in tokens],
    "unique": lambda tokens: list(dict.fromkeys(tokens)),
    "reverse": lambda tokens: [token[::-1] for token in tokens],
    "stop": lambda tokens: [token for token in tokens if token not in _ENGLISH],
}
NAMED_ANALYZERS: dict[str, Mapping[str, object]] = {
    "keyword": {"tokenizer": "keyword"},
    "simple": {"tokenizer": "lowercase"},
    "standard": {"tokenizer": "standard", "filter": ["lowercase"]},
    "stop": {"tokenizer": "lowercase", "filter": ["stop"]},
    "whitespace": {"tokenizer": "whitespace"},
}


def default_config(filters: Sequence[str] = ()) -> dict[str, object]:
    """The analyzer of a job that names none: what the API writes into its configuration."""
    return {
        "char_filter": ["first_line_with_letters", *({"type": "pattern_replace", "pattern": f} for f in filters)],
        "tokenizer": "ml_standard",
        "filter": [
            {"type": "stop", "stopwords": DATE_WORDS.split()},
            {"type": "limit", "max_token_count": str(MAX_TOKENS)},
        ],
    }


def _settings_list(value: object) -> list[PartConfig]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]  # type: ignore[list-item]


def _pattern_flags(config: Mapping[str, object]) -> str:
    return str(config.get("flags", ""))


def _char_filter(config: PartConfig) -> TextStep:
    if isinstance(config, str):
        return _named(CHAR_FILTERS, config, "char_filter")
    kind = str(config.get("type", "custom"))
    if kind == "pattern_replace":
        return _replacing(config)
    if kind == "mapping":
        return _mapping(_settings_list(config.get("mappings")))
    return _named(CHAR_FILTERS, kind, "char_filter")


def _replacing(config: Mapping[str, object]) -> TextStep:
    pattern = compile_java(str(config["pattern"]), _pattern_flags(config))
    replacement = java_replacement(str(config.get("replacement", "")), pattern.groups, pattern.group_names)
    return lambda text: pattern.sub(replacement, text)


def _mapping(rules: list[PartConfig]) -> TextStep:
    pairs: dict[str, str] = {}
    for rule in rules:
        left, _, right = str(rule).partition("=>")
        pairs[left.strip()] = right.strip()
    if not pairs:
        return lambda text: text
    longest_first = sorted(pairs, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return lambda text: pattern.sub(lambda found: pairs[found[0]], text)


def _tokenizer(config: PartConfig) -> Callable[[str], Tokens]:
    if isinstance(config, str):
        return _named(TOKENIZERS, config, "tokenizer")
    kind = str(config.get("type", "custom"))
    if kind == "pattern":
        return _pattern_tokenizer(config)
    if kind == "simple_pattern":
        pattern = compile_java(str(config["pattern"]))
        return lambda text: [part for part in pattern.parts(text) if part]
    if kind == "simple_pattern_split":
        return _splitter(compile_java(str(config["pattern"])))
    return _named(TOKENIZERS, kind, "tokenizer")


def _splitter(pattern: Pattern) -> Callable[[str], Tokens]:
    def split(text: str) -> Tokens:
        bounds = [0, *(edge for span in pattern.spans(text) for edge in span), len(text)]
        return [text[a:b] for a, b in zip(bounds[::2], bounds[1::2], strict=True) if a < b]

    return split


def _pattern_tokenizer(config: Mapping[str, object]) -> Callable[[str], Tokens]:
    pattern = compile_java(str(config.get("pattern", r"\W+")), _pattern_flags(config))
    group = int(str(config.get("group", -1)))
    if group < 0:
        return _splitter(pattern)
    if group > pattern.groups:
        raise InvalidPattern(f"[{pattern.text}] has no group [{group}]")
    return lambda text: [part for part in pattern.parts(text, group) if part]


def _token_filter(config: PartConfig) -> TokenStep:
    if isinstance(config, str):
        return _named(TOKEN_FILTERS, config, "filter")
    kind = str(config.get("type", "custom"))
    if kind == "stop":
        return _stop(config)
    if kind == "limit":
        most = int(str(config.get("max_token_count", 1)))
        return lambda tokens: tokens[:most]
    if kind == "length":
        least, most = int(str(config.get("min", 0))), int(str(config.get("max", 2**31 - 1)))
        return lambda tokens: [token for token in tokens if least <= len(token) <= most]
    if kind == "pattern_replace":
        replace = _replacing(config)
        return lambda tokens: [replace(token) for token in tokens]
    return _named(TOKEN_FILTERS, kind, "filter")


def _stop(config: Mapping[str, object]) -> TokenStep:
    words: set[str] = set()
    for word in _settings_list(config.get("stopwords", "_english_")):
        words |= _ENGLISH if word == "_english_" else {str(word)}
    if config.get("ignore_case") in (True, "true"):
        lowered = {word.lower() for word in words}
        return lambda tokens: [token for token in tokens if token.lower() not in lowered]
    return lambda tokens: [token for token in tokens if token not in words]


def _named(table: Mapping[str, Part], name: str, kind: str) -> Part:
    if name not in table:
        raise ValueError(f"unknown {kind} [{name}] in [categorization_analyzer]")
    return table[name]


class Analyzer:
    """A compiled categorization analyzer; calling it has no side effects."""

    def __init__(self, config: PartConfig | None = None, filters: Sequence[str] = ()) -> None:
        if config is None:
            config = default_config(filters)
        if isinstance(config, str):
            config = _named(NAMED_ANALYZERS, config, "analyzer")
        self._char_filters = [_char_filter(part) for part in _settings_list(config.get("char_filter"))]
        self._tokenizer = _tokenizer(config.get("tokenizer", "standard"))  # type: ignore[arg-type]
        self._token_filters = [_token_filter(part) for part in _settings_list(config.get("filter"))]

    def tokens(self, message: str) -> tuple[str, ...]:
        """The tokens of a message in order; at most MAX_TOKENS."""
        text = message[:MAX_MESSAGE_CHARS]
        for char_filter in self._char_filters:
            text = char_filter(text)
        tokens = self._tokenizer(text)
        for token_filter in self._token_filters:
            tokens = token_filter(tokens)
        return tuple(token for token in tokens[:MAX_TOKENS] if token)
