"""Names with stars, as they stand for jobs, groups and columns. A star is the only special character."""

from __future__ import annotations

import fnmatch
import re


def compile_wildcard(text: str) -> re.Pattern[str]:
    """A pattern to be matched in full. Its effort is bounded however many stars there are, because each is atomic."""
    escaped = re.sub(r"([\[?])", r"[\1]", collapsed(text))
    return re.compile(fnmatch.translate(escaped))


def collapsed(text: str) -> str:
    """Stars in a row mean no more than one."""
    return re.sub(r"\*+", "*", text)
