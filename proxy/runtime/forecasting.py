"""A forecast of an open job as documents: its points, and what is known about it while it is made and afterwards.

Its status goes from scheduled over started to finished or failed, ``forecast_progress`` from 0 to 1. When it is made is
the matter of ``place.foretelling``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from proxy.engine import Forecast
from proxy.engine.results import Document
from proxy.runtime.documents import Line, index_lines
from proxy.store.results import ids as result_ids

# What is said of a forecast whose making was ended together with what made it.
KILLED = "forecast unable to complete as native process was killed."
Stage = Literal["scheduled", "started", "finished", "failed"]


@dataclass(frozen=True, slots=True)
class ForecastOrder:
    """What was asked for; times in milliseconds, ``expires_in_ms`` 0 never expires, memory in bytes."""

    forecast_id: str
    duration_ms: int
    expires_in_ms: int
    max_model_memory: int


@dataclass(frozen=True, slots=True)
class Making:
    """How far a forecast is that was asked for at ``now_ms``; None is one that cannot be made."""

    order: ForecastOrder
    now_ms: int
    forecast: Forecast | None
    written: int = 0
    took_s: float = 0.0

    @property
    def progress(self) -> float:
        """0..1."""
        return self.written / self.forecast.size if self.forecast and self.forecast.size else 0.0


def point_lines(alias: str, job_id: str, order: ForecastOrder, points: Sequence[Document]) -> list[bytes]:
    """Bulk lines of a part of a forecast's points."""
    return index_lines(alias, _points(job_id, order.forecast_id, points))


def _points(job_id: str, forecast_id: str, points: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for point in points:
        document_id = result_ids.model_forecast(
            job_id, forecast_id, point["timestamp"], point["bucket_span"], point["detector_index"],
            by=point.get("by_field_value"), partition=point.get("partition_field_value"),
        )  # fmt: skip
        yield document_id, {"job_id": job_id, "forecast_id": forecast_id, "result_type": "model_forecast", **point}


def stats_line(alias: str, job_id: str, making: Making, stage: Stage, messages: Sequence[str] = ()) -> list[bytes]:
    """The request's statistics as a bulk line."""
    order, forecast = making.order, making.forecast
    stats: dict[str, Any] = {
        "job_id": job_id,
        "result_type": "model_forecast_request_stats",
        "forecast_id": order.forecast_id,
        "processed_record_count": making.written,
    }
    if messages:
        stats["forecast_messages"] = list(messages)
    stats["timestamp"] = forecast.start_ms if forecast else making.now_ms
    if forecast:
        stats |= {"forecast_start_timestamp": forecast.start_ms, "forecast_end_timestamp": forecast.end_ms}
    stats["forecast_create_timestamp"] = making.now_ms
    if order.expires_in_ms:
        stats["forecast_expiry_timestamp"] = making.now_ms + order.expires_in_ms
    stats |= {
        "forecast_progress": 1.0 if stage == "finished" else making.progress,
        "processing_time_ms": int(making.took_s * 1000),
        "forecast_memory_bytes": forecast.memory_bytes if forecast else 0,
        "forecast_status": stage,
    }
    return index_lines(alias, iter([(result_ids.model_forecast_request_stats(job_id, order.forecast_id), stats)]))


def cut_short_lines(alias: str, job_id: str, unfinished: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """The statistics of forecasts that nobody makes any more, as failed."""
    ended = (
        (
            result_ids.model_forecast_request_stats(job_id, str(stats["forecast_id"])),
            {**stats, "forecast_messages": [KILLED], "forecast_status": "failed"},
        )
        for stats in unfinished
    )
    return index_lines(alias, ended)
