"""Made-up months with a known truth for the engine's manners. Every world is seeded and takes the same road as
real data: records in, documents out."""

from collections.abc import Callable

import numpy as np

from proxy.engine import Batch, Column, JobEngine, JobSpec, Results

HOUR, DAY = 3600, 86400
START = 1_700_006_400
MONTH = 30 * 24
SERIES = 20


def _run(
    detector: dict[str, object], time: np.ndarray, text: dict[str, Column], numbers: dict[str, np.ndarray]
) -> Results:
    spec = JobSpec.from_config({"analysis_config": {"bucket_span": "1h", "detectors": [detector], "influencers": []}})
    engine = JobEngine(spec)
    order = np.argsort(time, kind="stable")
    results = engine.add(
        Batch(
            time[order],
            {f: Column(c.codes[order], c.values) for f, c in text.items()},
            {f: v[order] for f, v in numbers.items()},
        )
    )
    results.extend(engine.flush(advance_to=int(time.max()) + HOUR))
    return results


def _hourly(values: np.ndarray, function: str = "mean") -> Results:
    """Hours x series of values through a job split by key."""
    hours, series = values.shape
    time = np.repeat(START + HOUR * np.arange(hours), series)
    keys = Column(np.tile(np.arange(series, dtype=np.int32), hours), [f"series {i:02d}" for i in range(series)])
    flat = values.reshape(-1)
    known = np.isfinite(flat)
    return _run(
        {"function": function, "field_name": "value", "partition_field_name": "key"},
        time[known],
        {"key": Column(keys.codes[known], keys.values)},
        {"value": flat[known]},
    )


def _loud(results: Results, series: int) -> float:
    """Records of 75 and more, per series."""
    return sum(float(str(r["record_score"])) >= 75 for r in results.records) / series


def _noise(hours: int = MONTH, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, (hours, SERIES))


def _wave(hours: int = MONTH) -> np.ndarray:
    clock = np.arange(hours)[:, None]
    weekend = (clock // 24) % 7 >= 5
    return 100.0 + 15.0 * np.sin(2 * np.pi * clock / 24) * np.where(weekend, 0.4, 1.0)


def _gaps() -> np.ndarray:
    values = 50.0 + _noise(seed=2)
    values[np.random.default_rng(3).random(values.shape) < 0.3] = np.nan
    values[200:260] = np.nan
    return values


def _counts(rate: float, seed: int) -> float:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate, (MONTH, SERIES))
    time = np.repeat(np.repeat(START + HOUR * np.arange(MONTH), SERIES), counts.reshape(-1))
    codes = np.repeat(np.tile(np.arange(SERIES, dtype=np.int32), MONTH), counts.reshape(-1))
    keys = Column(codes, [f"series {i:02d}" for i in range(SERIES)])
    return _loud(_run({"function": "count", "partition_field_name": "key"}, time, {"key": keys}, {}), SERIES)


def _population() -> float:
    rng = np.random.default_rng(6)
    size = 200 * MONTH // 4
    time = START + rng.integers(0, MONTH * HOUR, size)
    people = Column(rng.integers(0, 60, size).astype(np.int32), [f"person {i:02d}" for i in range(60)])
    return _loud(_run({"function": "count", "over_field_name": "who"}, time, {"who": people}, {}), 1)


def _rare() -> float:
    rng = np.random.default_rng(7)
    size = 60 * MONTH
    time = START + rng.integers(0, MONTH * HOUR, size)
    share = 1.0 / np.arange(1, 31)
    what = Column(rng.choice(30, size, p=share / share.sum()).astype(np.int32), [f"process {i:02d}" for i in range(30)])
    return _loud(_run({"function": "rare", "by_field_name": "what"}, time, {"what": what}, {}), 1)


CLEAN: dict[str, Callable[[], float]] = {
    "noise": lambda: _loud(_hourly(100.0 + _noise()), SERIES),
    "days and weeks": lambda: _loud(_hourly(_wave() + _noise()), SERIES),
    "skewed": lambda: _loud(_hourly(np.exp(_noise(seed=4))), SERIES),
    "drift": lambda: _loud(_hourly(100.0 + 0.02 * np.arange(MONTH)[:, None] + _noise(seed=5)), SERIES),
    "gaps": lambda: _loud(_hourly(_gaps()), SERIES),
    "busy counts": lambda: _counts(200.0, 8),
    "low counts": lambda: _counts(2.0, 9),
    "sparse counts": lambda: _counts(0.05, 10),
    "population": _population,
    "rare": _rare,
}


def _spike(base: np.ndarray) -> float:
    at = len(base) - 3
    values = base + _noise(len(base), seed=11)
    values[at] += 8.0
    scores = {
        str(r["partition_field_value"]): float(str(r["record_score"]))
        for r in _hourly(values).records
        if r["timestamp"] == (START + at * HOUR) * 1000
    }
    return min(scores.get(f"series {i:02d}", 0.0) for i in range(SERIES))


# Least score of an 8 sigma spike in its own bucket, over many series, two weeks in.
SPIKES: dict[str, Callable[[], float]] = {
    "flat": lambda: _spike(np.full((14 * 24 + 8, 1), 100.0)),
    "daily pattern": lambda: _spike(100.0 + 15.0 * np.sin(2 * np.pi * np.arange(14 * 24 + 8)[:, None] / 24)),
    "daily pattern, other weekends": lambda: _spike(_wave(14 * 24 + 8)),
}


def level_shift() -> float:
    """Hours from a lasting 5 sigma shift to the last record of 25 and more, worst series."""
    at, hours = 21 * 24, 28 * 24
    values = _wave(hours) + _noise(hours, seed=12)
    values[at:] += 5.0
    late = [float(str(r["timestamp"])) / 1000 for r in _hourly(values).records if float(str(r["record_score"])) >= 25]
    late = [t for t in late if t >= START + at * HOUR]
    return (max(late) - START - at * HOUR) / HOUR if late else 0.0
