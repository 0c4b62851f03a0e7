"""The length of the buckets of a histogram aggregation, fixed or by calendar, in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.errors import MlError, illegal_argument, status_error
from proxy.job_config.aggregation_tree import unparsable
from proxy.units import parse_duration_ms

_SECOND_MS, _MINUTE_MS, _HOUR_MS, _DAY_MS, _WEEK_MS = 1_000, 60_000, 3_600_000, 86_400_000, 604_800_000
_CALENDAR_MS = {
    "1s": _SECOND_MS, "second": _SECOND_MS,
    "1m": _MINUTE_MS, "minute": _MINUTE_MS,
    "1h": _HOUR_MS, "hour": _HOUR_MS,
    "1d": _DAY_MS, "day": _DAY_MS,
    "1w": _WEEK_MS, "week": _WEEK_MS,
}  # fmt: skip
_OF_CHANGING_LENGTH = ("1M", "month", "1q", "quarter", "1y", "year")
_FIXED, _CALENDAR, _OLD = "fixed_interval", "calendar_interval", "interval"
_UTC = frozenset(
    {
        "utc", "z", "gmt", "uct", "zulu", "universal", "greenwich", "gmt0", "etc/utc", "etc/gmt", "etc/uct",
        "etc/zulu", "etc/universal", "etc/greenwich", "etc/gmt+0", "etc/gmt-0", "utc+0", "utc-0", "+00:00",
        "+0000", "+00", "+0", "-00:00",
    }
)  # fmt: skip


def histogram_interval_ms(settings: Mapping[str, Any]) -> int:
    """The interval of a `histogram` over time, cut to whole milliseconds.

    Raises:
        MlError: 400, it is no number.
    """
    interval = settings.get(_OLD)
    if isinstance(interval, str):
        try:
            interval = float(interval)
        except ValueError as error:
            raise unparsable(illegal_argument(f'For input string: "{interval}"')) from error
    if isinstance(interval, bool) or not isinstance(interval, int | float):
        raise unparsable(illegal_argument("Required [interval]"))
    return int(interval)


def date_histogram_interval_ms(settings: Mapping[str, Any]) -> int:
    """The interval of a `date_histogram`, or of such a source of a composite aggregation.

    Raises:
        MlError: 400, it has none, two, one of changing length, or not by UTC.
    """
    zone = settings.get("time_zone")
    if zone is not None and str(zone).lower() not in _UTC and zone != 0:
        raise status_error("ML requires date_histogram.time_zone to be UTC", 400)
    given = [name for name in (_CALENDAR, _FIXED) if settings.get(name) is not None]
    if len(given) > 1:
        text = "Cannot use [fixed_interval] with [calendar_interval] configuration option."
        raise unparsable(illegal_argument(text))
    given = given or [name for name in (_OLD,) if settings.get(name) is not None]
    if not given:
        raise illegal_argument("Must specify an interval for date_histogram")
    value = settings[given[0]]
    if given[0] == _CALENDAR or (given[0] == _OLD and is_calendar(value)):
        return _calendar_ms(str(value))
    return int(value) if isinstance(value, int | float) else _fixed_ms(str(value))


def is_calendar(interval: object) -> bool:
    """Whether an interval under its old name is one of the calendar."""
    return interval in _CALENDAR_MS or interval in _OF_CHANGING_LENGTH


def _calendar_ms(interval: str) -> int:
    if interval in _OF_CHANGING_LENGTH:
        raise status_error(
            f"When specifying a date_histogram calendar interval [{interval}], ML does not accept intervals longer "
            "than a week because of variable lengths of periods greater than a week",
            400,
        )
    if interval not in _CALENDAR_MS:
        text = f"The supplied interval [{interval}] could not be parsed as a calendar interval."
        raise unparsable(illegal_argument(text))
    return _CALENDAR_MS[interval]


def _fixed_ms(interval: str) -> int:
    try:
        return parse_duration_ms(interval, _FIXED)
    except MlError as error:
        raise unparsable(error) from error
