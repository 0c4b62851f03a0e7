"""Forecasts: the model carried on without data.

prediction = the model's level and patterns of the hour and the week + the trend of what whole days were off them;
the bounds widen as the daily means of the past were seen to stray from such forecasts (trend.py). Where there are
only a few days, the model goes on alone, with bounds of sigma^2 (1 + h / tau): what a level wandered in tau buckets
it may wander again.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proxy.engine.daily_means import DAYS, DailyMeans
from proxy.engine.functions import Kind, plot_feature
from proxy.engine.models.series import BOUND_SPREADS, SeriesModel
from proxy.engine.results import Document, Floats
from proxy.engine.series_detector import SeriesDetector
from proxy.engine.spec import DetectorSpec, JobSpec
from proxy.engine.trend import Trend, fit

Rows = NDArray[np.intp]

# What the last buckets were off their patterns fades by this a bucket.
NEARNESS = 0.75
# Buckets ahead after which nothing of it is left.
LONG_AHEAD = 10_000
NEGLIGIBLE = 1e-3
DAYS_OF_WEEK = 7
# Patterns are no finer than this.
FINEST_STEP_S = 900
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
        for part in detector.parts:
            model = part.model
            ready = model.history.with_at_least(2 * model.warm_up)
            if not len(ready):
                continue
            memory += len(ready) * model.bytes_per_series()
            if (len(documents) + len(ready) * steps) * _DOCUMENT_BYTES > _MOST_BYTES:
                raise ForecastRefused(
                    "Forecast cannot be executed as forecast memory usage is predicted to exceed 500MB"
                )
            course = Course.of(model, part.means, ready, start)
            curves = [course.at(int(t)) for t in times.tolist()]
            for at, row in enumerate(ready.tolist()):
                head = _head(detector.spec, spec, detector.registry.keys[row])
                documents.extend(
                    _document(head, int(t), plot_feature(part.function), [float(c[at]) for c in curve])
                    for t, curve in zip(times.tolist(), curves, strict=True)
                )
    messages = [] if documents else [NOT_ESTABLISHED]
    return Forecast(documents, start * 1000, (start + steps * span) * 1000, memory, messages)


@dataclass(frozen=True, slots=True)
class Course:
    """What some series are going to do: the model's patterns on a trend of their daily means.

    `trend` is that of what the days were off the patterns, as of the middle of the day that began at `origin`;
    `is_daily` tells whose pattern is that of the day alone, `noise` is the variance of a daily mean by chance.
    """

    model: SeriesModel
    rows: Rows
    trend: Trend
    is_daily: NDArray[np.bool_]
    noise: Floats
    start: int
    origin: int
    slot_s: int

    @classmethod
    def of(cls, model: SeriesModel, means: DailyMeans, rows: Rows, start: int) -> "Course":
        """The course of `rows` from the bucket at `start` on."""
        day = start // means.slot_s
        known, count = means.until(day, rows)
        weekday = (day - np.arange(len(known))[::-1]) % DAYS_OF_WEEK
        usual = _whole_days(model, rows, start, means.slot_s)
        known = known - _own_days(model, rows, range(day - DAYS + 1, day + 1), means.slot_s)
        by_week, by_day = (fit(known - each[weekday]) for each in usual)
        # The first weekdays of a series that grows are each unlike those before: a trend explains them as well.
        is_daily = (by_day.slope != 0.0) & (by_day.days < 2 * DAYS_OF_WEEK)
        spread = model.predict(start, rows).spread
        noise = spread**2 / np.maximum(count.max(axis=0), 1.0)
        return cls(
            model, rows, by_day.where(is_daily, by_week), is_daily, noise, start, day * means.slot_s, means.slot_s
        )

    def at(self, time: int) -> tuple[Floats, Floats, Floats]:
        """(lower, prediction, upper) of the bucket at `time`."""
        ahead = (time - self.start) // self.model.span
        expected = self.model.predict(time, self.rows, LONG_AHEAD)
        pattern = np.where(self.is_daily, _daily(self.model, time, self.rows), expected.typical)
        value, variance = self.trend.ahead((time + 0.5 * self.model.span - self.origin) / self.slot_s - 0.5)
        prediction = pattern + value
        near = NEARNESS**ahead
        if near > NEGLIGIBLE:
            # The next buckets go on from the last ones.
            prediction += near * (self.model.predict(time, self.rows).typical - prediction)
        spread = expected.spread * expected.factor
        alone = spread**2 * ahead / self.model.grid.level_memory
        variance = np.where(self.trend.days > 0, np.maximum(variance - self.noise, 0.0), alone)
        width = BOUND_SPREADS * np.sqrt(spread**2 + variance)
        floor = np.where(self.model.seen_range.never_negative(self.rows), 0.0, -np.inf)
        lower, upper = prediction - width, prediction + width
        return np.maximum(lower, floor), np.maximum(prediction, floor), np.maximum(upper, floor)


def _whole_days(model: SeriesModel, rows: Rows, start: int, slot_s: int) -> tuple[Floats, Floats]:
    """(with, without the week's pattern) mean of each whole day of the week after `start`, days x rows; the n-th since
    1970 is in row n modulo 7. Both without what is a series' own: a period, a day of the month."""
    with_week, without = np.empty((2, DAYS_OF_WEEK, len(rows)))
    days = range(start // slot_s + 1, start // slot_s + 1 + DAYS_OF_WEEK)
    own = _own_days(model, rows, days, slot_s)
    for day, mean in zip(days, own, strict=True):
        times = range(day * slot_s, (day + 1) * slot_s, max(model.span, FINEST_STEP_S))
        with_week[day % DAYS_OF_WEEK] = (
            np.mean([model.predict(t, rows, LONG_AHEAD).typical for t in times], axis=0) - mean
        )
        without[day % DAYS_OF_WEEK] = np.mean([_daily(model, t, rows) for t in times], axis=0) - mean
    return with_week, without


def _own_days(model: SeriesModel, rows: Rows, days: range, slot_s: int) -> Floats:
    """The mean of each series' own patterns on each of the days, days x rows."""
    out, own = np.zeros((len(days), len(rows))), np.flatnonzero(model.location.has_own(rows))
    for i, day in enumerate(days if len(own) else ()):
        times = range(day * slot_s, (day + 1) * slot_s, max(model.span, FINEST_STEP_S))
        out[i, own] = np.mean([model.location.own_part(model.history.at(t, rows[own])) for t in times], axis=0)
    return out


def _daily(model: SeriesModel, time: int, rows: Rows) -> Floats:
    return model.location.daily(model.history.at(time, rows))


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
