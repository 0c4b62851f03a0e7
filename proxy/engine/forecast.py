"""Forecasts: the model carried on without data.

prediction = the model's level and patterns of the hour and the week + the trend of what whole days were off them;
the bounds widen as the daily means of the past were seen to stray from such forecasts (trend.py). Where a bucket is a
day, the weekdays of the last four weeks stand for the patterns. Where there are only a few days, the model goes on
alone, with bounds of sigma^2 (1 + h / tau): what a level wandered in tau buckets it may wander again.

A forecast is worked out bit by bit on a copy of the models, beside what the job goes on to learn.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proxy.engine.daily_means import DAY
from proxy.engine.functions import Kind, plot_feature
from proxy.engine.models.series import BOUND_SPREADS, SeriesModel
from proxy.engine.results import Document, Floats, Ints
from proxy.engine.series_detector import SeriesDetector
from proxy.engine.spec import DetectorSpec, JobSpec
from proxy.engine.trend import DAYS_OF_WEEK, WEEKS, Trend, fit, weekdays

Rows = NDArray[np.intp]

# What the last buckets were off their patterns fades by this a bucket.
NEARNESS = 0.75
# Buckets ahead after which nothing of it is left.
LONG_AHEAD = 10_000
NEGLIGIBLE = 1e-3
WEEK = 604_800
# Patterns are no finer than this.
FINEST_STEP_S = 900
# Shorter buckets have too many times of the week to remember each.
FINEST_TABLE_S = 60
# A median of four weeks errs as well: pi / 2 of the variance of a mean.
OF_WEEKDAYS = 1.0 + np.pi / (2.0 * WEEKS)
# Who has fewer values has shown nothing yet.
FEWEST_BUCKETS = 12
# Bounds of one step of the work: documents, series, and what is remembered of the times of the week.
_DOCUMENTS_AT_ONCE, _MOST_ROWS, _TABLE_ELEMENTS = 2000, 200, 1_000_000
# A document in the making takes about a kilobyte; the documented limit is on what a forecast takes.
_DOCUMENT_BYTES, _MOST_BYTES = 1000, 500 * 1000 * 1000
NOT_ESTABLISHED = "Insufficient history to forecast for all models"


class ForecastRefused(ValueError):
    """The job cannot be forecast; the text is the documented one."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a job is going to do, on a copy of its models: nothing that the job learns afterwards is in it.

    `size` is the number of its documents, times in epoch ms.
    """

    parts: "tuple[_Part, ...]"
    spec: JobSpec
    start_s: int
    steps: int
    memory_bytes: int
    messages: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.steps * sum(len(part.heads) for part in self.parts)

    @property
    def start_ms(self) -> int:
        return self.start_s * 1000

    @property
    def end_ms(self) -> int:
        return (self.start_s + self.steps * self.spec.bucket_span) * 1000

    def documents(self) -> Iterator[list[Document]]:
        """One document per series and bucket (without job_id, forecast_id and result_type), some at a time, so that
        whoever asks may do something else in between; a list may be empty."""
        for part in self.parts:
            yield from part.documents(self.start_s, self.steps)


@dataclass(frozen=True, slots=True)
class _Part:
    """The series of one feature: a copy of their model, their daily means, and the fields that name each."""

    model: SeriesModel
    days: "Days"
    heads: list[Document]
    feature: str

    def documents(self, start: int, steps: int) -> Iterator[list[Document]]:
        span = self.model.span
        has_own = self.model.location.has_own(np.arange(len(self.heads)))
        most = int(np.clip(_TABLE_ELEMENTS // max(1, WEEK // span), 1, _MOST_ROWS))
        for rows in (np.flatnonzero(has_own), np.flatnonzero(~has_own)):
            for first in range(0, len(rows), most):
                some = rows[first : first + most]
                course = Course.of(self.model, self.days, some, start)
                yield []
                block = max(1, _DOCUMENTS_AT_ONCE // len(some))
                for step in range(0, steps, block):
                    times = start + span * np.arange(step, min(step + block, steps))
                    yield self._documents(some, times, course.at(times))

    def _documents(self, rows: Rows, times: Ints, curves: tuple[Floats, Floats, Floats]) -> list[Document]:
        lower, prediction, upper = (curve.T.tolist() for curve in curves)
        return [
            {
                **self.heads[row],
                "timestamp": time * 1000,
                "model_feature": self.feature,
                "forecast_lower": low,
                "forecast_upper": high,
                "forecast_prediction": value,
            }
            for row, *curve in zip(rows.tolist(), lower, prediction, upper, strict=True)
            for time, low, value, high in zip(times.tolist(), *curve, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Days:
    """The daily means of some series up to the day number `last`, days x series, and how many buckets each has."""

    means: Floats
    counts: Floats
    last: int
    slot_s: int


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
    """The forecast of every series that has learnt enough, from the last finished bucket on.

    Raises:
        ForecastRefused: it would take more memory than a forecast may.
    """
    start, steps = last_bucket_end - spec.bucket_span, max(1, duration // spec.bucket_span)
    parts, memory, series = [], 0, 0
    for detector in detectors:
        for part in detector.parts:
            model = part.model
            ready = model.history.with_at_least(FEWEST_BUCKETS)
            series += len(ready)
            memory += len(ready) * model.bytes_per_series()
            if series * steps * _DOCUMENT_BYTES > _MOST_BYTES:
                raise ForecastRefused(
                    "Forecast cannot be executed as forecast memory usage is predicted to exceed 500MB"
                )
            if len(ready):
                last = start // part.means.slot_s
                days = Days(*part.means.until(last, ready), last, part.means.slot_s)
                heads = [_head(detector.spec, spec, detector.registry.keys[row]) for row in ready.tolist()]
                parts.append(_Part(_copy(model, ready), days, heads, plot_feature(part.function)))
    return Forecast(tuple(parts), spec, start, steps, memory, [] if parts else [NOT_ESTABLISHED])


def _copy(model: SeriesModel, rows: Rows) -> SeriesModel:
    """A model of its own for these series."""
    twin = SeriesModel(
        model.span,
        side=model.side,
        is_count=model.is_count,
        non_negative=model.non_negative,
        zero_empty=model.zero_empty,
    )
    twin.restore(model.state())
    twin.keep(rows)
    return twin


@dataclass(frozen=True, slots=True)
class Course:
    """What some series are going to do: the model's patterns on a trend of their daily means.

    `trend` is that of what the days were off the patterns, as of the middle of the day that began at `origin`;
    `is_daily` tells whose pattern is that of the day alone, `noise` is the variance of a daily mean by chance.
    `weekdays` (7 x series, the last row that of the day at `origin`) stand for the model's patterns where a bucket is
    a day or longer. `table` has what the model expects at each time of the week, filled as it is asked for.
    """

    model: SeriesModel
    rows: Rows
    trend: Trend
    is_daily: NDArray[np.bool_]
    noise: Floats
    start: int
    origin: int
    slot_s: int
    weekdays: Floats | None = None
    table: dict[int, tuple[Floats, Floats, Floats]] = field(default_factory=dict)

    @classmethod
    def of(cls, model: SeriesModel, days: Days, rows: Rows, start: int) -> "Course":
        """The course of `rows` from the bucket at `start` on."""
        day, slot_s, known = days.last, days.slot_s, days.means[:, rows]
        known = known - _own_days(model, rows, range(day - len(known) + 1, day + 1), slot_s)
        spread = model.predict(start, rows).spread
        noise = spread**2 / np.maximum(days.counts[:, rows].max(axis=0), 1.0)
        if model.span >= DAY:
            by_weekday = weekdays(known) if slot_s == DAY else np.zeros((DAYS_OF_WEEK, len(rows)))
            trend = fit(known - by_weekday[np.arange(-len(known), 0) % DAYS_OF_WEEK])
            return cls(model, rows, trend, np.zeros(len(rows), bool), noise, start, day * slot_s, slot_s, by_weekday)
        weekday = (day - np.arange(len(known))[::-1]) % DAYS_OF_WEEK
        by_week, by_day = (fit(known - each[weekday]) for each in _whole_days(model, rows, start, slot_s))
        # The first weekdays of a series that grows are each unlike those before: a trend explains them as well.
        is_daily = (by_day.slope != 0.0) & (by_day.days < 2 * DAYS_OF_WEEK)
        return cls(model, rows, by_day.where(is_daily, by_week), is_daily, noise, start, day * slot_s, slot_s)

    def at(self, times: Ints) -> tuple[Floats, Floats, Floats]:
        """(lower, prediction, upper) of the buckets at `times`, each times x series."""
        days = ((times + 0.5 * self.model.span - self.origin) / self.slot_s - 0.5)[:, None]
        value, variance = self.trend.ahead(days)
        if self.weekdays is None:
            prediction, variance = self._by_patterns(times, value, variance)
        else:
            prediction, variance = self._by_weekdays(times, value, variance)
        width = BOUND_SPREADS * np.sqrt(variance)
        floor = np.where(self.model.seen_range.never_negative(self.rows), 0.0, -np.inf)
        lower, upper = prediction - width, prediction + width
        return np.maximum(lower, floor), np.maximum(prediction, floor), np.maximum(upper, floor)

    def _by_patterns(self, times: Ints, value: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """(prediction, variance): the model's patterns and the trend of the days."""
        ahead = ((times - self.start) // self.model.span)[:, None]
        typical, daily, spread = self._expected(times)
        prediction = np.where(self.is_daily, daily, typical) + value
        for i in np.flatnonzero(NEARNESS ** ahead[:, 0] > NEGLIGIBLE).tolist():
            # The next buckets go on from the last ones.
            here = self.model.predict(int(times[i]), self.rows).typical
            prediction[i] += NEARNESS ** ahead[i] * (here - prediction[i])
        alone = spread**2 * ahead / self.model.grid.level_memory
        return prediction, spread**2 + np.where(self.trend.days > 0, np.maximum(variance - self.noise, 0.0), alone)

    def _by_weekdays(self, times: Ints, value: Floats, variance: Floats) -> tuple[Floats, Floats]:
        """(prediction, variance): the weekdays as they were lately and the trend of the days; the model alone where
        there are only a few."""
        assert self.weekdays is not None
        ahead = ((times - self.start) // self.model.span)[:, None]
        typical, _, spread = self._expected(times)
        own = _own_at(self.model, self.rows, times)
        weekday = self.weekdays[((times - self.origin) // self.slot_s - 1) % DAYS_OF_WEEK]
        is_told = self.trend.days > 0
        alone = spread**2 * (1.0 + ahead / self.model.grid.level_memory)
        variance = np.where(self.weekdays.any(axis=0), OF_WEEKDAYS, 1.0) * variance
        return np.where(is_told, weekday + own + value, typical), np.where(is_told, variance, alone)

    def _expected(self, times: Ints) -> tuple[Floats, Floats, Floats]:
        """(with, without the week's pattern; spread) of the model far ahead, each times x series."""
        remembers = self.model.span >= FINEST_TABLE_S and not self.model.location.has_own(self.rows).any()
        found = []
        for time in times.tolist():
            one = self.table.get(time % WEEK)
            if one is None:
                expected = self.model.predict(time, self.rows, LONG_AHEAD)
                daily = _daily(self.model, time, self.rows) if self.is_daily.any() else expected.typical
                one = expected.typical, daily, expected.spread * expected.factor
                if remembers:
                    self.table[time % WEEK] = one
            found.append(one)
        typical, daily, spread = (np.stack(part) for part in zip(*found, strict=True))
        return typical, daily, spread


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
    out = np.zeros((len(days), len(rows)))
    for i, day in enumerate(days if model.location.has_own(rows).any() else ()):
        times = np.arange(day * slot_s, (day + 1) * slot_s, max(model.span, FINEST_STEP_S))
        out[i] = _own_at(model, rows, times).mean(axis=0)
    return out


def _own_at(model: SeriesModel, rows: Rows, times: Ints) -> Floats:
    """Each series' own patterns at these times, times x rows; 0 where it has none."""
    out, own = np.zeros((len(times), len(rows))), np.flatnonzero(model.location.has_own(rows))
    for i, time in enumerate(times.tolist() if len(own) else ()):
        out[i, own] = model.location.own_part(model.history.at(time, rows[own]))
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
