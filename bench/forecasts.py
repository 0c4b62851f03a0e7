"""How good forecasts are, beside the seasonal naive on the same origins: daily flights, and made-up hours and days.

    python -m bench.forecasts

MASE is the mean absolute error over that of last week's value (a day's for hours) within what was known; sMAPE is
200 |e| / (|actual| + |predicted|); coverage is the share of what came that lay within the bounds. A job of one mean
or sum over many series (partitions) learns what is before each origin and forecasts what follows.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from bench.worlds import DAY, HOUR, START
from proxy.demo.flights import FlightsMissing, read_flights
from proxy.engine import Batch, Column, JobEngine
from proxy.engine.results import Floats
from proxy.job_config.engine_spec import spec_from
from proxy.job_config.types import AnalysisConfig

FEWEST_FLIGHTS = 2000
DAYS_OF_YEAR = 365


@dataclass(frozen=True, slots=True)
class Set:
    """Series (steps x series) of one kind; each origin is the number of steps that are known."""

    name: str
    values: Floats
    span: int
    season: int
    origins: tuple[int, ...]
    ahead: int


@dataclass(frozen=True, slots=True)
class Quality:
    """Ours and the naive's, means over all series and origins."""

    name: str
    mase: float
    naive_mase: float
    smape: float
    naive_smape: float
    coverage: float


def flights() -> Set:
    """Departures a day by carrier, by airport and of all of them, where there are enough.

    Raises:
        FlightsMissing: their package is not installed.
    """
    counts: dict[str, Floats] = defaultdict(lambda: np.zeros(DAYS_OF_YEAR))
    for flight in read_flights():
        day = (date.fromisoformat(str(flight["@timestamp"])[:10]) - date(2013, 1, 1)).days
        for key in (flight["carrier"], flight["origin"], "all"):
            counts[str(key)][min(day, DAYS_OF_YEAR - 1)] += 1
    values = np.stack([of for of in counts.values() if of.sum() >= FEWEST_FLIGHTS], axis=1)
    return Set("flights a day, 14 days ahead", values, DAY, 7, tuple(range(84, DAYS_OF_YEAR - 14, 28)), 14)


def made_up() -> Iterator[Set]:
    """Twenty series each: hours with a day, a week and a trend of their own; days on a line for a year."""
    rng, hour = np.random.default_rng(11), np.arange(31 * 24)[:, None]
    day = 1.0 + 0.4 * np.sin(2 * np.pi * (hour + rng.integers(0, 24, 20)) / 24)
    week = np.where(hour // 24 % 7 >= 5, rng.uniform(0.6, 1.0, 20), 1.0)
    trend = 1.0 + rng.uniform(-0.2, 0.2, 20) * hour / len(hour)
    noise = np.exp(rng.normal(0.0, 0.08, (len(hour), 20)))
    hours = rng.uniform(50, 5000, 20) * day * week * trend * noise
    yield Set("hours, 48 ahead", hours, HOUR, 24, (29 * 24,), 48)
    days = np.arange(DAYS_OF_YEAR)[:, None]
    line = 100.0 + rng.uniform(0.1, 0.5, 20) * days + 15.0 * (days % 7 >= 5) + rng.normal(0.0, 5.0, (len(days), 20))
    yield Set("days on a line, 28 ahead", line, DAY, 7, (140, 240, 337), 28)


def measure(kind: Set) -> Quality:
    """The figures of one set."""
    parts = [_at(kind, origin) for origin in kind.origins]
    return Quality(kind.name, *(float(np.mean(each)) for each in zip(*parts, strict=True)))


def _at(kind: Set, origin: int) -> tuple[float, float, float, float, float]:
    known, came = kind.values[:origin], kind.values[origin : origin + kind.ahead]
    lower, prediction, upper = _forecast(kind, known)
    naive = known[origin - kind.season + np.arange(kind.ahead) % kind.season]
    scale = np.maximum(np.abs(known[kind.season :] - known[: -kind.season]).mean(axis=0), 1e-9)

    def mase(found: Floats) -> float:
        return float(np.mean(np.abs(came - found).mean(axis=0) / scale))

    def smape(found: Floats) -> float:
        return float(np.mean(200.0 * np.abs(came - found) / np.maximum(np.abs(came) + np.abs(found), 1e-9)))

    is_held = (came >= lower) & (came <= upper)
    return mase(prediction), mase(naive), smape(prediction), smape(naive), float(is_held.mean())


def _keys(series: int) -> list[str]:
    return [f"series {i:04d}" for i in range(series)]


def _trained(known: Floats, span: int) -> JobEngine:
    """A job that has seen steps x series from START on."""
    steps, series = known.shape
    config: AnalysisConfig = {
        "bucket_span": f"{span}s",
        "detectors": [{"function": "mean", "field_name": "value", "partition_field_name": "key"}],
    }
    engine = JobEngine(spec_from({"analysis_config": config}))
    times = np.repeat(START + span * np.arange(steps), series)
    codes = np.tile(np.arange(series, dtype=np.int32), steps)
    engine.add(Batch(times, {"key": Column(codes, _keys(series))}, {"value": known.reshape(-1)}))
    engine.flush(advance_to=START + span * steps)
    return engine


def _forecast(kind: Set, known: Floats) -> tuple[Floats, Floats, Floats]:
    """(lower, prediction, upper) of the steps after what is known, steps x series."""
    steps, series = known.shape
    keys, engine = _keys(series), _trained(known, kind.span)
    # The first point is that of the last bucket known.
    out = np.full((3, kind.ahead + 1, series), np.nan)
    for part in engine.forecast((kind.ahead + 1) * kind.span).documents():
        for point in part:
            at = (int(str(point["timestamp"])) // 1000 - START) // kind.span - steps + 1
            column = keys.index(str(point["partition_field_value"]))
            out[:, at, column] = [point[f"forecast_{name}"] for name in ("lower", "prediction", "upper")]
    lower, prediction, upper = out[:, 1:]
    return lower, prediction, upper


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds: until a forecast is answered, for all of it, and of its longest step (other jobs wait for one)."""

    answered: float
    whole: float
    longest_step: float
    points: int


def cost(series: int, span: int, duration: int) -> Cost:
    """What a forecast of series with a day of their own takes, four days after they began."""
    times = span * np.arange(4 * DAY // span)[:, None]
    noise = np.random.default_rng(13).normal(0.0, 3.0, (len(times), series))
    engine = _trained(100.0 + 20.0 * np.sin(2 * np.pi * times / DAY) + noise, span)
    began = time.process_time()
    forecast = engine.forecast(duration)
    parts, marks = forecast.documents(), [time.process_time()]
    for _ in parts:
        marks.append(time.process_time())
    return Cost(marks[0] - began, marks[-1] - marks[0], float(np.diff(marks).max()), forecast.size)


HEADER = f"{'':30s} {'MASE':>6s} {'naive':>6s} | {'sMAPE':>6s} {'naive':>6s} | {'coverage':>8s}"


def line(quality: Quality) -> str:
    """One row below HEADER."""
    return (
        f"{quality.name:30s} {quality.mase:6.2f} {quality.naive_mase:6.2f} | {quality.smape:6.1f}"
        f" {quality.naive_smape:6.1f} | {quality.coverage:8.3f}"
    )


def report() -> None:
    """Prints the figures of all sets."""
    print(HEADER)
    for kind in made_up():
        print(line(measure(kind)), flush=True)
    try:
        print(line(measure(flights())))
    except FlightsMissing as missing:
        print(missing)
    for name, series, span, days in (
        ("a year of five minutes", 1, 300, 365),
        ("1,000 series, a week of hours", 1000, HOUR, 7),
    ):
        spent = cost(series, span, days * DAY)
        print(
            f"{name:30s} answered after {spent.answered:.3f} s, {spent.points:,} points in {spent.whole:.1f} s,"
            f" the longest step {spent.longest_step:.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    report()
    sys.exit(0)
