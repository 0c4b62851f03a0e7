"""The NAB scoring rules (Numenta Anomaly Benchmark v1.1), one threshold for all series.

In a labelled window only the best placed detection counts, its weight falling from 1 at the window's start
along 2 / (1 + e^(5 y)) - 1; a missed window costs 1 (2 in low_FN); a detection outside costs 0.11 (0.22 in
low_FP), less just behind a window. The first min(15 %, 750) rows are ignored.
Score = 100 (raw - null) / (perfect - null). `transferred` fits the threshold on one half of the series and
scores the other, both ways; RANDOM_HALVES more times with halves drawn at random.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.labels import Labelled
from proxy.engine.results import Floats, Ints

# profile -> cost of a missed window, cost of a false alarm
PROFILES = {"standard": (1.0, 0.11), "low_FP": (1.0, 0.22), "low_FN": (2.0, 0.11)}
RANDOM_HALVES = 10
Scores = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one series that count: position, score, weight if alarmed (of cost 1), window (-1 = outside)."""

    at: Ints
    score: Floats
    weight: Floats
    window: Ints
    windows: int


def _curve(y: Floats) -> Floats:
    return np.where(y > 3, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(y, 3.0))) - 1.0)


def rows_of(labelled: Labelled, scores: Floats) -> Rows:
    """The weighted rows of one series."""
    position = np.arange(len(scores), dtype=np.float64)
    weight, window = np.full(len(scores), -1.0), labelled.window
    for number, (first, last) in enumerate(labelled.spans):
        behind = position > last
        weight[behind] = _curve((position[behind] - last) / max(last - first, 1))
        inside = window == number
        place = -(last - position[inside] + 1) / (last - first + 1)
        weight[inside] = _curve(place) / _curve(np.array(-1.0))
    counted = np.flatnonzero(position >= labelled.probation)
    windows = len(np.unique(window[counted][window[counted] >= 0]))
    return Rows(counted, scores[counted], weight[counted], window[counted], windows)


def best(rows: Sequence[Rows], profile: str, threshold: float | None = None) -> tuple[float, float]:
    """(score, threshold): the best threshold, or the given one."""
    miss_cost, alarm_cost = PROFILES[profile]
    windows = sum(r.windows for r in rows)
    lowest = -miss_cost * windows
    span = windows - lowest
    if not span:
        return math.nan, math.inf
    score = np.concatenate([r.score for r in rows])
    weight = np.concatenate([r.weight for r in rows])
    # Windows of different series are different windows.
    window = np.concatenate([np.where(r.window < 0, -1, r.window + 1000 * i) for i, r in enumerate(rows)])
    ranked = np.argsort(-score, kind="stable")
    gain = _gains(weight[ranked], window[ranked], miss_cost, alarm_cost)
    total, ranked_score = lowest + np.cumsum(gain), score[ranked]
    if threshold is not None:
        taken = int(np.count_nonzero(ranked_score >= threshold))
        return 100.0 * ((total[taken - 1] if taken else lowest) - lowest) / span, threshold
    ends_tie = np.append(ranked_score[1:] != ranked_score[:-1], True)
    total = np.where(ends_tie, total, -np.inf)
    top = int(np.argmax(total))
    if total[top] <= lowest:
        return 0.0, math.inf
    return float(100.0 * (total[top] - lowest) / span), float(ranked_score[top])


def _gains(weight: Floats, window: Ints, miss_cost: float, alarm_cost: float) -> Floats:
    """What each row adds when rows are alarmed in this order: in a window only the best placed one counts."""
    gain = np.where(window < 0, weight * alarm_cost, 0.0)
    got: dict[int, float] = {}
    for i in np.flatnonzero(window >= 0).tolist():
        before = got.get(int(window[i]), -miss_cost)
        if weight[i] > before:
            gain[i] = weight[i] - before
            got[int(window[i])] = float(weight[i])
    return gain


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


def _part(name: str, rows: Sequence[Rows], threshold: float) -> Part:
    score = best(rows, "standard", threshold)[0]
    found = sum(len(np.unique(r.window[(r.score >= threshold) & (r.window >= 0)])) for r in rows)
    return Part(name, score, found, sum(r.windows for r in rows), sum(int(_false(r, threshold).sum()) for r in rows))


def _false(rows: Rows, threshold: float) -> NDArray[np.bool_]:
    return (rows.score >= threshold) & (rows.window < 0)


def false_rows(labelled: Labelled, scores: Floats, threshold: float) -> Ints:
    """Positions of the rows outside the windows that reach the threshold."""
    rows = rows_of(labelled, scores)
    return rows.at[_false(rows, threshold)]


def report(labels: Mapping[str, Labelled], scores: Scores) -> Report:
    """Scores by profile, transferred, by directory and by series; `scores` has those of each row of each series."""
    rows = {name: rows_of(labelled, scores[name]) for name, labelled in labels.items()}
    names = sorted(rows)

    def of(chosen: list[str]) -> list[Rows]:
        return [rows[name] for name in chosen]

    best_of = {profile: best(of(names), profile) for profile in PROFILES}

    def moved(first: list[str], second: list[str]) -> tuple[float, float]:
        fitted = [best(of(half), "standard")[1] for half in (second, first)]
        a, b = (best(of(half), "standard", at)[0] for half, at in zip((first, second), fitted, strict=True))
        return a, b

    drawn = [random.Random(seed).sample(names, len(names)) for seed in range(RANDOM_HALVES)]
    means = [float(np.nanmean(moved(order[::2], order[1::2]))) for order in drawn]
    threshold = best_of["standard"][1]
    directories = sorted({str(Path(n).parent) for n in names})
    return Report(
        {profile: score for profile, (score, _) in best_of.items()},
        moved(names[::2], names[1::2]),
        (float(np.mean(means)), float(np.std(means))),
        threshold,
        [_part(d, of([n for n in names if str(Path(n).parent) == d]), threshold) for d in directories],
        [_part(n, of([n]), threshold) for n in names],
    )
