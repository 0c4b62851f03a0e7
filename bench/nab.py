"""Scores every CSV (timestamp,value) below a directory with the engine's shipped defaults, online.

    python -m bench.nab --data DIR --out DIR

Writes OUT/<same relative path> with the columns timestamp,anomaly_score (0..1), one row per data row. One
configuration for all series: nothing here knows a series by name, and a row is scored before any later row is
looked at. The score is the engine's own continuous alarm, before the 0..100 ceilings are put on (capped scores
tie). The row interval is the median of the first steps, which are over before anything is scored.
"""

import argparse
import csv
import datetime as dt
import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from proxy.engine.buckets import LARGEST
from proxy.engine.models.series import WARM_UP, SeriesModel

# The alarm that becomes 0.5; only the order matters to a scorer.
HALF_AT = 3.0
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M")


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


def read(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """(timestamp texts, epoch seconds, values) of a file; times never run backwards."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    if rows and math.isnan(epoch(rows[0][0])):
        rows = rows[1:]
    texts = [row[0] for row in rows]
    times = np.array([epoch(t) for t in texts], np.float64)
    times = np.maximum.accumulate(np.where(np.isnan(times), 0.0, times)) if len(times) else times
    return texts, times.astype(np.int64), np.array([number(row[1] if len(row) > 1 else None) for row in rows])


def row_interval(times: np.ndarray) -> int:
    """Seconds between rows, from the rows before the first scored one."""
    steps = np.diff(times[: WARM_UP + 1])
    steps = steps[steps > 0]
    return max(1, int(np.median(steps))) if len(steps) else 300


def score(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The engine's alarm of every row, mapped to 0..1."""
    return score_table(row_interval(times), times, values[:, None])[:, 0]


def score_table(span: int, times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The alarms of rows x series that share their times; NaN = no value, which scores 0."""
    values = np.clip(values, -LARGEST, LARGEST)
    model = SeriesModel(span, side=0, is_count=False, non_negative=False, zero_empty=False)
    model.grow_to(values.shape[1])
    alarms = np.zeros(values.shape)
    for i, row in enumerate(values):
        series = np.flatnonzero(np.isfinite(row))
        if len(series):
            judged = model.judge(int(times[i]), series, row[series])
            model.learn(int(times[i]), judged, np.ones(len(series)))
            alarms[i, series] = judged.alarm
    return alarms / (alarms + HALF_AT)


def score_file(source: Path, target: Path, relative: Path) -> Path:
    """Reads, scores and writes one file."""
    texts, times, values = read(source / relative)
    scores = score(times, values)
    out = target / relative
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("timestamp", "anomaly_score"))
        writer.writerows(zip(texts, (f"{s:.9g}" for s in scores), strict=True))
    return relative


def score_directory(source: Path, target: Path, jobs: int) -> Iterator[Path]:
    """Scores every CSV below `source` into the same place below `target`; yields each file as it is done."""
    files = sorted(p.relative_to(source) for p in source.rglob("*.csv"))
    files.sort(key=lambda p: -(source / p).stat().st_size)
    work = partial(score_file, source, target)
    if jobs <= 1:
        yield from map(work, files)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, files)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.nab", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="directory searched for *.csv")
    parser.add_argument("--out", type=Path, required=True, help="directory the scores are written to")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1), help="processes")
    args = parser.parse_args()
    if not args.data.is_dir():
        parser.error(f"no such directory [{args.data}]")
    for relative in score_directory(args.data, args.out, args.jobs):
        print(relative)
    return 0


if __name__ == "__main__":
    sys.exit(main())
