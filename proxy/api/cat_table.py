"""Tables of the cat API: choosing, sorting and printing columns. What they hold is the matter of a table's handler."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from proxy.api.call import Call, Reply
from proxy.errors import illegal_argument
from proxy.job_config.wildcards import Wildcard
from proxy.units import format_bytes, iso

Kind = Literal["text", "number", "bytes", "millis", "moment"]
# A value before it is printed: sizes in bytes, durations in milliseconds, moments in epoch milliseconds.
Value = Any
_BYTE_POWERS = {"b": 0, "kb": 10, "mb": 20, "gb": 30, "tb": 40, "pb": 50}
_MILLIS = {"nanos": 1e-6, "micros": 1e-3, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class Column:
    """``read`` takes the value out of whatever a row is made from."""

    name: str
    short: str
    description: str
    read: Callable[[Any], Value]
    kind: Kind = "text"
    is_default: bool = False

    @property
    def aliases(self) -> tuple[str, ...]:
        head, *rest = re.split(r"[._]", self.name)
        camel = head + "".join(part.capitalize() for part in rest)
        return tuple(dict.fromkeys(alias for alias in (self.short, camel) if alias and alias != self.name))

    def is_called(self, pattern: Wildcard) -> bool:
        return any(pattern.matches(name) for name in (self.name, *self.aliases))


def help_reply(columns: Sequence[Column]) -> Reply:
    """What ``?help`` answers: every column with its short names and its meaning."""
    rows = [(column.name, ",".join(column.aliases), column.description) for column in columns]
    name_width, alias_width = (max(len(row[index]) for row in rows) for index in (0, 1))
    return Reply(
        "".join(f"{name:<{name_width}} | {alias:<{alias_width}} | {text}\n" for name, alias, text in rows),
    )


def table_reply(call: Call, columns: Sequence[Column], items: Iterable[Any]) -> Reply:
    """The table as text, or as a list of objects where the caller asked for JSON."""
    rows = list(items)
    for key in reversed(call.query.get("s", [])):
        _sort(rows, columns, key)
    chosen = _chosen(columns, call.query.get("h"))
    printed = [[_printed(column, column.read(row), call.query) for column, _ in chosen] for row in rows]
    labels = [label for _, label in chosen]
    if not call.wants_text:
        return Reply([dict(zip(labels, row, strict=True)) for row in printed])
    head: list[list[str | None]] = [[*labels]] if call.query.get("v", False) else []
    return Reply(_text(head + printed, [column for column, _ in chosen]))


def _chosen(columns: Sequence[Column], wanted: Sequence[str] | None) -> list[tuple[Column, str]]:
    """Columns with the name that they are shown under: the one that they were asked for by."""
    if wanted is None:
        return [(column, column.name) for column in columns if column.is_default]
    chosen: dict[str, Column] = {}
    for name in (each.strip() for each in wanted):
        pattern = Wildcard.of(name)
        for column in columns:
            if column.is_called(pattern):
                chosen.setdefault(column.name if "*" in name else name, column)
                if "*" not in name:
                    break
    return [(column, label) for label, column in chosen.items()]


def _sort(rows: list[Any], columns: Sequence[Column], key: str) -> None:
    name, _, order = key.strip().partition(":")
    pattern = Wildcard.of(name)
    column = next((column for column in columns if column.is_called(pattern)), None)
    if column is None:
        raise illegal_argument(f"Unable to sort by unknown sort key `{name}`")

    def rank(row: Any) -> tuple[bool, Value]:
        value = column.read(row)
        return value is not None, value if value is not None else 0

    rows.sort(key=rank, reverse=order.lower() == "desc")


def _printed(column: Column, value: Value, options: Mapping[str, Any]) -> str | None:
    if value is None:
        return None
    if column.kind == "bytes":
        unit = options.get("bytes")
        return format_bytes(value) if unit is None else str(value >> _BYTE_POWERS[unit])
    if column.kind == "millis":
        unit = options.get("time")
        return _duration(value) if unit is None else str(int(value / _MILLIS[unit]))
    if column.kind == "moment":
        return iso(value)
    return str(value)


def _duration(milliseconds: float) -> str:
    """In the largest unit, with at most one decimal: ``1.5m``."""
    for unit in ("d", "h", "m", "s"):
        if milliseconds >= _MILLIS[unit]:
            return f"{int(milliseconds / _MILLIS[unit] * 10) / 10:.1f}".removesuffix(".0") + unit
    return f"{int(milliseconds)}ms" if milliseconds else "0s"


def _text(rows: Sequence[Sequence[str | None]], columns: Sequence[Column]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[index] or "") for row in rows) for index in range(len(columns))]
    lines = []
    for row in rows:
        cells = [f"{cell or '':<{width}}" for cell, width in zip(row, widths, strict=True)]
        lines.append(" ".join(cells).rstrip() + "\n")
    return "".join(lines)
