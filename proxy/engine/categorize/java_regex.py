"""Java's regular expressions, as far as configurations use them, said in Python's words.

compile_java(pattern, flags="") -> re.Pattern       raises ValueError for what Python cannot say
java_replacement(text) -> str                       $1 and \\$ become Python's \\1 and $
"""

from __future__ import annotations

import re

_CLASSES = {
    "Alnum": "A-Za-z0-9",
    "Alpha": "A-Za-z",
    "Blank": " \\t",
    "Cntrl": "\\x00-\\x1f\\x7f",
    "Digit": "0-9",
    "Graph": "!-~",
    "L": "A-Za-z\\u00aa-\\uffdc",
    "Lower": "a-z",
    "N": "0-9",
    "Nd": "0-9",
    "P": "!-/:-@\\[-`{-~",
    "Print": " -~",
    "Punct": "!-/:-@\\[-`{-~",
    "Space": "\\s",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
}
_FLAGS = {
    "CASE_INSENSITIVE": re.IGNORECASE,
    "MULTILINE": re.MULTILINE,
    "DOTALL": re.DOTALL,
    "COMMENTS": re.VERBOSE,
    "UNICODE_CASE": re.UNICODE,
    "UNICODE_CHARACTER_CLASS": re.UNICODE,
}
_ESCAPES = re.compile(
    r"\\(?:p\{(?:Is)?(\w+)\}|P\{(?:Is)?(\w+)\}|(h)|(z)|Q(.*?)(?:\\E|$)|.)|\(\?<(?=[A-Za-z])|\[", re.DOTALL
)


def compile_java(pattern: str, flags: str = "") -> re.Pattern[str]:
    """A Java pattern as a Python one; flags as Elasticsearch writes them: names joined by |."""
    bits = re.NOFLAG
    for name in filter(None, flags.split("|")):
        bits |= _FLAGS.get(name.strip().upper(), re.NOFLAG)
    try:
        return re.compile(_translated(pattern), bits)
    except re.error as error:
        raise ValueError(f"regular expression [{pattern}] is not supported: {error}") from error


def java_replacement(text: str) -> str:
    """A Java replacement as a Python one."""

    def said(found: re.Match[str]) -> str:
        if found[1]:
            return f"\\g<{found[1]}>"
        if found[2]:
            return f"\\g<{found[2]}>"
        return found[3].replace("\\", "\\\\")

    return re.sub(r"\$(\d)|\$\{(\w+)\}|\\?(.)", said, text, flags=re.DOTALL)


def _translated(pattern: str) -> str:
    """Named groups, POSIX classes, \\h, \\z and \\Q..\\E replaced; everything else is said alike."""
    out, at, depth = [], 0, 0
    while at < len(pattern):
        found = _ESCAPES.match(pattern, at)
        if found is None:
            depth -= pattern[at] == "]" and depth > 0
            out.append(pattern[at])
            at += 1
            continue
        at = found.end()
        if found[0] == "[":
            out.append("\\[" if depth else "[")
            depth = 1
        else:
            out.append(_escape(found, is_in_class=depth > 0))
    return "".join(out)


def _escape(found: re.Match[str], *, is_in_class: bool) -> str:
    text = found[0]
    if text.startswith("(?<"):
        return "(?P<"
    if found[1] or found[2] or found[3]:
        name = found[1] or found[2] or "Blank"
        if name not in _CLASSES:
            raise ValueError(f"character class [{name}] is not supported")
        if is_in_class and found[2]:
            raise ValueError(f"negated class [{name}] inside a class is not supported")
        if is_in_class:
            return _CLASSES[name]
        return f"[{'^' if found[2] else ''}{_CLASSES[name]}]"
    if found[4]:
        return "\\Z"
    if found[5] is not None:
        return re.escape(found[5])
    return text
