"""Forecasts: the model carried on without data.

prediction = level + damped trend + the pattern of the hour and the week; the bounds widen with the horizon h as
sigma^2 (1 + h / tau): what the level was seen to wander in tau buckets it may wander again.
"""

from dataclasses import dataclass, field

import numpy as np

from proxy.engine.functions import Kind
from proxy.engine.models.patterns import DAY
from proxy.engine.models.series import BOUND_SPREADS, SeriesModel
from proxy.engine.results import Document, Floats
from proxy.engine.series_detector import SeriesDetector, plot_feature
from proxy.engine.spec import DetectorSpec, JobSpec

# A trend is believed less each day.
TREND_DAMPING_A_DAY = 0.98
# A document in the making takes about a kilobyte; the documented limit is on what a forecast takes.
_DOCUMENT_BYTES, _MOST_BYTES = 1000, 500 * 1000 * 1000
NOT_ESTABLISHED = "Insufficient history to forecast for all models"


class ForecastRefused(ValueError):
    """The job cannot be forecast; the text is the documented one."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """One document per series and bucket (without job_id, forecast_id and result_type), times in epoch ms."""

    documents: list[Document]
    start_ms: int
    end_ms: int
    memory_bytes: int
    messages: list[str] = field(default_factory=list)


def check(detectors: tuple[DetectorSpec, ...], memory_status: str, last_bucket_end: int | None) -> None:
    """Raises ForecastRefused where no forecast is possible at all."""
    if detectors and all(d.over for d in detectors):
        raise ForecastRefused("Forecast is not supported for population analysis")
    if not any(is_forecastable(d) for d in detectors):
        raise ForecastRefused("Forecast is not supported for the used functions")
    if last_bucket_end is None:
        raise ForecastRefused("Forecast cannot be executed as job requires data to have been processed and modeled")
    if memory_status != "ok":
        raise ForecastRefused("Forecast cannot be executed as model memory status is not OK")


def is_forecastable(detector: DetectorSpec) -> bool:
    """Individual counts and metrics can be carried on; the rest has no future of its own."""
    return detector.kind is Kind.SERIES and detector.over is None


def make(detectors: list[SeriesDetector], spec: JobSpec, last_bucket_end: int, duration: int) -> Forecast:
    """Forecasts every series that has learnt enough, from the last finished bucket on.

    Raises:
        ForecastRefused: it would take more memory than a forecast may.
    """
    span = spec.bucket_span
    start = last_bucket_end - span
    steps = max(1, duration // span)
    times = start + span * np.arange(steps)
    documents: list[Document] = []
    memory = 0
    for detector in detectors:
        for model, part in zip(detector.models, detector.spec.parts, strict=True):
            ready = np.flatnonzero(model.columns["n"] >= 2 * model.warm_up)
            if not len(ready):
                continue
            memory += len(ready) * model.columns.bytes_per_series()
            if (len(documents) + len(ready) * steps) * _DOCUMENT_BYTES > _MOST_BYTES:
                raise ForecastRefused(
                    "Forecast cannot be executed as forecast memory usage is predicted to exceed 500MB"
                )
            curves = [carried_on(model, int(t), i, ready) for i, t in enumerate(times.tolist())]
            for at, row in enumerate(ready.tolist()):
                head = _head(detector.spec, spec, detector.registry.keys[row])
                documents.extend(
                    _document(head, int(t), plot_feature(part), [float(c[at]) for c in curve])
                    for t, curve in zip(times.tolist(), curves, strict=True)
                )
    messages = [] if documents else [NOT_ESTABLISHED]
    return Forecast(documents, start * 1000, (start + steps * span) * 1000, memory, messages)


def carried_on(model: SeriesModel, time: int, ahead: int, rows: np.ndarray) -> tuple[Floats, Floats, Floats]:
    """(lower, prediction, upper) `ahead` buckets after the last one."""
    expected = model.predict(time, rows, ahead)
    slope = model.columns["slope"][rows]
    damping = TREND_DAMPING_A_DAY ** (model.span / DAY)
    reach = ahead if damping >= 1.0 else (1.0 - damping**ahead) / (1.0 - damping)
    prediction = expected.typical + slope * reach
    width = BOUND_SPREADS * expected.spread * expected.factor * np.sqrt(1.0 + ahead / model.grid.level_memory)
    lower, upper = prediction - width, prediction + width
    floor = np.where(model.columns["low"][rows] >= 0.0, 0.0, -np.inf)
    return np.maximum(lower, floor), np.maximum(prediction, floor), np.maximum(upper, floor)


def _head(detector: DetectorSpec, spec: JobSpec, key: tuple[str, str]) -> Document:
    out: Document = {"bucket_span": spec.bucket_span, "detector_index": detector.index, "timestamp": 0}
    if detector.partition:
        out |= {"partition_field_name": detector.partition, "partition_field_value": key[0]}
    if detector.by:
        out |= {"by_field_name": detector.by, "by_field_value": key[1]}
    return out


def _document(head: Document, time: int, feature: str, curve: list[float]) -> Document:
    return {
        **head,
        "timestamp": time * 1000,
        "model_feature": feature,
        "forecast_lower": curve[0],
        "forecast_upper": curve[2],
        "forecast_prediction": curve[1],
    }
