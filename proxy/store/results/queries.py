"""The searches behind the results endpoints, as pure data. Running them and reading hits is in ``read``.

Times go untouched into range queries, so the date field's own format and date math apply to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy.store.results.docs import OLDEST_MODEL_VERSION

Query = dict[str, Any]  # a search body is whatever JSON the cluster's query language asks for

# The tie-breakers of records, in this order, each in the direction of the primary sort.
RECORD_TIE_BREAKERS = (
    "record_score",
    "over_field_value",
    "partition_field_value",
    "by_field_value",
    "field_name",
    "function",
)


@dataclass(frozen=True, slots=True)
class Page:
    from_: int = 0
    size: int = 100


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """What all scored results can be narrowed by. ``minimum_score`` counts only above zero."""

    start: str | None = None
    end: str | None = None
    exclude_interim: bool = False
    minimum_score: float = 0.0


def search(filters: list[Query], sort: list[Query], page: Page) -> Query:
    return {
        "query": {"bool": {"filter": filters}},
        "sort": sort,
        "from": page.from_,
        "size": page.size,
        "track_total_hits": True,
    }


def result_filters(result_type: str, score_field: str, wanted: ResultFilter) -> list[Query]:
    filters = [{"term": {"result_type": result_type}}, *time_range(wanted.start, wanted.end)]
    if wanted.minimum_score > 0:
        filters.append({"range": {score_field: {"gte": wanted.minimum_score}}})
    if wanted.exclude_interim:
        filters.append(not_interim())
    return filters


def time_range(start: str | None, end: str | None) -> list[Query]:
    """From ``start`` inclusive to ``end`` exclusive; no clause if neither is set."""
    bounds = {name: value for name, value in (("gte", start), ("lt", end)) if value}
    return [{"range": {"timestamp": bounds}}] if bounds else []


def not_interim() -> Query:
    """A result without the flag counts as final."""
    return {"bool": {"must_not": {"term": {"is_interim": True}}}}


def buckets(wanted: ResultFilter, *, sort: str, desc: bool, page: Page) -> Query:
    return search(result_filters("bucket", "anomaly_score", wanted), bucket_sort(sort, desc), page)


def bucket_at(timestamp: str, *, sort: str, desc: bool) -> Query:
    """The bucket at a time; a date without a time of day means any bucket of that day, the first one by the sort."""
    filters = [{"term": {"result_type": "bucket"}}, {"term": {"timestamp": timestamp}}]
    return search(filters, bucket_sort(sort, desc), Page(0, 1))


def bucket_sort(sort: str, desc: bool) -> list[Query]:
    order = _order(desc)
    return [{sort: order}] + ([] if sort == "timestamp" else [{"timestamp": order}])


def records(wanted: ResultFilter, *, sort: str, desc: bool, page: Page) -> Query:
    return search(result_filters("record", "record_score", wanted), record_sort(sort, desc), page)


def records_of_bucket(timestamp_ms: int, *, is_interim: bool) -> Query:
    """The most improbable records of one bucket, as many as one search can return."""
    filters: list[Query] = [
        {"term": {"result_type": "record"}},
        {"term": {"timestamp": timestamp_ms}},
        {"term": {"is_interim": True}} if is_interim else not_interim(),
    ]
    return search(filters, record_sort("probability", desc=False), Page(0, 10_000))


def record_sort(sort: str, desc: bool) -> list[Query]:
    order = _order(desc)
    return [{sort: {**order, "missing": "_last"}}, *({field: order} for field in RECORD_TIE_BREAKERS)]


def influencers(wanted: ResultFilter, *, sort: str, desc: bool, page: Page) -> Query:
    return search(result_filters("influencer", "influencer_score", wanted), [{sort: _order(desc)}], page)


def categories(category_id: int | None, partition_field_value: str | None, page: Page) -> Query:
    """Category definitions of writers before 7.9 bear no result type: they are known by their id."""
    if category_id is not None:
        return search([{"term": {"category_id": category_id}}], [], Page(0, 1))
    filters: list[Query] = [{"exists": {"field": "category_id"}}]
    if partition_field_value is not None:
        filters.append({"term": {"partition_field_value": partition_field_value}})
    return search(filters, [{"category_id": {"order": "asc"}}], page)


def model_snapshots(
    snapshot_ids: list[str], *, start: str | None, end: str | None, sort: str, desc: bool, page: Page
) -> Query:
    """Snapshots of the given ids, which may hold wildcards; none or ``_all`` means every one."""
    filters: list[Query] = [{"exists": {"field": "snapshot_doc_count"}}, *time_range(start, end)]
    if snapshot_ids and not {"_all", "*"} & set(snapshot_ids):
        filters.append({"bool": {"should": [_snapshot_id(text) for text in snapshot_ids]}})
    order = _order(desc)
    if sort == "min_version":
        order |= {"missing": OLDEST_MODEL_VERSION, "unmapped_type": "keyword"}
    body = search(filters, [{sort: order}], page)
    return body | {"_source": {"excludes": ["quantiles"]}}


def _snapshot_id(text: str) -> Query:
    return {"wildcard" if "*" in text else "term": {"snapshot_id": text}}


def _order(desc: bool) -> dict[str, str]:
    return {"order": "desc" if desc else "asc"}
