"""The times of `_flush` and of the reset range of `_data`: which may go together, and how they are written."""

from __future__ import annotations

import re
from typing import Any

from proxy.api.call import Call
from proxy.errors import MlError, illegal_argument, status_error
from proxy.units import bad_query_date, parse_date_ms

# Integers up to this many digits are seconds, longer ones milliseconds.
_SECONDS_DIGITS = 10
# No record or bucket lies beyond the year 9999.
_LATEST_MS = 253_402_300_800_000


def time_ms(name: str, text: str, now_ms: int) -> int:
    """Epoch milliseconds of a time option.

    Raises:
        MlError: parse_exception for what is not a time.
    """
    try:
        if re.fullmatch(r"-?\d+", text):
            number = int(text)
            moment = number * 1000 if len(text.lstrip("-")) <= _SECONDS_DIGITS else number
        else:
            moment = parse_date_ms(text, now_ms)
    except (ValueError, OverflowError) as error:
        raise bad_query_date(name, text) from error
    if abs(moment) > _LATEST_MS:
        raise bad_query_date(name, text)
    return moment


def engine_options(call: Call, now_ms: int) -> dict[str, Any]:
    """What the engine is to do, its times in epoch seconds.

    Raises:
        MlError: 400 for options that do not go together.
    """
    calc_interim = call.option("calc_interim", False)
    start, end = call.option("start") or None, call.option("end") or None
    _check_combination(start, end, calc_interim=calc_interim)
    start_s, end_s = _range_s(start, end, now_ms)
    advance, skip = call.option("advance_time") or None, call.option("skip_time") or None
    advance_s = None if advance is None else time_ms("advance_time", advance, now_ms) // 1000
    skip_s = None if skip is None else time_ms("skip_time", skip, now_ms) // 1000
    if advance_s is not None and skip_s is not None and advance_s <= skip_s:
        raise status_error(f"advance_time [{advance}] must be later than skip_time [{skip}]", 400)
    return {
        "calc_interim": calc_interim,
        "start": start_s,
        "end": end_s,
        "advance_to": advance_s,
        "skip_to": skip_s,
    }


def _check_combination(start: str | None, end: str | None, *, calc_interim: bool) -> None:
    if not calc_interim:
        for name, given in (("start", start), ("end", end)):
            if given is not None:
                raise illegal_argument(f"Invalid flush parameters: unexpected '{name}'.")
    if end is not None and start is None:
        raise illegal_argument("Invalid flush parameters: 'start' has not been specified.")


def _range_s(start: str | None, end: str | None, now_ms: int) -> tuple[int | None, int | None]:
    """Whole seconds; a range without an end, or of no length, is one second long."""
    if start is None:
        return None, None
    start_s = time_ms("start", start, now_ms) // 1000
    end_s = start_s if end is None else time_ms("end", end, now_ms) // 1000
    if end_s < start_s:
        raise invalid_range(str(start), str(end))
    return start_s, max(end_s, start_s + 1)


def invalid_range(start: str, end: str) -> MlError:
    return illegal_argument(f"Invalid time range: end time '{end}' is earlier than start time '{start}'.")


def reset_range_s(call: Call, now_ms: int) -> tuple[int, int] | None:
    """The range of time that posted data replace, in epoch seconds; None where nothing is to be replaced."""
    start, end = call.query.get("reset_start") or None, call.query.get("reset_end") or None
    start_s, end_s = _range_s(start, end, now_ms)
    return None if start_s is None or end_s is None else (start_s, end_s)
