"""Date histograms as clusters from version 8 on read them: the old `interval` says which kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.job_config.histogram_interval import is_calendar

_NEW = ("fixed_interval", "calendar_interval")


def with_named_intervals(aggregations: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which each `date_histogram` has a `fixed_interval` or `calendar_interval`."""
    return {
        key: _date_histogram(value) if key == "date_histogram" and isinstance(value, Mapping) else _walked(value)
        for key, value in aggregations.items()
    }


def _walked(value: Any) -> Any:  # any JSON
    if isinstance(value, Mapping):
        return with_named_intervals(value)
    return [_walked(each) for each in value] if isinstance(value, list) else value


def _date_histogram(settings: Mapping[str, Any]) -> dict[str, Any]:
    interval = settings.get("interval")
    if interval is None or any(settings.get(name) is not None for name in _NEW):
        return dict(settings)
    named = {"calendar_interval": interval} if is_calendar(interval) else {"fixed_interval": _text(interval)}
    return {key: value for key, value in settings.items() if key != "interval"} | named


def _text(interval: object) -> str:
    return f"{interval}ms" if isinstance(interval, int | float) else str(interval)
