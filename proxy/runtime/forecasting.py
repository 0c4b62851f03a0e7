"""A forecast of an open job: its points and what is known about it, as documents."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.engine import Forecast
from proxy.runtime.documents import Line, index_lines
from proxy.store.results import ids as result_ids


@dataclass(frozen=True, slots=True)
class ForecastOrder:
    """What was asked for; times in milliseconds, ``expires_in_ms`` 0 never expires, memory in bytes."""

    forecast_id: str
    duration_ms: int
    expires_in_ms: int
    max_model_memory: int


def point_lines(alias: str, job_id: str, order: ForecastOrder, forecast: Forecast) -> list[bytes]:
    return index_lines(alias, _points(job_id, order.forecast_id, forecast))


def _points(job_id: str, forecast_id: str, forecast: Forecast) -> Iterator[Line]:
    points: Iterable[Mapping[str, Any]] = forecast.documents
    for point in points:
        document_id = result_ids.model_forecast(
            job_id, forecast_id, point["timestamp"], point["bucket_span"], point["detector_index"],
            by=point.get("by_field_value"), partition=point.get("partition_field_value"),
        )  # fmt: skip
        yield document_id, {"job_id": job_id, "forecast_id": forecast_id, "result_type": "model_forecast", **point}


def stats_line(
    alias: str, job_id: str, order: ForecastOrder, outcome: Forecast | str, *, now_ms: int, started: float
) -> list[bytes]:
    """The request's statistics: finished with a forecast, or failed with the text that says why."""
    forecast = outcome if isinstance(outcome, Forecast) else None
    messages = [outcome] if isinstance(outcome, str) else outcome.messages
    stats: dict[str, Any] = {
        "job_id": job_id,
        "result_type": "model_forecast_request_stats",
        "forecast_id": order.forecast_id,
        "processed_record_count": len(forecast.documents) if forecast else 0,
    }
    if messages:
        stats["forecast_messages"] = messages
    stats["timestamp"] = forecast.start_ms if forecast else now_ms
    if forecast:
        stats |= {"forecast_start_timestamp": forecast.start_ms, "forecast_end_timestamp": forecast.end_ms}
    stats["forecast_create_timestamp"] = now_ms
    if order.expires_in_ms:
        stats["forecast_expiry_timestamp"] = now_ms + order.expires_in_ms
    stats |= {
        "forecast_progress": 1.0 if forecast else 0.0,
        "processing_time_ms": int((time.perf_counter() - started) * 1000),
        "forecast_memory_bytes": forecast.memory_bytes if forecast else 0,
        "forecast_status": "finished" if forecast else "failed",
    }
    return index_lines(alias, iter([(result_ids.model_forecast_request_stats(job_id, order.forecast_id), stats)]))
