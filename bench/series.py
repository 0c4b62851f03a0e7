"""A series of a labelled benchmark: reading its CSV file (timestamp,value), and what users would read of it.

`score` runs a job of shipped defaults over the series, mean of the value, buckets as long as a row lasts, and gives
each row the scores that were written first: initial_record_score and the bucket's initial_anomaly_score. One
configuration for all series: nothing here knows a series by name. Where several rows share a bucket, the last one has
the bucket's scores, for only then they are known. How scores are judged: nab_score.py, event_score.py.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import jobs
from proxy.engine import Batch
from proxy.engine.buckets import LARGEST
from proxy.engine.results import Document, Floats, Ints

DETECTOR: dict[str, object] = {"function": "mean", "field_name": "value"}
# The row interval is read from so many steps, which are over before anything counts.
FIRST_STEPS = 36
# An echo: so many rows to each side are the surroundings, which what was expected leaves by more than three times what
# the value does.
NEIGHBOURS, ECHO = 6, 3.0
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M")


@dataclass(frozen=True, slots=True)
class Series:
    """Rows as they come in a file: texts of the times, epoch seconds that never run backwards, values or NaN."""

    texts: list[str]
    times: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Scored:
    """One element per row: scores of 0..100, 0 where nothing was written, and what was expected (NaN likewise)."""

    record: Floats
    bucket: Floats
    typical: Floats


def epoch(text: str) -> float:
    """Seconds since 1970 of a timestamp text (ISO, a few common forms, or epoch s/ms); NaN if unreadable."""
    text = text.strip()
    try:
        found = dt.datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or dt.UTC).timestamp()
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC).timestamp()
        except ValueError:
            continue
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number / 1000.0 if number > 1e11 else number


def number(text: str | None) -> float:
    """The value of a cell; anything but a finite number is missing."""
    try:
        found = float(text or "")
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def read(path: Path) -> Series:
    """The rows of a file."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    if rows and math.isnan(epoch(rows[0][0])):
        rows = rows[1:]
    times = np.array([epoch(row[0]) for row in rows], np.float64)
    times = np.maximum.accumulate(np.where(np.isnan(times), 0.0, times)) if len(times) else times
    values = np.array([number(row[1] if len(row) > 1 else None) for row in rows], np.float64)
    return Series([row[0] for row in rows], times.astype(np.int64), values)


def row_interval(times: Ints) -> int:
    """Seconds between rows, from the first ones."""
    steps = np.diff(times[: FIRST_STEPS + 1])
    steps = steps[steps > 0]
    return max(1, int(np.median(steps))) if len(steps) else 300


def score(times: Ints, values: Floats) -> Scored:
    """What a job writes about each row."""
    rows = len(times)
    record, bucket, typical = np.zeros(rows), np.zeros(rows), np.full(rows, np.nan)
    known = np.isfinite(values)
    if known.any():
        span = row_interval(times)
        batch = Batch(times[known], {}, {"value": np.clip(values[known], -LARGEST, LARGEST)})
        results = jobs.run(DETECTOR, batch, span)
        last_row = {int(start): row for row, start in enumerate((times // span * span).tolist()) if known[row]}
        _spread(results.records, "initial_record_score", last_row, record)
        _spread(results.records, "typical", last_row, typical)
        _spread(results.buckets, "initial_anomaly_score", last_row, bucket)
    return Scored(record, bucket, typical)


def _spread(documents: list[Document], field: str, last_row: dict[int, int], out: Floats) -> None:
    """Writes a field of each bucket's document to the row of that bucket."""
    for document in documents:
        row = last_row.get(jobs.bucket_start(document))
        if row is not None:
            out[row] = jobs.number(document, field)


def is_echo(values: Floats, typical: Floats, after: int = NEIGHBOURS) -> NDArray[np.bool_]:
    """Rows where the value is like its neighbours and only the expectation jumped.

    Of the rows that follow so many count: with 0, whether the value stayed where it was, which is all that could be
    known at the time.
    """
    out = np.zeros(len(values), bool)
    for row in np.flatnonzero(np.isfinite(typical)).tolist():
        first = max(0, row - NEIGHBOURS)
        near = np.delete(values[first : row + after + 1], row - first)
        if np.isfinite(near).any():
            around = np.nanmedian(near)
            out[row] = abs(typical[row] - around) > ECHO * abs(values[row] - around)
    return out
