"""The aggregations behind overall buckets, as pure data. Their answers are read in ``answers``.

Three facts about the cluster shape them, each measured on two million bucket documents:
every (job, interval) cell in an answer costs about 2 µs there and 1 µs here, while documents only scanned are
nearly free; jobs outside and intervals inside is the cheapest nesting, because a histogram with many parents'
worth of children is quadratic in its length; and choosing jobs by a terms query over all documents costs more
than the aggregation itself, so a terms aggregation chooses them by ``include`` instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.store.results.queries import Query, not_interim

PRESENCE_PATHS = (
    "aggregations.jobs.buckets.key,aggregations.jobs.buckets.doc_count,"
    "aggregations.jobs.buckets.stamps.min,aggregations.jobs.buckets.stamps.max,aggregations.jobs.buckets.stamps.sum"
)
CELL_PATHS = (
    "aggregations.jobs.buckets.key,"
    "aggregations.jobs.buckets.times.buckets.key,"
    "aggregations.jobs.buckets.times.buckets.score.value"
)
PROBE_PATHS = "hits.total.value,aggregations.first.value,aggregations.last.value"
CANDIDATE_PATHS = f"{PROBE_PATHS},aggregations.strong.times.buckets.key,aggregations.near.doc_count"
TIME_PATHS = "aggregations.times.buckets.key"
SCORE_PATHS = "hits.hits.sort"
# What an index lets one search return, unless it was given another limit.
HITS_PER_ANSWER = 10_000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which bucket documents count.

    ``jobs_elsewhere``: index name -> the wanted jobs whose results stand in another index; what bears their id there is
    not a result of theirs.
    """

    job_ids: tuple[str, ...]
    exclude_interim: bool = False
    jobs_elsewhere: Mapping[str, tuple[str, ...]] | None = None

    def filters(self) -> list[Query]:
        filters: list[Query] = [{"term": {"result_type": "bucket"}}]
        if self.exclude_interim:
            filters.append(not_interim())
        for index, job_ids in (self.jobs_elsewhere or {}).items():
            foreign = [{"term": {"_index": index}}, {"terms": {"job_id": list(job_ids)}}]
            filters.append({"bool": {"must_not": {"bool": {"filter": foreign}}}})
        return filters

    def job_filter(self) -> Query:
        return {"terms": {"job_id": list(self.job_ids)}}


_BOUNDS: Query = {"first": {"min": {"field": "timestamp"}}, "last": {"max": {"field": "timestamp"}}}


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
    return _search([*scope.filters(), scope.job_filter(), strong, *times], dict(_BOUNDS))


def candidates(scope: Scope, times: list[Query], minimum_score: float, interval_ms: int, cut: float) -> Query:
    """Intervals that hold a score of at least ``minimum_score``; the ends of what scores above zero, how many do, and
    how many score from ``cut``."""
    strong = {"filter": at_least(minimum_score), "aggs": {"times": _histogram(interval_ms)}}
    aggregations = {"strong": strong, "near": {"filter": at_least(cut)}, **_BOUNDS}
    query = _search([*scope.filters(), scope.job_filter(), above_zero(), *times], aggregations)
    return query | {"track_total_hits": True}


def above_zero_count(scope: Scope, times: list[Query]) -> Query:
    return _search([*scope.filters(), scope.job_filter(), above_zero(), *times], {}) | {"track_total_hits": True}


def presence(scope: Scope, times: list[Query]) -> Query:
    """Per job: how many buckets, the first, the last, and the sum of their timestamps.

    One aggregation that has it all reads each timestamp once.
    """
    stamps = {"stamps": {"stats": {"field": "timestamp"}}}
    return _search([*scope.filters(), *times], {"jobs": _jobs(scope.job_ids, stamps)})


def occupied(scope: Scope, times: list[Query], interval_ms: int) -> Query:
    """Per job: the intervals that hold a bucket of it."""
    return _search([*scope.filters(), *times], {"jobs": _jobs(scope.job_ids, {"times": _histogram(interval_ms)})})


def cells(scope: Scope, times: list[Query], interval_ms: int, *, among: Query | None = None) -> Query:
    """Per job and interval: the highest score, of all or only ``among`` some."""
    score = {"score": {"max": {"field": "anomaly_score"}}}
    filters = [*scope.filters(), *times, *([among] if among else [])]
    return _search(filters, {"jobs": _jobs(scope.job_ids, {"times": _histogram(interval_ms) | {"aggs": score}})})


def scores(scope: Scope, times: list[Query], among: Query) -> Query:
    """The buckets ``among`` some as hits, whose sort values are their time, job and score.

    A hit that is nothing but its sort values costs the cluster 1.3 µs, where a cell of an aggregation costs 2.2 µs.
    """
    return {
        "size": HITS_PER_ANSWER,
        "track_total_hits": False,
        "_source": False,
        "stored_fields": "_none_",
        "query": {"bool": {"filter": [*scope.filters(), scope.job_filter(), among, *times]}},
        "sort": ["timestamp", "job_id", {"anomaly_score": {"order": "asc", "mode": "max"}}],
    }


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
