"""The NAB scoring rules (Numenta Anomaly Benchmark v1.1) over a directory of scores.

In a labelled window only the best placed detection counts, its weight falling from 1 at the window's start
along 2 / (1 + e^(5 y)) - 1; a missed window costs 1 (2 in low_FN); a detection outside costs 0.11 (0.22 in
low_FP), less just behind a window. The first min(15 %, 750) rows are ignored. One threshold for all series.
Score = 100 (raw - null) / (perfect - null). `transferred` fits the threshold on one half of the series and
scores the other, both ways; RANDOM_HALVES more times with halves drawn at random.
"""

import csv
import datetime as dt
import json
import math
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# profile -> cost of a missed window, cost of a false alarm
PROFILES = {"standard": (1.0, 0.11), "low_FP": (1.0, 0.22), "low_FN": (2.0, 0.11)}
PROBATION_SHARE, PROBATION_ROWS = 0.15, 750
RANDOM_HALVES = 10


@dataclass(frozen=True, slots=True)
class Row:
    """A row that counts: its score, its weight if alarmed, and its window (None = outside)."""

    score: float
    weight: float
    window: tuple[str, int] | None


def _curve(y: float) -> float:
    return -1.0 if y > 3 else 2.0 / (1.0 + math.exp(5.0 * y)) - 1.0


def _when(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.strip().split(".")[0])


def rows_of(
    name: str, times: list[dt.datetime], scores: list[float], windows: list[list[str]], alarm_cost: float
) -> list[Row]:
    """The weighted rows of one series."""
    spans = []
    for first, last in windows:
        inside = [i for i, t in enumerate(times) if _when(first) <= t <= _when(last)]
        spans.append((inside[0], inside[-1]))
    ignored = min(int(PROBATION_SHARE * len(times)), PROBATION_ROWS)
    out = []
    for i, score in enumerate(scores):
        number = next((k for k, (a, b) in enumerate(spans) if a <= i <= b), None)
        if number is not None:
            a, b = spans[number]
            weight = _curve(-(b - i + 1) / (b - a + 1)) / _curve(-1.0)
            out.append(Row(score, weight, (name, number)))
        else:
            past = [(a, b) for a, b in spans if b < i]
            weight = _curve((i - past[-1][1]) / max(past[-1][1] - past[-1][0], 1)) if past else -1.0
            out.append(Row(score, weight * alarm_cost, None))
    return out[ignored:]


def best(rows: list[Row], miss_cost: float, threshold: float | None = None) -> tuple[float, float]:
    """(score, threshold): the best threshold, or the given one."""
    windows = {r.window for r in rows if r.window is not None}
    lowest = -miss_cost * len(windows)
    span = len(windows) - lowest
    if not span:
        return math.nan, math.inf
    got = dict.fromkeys(windows, -miss_cost)
    total, top = lowest, (lowest, math.inf)
    ranked = sorted(rows, key=lambda r: -r.score)
    for i, row in enumerate(ranked):
        if threshold is not None and row.score < threshold:
            break
        if row.window is None:
            total += row.weight
        elif row.weight > got[row.window]:
            total += row.weight - got[row.window]
            got[row.window] = row.weight
        ends_tie = i + 1 == len(ranked) or ranked[i + 1].score != row.score
        if ends_tie and total > top[0]:
            top = (total, row.score)
    raw, found = (total, threshold) if threshold is not None else top
    return 100.0 * (raw - lowest) / span, found


@dataclass(frozen=True, slots=True)
class Part:
    """One series or directory at the common standard threshold."""

    name: str
    # NaN where no window is labelled.
    score: float
    found: int
    windows: int
    false_alarms: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the scorer says of one detector."""

    # profile -> score at the profile's own best threshold
    profiles: dict[str, float]
    # Standard scores of both halves at the threshold that is best for the other: every other series, and several
    # random halves as mean and standard deviation, for one split says little.
    transferred: tuple[float, float]
    resampled: tuple[float, float]
    threshold: float
    directories: list[Part]
    series: list[Part]


def _part(name: str, rows: list[Row], threshold: float) -> Part:
    windows = {r.window for r in rows if r.window is not None}
    alarmed = [r for r in rows if r.score >= threshold]
    found = {r.window for r in alarmed if r.window is not None}
    score = best(rows, PROFILES["standard"][0], threshold)[0]
    return Part(name, score, len(found), len(windows), sum(r.window is None for r in alarmed))


def weighted_rows(data: Path, scores: Path) -> dict[str, dict[str, list[Row]]]:
    """profile -> series -> rows, of all series that windows.json names."""
    windows = json.loads((data / "windows.json").read_text())
    out: dict[str, dict[str, list[Row]]] = {p: {} for p in PROFILES}
    for name, spans in windows.items():
        with (data / name).open(newline="") as file:
            times = [_when(r["timestamp"]) for r in csv.DictReader(file)]
        with (scores / name).open(newline="") as file:
            values = [float(r["anomaly_score"]) for r in csv.DictReader(file)]
        for profile, (_, alarm_cost) in PROFILES.items():
            out[profile][name] = rows_of(name, times, values, spans, alarm_cost)
    return out


def report(data: Path, scores: Path) -> Report:
    """Scores by profile, transferred, by directory and by series."""
    rows = weighted_rows(data, scores)
    names = sorted(rows["standard"])

    def of(profile: str, chosen: list[str]) -> list[Row]:
        return [row for name in chosen for row in rows[profile][name]]

    best_of = {profile: best(of(profile, names), cost) for profile, (cost, _) in PROFILES.items()}

    def moved(first: list[str], second: list[str]) -> tuple[float, float]:
        cost = PROFILES["standard"][0]
        fitted = [best(of("standard", half), cost)[1] for half in (second, first)]
        a, b = (best(of("standard", half), cost, at)[0] for half, at in zip((first, second), fitted, strict=True))
        return a, b

    drawn = [random.Random(seed).sample(names, len(names)) for seed in range(RANDOM_HALVES)]
    means = [float(np.mean(moved(order[::2], order[1::2]))) for order in drawn]
    threshold = best_of["standard"][1]
    directories = sorted({str(Path(n).parent) for n in names})
    return Report(
        {profile: score for profile, (score, _) in best_of.items()},
        moved(names[::2], names[1::2]),
        (float(np.mean(means)), float(np.std(means))),
        threshold,
        [_part(d, of("standard", [n for n in names if str(Path(n).parent) == d]), threshold) for d in directories],
        [_part(n, rows["standard"][n], threshold) for n in names],
    )
