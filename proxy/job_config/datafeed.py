"""A datafeed as it is stored and echoed. Running one is not this module's matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.job_config import durations, key_order
from proxy.job_config.aggregation_shape import histogram_of
from proxy.job_config.old_intervals import with_named_intervals
from proxy.job_config.types import ChunkingConfig, Datafeed, DelayedDataCheckConfig, Document, IndicesOptions

KEYS = (
    "datafeed_id",
    "job_id",
    "authorization",
    "query_delay",
    "chunking_config",
    "indices_options",
    "query",
    "frequency",
    "indices",
    "aggregations",
    "script_fields",
    "scroll_size",
    "delayed_data_check_config",
    "max_empty_searches",
    "max_consecutive_extraction_failures",
    "runtime_mappings",
)
DEFAULT_SCROLL_SIZE = 1000
DEFAULT_QUERY = {"match_all": {"boost": 1.0}}
DEFAULT_INDICES_OPTIONS = {
    "expand_wildcards": ["open"],
    "ignore_unavailable": False,
    "allow_no_indices": True,
    "ignore_throttled": True,
}
# With aggregations one chunk holds this many of the histogram's intervals.
INTERVALS_PER_CHUNK = 1000


def normalise(config: Datafeed, job_id: str, request_options: IndicesOptions | None = None) -> Document:
    """The stored form of a valid configuration of the datafeed of `job_id`.

    `request_options` are the index options of the request's query string, used where the configuration has none.
    """
    aggregations = aggregations_of(config)
    options = config.get("indices_options")
    echoed: Document = dict(config) | {
        "datafeed_id": config.get("datafeed_id") or job_id,
        "job_id": job_id,
        "query_delay": _text(config.get("query_delay"), "query_delay") or default_query_delay(job_id),
        "frequency": _text(config.get("frequency"), "frequency"),
        "indices": indices_of(config),
        "aggregations": aggregations,
        "chunking_config": normalise_chunking(config.get("chunking_config"), aggregations),
        "indices_options": normalise_options(request_options if options is None else options),
        "query": config.get("query") or DEFAULT_QUERY,
        "scroll_size": config.get("scroll_size", DEFAULT_SCROLL_SIZE),
        "delayed_data_check_config": normalise_check(config.get("delayed_data_check_config")),
        "script_fields": config.get("script_fields") or None,
        "runtime_mappings": config.get("runtime_mappings") or {},
    }
    if config.get("max_empty_searches") == -1:
        echoed["max_empty_searches"] = None
    return key_order.ordered(echoed, KEYS)


def indices_of(config: Datafeed) -> list[str] | None:
    """The indices under either of their names."""
    given: list[str] | None = config.get("indices")
    return config.get("indexes") if given is None else given


def aggregations_of(config: Datafeed) -> Document | None:
    """The aggregations under either of their names, with the names of intervals that clusters know today."""
    given = config.get("aggregations") or config.get("aggs")
    return with_named_intervals(given) if given else None


def _text(duration: str | None, setting: str) -> str | None:
    return None if duration is None else durations.parse(duration, setting).text


def normalise_check(config: DelayedDataCheckConfig | None) -> Document:
    if config is None:
        return {"enabled": True}
    window = _text(config.get("check_window"), "check_window")
    return {"enabled": config["enabled"]} | ({"check_window": window} if window else {})


def normalise_options(options: IndicesOptions | None) -> Document:
    echoed: Document = DEFAULT_INDICES_OPTIONS | dict(options or {})
    states = echoed["expand_wildcards"]
    listed = states if isinstance(states, list) else [states]
    chosen = {state for each in listed for state in str(each).split(",")}
    if "all" in chosen:
        chosen = {"open", "closed", "hidden"}
    # Elasticsearch writes them in this order, whatever was given.
    echoed["expand_wildcards"] = [state for state in ("open", "closed", "hidden") if state in chosen]
    return echoed


def normalise_chunking(config: ChunkingConfig | None, aggregations: object) -> Document:
    """What the user chose, else what suits the aggregations, whose shape is right."""
    if config is None:
        return default_chunking(aggregations)
    span = _text(config.get("time_span"), "time_span")
    return {"mode": config["mode"]} | ({"time_span": span} if span else {})


def default_chunking(aggregations: object) -> Document:
    if not aggregations:
        return {"mode": "auto"}
    histogram = histogram_of(aggregations)
    if histogram.is_composite:
        return {"mode": "off"}
    return {"mode": "manual", "time_span": f"{histogram.interval_ms * INTERVALS_PER_CHUNK}ms"}


def without_generated(datafeed: Mapping[str, Any]) -> Document:
    """A stored datafeed as a client would send it: `exclude_generated=true`."""
    generated = {
        "query_delay": default_query_delay(str(datafeed["job_id"])),
        "chunking_config": default_chunking(datafeed.get("aggregations")),
        "indices_options": DEFAULT_INDICES_OPTIONS,
    }
    return {
        key: value
        for key, value in datafeed.items()
        if key != "authorization" and (key not in generated or value != generated[key])
    }


def default_query_delay(job_id: str) -> str:
    """Between 60 and 120 seconds, always the same for one job: the first value of Java's seeded generator."""
    return f"{60_000 + (_first_java_long(_java_hash(job_id)) >> 1) % 60_000}ms"


def _java_hash(text: str) -> int:
    """`String.hashCode`, over UTF-16 units, as a signed 32-bit number."""
    units = text.encode("utf-16-be")
    total = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        total = (31 * total + (high << 8 | low)) & 0xFFFFFFFF
    return total - (1 << 32) if total >> 31 else total


def _first_java_long(seed: int) -> int:
    """`new java.util.Random(seed).nextLong()` as an unsigned 64-bit number."""
    state = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)
    halves = []
    for _ in range(2):
        state = (state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        half = state >> 16
        halves.append(half - (1 << 32) if half >> 31 else half)
    return ((halves[0] << 32) + halves[1]) & ((1 << 64) - 1)
