"""Scores by events, at one threshold for all series: the second judge beside NAB's rules.

A window is found if any of its rows reaches the threshold. Rows outside that reach it are one false event with those
that lie within MERGE rows of a louder one. The probation counts for nothing. Figures:

    F1             at the threshold that is best for all events of all series
    F1 moved       at the threshold that is best for the other half of the series: mean of HALVINGS random halvings
    found at 1     share of the windows found where one false event in a series and 30 days is allowed
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.labels import Labelled
from proxy.engine.results import Floats

MERGE, HALVINGS, MONTH_S = 12, 20, 30 * 86400


@dataclass(frozen=True, slots=True)
class Events:
    """Of one series: the highest score in each window, those of its false events, and how long it is in months."""

    windows: Floats
    false: Floats
    months: float


@dataclass(frozen=True, slots=True)
class EventReport:
    """What is said of one detector; `windows` were there to be found."""

    f1: float
    threshold: float
    moved: float
    found_at_one: float
    windows: int
    months: float


def events_of(labelled: Labelled, scores: Floats) -> Events:
    """The events of one series; `scores` has one element per row."""
    first = labelled.probation
    peaks = [scores[max(a, first) : b + 1].max() for a, b in labelled.spans if b >= first]
    taken, false = (labelled.window >= 0) | (scores <= 0), []
    taken[:first] = True
    for row in np.argsort(-scores, kind="stable").tolist():
        if not taken[row]:
            false.append(scores[row])
            taken[max(0, row - MERGE) : row + MERGE + 1] = True
    months = (labelled.times[-1] - labelled.times[first]) / MONTH_S
    return Events(np.array(peaks, np.float64), np.array(false, np.float64), float(months))


def _f1(found: int, false: int, windows: int) -> float:
    return 2 * found / (found + false + windows) if found else 0.0


def f1_at(events: Sequence[Events], threshold: float) -> float:
    """F1 of all series at one threshold."""
    found = sum(int((e.windows >= threshold).sum()) for e in events)
    false = sum(int((e.false >= threshold).sum()) for e in events)
    return _f1(found, false, sum(len(e.windows) for e in events))


def best(events: Sequence[Events]) -> tuple[float, float]:
    """(F1, threshold) of the best threshold: the highest one of several that are as good."""
    peaks = np.sort(np.concatenate([e.windows for e in events]))[::-1]
    false = np.sort(np.concatenate([e.false for e in events]))
    top, at = 0.0, np.inf
    for threshold in np.unique(peaks[peaks > 0])[::-1].tolist():
        found = int((peaks >= threshold).sum())
        wrong = len(false) - int(np.searchsorted(false, threshold))
        f1 = _f1(found, wrong, len(peaks))
        if f1 > top:
            top, at = f1, threshold
    return top, at


def report(labels: Mapping[str, Labelled], scores: Mapping[str, Floats]) -> EventReport:
    """The figures of one detector over all series that are labelled."""
    events = [events_of(labels[name], scores[name]) for name in sorted(labels)]
    f1, threshold = best(events)
    rng, moved = random.Random(0), []
    for _ in range(HALVINGS):
        order = list(events)
        rng.shuffle(order)
        for fitted, judged in ((order[::2], order[1::2]), (order[1::2], order[::2])):
            moved.append(f1_at(judged, best(fitted)[1]))
    months = sum(e.months for e in events)
    false = np.sort(np.concatenate([e.false for e in events]))[::-1]
    allowed = false[int(months)] if int(months) < len(false) else 0.0
    peaks = np.concatenate([e.windows for e in events])
    return EventReport(f1, threshold, float(np.mean(moved)), float(np.mean(peaks > allowed)), len(peaks), months)
