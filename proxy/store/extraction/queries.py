"""The requests that read a source; pure. Those of aggregated datafeeds are in ``aggregated_queries``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.store.extraction.source import Json, Source

Params = dict[str, str | int | bool]

# A point in time outlives the slowest analysis of one page by far, and a forgotten one for not much longer.
KEEP_ALIVE = "10m"


def index_params(source: Source) -> Params:
    """Which indices count, as every request that names indices takes it.

    ``ignore_throttled`` is deprecated and says so in a warning, hence only sent where it changes anything.
    """
    states = source.options.get("expand_wildcards", ["open"])
    params: Params = {
        "expand_wildcards": states if isinstance(states, str) else ",".join(states) or "none",
        "ignore_unavailable": bool(source.options.get("ignore_unavailable", False)),
        "allow_no_indices": bool(source.options.get("allow_no_indices", True)),
    }
    if not source.options.get("ignore_throttled", True):
        params["ignore_throttled"] = False
    return params


def search_params(source: Source) -> Params:
    return index_params(source) | {"allow_partial_search_results": False}


def capabilities(source: Source) -> tuple[Params, Json]:
    """Asks for the types of the fields, and of their parents: those tell whether a field is a multi-field."""
    wanted = [source.time_field, *(name for name in source.fields if name not in source.script_fields)]
    names = dict.fromkeys((*wanted, *(parent for name in wanted if (parent := parent_of(name)))))
    body: Json = {"fields": list(names)}
    if source.runtime_mappings:
        body["runtime_mappings"] = dict(source.runtime_mappings)
    return index_params(source), body


def parent_of(field: str) -> str:
    """The dotted name without its last part; empty where it has one part only."""
    return field.rpartition(".")[0]


def within(source: Source, start_ms: int | None, end_ms: int | None) -> Json:
    """The datafeed's query for times from ``start_ms`` inclusive to ``end_ms`` exclusive; None is no bound."""
    bounds = {name: value for name, value in (("gte", start_ms), ("lt", end_ms)) if value is not None}
    clauses = [source.query]
    if bounds:
        clauses.append({"range": {source.time_field: bounds | {"format": "epoch_millis"}}})
    return {"bool": {"filter": clauses}}


def with_runtime_mappings(source: Source, body: Json) -> Json:
    return body | {"runtime_mappings": dict(source.runtime_mappings)} if source.runtime_mappings else body


def page(source: Source, fetch: Mapping[str, Json], query: Json, *, sorts_nanos: bool) -> Json:
    """One page of documents in order of their time; ``fetch`` is what to bring of each.

    Times in nanoseconds are sorted as milliseconds, so that they can be told from those of other indices. An index
    without the time field holds nothing for us, and should not fail the search.
    """
    order: Json = {"order": "asc", "unmapped_type": "date"} | ({"numeric_type": "date"} if sorts_nanos else {})
    body = {"query": query, "track_total_hits": False, "sort": [{source.time_field: order}], **fetch}
    return with_runtime_mappings(source, body)


def in_point_in_time(body: Json, pit: str, after: Sequence[Json] | None) -> Json:
    """The same page within a point in time, behind the sort values ``after``.

    ``_shard_doc`` orders what has equal times, and the same way for every page of one point in time.
    """
    placed = body | {"pit": {"id": pit, "keep_alive": KEEP_ALIVE}, "sort": [*body["sort"], "_shard_doc"]}
    return placed if after is None else placed | {"search_after": list(after)}


def bounds(source: Source, start_ms: int, end_ms: int | None) -> Json:
    """The first and last time within a range and how many documents there are."""
    field = {"field": source.time_field}
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": within(source, start_ms, end_ms),
        "aggs": {"earliest": {"min": field}, "latest": {"max": field}},
    }
    return with_runtime_mappings(source, body)


def counts(source: Source, start_ms: int, end_ms: int, bucket_span_ms: int) -> Json:
    """How many documents each bucket of a range has."""
    histogram = {"field": source.time_field, "fixed_interval": f"{bucket_span_ms}ms", "min_doc_count": 1}
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": within(source, start_ms, end_ms),
        # This format halves the cost: the default prints a date for every bucket.
        "aggs": {"buckets": {"date_histogram": histogram | {"format": "epoch_millis"}}},
    }
    return with_runtime_mappings(source, body)
