"""Rules of calendars and their events; events as they are stored, with times in epoch milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from proxy.api.call import Call
from proxy.api.rules.identifiers import MAX_ID_LENGTH, invalid_id_text, is_valid_id
from proxy.errors import MlError, illegal_argument, parse_error, status_error, validation_failed
from proxy.store import Calendar, Event
from proxy.units import parse_date_ms

_FORMAT = "strict_date_optional_time||epoch_millis"


def check_calendar_id(calendar_id: str) -> None:
    """
    Raises:
        MlError: 400 that counts all that is wrong with it.
    """
    faults = []
    if calendar_id == "_all":
        faults.append("Cannot create a Calendar with the reserved name [_all]")
    if not is_valid_id(calendar_id):
        faults.append(invalid_id_text("calendar_id", calendar_id))
    if len(calendar_id) > MAX_ID_LENGTH:
        faults.append(f"Invalid calendar_id; '{calendar_id}' cannot contain more than {MAX_ID_LENGTH} characters.")
    if faults:
        raise validation_failed(*faults)


def check_page_or_id(call: Call) -> None:
    """One calendar has no pages.

    Raises:
        MlError: 400 for an exact id with a page.
    """
    calendar_id = call.path.get("calendar_id", "")
    is_exact = calendar_id not in ("", "_all") and "*" not in calendar_id
    has_page = "page" in call.body if call.body is not None else bool({"from", "size"} & call.query.keys())
    if is_exact and has_page:
        raise validation_failed("Params [from, size] are incompatible with [calendar_id].")


def check_removed_jobs(calendar: Calendar, job_ids: Sequence[str]) -> None:
    """
    Raises:
        MlError: 400 for one that the calendar does not name.
    """
    present = set(calendar.job_ids)
    for job_id in job_ids:
        if job_id not in present:
            raise status_error(
                f"Cannot remove [{job_id}] as it is not present in calendar [{calendar.calendar_id}]", 400
            )


def read_events(call: Call, calendar_id: str, new_id: Callable[[], str]) -> list[dict[str, Any]]:
    """The posted events, each with an id of its own.

    Raises:
        MlError: 400 for none, or for one that cannot be.
    """
    given = call.body.get("events", ())
    times = [_times(call, number, event) for number, event in enumerate(given)]
    for event in given:
        named = event.get("calendar_id", calendar_id)
        if named != calendar_id:
            raise status_error(
                f"Inconsistent calendar_id; '{named}' specified in the body differs from '{calendar_id}' "
                "specified as a URL argument",
                400,
            )
    read = [_event(event | moments, calendar_id) for event, moments in zip(given, times, strict=True)]
    if not read:
        raise status_error("At least 1 event is required", 400)
    return [event | {"event_id": new_id()} for event in read]


def _times(call: Call, number: int, event: dict[str, Any]) -> dict[str, int]:
    moments: dict[str, int] = {}
    for name in ("start_time", "end_time"):
        if name in event:
            try:
                moments[name] = _epoch_ms(event[name])
            except ValueError as error:
                raise call.body_error(("events", number, name), _not_a_date(event[name]), at="value") from error
    return moments


def _epoch_ms(value: str | float) -> int:
    """Whole milliseconds, which an ISO text cannot say of dates beyond the year 9999.

    Raises:
        ValueError: neither a number of milliseconds nor a date.
    """
    moment = parse_date_ms(value, 0) if isinstance(value, str) and not value.startswith("now") else int(value)
    _instant(moment)
    return moment


def _not_a_date(value: object) -> MlError:
    return illegal_argument(f"failed to parse date field [{value}] with format [{_FORMAT}]")


def _event(event: dict[str, Any], calendar_id: str) -> dict[str, Any]:
    for name in ("description", "start_time", "end_time"):
        if name not in event:
            raise status_error(f"Field [{name}] cannot be null", 400)
    start_ms, end_ms = event["start_time"], event["end_time"]
    if start_ms >= end_ms:
        raise status_error(
            f"Event start time [{_instant(start_ms)}] must come before end time [{_instant(end_ms)}]", 400
        )
    shift = {"force_time_shift": event["force_time_shift"]} if "force_time_shift" in event else {}
    return {
        "description": event["description"],
        "start_time": start_ms,
        "end_time": end_ms,
        "skip_result": event.get("skip_result", True),
        "skip_model_update": event.get("skip_model_update", True),
        **shift,
        "calendar_id": calendar_id,
    }


def _instant(epoch_ms: int) -> str:
    """As Java prints a moment: milliseconds only where there are some.

    Raises:
        ValueError: it is too far away.
    """
    try:
        whole = datetime.fromtimestamp(epoch_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, OSError) as error:
        raise ValueError(f"[{epoch_ms}] is out of the range of dates") from error
    return whole + (f".{epoch_ms % 1000:03d}Z" if epoch_ms % 1000 else "Z")


def overlapping(events: Iterable[Event], call: Call, now_ms: int) -> list[Event]:
    """The events that end after ``start`` and begin before ``end``, where these are given.

    Raises:
        MlError: 400 for what is no date.
    """
    start_ms, end_ms = (_bound(call.option(name), now_ms) for name in ("start", "end"))
    return [
        event
        for event in events
        if (start_ms is None or event["end_time"] > start_ms) and (end_ms is None or event["start_time"] < end_ms)
    ]


def _bound(text: str | None, now_ms: int) -> int | None:
    if not text:
        return None
    try:
        return parse_date_ms(text, now_ms)
    except ValueError as error:
        raise parse_error(f"failed to parse date field [{text}] with format [{_FORMAT}]") from error
