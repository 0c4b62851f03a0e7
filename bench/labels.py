"""The labels of a benchmark's directory: windows.json, {relative csv: [[first, last timestamp], ...]}."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proxy.engine.results import Floats, Ints

# The first rows of a series, by which nobody is judged.
PROBATION_SHARE, PROBATION_ROWS = 0.15, 750


@dataclass(frozen=True, slots=True)
class Labelled:
    """The rows of one series: times in epoch seconds, and the window each lies in (-1 = none).

    `spans` are first and last row of each window, `probation` the number of rows that are ignored.
    """

    times: Ints
    window: Ints
    spans: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        return min(int(PROBATION_SHARE * len(self.times)), PROBATION_ROWS)

    @property
    def interval(self) -> int:
        """Seconds between rows."""
        return int(np.median(np.diff(self.times))) if len(self.times) > 1 else 0


def when(text: str) -> int:
    """Epoch seconds of a label or a row; fractions of a second are left out, times without a zone are UTC."""
    return int(dt.datetime.fromisoformat(text.strip().split(".")[0]).replace(tzinfo=dt.UTC).timestamp())


def label(times: Ints, windows: list[list[str]]) -> Labelled:
    """Rows with their windows; a window without a row is left out."""
    window = np.full(len(times), -1, np.int64)
    spans: list[tuple[int, int]] = []
    for first, last in windows:
        inside = np.flatnonzero((times >= when(first)) & (times <= when(last)))
        if len(inside):
            window[inside[window[inside] < 0]] = len(spans)
            spans.append((int(inside[0]), int(inside[-1])))
    return Labelled(times, window, tuple(spans))


def read_labels(data: Path, names: Collection[str] | None = None) -> dict[str, Labelled]:
    """The series that windows.json names, or those of them in `names`."""
    windows = json.loads((data / "windows.json").read_text())
    out = {}
    for name in sorted(windows if names is None else set(windows) & set(names)):
        with (data / name).open(newline="") as file:
            times = np.array([when(row["timestamp"]) for row in csv.DictReader(file)], np.int64)
        out[name] = label(times, windows[name])
    return out


def read_scores(scores: Path, labels: Collection[str]) -> dict[str, Floats]:
    """The column anomaly_score of each series below a directory."""
    out = {}
    for name in labels:
        with (scores / name).open(newline="") as file:
            out[name] = np.array([float(row["anomaly_score"]) for row in csv.DictReader(file)])
    return out
