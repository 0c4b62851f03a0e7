"""Time values of job configurations: their exact length, the echoed form, and the form inside error texts.

Parsing errors belong to proxy/units.py; a duration here has the unit that the user wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.units import parse_duration_ms

_NANOS = {
    "nanos": 1,
    "micros": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_LARGEST_FIRST = ("d", "h", "m", "s", "ms", "micros")
NANOS_PER_SECOND = _NANOS["s"]


@dataclass(frozen=True, slots=True)
class Duration:
    count: int
    unit: str

    @property
    def nanos(self) -> int:
        return self.count * _NANOS[self.unit]

    @property
    def seconds(self) -> int:
        return self.nanos // NANOS_PER_SECOND

    @property
    def text(self) -> str:
        """The echoed form, in the unit that was given: ``3600s`` stays ``3600s``."""
        return str(self.count) if self.count < 0 else f"{self.count}{self.unit}"

    @property
    def human(self) -> str:
        """The form of error texts, in the largest unit with at most one decimal: ``1.5m``."""
        if self.count < 0:
            return str(self.count)
        for unit in _LARGEST_FIRST:
            if self.nanos >= _NANOS[unit]:
                tenths = self.nanos * 10 // _NANOS[unit]
                return f"{tenths / 10:.1f}".removesuffix(".0") + unit
        return f"{self.nanos}nanos" if self.nanos else "0s"


def parse(text: str, setting: str) -> Duration:
    """The duration that `text` says; raises the error of Elasticsearch's setting parser."""
    milliseconds = parse_duration_ms(text, setting)
    lowered = text.strip().lower()
    if lowered.lstrip("-").isdigit():
        return Duration(milliseconds, "ms" if milliseconds < 0 else "s")
    unit = next(unit for unit in _NANOS if _ends_with_unit(lowered, unit))
    return Duration(int(lowered[: -len(unit)]), unit)


def _ends_with_unit(text: str, unit: str) -> bool:
    """`ms` comes before `s` and `m` in the table, so that the first hit is the right one."""
    return text.endswith(unit)


def whole(seconds: int) -> Duration:
    """A duration of so many seconds, in the largest unit that divides it."""
    for unit in _LARGEST_FIRST:
        count, rest = divmod(seconds * NANOS_PER_SECOND, _NANOS[unit])
        if count and not rest:
            return Duration(count, unit)
    return Duration(seconds, "s")
