"""The options of `_start`: the times of a run, and how long to wait for it."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.api.call import Call
from proxy.errors import validation_failed
from proxy.units import bad_query_date, parse_date_ms, parse_duration_ms

DEFAULT_TIMEOUT = "20s"


@dataclass(frozen=True, slots=True)
class Run:
    """Epoch milliseconds: from ``start_ms`` on, up to ``end_ms``, which is left out; without it for ever."""

    start_ms: int
    end_ms: int | None
    timeout_ms: int


def run_of(call: Call, now_ms: int) -> Run:
    """
    Raises:
        MlError: 400 for what is not a time or no time value, or an end that is not after the start.
    """
    start_ms = time_ms("start", call.option("start"), now_ms) or 0
    end_ms = time_ms("end", call.option("end"), now_ms)
    timeout_ms = parse_duration_ms(call.option("timeout", DEFAULT_TIMEOUT), "timeout")
    if end_ms is not None and end_ms <= start_ms:
        raise validation_failed(f"start [{start_ms}] must be earlier than end [{end_ms}]")
    return Run(start_ms, end_ms, timeout_ms)


def time_ms(name: str, given: str | float | None, now_ms: int) -> int | None:
    """A time as text may be a date, milliseconds or date math; a bare number is milliseconds whatever its length.

    Raises:
        MlError: parse_exception for what is not a time.
    """
    if given is None or given == "":
        return None
    if isinstance(given, int | float):
        return int(given)
    try:
        return parse_date_ms(given, now_ms)
    except ValueError as error:
        raise bad_query_date(name, given) from error
