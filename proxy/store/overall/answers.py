"""The cluster's answers to the questions of ``queries``, read into arrays. Pure.

Tens of thousands of cells come in one answer, so they are read into typed objects that the collector of garbage does
not visit: as dictionaries they took seven times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np


class _Value(msgspec.Struct, frozen=True, gc=False):
    value: float | None = None


class _Time(msgspec.Struct, frozen=True, gc=False):
    key: int
    score: _Value | None = None


class _Times(msgspec.Struct, frozen=True, gc=False):
    buckets: list[_Time] = []


class _Stamps(msgspec.Struct, frozen=True, gc=False):
    min: float | None = None
    max: float | None = None
    sum: float = 0.0


class _Job(msgspec.Struct, frozen=True, gc=False):
    key: str
    doc_count: int = 0
    stamps: _Stamps = _Stamps()
    times: _Times = _Times()


class _Jobs(msgspec.Struct, frozen=True, gc=False):
    buckets: list[_Job] = []


class _Filtered(msgspec.Struct, frozen=True, gc=False):
    doc_count: int = 0
    times: _Times = _Times()


class _Aggregations(msgspec.Struct, frozen=True, gc=False):
    jobs: _Jobs = _Jobs()
    times: _Times = _Times()
    strong: _Filtered = _Filtered()
    near: _Filtered = _Filtered()
    first: _Value = _Value()
    last: _Value = _Value()


class _Total(msgspec.Struct, frozen=True, gc=False):
    value: int = 0


class _Hit(msgspec.Struct, frozen=True, gc=False):
    sort: tuple[int, str, float]


class _Hits(msgspec.Struct, frozen=True, gc=False):
    total: _Total = _Total()
    hits: list[_Hit] = []


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What is left out by a filter path, because nothing was found, counts as nothing."""

    hits: _Hits = _Hits()
    aggregations: _Aggregations = _Aggregations()


answer_of = msgspec.json.Decoder(Answer).decode


@dataclass(frozen=True, slots=True)
class Cells:
    """Scores by (interval, job): parallel arrays; intervals count in interval lengths since the epoch."""

    intervals: np.ndarray  # int64
    jobs: np.ndarray  # int64, positions in Scope.job_ids
    scores: np.ndarray  # float64

    def in_order(self) -> Cells:
        """By ascending interval, as ``between`` needs them."""
        return self._take(np.argsort(self.intervals, kind="stable"))

    def between(self, first: int, last: int) -> Cells:
        """Those from the interval ``first`` to ``last``."""
        low, high = np.searchsorted(self.intervals, (first, last + 1))
        return self._take(slice(low, high))

    def _take(self, places: np.ndarray | slice) -> Cells:
        return Cells(self.intervals[places], self.jobs[places], self.scores[places])


def read_cells(text: bytes, positions: Mapping[str, int], interval_ms: int) -> Cells:
    """A bucket without a score counts as one that scores zero."""
    found = answer_of(text).aggregations.jobs.buckets
    times = [time for job in found for time in job.times.buckets]
    return Cells(
        _intervals(times, interval_ms),
        np.repeat([positions[job.key] for job in found], [len(job.times.buckets) for job in found]).astype(np.int64),
        np.array([time.score.value or 0.0 if time.score else 0.0 for time in times], dtype=np.float64),
    )


def read_scores(text: bytes, positions: Mapping[str, int], interval_ms: int) -> tuple[int, Cells]:
    """How many buckets came as hits, and their cells: of several buckets in a cell the highest score counts."""
    found = [hit.sort for hit in answer_of(text).hits.hits]
    times, job_ids, highest_scores = zip(*found, strict=True) if found else ((), (), ())
    intervals = np.array(times, dtype=np.int64) // interval_ms
    jobs = np.array([positions[job_id] for job_id in job_ids], dtype=np.int64)
    scores = np.array(highest_scores, dtype=np.float64)
    cells = intervals * len(positions) + jobs
    if np.any(np.diff(cells) <= 0):
        order = np.lexsort((scores, cells))
        highest = order[np.append(np.diff(cells[order]) > 0, True)]
        intervals, jobs, scores = intervals[highest], jobs[highest], scores[highest]
    return len(found), Cells(intervals, jobs, scores)


def read_occupied(text: bytes, positions: Mapping[str, int], interval_ms: int) -> dict[int, np.ndarray]:
    found = answer_of(text).aggregations.jobs.buckets
    return {positions[job.key]: _intervals(job.times.buckets, interval_ms) for job in found}


def read_times(text: bytes, interval_ms: int) -> np.ndarray:
    return _intervals(answer_of(text).aggregations.times.buckets, interval_ms)


def read_bounds(answer: Answer, interval_ms: int) -> tuple[int, int] | None:
    """First and last interval; None where there is none."""
    first, last = answer.aggregations.first.value, answer.aggregations.last.value
    return None if first is None or last is None else (int(first) // interval_ms, int(last) // interval_ms)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Intervals that may pass; and of the bucket documents that score above zero: in how many intervals they lie from
    the first to the last, how many there are, and how many score from the cut."""

    intervals: np.ndarray
    window: int
    above_zero: int
    near: int


def read_candidates(texts: Sequence[bytes], interval_ms: int) -> Candidates:
    """The candidates of consecutive ranges."""
    answers = [answer_of(text) for text in texts]
    bounds = [found for found in (read_bounds(answer, interval_ms) for answer in answers) if found]
    return Candidates(
        np.concatenate([_intervals(answer.aggregations.strong.times.buckets, interval_ms) for answer in answers]),
        bounds[-1][1] + 1 - bounds[0][0] if bounds else 0,
        sum(answer.hits.total.value for answer in answers),
        sum(answer.aggregations.near.doc_count for answer in answers),
    )


def read_total(text: bytes) -> int:
    return answer_of(text).hits.total.value


def _intervals(times: Sequence[_Time], interval_ms: int) -> np.ndarray:
    return np.array([time.key for time in times], dtype=np.int64) // interval_ms
