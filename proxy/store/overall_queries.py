"""The aggregations behind overall buckets, as pure data, and reading their answers into arrays.

Three facts about the cluster shape them, each measured on two million bucket documents:
every (job, interval) cell in an answer costs about 2 µs there and 1 µs here, while documents only scanned are
nearly free; jobs outside and intervals inside is the cheapest nesting, because a histogram with many parents'
worth of children is quadratic in its length; and choosing jobs by a terms query over all documents costs more
than the aggregation itself, so a terms aggregation chooses them by ``include`` instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from proxy.store.result_queries import Query, not_interim

# A search answer; only the parts asked for by the filter paths below are in it.
Answer = Any

PRESENCE_PATHS = "aggregations.jobs.buckets.key,aggregations.jobs.buckets.doc_count,aggregations.jobs.buckets.*.value"
CELL_PATHS = (
    "aggregations.jobs.buckets.key,"
    "aggregations.jobs.buckets.times.buckets.key,"
    "aggregations.jobs.buckets.times.buckets.score.value"
)
PROBE_PATHS = "hits.total.value,aggregations.first.value,aggregations.last.value"
CANDIDATE_PATHS = "hits.total.value,aggregations.strong.times.buckets.key,aggregations.near.doc_count"
TIME_PATHS = "aggregations.times.buckets.key"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which bucket documents count. ``strangers`` are the wanted jobs that do not own an index among those searched:
    index name -> jobs whose documents there, if any, are not theirs to show."""

    job_ids: tuple[str, ...]
    exclude_interim: bool = False
    strangers: Mapping[str, tuple[str, ...]] | None = None

    def filters(self) -> list[Query]:
        filters: list[Query] = [{"term": {"result_type": "bucket"}}]
        if self.exclude_interim:
            filters.append(not_interim())
        for index, job_ids in (self.strangers or {}).items():
            foreign = [{"term": {"_index": index}}, {"terms": {"job_id": list(job_ids)}}]
            filters.append({"bool": {"must_not": {"bool": {"filter": foreign}}}})
        return filters

    def job_filter(self) -> Query:
        return {"terms": {"job_id": list(self.job_ids)}}


def between(start_ms: int | None, end_ms: int | None) -> list[Query]:
    """Timestamps from ``start_ms`` inclusive to ``end_ms`` exclusive; no clause where neither is set."""
    bounds = {name: value for name, value in (("gte", start_ms), ("lt", end_ms)) if value is not None}
    return [{"range": {"timestamp": bounds | {"format": "epoch_millis"}}}] if bounds else []


def within(ranges: Sequence[tuple[int, int]]) -> list[Query]:
    """Timestamps in any of the half-open ranges."""
    clauses = [between(start_ms, end_ms)[0] for start_ms, end_ms in ranges]
    return clauses if len(clauses) == 1 else [{"bool": {"should": clauses}}]


def probe(scope: Scope, times: list[Query], minimum_score: float) -> Query:
    """First and last timestamp of buckets that score at least ``minimum_score``."""
    strong = at_least(minimum_score)
    aggregations = {"first": {"min": {"field": "timestamp"}}, "last": {"max": {"field": "timestamp"}}}
    return _search([*scope.filters(), scope.job_filter(), strong, *times], aggregations)


def candidates(scope: Scope, times: list[Query], minimum_score: float, interval_ms: int, cut: float) -> Query:
    """Intervals that hold a score of at least ``minimum_score``; counts the scores above zero, and from ``cut``."""
    strong = {"filter": at_least(minimum_score), "aggs": {"times": _histogram(interval_ms)}}
    aggregations = {"strong": strong, "near": {"filter": at_least(cut)}}
    query = _search([*scope.filters(), scope.job_filter(), above_zero(), *times], aggregations)
    return query | {"track_total_hits": True}


def above_zero_count(scope: Scope, times: list[Query]) -> Query:
    return _search([*scope.filters(), scope.job_filter(), above_zero(), *times], {}) | {"track_total_hits": True}


def presence(scope: Scope, times: list[Query]) -> Query:
    """Per job: how many buckets, the first, the last, and the sum of their timestamps."""
    metrics = {name: {name: {"field": "timestamp"}} for name in ("min", "max", "sum")}
    return _search([*scope.filters(), *times], {"jobs": _jobs(scope.job_ids, metrics)})


def occupied(scope: Scope, times: list[Query], interval_ms: int) -> Query:
    """Per job: the intervals that hold a bucket of it."""
    return _search([*scope.filters(), *times], {"jobs": _jobs(scope.job_ids, {"times": _histogram(interval_ms)})})


def cells(scope: Scope, times: list[Query], interval_ms: int, *, among: Query | None = None) -> Query:
    """Per job and interval: the highest score, of all or only ``among`` some."""
    score = {"score": {"max": {"field": "anomaly_score"}}}
    filters = [*scope.filters(), *times, *([among] if among else [])]
    return _search(filters, {"jobs": _jobs(scope.job_ids, {"times": _histogram(interval_ms) | {"aggs": score}})})


def interim(scope: Scope, times: list[Query], interval_ms: int) -> Query:
    """The intervals that hold an interim bucket of any job."""
    filters = [*scope.filters(), scope.job_filter(), {"term": {"is_interim": True}}, *times]
    return _search(filters, {"times": _histogram(interval_ms)})


def _search(filters: list[Query], aggregations: Query) -> Query:
    return {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": filters}},
        **({"aggs": aggregations} if aggregations else {}),
    }


def at_least(score: float) -> Query:
    return {"range": {"anomaly_score": {"gte": score}}}


def above_zero() -> Query:
    return {"range": {"anomaly_score": {"gt": 0}}}


def _jobs(job_ids: Sequence[str], aggregations: Query) -> Query:
    terms = {"field": "job_id", "include": list(job_ids), "size": len(job_ids)}
    return {"terms": terms, "aggs": aggregations}


def _histogram(interval_ms: int) -> Query:
    """``epoch_millis`` halves the cost: the default format prints a date text for every interval."""
    return {
        "date_histogram": {
            "field": "timestamp",
            "fixed_interval": f"{interval_ms}ms",
            "min_doc_count": 1,
            "format": "epoch_millis",
        }
    }


@dataclass(frozen=True, slots=True)
class Cells:
    """Scores by (interval, job): parallel arrays; intervals count in interval lengths since the epoch."""

    intervals: np.ndarray  # int64
    jobs: np.ndarray  # int64, positions in Scope.job_ids
    scores: np.ndarray  # float64


def together(parts: Sequence[Cells]) -> Cells:
    return Cells(
        np.concatenate([part.intervals for part in parts]),
        np.concatenate([part.jobs for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def read_cells(answer: Answer, positions: Mapping[str, int], interval_ms: int) -> Cells:
    """A bucket without a score counts as one that scores zero."""
    keys: list[int] = []
    scores: list[float] = []
    jobs: list[int] = []
    lengths: list[int] = []
    for bucket in _buckets(answer, "jobs"):
        times = bucket["times"]["buckets"]
        jobs.append(positions[bucket["key"]])
        lengths.append(len(times))
        keys += [time["key"] for time in times]
        scores += [time["score"]["value"] or 0.0 for time in times]
    return Cells(
        np.array(keys, dtype=np.int64) // interval_ms,
        np.repeat(np.array(jobs, dtype=np.int64), lengths),
        np.array(scores, dtype=np.float64),
    )


def read_occupied(answer: Answer, positions: Mapping[str, int], interval_ms: int) -> dict[int, np.ndarray]:
    found = {}
    for bucket in _buckets(answer, "jobs"):
        keys = [time["key"] for time in bucket["times"]["buckets"]]
        found[positions[bucket["key"]]] = np.array(keys, dtype=np.int64) // interval_ms
    return found


def read_times(answer: Answer, interval_ms: int) -> np.ndarray:
    keys = [time["key"] for time in _buckets(answer, "times")]
    return np.array(keys, dtype=np.int64) // interval_ms


@dataclass(frozen=True, slots=True)
class Candidates:
    """Intervals that may pass, how many bucket documents score above zero, and how many from the cut."""

    intervals: np.ndarray
    above_zero: int
    near: int


def read_candidates(answers: Sequence[Answer], interval_ms: int) -> Candidates:
    """The candidates of consecutive ranges."""
    keys: list[int] = []
    for answer in answers:
        times = answer.get("aggregations", {}).get("strong", {}).get("times", {})
        keys += [time["key"] for time in times.get("buckets", ())]
    return Candidates(
        np.array(keys, dtype=np.int64) // interval_ms,
        sum(read_total(answer) for answer in answers),
        sum(answer.get("aggregations", {}).get("near", {}).get("doc_count", 0) for answer in answers),
    )


def read_total(answer: Answer) -> int:
    return answer["hits"]["total"]["value"]


def _buckets(answer: Answer, name: str) -> Sequence[Answer]:
    """None at all where the filter path found nothing to keep."""
    return answer.get("aggregations", {}).get(name, {}).get("buckets", ())
