"""What may be asked of a forecast, checked in Elasticsearch's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.errors import MlError, illegal_argument, status_error
from proxy.units import format_bytes, parse_bytes, parse_duration_ms

_DAY_MS = 86_400_000
_MB = 1024 * 1024
_DEFAULT_SPAN = "5m"
_DEFAULT_MEMORY = 20 * _MB
_LOWEST_MEMORY = _MB
_MEMORY_BOUND = 500 * _MB
_LONGEST_MS = 3650 * _DAY_MS
# A forecast must leave the model the greater part of the job's memory.
_SHARE_OF_JOB_MEMORY = 0.4


@dataclass(frozen=True, slots=True)
class ForecastRequest:
    """``expires_in_ms`` 0 means never. ``duration_text`` is the duration as the client wrote it."""

    duration_ms: int = _DAY_MS
    duration_text: str = "1d"
    expires_in_ms: int = 14 * _DAY_MS
    max_model_memory: int = _DEFAULT_MEMORY


def forecast_request(call: Call) -> ForecastRequest:
    """The options of a forecast.

    Raises:
        MlError: 400 for one out of bounds.
    """
    duration_text = call.option("duration", "1d")
    return ForecastRequest(
        duration_ms=_checked(call, "duration", _duration),
        duration_text=duration_text,
        expires_in_ms=_checked(call, "expires_in", _expiry),
        max_model_memory=_checked(call, "max_model_memory", _memory),
    )


def _checked(call: Call, name: str, read: Callable[[Any], int]) -> int:
    given = call.option(name)
    try:
        return read(given)
    except MlError as error:
        raise (call.body_error((name,), error, at="value") if call.body is not None else error) from error


def _duration(text: str | None) -> int:
    if text is None:
        return _DAY_MS
    value = parse_duration_ms(text, "duration")
    if value <= 0:
        raise illegal_argument(f"[duration] must be positive: [{_as_printed(text, value)}]")
    if value > _LONGEST_MS:
        raise illegal_argument(f"[duration] must be 3650d or less: [{_as_printed(text, value)}]")
    return value


def _expiry(text: str | None) -> int:
    if text is None:
        return 14 * _DAY_MS
    value = parse_duration_ms(text, "expires_in")
    if value < 0:
        raise illegal_argument(f"[expires_in] must be non-negative: [{_as_printed(text, value)}]")
    return value


def _memory(given: str | int | None) -> int:
    if given is None:
        return _DEFAULT_MEMORY
    value = given if isinstance(given, int) else parse_bytes(given, "max_model_memory")
    if value < _LOWEST_MEMORY:
        raise illegal_argument("[max_model_memory] must be at least 1mb.")
    if value >= _MEMORY_BOUND:
        raise illegal_argument("[max_model_memory] must be less than 500mb")
    return value


def _as_printed(text: str, value_ms: int) -> str:
    """Elasticsearch prints a time value as it was written, but a negative one without its unit."""
    return "-1" if value_ms < 0 else text.strip()


def check_against_job(request: ForecastRequest, config: Mapping[str, Any]) -> None:
    span_text = config["analysis_config"].get("bucket_span", _DEFAULT_SPAN)
    if request.duration_ms < parse_duration_ms(span_text, "bucket_span"):
        raise status_error(
            f"[duration] must be greater or equal to the bucket span: [{request.duration_text}/{span_text}]", 400
        )


def memory_within_job(request: ForecastRequest, config: Mapping[str, Any]) -> tuple[int, str | None]:
    """The bytes that the forecast may use, and a warning if that is less than asked for."""
    limit_text = (config.get("analysis_limits") or {}).get("model_memory_limit")
    if limit_text is None:
        return request.max_model_memory, None
    most = int(parse_bytes(str(limit_text), "model_memory_limit") * _SHARE_OF_JOB_MEMORY)
    if request.max_model_memory < most:
        return request.max_model_memory, None
    lowered = most - 1
    warning = (
        f"The requested forecast memory [{format_bytes(request.max_model_memory)}] exceeds 40% of the job's "
        f"model_memory_limit, it is lowered to [{lowered}b]"
    )
    return lowered, warning
