"""Aggregations as a tree: which kind each is, and what lies inside it. What datafeeds ask of them is said elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.errors import MlError, illegal_argument, parse_error, status_error

# The keys of an aggregation that do not name its kind.
_INNER = ("aggregations", "aggs")
_NOT_A_KIND = (*_INNER, "meta")
# They work on the results of others, so they are neither siblings nor children of a histogram.
_PIPELINES = frozenset(
    {
        "avg_bucket", "bucket_correlation", "bucket_count_ks_test", "bucket_script", "bucket_selector",
        "bucket_sort", "change_point", "cumulative_cardinality", "cumulative_sum", "derivative",
        "extended_stats_bucket", "inference", "max_bucket", "min_bucket", "moving_avg", "moving_fn",
        "moving_percentiles", "normalize", "percentiles_bucket", "serial_diff", "stats_bucket", "sum_bucket",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aggregation:
    name: str
    kind: str
    settings: Mapping[str, Any]
    inner: tuple[Aggregation, ...]

    @property
    def is_pipeline(self) -> bool:
        return self.kind in _PIPELINES


def tree_of(aggregations: object) -> tuple[Aggregation, ...]:
    """The aggregations of one level, pipelines among them.

    Raises:
        MlError: 400, they are not aggregations at all.
    """
    if not isinstance(aggregations, Mapping) or not aggregations:
        raise unparsable(illegal_argument("[aggregations] are empty"))
    return _level(aggregations)


def buckets_and_metrics(level: tuple[Aggregation, ...]) -> tuple[Aggregation, ...]:
    return tuple(each for each in level if not each.is_pipeline)


def _level(aggregations: Mapping[str, Any]) -> tuple[Aggregation, ...]:
    return tuple(_aggregation(name, body) for name, body in aggregations.items())


def _aggregation(name: str, body: object) -> Aggregation:
    if not isinstance(body, Mapping):
        raise unparsable(parse_error(f"Aggregation definition for [{name}] must be an object"))
    kinds = [key for key in body if key not in _NOT_A_KIND]
    if len(kinds) > 1:
        found = f"Found two aggregation type definitions in [{name}]: [{kinds[0]}] and [{kinds[1]}]"
        raise unparsable(parse_error(found))
    if not kinds:
        raise unparsable(parse_error(f"Missing definition for aggregation [{name}]"))
    inner = [body[key] for key in _INNER if key in body]
    if len(inner) > 1:
        raise unparsable(parse_error(f"Found two sub aggregation definitions under [{name}]"))
    for part in (body[kinds[0]], *inner):
        if not isinstance(part, Mapping):
            raise unparsable(parse_error(f"Expected an object under [{name}]"))
    return Aggregation(name, kinds[0], body[kinds[0]], _level(inner[0]) if inner else ())


def unparsable(cause: MlError) -> MlError:
    return status_error("Datafeed aggregations are not parsable", 400, caused_by=cause)
