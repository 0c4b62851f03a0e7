"""The requests of aggregated datafeeds; pure."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.store.extraction.queries import Params, with_runtime_mappings, within
from proxy.store.extraction.source import Json, Source

# The kind of each aggregation stands before its name in the answer: a sum cannot be told from a maximum otherwise.
TYPED: Params = {"typed_keys": True}


def composite_name(aggregations: Mapping[str, Json]) -> str | None:
    """The name of the composite aggregation; it can only be the outermost."""
    return next((name for name, each in aggregations.items() if "composite" in each), None)


def search(source: Source, aggregations: Mapping[str, Json], start_ms: int, end_ms: int) -> Json:
    body = {
        "size": 0,
        "track_total_hits": False,
        "query": within(source, start_ms, end_ms),
        "aggs": dict(aggregations),
    }
    return with_runtime_mappings(source, body)


def composite_page(aggregations: Mapping[str, Json], name: str, after: Json | None) -> Mapping[str, Json]:
    """The composite behind the key ``after``, its histogram first: so its buckets come in order of their time.

    That histogram's keys are numbers, whatever format was asked for, because they say up to where was read.
    """
    composite = aggregations[name]["composite"]
    times: list[Json] = []
    others: list[Json] = []
    for source in composite["sources"]:
        ((key, kind),) = source.items()
        if "date_histogram" in kind:
            settings = {option: value for option, value in kind["date_histogram"].items() if option != "format"}
            times.append({key: {"date_histogram": settings}})
        else:
            others.append(source)
    paged = {**composite, "sources": times + others} | ({} if after is None else {"after": after})
    return {name: {**aggregations[name], "composite": paged}}


def time_source(aggregations: Mapping[str, Json], name: str) -> str:
    """The name of the composite's source that is the histogram of the time."""
    sources = aggregations[name]["composite"]["sources"]
    return next(str(key) for source in sources for key, kind in source.items() if "date_histogram" in kind)
