"""When the upkeep of a night begins: a pure rule."""

from __future__ import annotations

from zlib import crc32

_DAY_MS = 86_400_000
# Half an hour after midnight (UTC) at the earliest, and within the two hours after, as Elasticsearch does.
_EARLIEST_MS = 30 * 60_000
_SPREAD_MS = 120 * 60_000
# What was missed is made up for within ten minutes, not in the moment of a start.
_MAKE_UP_MS = 10 * 60_000


def next_night_ms(cluster_name: str, finished_ms: int | None, now_ms: int) -> int:
    """The next moment to begin, given when the upkeep was last finished (None: never), all in epoch milliseconds.

    A cluster always has the same time of night, another than other clusters. A night that was missed, or in which the
    upkeep was cut short, is made up for soon; where there was no night yet, the first one is waited for.
    """
    part = crc32(cluster_name.encode())
    offset_ms = _EARLIEST_MS + part % _SPREAD_MS
    due_ms = _first_after(now_ms if finished_ms is None else finished_ms, offset_ms)
    return due_ms if due_ms > now_ms else now_ms + part % _MAKE_UP_MS


def _first_after(moment_ms: int, offset_ms: int) -> int:
    days = (moment_ms - offset_ms) // _DAY_MS + 1
    return days * _DAY_MS + offset_ms
