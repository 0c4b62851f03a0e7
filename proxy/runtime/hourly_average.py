"""An exponential average of the milliseconds that were spent on each hour of a job's data.

It is kept in the form in which the statistics of jobs and datafeeds store it: a context of three values.
"""

from __future__ import annotations

import math

_HOUR_MS = 3_600_000

Context = dict[str, float | int | None]


def new_context() -> Context:
    return {"incremental_metric_value_ms": 0.0, "latest_timestamp": None, "previous_exponential_average_ms": None}


def add(context: Context, took_ms: float, latest_ms: int) -> None:
    """Counts time that was spent on data up to ``latest_ms``: an hour joins the average when it is over."""
    previous = context["latest_timestamp"]
    if previous is not None and latest_ms // _HOUR_MS > int(previous) // _HOUR_MS:
        context["previous_exponential_average_ms"] = per_hour(context)
        context["incremental_metric_value_ms"] = 0.0
    context["latest_timestamp"] = latest_ms
    context["incremental_metric_value_ms"] = float(context["incremental_metric_value_ms"] or 0.0) + took_ms


def per_hour(context: Context) -> float:
    """The average with the hour that is not over yet, which counts the more the longer it lasts."""
    before = context["previous_exponential_average_ms"]
    now = float(context["incremental_metric_value_ms"] or 0.0)
    if before is None:
        return now
    latest = int(context["latest_timestamp"] or 0)
    weight = math.exp(-(latest % _HOUR_MS) / _HOUR_MS)
    return weight * float(before) + (1 - weight) * now
