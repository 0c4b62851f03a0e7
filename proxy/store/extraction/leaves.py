"""The answer to aggregations to records: one for each innermost bucket; pure.

Keys of buckets and values of metrics go into a record under the names of their aggregations, where the job has a field
of that name, and the time is what the `max` of the time field says. Aggregations bear their type in their names
(`avg#responsetime`), as the cluster writes them when asked to.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proxy.store.extraction.errors import ExtractionError, unreadable
from proxy.store.extraction.source import DOC_COUNT, Json, Source

_HISTOGRAMS = ("date_histogram", "histogram")
_PERCENTILES = ("_percentiles", "percentiles_bucket")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A record: its time in epoch milliseconds, and its other fields."""

    time_ms: int
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Aggregation:
    type: str
    name: str
    content: Mapping[str, Json]

    @property
    def has_buckets(self) -> bool:
        return "buckets" in self.content

    @property
    def is_one_bucket(self) -> bool:
        return not self.has_buckets and "doc_count" in self.content

    def buckets(self) -> Iterator[tuple[object, Mapping[str, Json]]]:
        """Keys and contents; buckets with names of their own come as an object."""
        buckets = self.content["buckets"]
        named = buckets.items() if isinstance(buckets, Mapping) else ((None, bucket) for bucket in buckets)
        for name, bucket in named:
            yield bucket.get("key", name), bucket

    def inner(self) -> list[Aggregation]:
        return aggregations_in(self.content)


def aggregations_in(content: Mapping[str, Json]) -> list[Aggregation]:
    """The aggregations of an answer or a bucket."""
    typed = [(name.partition("#"), value) for name, value in content.items() if isinstance(value, Mapping)]
    return [Aggregation(kind, name, value) for (kind, mark, name), value in typed if mark]


class Leaves:
    """Reads one answer; buckets of the histogram that begin before ``start_ms`` are left out."""

    def __init__(self, source: Source, start_ms: int, time_source: str | None = None) -> None:
        self._time_field = source.time_field
        self._fields = frozenset(source.fields)
        self._has_doc_count = source.counts_documents
        self._start_ms = start_ms
        self._time_source = time_source
        self._time_ms: int | None = None
        self._pairs: dict[str, object] = {}
        self._leaves: list[Leaf] = []

    def read(self, aggregations: Sequence[Aggregation]) -> list[Leaf]:
        """The records in order of their time.

        Raises:
            ExtractionError: the aggregations have a shape that makes no records.
        """
        self._visit(aggregations, 0)
        return sorted(self._leaves, key=lambda leaf: leaf.time_ms)

    def _visit(self, aggregations: Sequence[Aggregation], doc_count: int) -> None:
        many = [each for each in aggregations if each.has_buckets]
        single = [each for each in aggregations if each.is_one_bucket]
        branching = [each for each in single if any(map(_is_bucket, each.inner()))]
        in_single = sum(each.has_buckets for outer in branching for each in outer.inner())
        if max(len(many), in_single) > 1:
            raise unreadable("Multiple bucket aggregations at the same level are not supported")
        leaves = [each for each in aggregations if not _is_bucket(each)]
        leaves += [each for outer in single for each in outer.inner() if not _is_bucket(each)]
        added = [each.name for each in leaves if self._take(each)]
        has_more = any(self._visit_buckets(each) for each in many)
        for each in branching:
            self._visit([inner for inner in each.inner() if _is_bucket(inner)], each.content["doc_count"])
        if not has_more and not branching:
            self._finish(doc_count)
        for name in added:
            self._pairs.pop(name, None)

    def _visit_buckets(self, aggregation: Aggregation) -> bool:
        """Whether there is anything for us in the buckets; pipelines need some that nobody wants as records."""
        is_histogram, is_composite = aggregation.type in _HISTOGRAMS, aggregation.type == "composite"
        if not (is_histogram or is_composite or self._is_wanted(aggregation)):
            return False
        for key, bucket in aggregation.buckets():
            keys = key if is_composite and isinstance(key, Mapping) else {aggregation.name: key}
            begins_ms = key if is_histogram else keys.get(self._time_source) if is_composite else None
            if isinstance(begins_ms, int | float) and begins_ms < self._start_ms:
                continue
            named = {} if is_histogram else {name: value for name, value in keys.items() if name in self._fields}
            self._pairs |= named
            self._visit(aggregations_in(bucket), bucket["doc_count"])
            if is_histogram or is_composite:
                self._time_ms = None
            for name in named:
                self._pairs.pop(name, None)
        return True

    def _is_wanted(self, aggregation: Aggregation) -> bool:
        if aggregation.name in self._fields:
            return True
        _, first = next(aggregation.buckets(), (None, {}))
        return any(
            each.name in self._fields or (each.has_buckets and self._is_wanted(each)) for each in aggregations_in(first)
        )

    def _take(self, leaf: Aggregation) -> bool:
        """Puts the value of a metric among the pairs, if the job has a field for it and it has a value."""
        if leaf.name == self._time_field:
            if leaf.type != "max":
                raise self._no_time()
            latest = _finite(leaf.content["value"])
            self._time_ms = None if latest is None else int(latest)
            return False
        if leaf.name not in self._fields or (value := metric(leaf)) is None:
            return False
        self._pairs[leaf.name] = value
        return True

    def _finish(self, doc_count: int) -> None:
        if doc_count <= 0:
            return
        if self._time_ms is None:
            raise self._no_time()
        counted = {DOC_COUNT: doc_count} if self._has_doc_count else {}
        self._leaves.append(Leaf(self._time_ms, self._pairs | counted))

    def _no_time(self) -> ExtractionError:
        return unreadable(f"Missing max aggregation for time_field [{self._time_field}]")


def _is_bucket(aggregation: Aggregation) -> bool:
    return aggregation.has_buckets or aggregation.is_one_bucket


def metric(leaf: Aggregation) -> object:
    """The only value of a metric; None where it has none or it is not finite.

    Raises:
        ExtractionError: a metric of several values.
    """
    content = leaf.content
    if leaf.type == "geo_centroid":
        where = content.get("location") if content.get("count") else None
        return f"{where['lat']},{where['lon']}" if where else None
    if leaf.type.endswith(_PERCENTILES):
        values = _percentiles(content["values"])
        if len(values) > 1:
            raise unreadable(f"Multi-percentile aggregation [{leaf.name}] is not supported")
        return _finite(values[0]) if values else None
    if "value" not in content or leaf.type == "scripted_metric":
        raise unreadable(f"Unsupported aggregation type [{leaf.name}]")
    return _finite(content["value"])


def _percentiles(values: Json) -> list[Json]:
    """Keyed by their percent, perhaps with a formatted text beside each, or listed."""
    if isinstance(values, Mapping):
        return [value for name, value in values.items() if not name.endswith("_as_string")]
    return [each["value"] for each in values]


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
