"""Record times to epoch seconds: ``epoch``, ``epoch_ms``, or a pattern of Java's DateTimeFormatter.

Whether a pattern is usable at all is decided when the job is created, with ``compile_pattern``.
"""

from __future__ import annotations

import math
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from proxy.java_regex import compile_linear

_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTHS = {name[:length]: number for number, name in enumerate(_MONTH_NAMES, start=1) for length in (3, None)}
_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)
# Pattern letter -> the part of a moment that it holds; how the text of that part looks is decided by its length.
_DIGITS = {
    "y": "year", "u": "year", "M": "month", "L": "month", "d": "day", "D": "day_of_year",
    "H": "hour", "k": "hour24", "h": "hour12", "K": "hour12",
    "m": "minute", "s": "second", "S": "fraction", "n": "nanos",
}  # fmt: skip
_ZONES = {
    "X": r"Z|[+-]\d{2}(?::?\d{2})?(?::?\d{2})?",
    "x": r"[+-]\d{2}(?::?\d{2})?",
    "Z": r"[+-]\d{2}:?\d{2}|Z|GMT[+-]\d{2}:?\d{2}",
    "z": r"[A-Za-z]+(?:/[A-Za-z_]+)?",
    "V": r"[A-Za-z]+(?:/[A-Za-z_]+)*",
    "O": r"GMT(?:[+-]\d{1,2}(?::?\d{2})?)?",
}


@dataclass(frozen=True, slots=True)
class TimePattern:
    """A compiled pattern; called with a text it answers epoch seconds. A text without a zone is UTC."""

    # RE2's binding has no types. Group ``n + 1`` holds the n-th of the ``parts``.
    regex: Any
    parts: tuple[str, ...]

    def __call__(self, text: str) -> int:
        """Raises ValueError for a text that is no such time."""
        match = self._match(text.strip())
        found = {part: text for part, text in zip(self.parts, match.groups(), strict=True) if text is not None}
        return math.floor(_moment(found).timestamp())

    def spans(self, text: str) -> dict[str, tuple[int, int]]:
        """Where in a text each part of the moment stands; raises ValueError for a text that is no such time."""
        match = self._match(text)
        return {part: match.span(at) for at, part in enumerate(self.parts, start=1) if match[at] is not None}

    def _match(self, text: str) -> Any:
        match = self.regex.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return match


def seconds_from(text: str, divisor: int) -> int:
    """Whole epoch seconds of a numeric text in units of 1/``divisor`` seconds, truncated.

    Raises:
        ValueError: not a finite number.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return math.floor(number / divisor)


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> TimePattern:
    """What reads times of a pattern.

    Raises:
        ValueError: the pattern cannot yield a full date and time.
    """
    pieces: list[str] = []
    parts: list[str] = []
    depth = 0
    for match in _TOKEN.finditer(pattern):
        literal, letter, other = match.groups()
        if literal is not None:
            pieces.append(re.escape(literal.replace("''", "'")) if literal else "'")
        elif other is not None:
            depth += {"[": 1, "]": -1}.get(other, 0)
            pieces.append({"[": "(?:", "]": ")?"}.get(other, re.escape(other)))
        else:
            part, text = _letter(letter, len(match[0]), followed_by_digit=_next_is_digits(pattern, match.end()))
            parts.append(part)
            pieces.append(f"({text})")
    if depth:
        raise ValueError(f"unbalanced brackets in [{pattern}]")
    _require_full(parts, pattern)
    return TimePattern(compile_linear(f"(?i){''.join(pieces)}"), tuple(parts))


def _letter(letter: str, count: int, *, followed_by_digit: bool) -> tuple[str, str]:
    if letter in "ML" and count >= 3:
        return "month_name", r"[A-Za-z]+"
    if letter in "Ee":
        return "weekday", r"[A-Za-z]+|\d"
    if letter == "a":
        return "half", r"[AaPp]\.?[Mm]\.?"
    if letter == "G":
        return "era", r"[A-Za-z]+"
    if letter in _ZONES:
        return "zone", _ZONES[letter]
    if letter not in _DIGITS:
        raise ValueError(f"unknown pattern letter [{letter}]")
    if letter in "yu":
        return "year2" if count == 2 else "year", rf"\d{{{count}}}" if count in (2, 4) else r"[+-]?\d{1,9}"
    if letter == "S":
        return "fraction", rf"\d{{{count}}}" if followed_by_digit else r"\d{1,9}"
    return _DIGITS[letter], rf"\d{{{count}}}" if count > 1 and followed_by_digit else r"\d{1,3}"


def _next_is_digits(pattern: str, offset: int) -> bool:
    return pattern[offset : offset + 1] != "" and pattern[offset] in _DIGITS


def _require_full(parts: list[str], pattern: str) -> None:
    """The year alone may be missing: it is then the current one, as syslog means it."""
    has_day = "day_of_year" in parts or (("month" in parts or "month_name" in parts) and "day" in parts)
    has_time = "hour" in parts or "hour24" in parts or ("hour12" in parts and "half" in parts)
    if not (has_day and has_time):
        raise ValueError(f"[{pattern}] does not yield a full timestamp")


def _moment(found: dict[str, str]) -> datetime:
    date = _date(found)
    hour, minute, second = _hour(found), int(found.get("minute", 0)), int(found.get("second", 0))
    if (hour, minute, second) == (24, 0, 0):
        date, hour = date + timedelta(days=1), 0  # the midnight at a day's end
    return date.replace(hour=hour, minute=minute, second=second, tzinfo=_zone(found.get("zone")))


def _date(found: dict[str, str]) -> datetime:
    year = datetime.now(UTC).year
    if "year" in found:
        year = int(found["year"])
    elif "year2" in found:
        year = 2000 + int(found["year2"])
    if "day_of_year" in found:
        return datetime(year, 1, 1) + timedelta(days=int(found["day_of_year"]) - 1)
    month = int(found["month"]) if "month" in found else _MONTHS.get(found["month_name"].lower(), 0)
    day = int(found["day"])
    if not 1 <= month <= 12 or day > 31:
        raise ValueError(f"there is no day [{day}] of month [{month}]")
    return datetime(year, month, min(day, monthrange(year, month)[1]))  # as Java does: 31 June is 30 June


def _hour(found: dict[str, str]) -> int:
    if "hour" in found:
        return int(found["hour"])
    if "hour24" in found:
        return int(found["hour24"]) % 24
    return int(found["hour12"]) % 12 + (12 if found["half"][0].lower() == "p" else 0)


def _zone(text: str | None) -> timezone | ZoneInfo:
    if text is None or text.upper() in ("Z", "UTC", "GMT", "UT"):
        return UTC
    offset = re.fullmatch(r"(?:GMT)?([+-])(\d{1,2}):?(\d{2})?(?::?\d{2})?", text, re.IGNORECASE)
    if offset:
        shift = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-shift if offset[1] == "-" else shift)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone [{text}]") from error
