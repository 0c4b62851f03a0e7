"""Columnar aggregation: rows to one feature value per bucket and entity.

Groups are (bucket, partition, over, by) of one detector; sums run in order of arrival, so the result does not
depend on how the rows were batched. NaN in the measured field leaves a row out of the metric features.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy.engine.features_text import distinct_counts, distinct_pairs, info_content
from proxy.engine.functions import TEXT_FEATURES
from proxy.engine.results import Codes, Column, Floats
from proxy.engine.rows import RowSet
from proxy.engine.spec import DetectorSpec

Index = NDArray[np.intp]
# Values beyond are as good as this: squares of it still fit, and nobody can tell the difference.
LARGEST = 1e18


@dataclass(frozen=True, slots=True)
class Groups:
    """One element per group, ordered by bucket; codes are those of the row set's columns, -1 = no such field."""

    bucket: NDArray[np.int64]
    codes: dict[str, Codes]
    count: Floats
    values: list[Floats]
    row_order: Index
    row_start: Index

    def of_bucket(self, bucket: int) -> slice:
        """The groups of one bucket."""
        first, last = np.searchsorted(self.bucket, (bucket, bucket + 1))
        return slice(int(first), int(last))

    def members(self, group: int) -> Index:
        """The rows of one group in order of arrival."""
        return self.row_order[self.row_start[group] : self.row_start[group + 1]]


def usable_rows(rows: RowSet, detector: DetectorSpec, weights: Floats | None) -> Index:
    """Rows that name every entity field (use_null lets an absent one count as empty) and have a measure."""
    usable = np.ones(len(rows.time), bool)
    if not detector.use_null:
        for field in detector.split_fields:
            usable &= rows.text[field].codes >= 0
    if weights is not None:
        usable &= weights > 0
    feature = detector.parts[0].feature
    if detector.parts[0].is_metric and detector.field:
        usable &= np.isfinite(rows.numbers[detector.field])
    elif feature in TEXT_FEATURES and detector.field:
        usable &= rows.text[detector.field].codes >= 0
    return np.flatnonzero(usable)


def aggregate(rows: RowSet, detector: DetectorSpec, span: int, weights: Floats | None) -> Groups:
    """Groups the rows of one detector; `weights` are summary counts (None = each row counts once)."""
    used = usable_rows(rows, detector, weights)
    bucket = rows.time[used] // span
    key, sizes = _key(rows, detector, bucket, used)
    group, first = _dense(key, sizes)
    count = len(first)
    weight = None if weights is None else weights[used]
    counts = np.bincount(group, weight, count).astype(np.float64)
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(count + 1))
    values = [
        np.clip(_feature(part.feature, rows, detector, used, group, counts, weight, order, start), -LARGEST, LARGEST)
        for part in detector.parts
    ]
    codes = {f: _entity_codes(rows.text[f], detector)[used[first]] for f in detector.split_fields}
    return Groups(bucket[first], codes, counts, values, used[order], start)


def _key(rows: RowSet, detector: DetectorSpec, bucket: NDArray[np.int64], used: Index) -> tuple[NDArray[np.int64], int]:
    key = bucket - (bucket.min() if len(bucket) else 0)
    size = int(key.max()) + 1 if len(key) else 0
    for field in detector.split_fields:
        width = len(rows.text[field].values) + 1
        key = key * width + _entity_codes(rows.text[field], detector)[used] + 1
        size *= width
    return key, size


def _entity_codes(column: Column, detector: DetectorSpec) -> Codes:
    """Codes of a split field; where absent counts as empty, the empty text is no value of its own."""
    if not detector.use_null or "" not in column.values:
        return column.codes
    return np.where(column.codes == column.values.index(""), -1, column.codes).astype(np.int32)


def _dense(key: NDArray[np.int64], size: int) -> tuple[Index, Index]:
    """(group of each row, first row of each group); groups are numbered in key order."""
    if size > 4 * len(key) + 65536:
        _, first, group = np.unique(key, return_index=True, return_inverse=True)
        return group.reshape(-1), first
    present = np.bincount(key, minlength=size) > 0
    number = np.cumsum(present) - 1
    group = number[key]
    first = np.empty(int(present.sum()), np.intp)
    # Written backwards, so the first row of a group is what stays.
    first[group[::-1]] = np.arange(len(key) - 1, -1, -1)
    return group, first


def _feature(
    feature: str,
    rows: RowSet,
    detector: DetectorSpec,
    used: Index,
    group: Index,
    counts: Floats,
    weight: Floats | None,
    order: Index,
    start: Index,
) -> Floats:
    if feature == "count" or detector.field is None:
        return counts
    if feature in TEXT_FEATURES:
        return text_feature(feature, rows.text[detector.field], used, group, len(counts))
    if not detector.parts[0].is_metric:
        return counts
    return metric_feature(feature, rows.numbers[detector.field][used], group, counts, weight, order, start)


def metric_feature(
    feature: str, value: Floats, group: Index, counts: Floats, weight: Floats | None, order: Index, start: Index
) -> Floats:
    """Feature of each group. Weighted (pre-summarised) values are means of `weight` records; sums are sums."""
    value = np.clip(value, -LARGEST, LARGEST)
    if feature == "sum":
        return np.bincount(group, value, len(counts))
    if feature in ("mean", "varp"):
        mass = value if weight is None else value * weight
        mean = np.bincount(group, mass, len(counts)) / np.maximum(counts, 1e-300)
        if feature == "mean":
            return mean
        off = (value - mean[group]) ** 2
        return np.bincount(group, off if weight is None else off * weight, len(counts)) / np.maximum(counts, 1e-300)
    if not len(counts):
        return np.empty(0)
    if feature == "min":
        return np.minimum.reduceat(value[order], start[:-1])
    if feature == "max":
        return np.maximum.reduceat(value[order], start[:-1])
    by_value = np.lexsort((value, group))
    sorted_value = value[by_value]
    size = np.diff(start)
    low, high = start[:-1] + (size - 1) // 2, start[:-1] + size // 2
    return 0.5 * (sorted_value[low] + sorted_value[high])


def text_feature(feature: str, column: Column, used: Index, group: Index, count: int) -> Floats:
    """Distinct values of each group, or how much information they carry."""
    pairs = distinct_pairs(group, column.codes[used])
    keys, found = distinct_counts(pairs) if feature == "distinct_count" else info_content(pairs, column.values)
    out = np.zeros(count)
    out[keys] = found
    return out
