"""Throughput and size of the detection engine.

Speed is CPU time of one thread, so that a busy machine does not count against the engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from proxy.engine import Batch, Column, JobEngine
from proxy.engine.buckets import aggregate
from proxy.engine.functions import FUNCTIONS
from proxy.engine.models.series import SeriesModel
from proxy.engine.rows import RowSet
from proxy.job_config.engine_spec import spec_from

SERIES = 10_000
# `_older` moves the first bucket eleven days back; it must stay after 1970, for models take what is before for none.
START = 1_704_067_200
RECORDS = 1_000_000
# Distinct texts that distinct_count and info_content look at.
TEXTS = 10_000


def model_speed(series: int = SERIES, steps: int = 60) -> tuple[float, float]:
    """(series x buckets per second of the full model, bytes of state per series) at five-minute series."""
    rng = np.random.default_rng(0)
    model = SeriesModel(300, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(series)
    rows, ones = np.arange(series), np.ones(series)
    base = rng.normal(100.0, 20.0, series)
    values = [base + rng.normal(0.0, 3.0, series) for _ in range(20)]

    def timed(first: int, count: int) -> float:
        started = time.process_time()
        for i in range(first, first + count):
            time_s = START + i * 300
            judged = model.judge(time_s, rows, values[i % len(values)])
            model.learn(time_s, judged, ones)
        return time.process_time() - started

    timed(0, 60)
    # Eleven days older, so that every pattern takes part.
    model.restore(_older(model.state(), 11 * 86400))
    return series * steps / timed(60, steps), float(model.bytes_per_series())


def _older(state: dict[str, object], seconds: int) -> dict[str, object]:
    """The state of a model whose series have been seen for so much longer."""
    history = state["history"]
    assert isinstance(history, dict)
    return state | {"history": history | {"first": history["first"] - seconds}}


def aggregation_speed(function: str, entities: int = 1000, *, is_sorted: bool = True) -> float:
    """Records per second from columns to features of each entity in 10 buckets, the better of two runs."""
    rng = np.random.default_rng(1)
    field = {"count": None, "distinct_count": "t", "info_content": "t"}.get(function, "v")
    detector = {"function": function, "field_name": field} | ({"by_field_name": "k"} if entities > 1 else {})
    spec = spec_from({"analysis_config": {"bucket_span": "1h", "detectors": [detector]}})
    text = {
        name: Column(rng.integers(0, size, RECORDS).astype(np.int32), [f"{name} {i}" for i in range(size)])
        for name, size in (("k", entities), ("t", TEXTS))
    }
    time_of = rng.integers(0, 36_000, RECORDS)
    rows = RowSet(np.sort(time_of) if is_sorted else time_of, text, {"v": rng.normal(size=RECORDS)})
    spent = []
    for _ in range(2):
        started = time.process_time()
        aggregate(rows, spec.detectors[0], spec.bucket_span, None)
        spent.append(time.process_time() - started)
    return RECORDS / min(spent)


# (entities, whether records come in order of time).
SHAPES = {"no split": (1, True), "out of order": (1000, False), "300,000 entities": (300_000, True)}


def features() -> Iterator[tuple[str, str]]:
    """(a function that measures it, all names of functions that do), one of each feature of a series."""
    for name in ("count", "mean", "sum", "min", "max", "median", "varp", "distinct_count", "info_content"):
        measured = FUNCTIONS[name].feature
        yield name, ", ".join(f for f, row in FUNCTIONS.items() if row.feature == measured)


# Every way to model, as a whole job: records in, documents out.
JOBS: dict[str, dict[str, object]] = {
    "count by host": {"function": "count", "by_field_name": "host"},
    "mean by host": {"function": "mean", "field_name": "value", "by_field_name": "host"},
    "count over user": {"function": "count", "over_field_name": "user"},
    "rare by user": {"function": "rare", "by_field_name": "user"},
    "freq_rare by host over user": {"function": "freq_rare", "by_field_name": "host", "over_field_name": "user"},
    "time_of_day by host": {"function": "time_of_day", "by_field_name": "host"},
    "lat_long by host": {"function": "lat_long", "field_name": "place", "by_field_name": "host"},
}
JOB_RECORDS, JOB_HOURS = 300_000, 100


def job_speed(detector: dict[str, object]) -> float:
    """Records per second of a job over 100 hours of 50 hosts, 1,000 users and 200 places."""
    rng = np.random.default_rng(2)
    texts = {
        "host": (50, "host {}"),
        "user": (1000, "user {}"),
        "place": (200, "50.{},8.6"),
    }
    spec = spec_from({"analysis_config": {"bucket_span": "1h", "detectors": [detector]}})
    batch = Batch(
        np.sort(rng.integers(0, JOB_HOURS * 3600, JOB_RECORDS)),
        {
            field: Column(rng.integers(0, size, JOB_RECORDS).astype(np.int32), [form.format(i) for i in range(size)])
            for field, (size, form) in texts.items()
        },
        {"value": rng.normal(size=JOB_RECORDS)},
    )
    engine = JobEngine(spec)
    started = time.process_time()
    engine.add(batch)
    return JOB_RECORDS / (time.process_time() - started)
