"""Whether a text is a regular expression of Java: categorization filters and analyzers are written in its dialect.

Java's expressions are rewritten into Python's as far as validity needs; what they match is the engine's matter.
"""

from __future__ import annotations

import re
import warnings

# Java's constructs that Python lacks -> something of the same shape that Python can read.
_REWRITES = (
    (re.compile(r"\\Q(.*?)(?:\\E|$)", re.DOTALL), "(?:quoted)"),
    (re.compile(r"\\[pP](?:\{[^}]*\}|\w)"), r"\\w"),
    (re.compile(r"\\[hHvVRXG]"), r"\\s"),
    (re.compile(r"\\x\{[0-9A-Fa-f]+\}"), "x"),
    (re.compile(r"\\z"), r"\\Z"),
    (re.compile(r"\\e"), r"\\x1b"),
    (re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>"), r"(?P<\1>"),
    (re.compile(r"\\k<([A-Za-z][A-Za-z0-9]*)>"), r"(?P=\1)"),
    (re.compile(r"\(\?[a-zA-Z]*(?:-[a-zA-Z]+)?\)"), ""),
    (re.compile(r"\(\?[dxu]+:"), "(?:"),
)


def is_java_regex(pattern: str) -> bool:
    for find, replacement in _REWRITES:
        pattern = find.sub(replacement, pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True
