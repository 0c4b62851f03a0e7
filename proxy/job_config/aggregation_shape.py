"""The shape that the aggregations of a datafeed must have, in the order in which Elasticsearch finds faults with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from proxy.errors import MlError, illegal_argument, status_error
from proxy.job_config.aggregation_tree import Aggregation, buckets_and_metrics, tree_of, unparsable
from proxy.job_config.histogram_interval import date_histogram_interval_ms, histogram_interval_ms

_ALONE = "must be the only composite agg and should be the only top level aggregation"


@dataclass(frozen=True, slots=True)
class Histogram:
    """The aggregation whose buckets become records. ``interval_ms`` is more than zero."""

    name: str
    is_composite: bool
    field: str | None
    interval_ms: int


def histogram_of(aggregations: object) -> Histogram:
    """The one histogram over time of a datafeed's aggregations.

    Raises:
        MlError: 400, they do not have the shape that a datafeed needs.
    """
    level = tree_of(aggregations)
    top = buckets_and_metrics(level)
    _check_top_composite(top)
    found = _histogram_aggregation(top)
    if found.kind == "composite" and len(top) != len(level):
        raise _refused("when using composite aggregations, top level pipeline aggregations are not supported")
    _check_inner(found)
    over = _over_time(found)
    if not any(each.kind == "max" and each.settings.get("field") == over.get("field") for each in found.inner):
        raise _refused(f"Date histogram must have nested max aggregation for time_field [{over.get('field')}]")
    interval_ms = histogram_interval_ms(over) if found.kind == "histogram" else date_histogram_interval_ms(over)
    if interval_ms <= 0:
        raise _refused("Aggregation interval must be greater than 0")
    return Histogram(found.name, found.kind == "composite", over.get("field"), interval_ms)


def _histogram_aggregation(level: tuple[Aggregation, ...]) -> Aggregation:
    while True:
        if not level:
            raise _refused("A date_histogram (or histogram) aggregation is required")
        if len(level) > 1:
            raise _refused("The date_histogram (or histogram) aggregation cannot have sibling aggregations")
        if _is_histogram(level[0]):
            return level[0]
        level = buckets_and_metrics(level[0].inner)


def _is_histogram(aggregation: Aggregation) -> bool:
    if aggregation.kind == "composite":
        return len(_date_sources(aggregation)) == 1
    return aggregation.kind in ("date_histogram", "histogram")


def _check_inner(histogram: Aggregation) -> None:
    for each in _all_below(histogram.inner):
        if each.kind == "composite":
            raise _refused(f"Composite aggregation [{each.name}] {_ALONE}")
        if _is_histogram(each):
            raise _refused("Aggregations can only have 1 date_histogram or histogram aggregation")


def _all_below(level: Iterable[Aggregation]) -> Iterator[Aggregation]:
    for each in level:
        yield each
        yield from _all_below(each.inner)


def _check_top_composite(top: tuple[Aggregation, ...]) -> None:
    composite = next((each for each in top if each.kind == "composite"), None)
    if composite is None:
        nested = next((each for each in _all_below(top) if each.kind == "composite"), None)
        if nested is not None:
            raise _refused(f"Composite aggregation [{nested.name}] {_ALONE}")
        return
    if len(top) > 1:
        raise _refused(f"Composite aggregation [{composite.name}] {_ALONE}")
    sources = _date_sources(composite)
    if len(sources) != 1:
        raise _refused(f"Composite aggregation [{composite.name}] must have exactly one date_histogram source")
    name, settings = sources[0]
    lead = f"Datafeed composite aggregation [{composite.name}] date_histogram [{name}] source"
    if settings.get("missing_bucket") in (True, "true"):
        raise _refused(f"{lead} does not support missing_buckets")
    if str(settings.get("order", "asc")).lower() != "asc":
        raise _refused(f"{lead} must be sorted in ascending order")


def _date_sources(composite: Aggregation) -> list[tuple[str, dict[str, Any]]]:
    """The sources of a composite aggregation that are date histograms, by name."""
    found = []
    sources = composite.settings.get("sources")
    listed = sources if isinstance(sources, list) else [sources] if isinstance(sources, dict) else []
    for each in listed:
        if not isinstance(each, dict) or not all(isinstance(source, dict) for source in each.values()):
            raise unparsable(illegal_argument(f"[composite] failed to parse field [sources] of [{composite.name}]"))
        found += [
            (name, source["date_histogram"])
            for name, source in each.items()
            if isinstance(source.get("date_histogram"), dict)
        ]
    return found


def _over_time(histogram: Aggregation) -> dict[str, Any]:
    """The settings that name the time field and the interval."""
    return _date_sources(histogram)[0][1] if histogram.kind == "composite" else dict(histogram.settings)


def _refused(reason: str) -> MlError:
    return status_error(reason, 400)
