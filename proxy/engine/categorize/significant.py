"""The tokenizers ml_standard and ml_classic: the words of a message, in any script, without its numbers.

A word is a run of letters and digits with ``_ . -`` inside. To ml_standard an e-mail address, a URL and a path are one
word each: ``@``, ``/`` and a colon before a slash are inside too, and a slash, a drive or two backslashes begin a path.
What starts with a digit, is hexadecimal or has no letter is left out; what is no letter or digit is cut off at the end.
Other tokenizers are in analyzer.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Beyond ASCII everything may be part of a word, until the pattern of words has looked at it.
_STANDARD_CHUNK = re.compile(r"[-0-9A-Za-z_./@:\\\u0080-\U0010ffff]+")
_STANDARD_WORD = re.compile(r"(?:[A-Za-z]:\\|\\\\)[\w.\-@/\\]+|(?:/|[^\W_])(?:[\w.\-@/]|:(?=/))*")
_CLASSIC_CHUNK = re.compile(r"[-0-9A-Za-z_.\u0080-\U0010ffff]+")
_CLASSIC_WORD = re.compile(r"[^\W_][\w.\-]*")
_HEXADECIMAL = re.compile(r"[-0-9A-Fa-f.@:]+")
_END = re.compile(r"[\W_]+$")
# What machines write repeats: most chunks of a message have been looked at before.
_MOST_KNOWN = 16_384


def _tokenizer(chunks: re.Pattern[str], words: re.Pattern[str]) -> Callable[[str], list[str]]:
    known: dict[str, list[str]] = {}

    def tokenize(text: str) -> list[str]:
        tokens: list[str] = []
        for chunk in chunks.findall(text):
            found = known.get(chunk)
            if found is None:
                # Most of what is new is a number, and no number is part of a word.
                found = [] if _HEXADECIMAL.fullmatch(chunk) else _significant(words.findall(chunk))
                if len(known) < _MOST_KNOWN:
                    known[chunk] = found
            if found:
                tokens += found
        return tokens

    return tokenize


def _significant(words: list[str]) -> list[str]:
    return [_END.sub("", word) for word in words if not _is_number(word)]


def _is_number(word: str) -> bool:
    return word[0].isdigit() or bool(_HEXADECIMAL.fullmatch(word)) or not any(map(str.isalpha, word))


ml_standard = _tokenizer(_STANDARD_CHUNK, _STANDARD_WORD)
ml_classic = _tokenizer(_CLASSIC_CHUNK, _CLASSIC_WORD)
