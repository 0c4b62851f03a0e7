"""Elasticsearch's units as text: time values, byte sizes, dates and their math, doubles. A leaf but for errors."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

from proxy.errors import MlError, illegal_argument, parse_error

# Order matters: "ms" must be tried before "s", as Elasticsearch does.
_TIME_UNITS = {"nanos": 1e-6, "micros": 1e-3, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONG = re.compile(r"([+-]?)0*(\d{1,19})")
_LONGS = range(-(1 << 63), 1 << 63)
_MOST_DIGITS = 19
_BYTE_UNITS = {"pb": 50, "tb": 40, "gb": 30, "mb": 20, "kb": 10, "p": 50, "t": 40, "g": 30, "m": 20, "k": 10, "b": 0}


def parse_duration_ms(text: str, setting: str) -> int:
    """Milliseconds of a time value such as ``15m``; ``-1`` and ``0`` stand alone.

    Raises:
        MlError: illegal_argument_exception with the text of Elasticsearch's setting parser.
    """
    trimmed = text.strip()
    lowered = trimmed.lower()
    if lowered == "-1":
        return -1
    if lowered and not lowered.strip("0"):
        return 0
    for unit, factor in _TIME_UNITS.items():
        ends = trimmed.endswith("m") if unit == "m" else lowered.endswith(unit)
        if ends:
            return _count_of(lowered[: -len(unit)].strip(), text, setting, factor)
    raise illegal_argument(
        f"failed to parse setting [{setting}] with value [{text}] as a time value: unit is missing or unrecognized"
    )


def _count_of(digits: str, text: str, setting: str, factor: float) -> int:
    count = _long(digits)
    if count is not None:
        if count < -1:
            raise illegal_argument(
                f"failed to parse setting [{setting}] with value [{text}] as a time value: "
                "negative durations are not supported"
            )
        return int(count * factor)
    # As Java does, which tries a number that is no long as a double.
    if re.fullmatch(r"[+-]?(\d+|\d*\.\d+)", digits):
        raise illegal_argument(f"failed to parse [{text}], fractional time values are not supported")
    raise illegal_argument(f"failed to parse [{text}]")


def _long(text: str) -> int | None:
    """A whole number; None for what is none, and for more than a long holds, of which Python reads only so much."""
    found = _LONG.fullmatch(text)
    if found is None or (number := int(found[1] + found[2])) not in _LONGS:
        return None
    return number


def parse_bytes(text: str, setting: str) -> int:
    """Bytes of a size such as ``512mb``.

    Raises:
        MlError: parse_exception with the text of Elasticsearch's setting parser; 400 for more than a long holds.
    """
    lowered = text.strip().lower()
    if lowered in ("-1", "0"):
        return int(lowered)
    for unit, power in _BYTE_UNITS.items():
        digits = lowered[: -len(unit)].strip()
        if lowered.endswith(unit) and re.fullmatch(r"-?\d+(\.\d+)?", digits):
            size = float(digits) if "." in digits or len(digits) > _MOST_DIGITS else int(digits)
            if size > _LONGS[-1] >> power:
                raise illegal_argument(f"Values greater than {_LONGS[-1]} bytes are not supported: {text}")
            return int(size * (1 << power))
        if lowered.endswith(unit):
            raise parse_error(f"failed to parse setting [{setting}] with value [{text}]")
    raise parse_error(
        f"failed to parse setting [{setting}] with value [{text}] as a size in bytes: unit is missing or unrecognized"
    )


def format_bytes(count: int) -> str:
    """The pretty form, one decimal at most: ``1gb``, ``1.5kb``, ``12b``."""
    for unit, power in (("pb", 50), ("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)):
        if count >= 1 << power:
            value = int(count / (1 << power) * 10) / 10
            return f"{value:.1f}".removesuffix(".0") + unit
    return f"{count}b"


_ISO = re.compile(
    r"(?P<Y>-?\d{4})(?:-(?P<M>\d{2})(?:-(?P<D>\d{2}))?)?"
    r"(?:T(?:(?P<h>\d{2})(?::(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?(?P<z>Z|[+-]\d{2}(?::?\d{2})?)?)?)?"
)
_MOST_MATH = 1000
_MATH = re.compile(r"(?:([+-])(\d*)|/)([yMwdhHms])")


def parse_date_ms(text: str, now_ms: int, *, round_up: bool = False) -> int:
    """Epoch milliseconds of ``strict_date_optional_time||epoch_millis`` with date math, in UTC.

    Raises:
        ValueError: the text is neither a date nor a number.
    """
    base, math = _split_math(text)
    try:
        return _to_ms(_apply_math(_moment(base, now_ms), math, round_up))
    except OverflowError as error:
        raise ValueError(f"[{text}] is out of the range of dates") from error


def _moment(base: str, now_ms: int) -> datetime:
    if base == "now":
        return _at(now_ms)
    if re.fullmatch(r"-?\d+", base) and not re.fullmatch(r"\d{4}", base):  # four digits are a year
        return _at(int(base))
    return _parse_iso(base).astimezone(UTC)


def _split_math(text: str) -> tuple[str, str]:
    if text.startswith("now"):
        return "now", text[3:]
    base, _, math = text.partition("||")
    return base, math


def _at(epoch_ms: int) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=epoch_ms)
    except OverflowError as error:
        raise ValueError(f"[{epoch_ms}] is out of the range of dates") from error


def _to_ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _parse_iso(text: str) -> datetime:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"[{text}] is not a date")
    part = {name: int(value) for name, value in match.groupdict().items() if value and name in "YMDhms"}
    nanos = (match["f"] or "").ljust(9, "0")
    return datetime(
        part["Y"], part.get("M", 1), part.get("D", 1), part.get("h", 0), part.get("m", 0), part.get("s", 0),
        int(nanos[:6] or 0), tzinfo=_zone(match["z"]),
    )  # fmt: skip


def _zone(text: str | None) -> timezone:
    if text in (None, "Z"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _apply_math(moment: datetime, math: str, round_up: bool) -> datetime:
    if len(math) > _MOST_MATH:
        raise ValueError(f"[{math}] is too much date math")
    position = 0
    while position < len(math):
        match = _MATH.match(math, position)
        if match is None:
            raise ValueError(f"[{math}] is not date math")
        sign, count, unit = match.groups()
        if sign is None:
            floor = _floor(moment, unit)
            moment = _add(floor, unit, 1) - timedelta(milliseconds=1) if round_up else floor
        else:
            moment = _add(moment, unit, int(count or 1) * (1 if sign == "+" else -1))
        position = match.end()
    return moment


def _add(moment: datetime, unit: str, count: int) -> datetime:
    if unit in "yM":
        month = moment.month - 1 + count * (12 if unit == "y" else 1)
        year, month = moment.year + month // 12, month % 12 + 1
        return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
    name = {"w": "weeks", "d": "days", "h": "hours", "H": "hours", "m": "minutes", "s": "seconds"}[unit]
    return moment + timedelta(**{name: count})


def _floor(moment: datetime, unit: str) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    floors = {
        "y": day.replace(month=1, day=1),
        "M": day.replace(day=1),
        "w": day - timedelta(days=day.weekday()),
        "d": day,
        "h": moment.replace(minute=0, second=0, microsecond=0),
        "m": moment.replace(second=0, microsecond=0),
        "s": moment.replace(microsecond=0),
    }
    return floors["h" if unit == "H" else unit]


def iso(epoch_ms: int) -> str:
    """``2016-06-01T00:00:00.000Z``: the form of the ``_string`` fields that ``?human=true`` adds."""
    return _at(epoch_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{epoch_ms % 1000:03d}Z"


def bad_query_date(name: str, text: str) -> MlError:
    """The refusal of a time that the API parses by itself (flush, overall buckets, datafeeds)."""
    return parse_error(
        f"Query param [{name}] with value [{text}] cannot be parsed as a date or converted to a number (epoch)."
    )


def thousands(number: int) -> str:
    """Numbers inside message templates get separators: ``3,600``."""
    return f"{number:,}"


def java_double(value: float) -> str:
    """``Double.toString``: plain from 1e-3 up to 1e7, otherwise one digit, fraction, ``E``, exponent.

    Values that JSON cannot hold are written as texts, as Elasticsearch does.
    """
    if value != value or value in (float("inf"), float("-inf")):
        return '"NaN"' if value != value else ('"Infinity"' if value > 0 else '"-Infinity"')
    if 1e-3 <= abs(value) < 1e7 or value == 0:
        return repr(value)
    mantissa, _, power = repr(value).partition("e")
    if power:  # Python has done the work already
        return f"{mantissa}{'' if '.' in mantissa else '.0'}E{int(power)}"
    sign, digits, exponent = _decimal(value)
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _decimal(value: float) -> tuple[str, str, int]:
    """Sign, shortest significant digits, and the power of ten of the first digit."""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    exponent = int(power or 0) + len(whole) - 1
    digits = (whole + fraction).rstrip("0")
    leading = len(digits) - len(digits.lstrip("0"))
    return "-" if value < 0 else "", digits[leading:], exponent - leading
