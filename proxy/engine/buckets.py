"""Columnar aggregation: rows to one feature value per bucket and entity.

Groups are (bucket, partition, over, by) of one detector; sums run in order of arrival, so the result does not
depend on how the rows were batched. NaN in the measured field leaves a row out of the metric features.
"""

from collections.abc import Iterator
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
# Of a feature, which may be a variance; single precision holds it and double precision its square.
LARGEST_FEATURE = 1e36
LARGEST_KEY = (1 << 63) - 1


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
    """Rows that name every entity field and have a measure; an absent partition is the partition without a name."""
    usable = np.ones(len(rows.time), bool)
    for field in detector.split_fields:
        if not _counts_as_empty(field, detector):
            usable &= rows.text[field].codes >= 0
    if weights is not None:
        usable &= weights > 0
    feature = detector.parts[0].feature
    if detector.parts[0].is_metric and detector.field:
        usable &= np.isfinite(rows.numbers[detector.field])
    elif feature in TEXT_FEATURES and detector.field:
        usable &= rows.text[detector.field].codes >= 0
    return np.flatnonzero(usable)


def _counts_as_empty(field: str, detector: DetectorSpec) -> bool:
    """Whether a row without this split field belongs to the entity whose value is the empty text."""
    return detector.use_null or field == detector.partition


def summary_counts(values: Floats) -> Floats:
    """How many records each row stands for: halves are rounded up, and what is no positive number stands for none."""
    counts = np.floor(np.where(np.isfinite(values), values, 0.0) + 0.5)
    return np.maximum(counts, 0.0)


def aggregate(rows: RowSet, detector: DetectorSpec, span: int, weights: Floats | None) -> Groups:
    """Groups the rows of one detector; `weights` are summary counts (None = each row counts once)."""
    used = usable_rows(rows, detector, weights)
    bucket = rows.time[used] // span
    key, sizes = _key(rows, detector, bucket, used)
    order = _stable_order(key, sizes)
    members = used[order]
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    start = np.append(first, len(key))
    weight = None if weights is None else weights[members]
    counts = np.diff(start).astype(np.float64) if weight is None else _sums(weight, start)
    values = [
        np.clip(feature, -LARGEST_FEATURE, LARGEST_FEATURE)
        for feature in _features(rows, detector, members, start, (counts, weight))
    ]
    codes = {f: _entity_codes(f, rows, detector)[members[first]] for f in detector.split_fields}
    return Groups(bucket[order[first]], codes, counts, values, members, start)


def _key(rows: RowSet, detector: DetectorSpec, bucket: NDArray[np.int64], used: Index) -> tuple[NDArray[np.int64], int]:
    """(a number for each row, equal within a group and greater in later buckets; what all of them are below)."""
    key = bucket - (bucket.min() if len(bucket) else 0)
    size = int(key.max()) + 1 if len(key) else 0
    for field in detector.split_fields:
        width = len(rows.text[field].values) + 1
        if size * width > LARGEST_KEY:
            found, key = np.unique(key, return_inverse=True)
            size = len(found)
        key = key * width + _entity_codes(field, rows, detector)[used] + 1
        size *= width
    return key, size


def _stable_order(key: NDArray[np.int64], size: int) -> Index:
    """What sorts keys from 0 up to `size`, equal ones in order of arrival."""
    bits = len(key).bit_length()
    if size << bits > LARGEST_KEY:
        return np.argsort(key, kind="stable")
    # Sorting numbers is far faster than sorting positions by them.
    packed = (key << bits) | np.arange(len(key))
    packed.sort()
    return packed & ((1 << bits) - 1)


def _entity_codes(field: str, rows: RowSet, detector: DetectorSpec) -> Codes:
    """Codes of a split field; where absent counts as empty, the empty text is no value of its own."""
    column = rows.text[field]
    if "" not in column.values or not _counts_as_empty(field, detector):
        return column.codes
    return np.where(column.codes == column.values.index(""), -1, column.codes).astype(np.int32)


def _features(
    rows: RowSet, detector: DetectorSpec, members: Index, start: Index, counted: tuple[Floats, Floats | None]
) -> Iterator[Floats]:
    """The feature of each part of the detector; `counted` are the groups' counts and the rows' weights."""
    for part in detector.parts:
        if part.feature == "count" or detector.field is None:
            yield counted[0]
        elif part.feature in TEXT_FEATURES:
            yield text_feature(part.feature, rows.text[detector.field], members, start)
        elif detector.parts[0].is_metric:
            yield metric_feature(part.feature, rows.numbers[detector.field][members], start, *counted)
        else:
            yield counted[0]


def metric_feature(feature: str, value: Floats, start: Index, counts: Floats, weight: Floats | None) -> Floats:
    """Feature of each group, whose values lie from its `start` to the next.

    Weighted (pre-summarised) values are means of `weight` records; sums are sums.
    """
    value = np.clip(value, -LARGEST, LARGEST)
    if feature == "sum":
        return _sums(value, start)
    if feature in ("mean", "varp"):
        mean = _sums(value if weight is None else value * weight, start) / np.maximum(counts, 1e-300)
        if feature == "mean":
            return mean
        off = (value - np.repeat(mean, np.diff(start))) ** 2
        return _sums(off if weight is None else off * weight, start) / np.maximum(counts, 1e-300)
    if not len(counts):
        return np.empty(0)
    if feature == "min":
        return np.minimum.reduceat(value, start[:-1])
    if feature == "max":
        return np.maximum.reduceat(value, start[:-1])
    return _medians(value, start)


def _sums(value: Floats, start: Index) -> Floats:
    """Sum of each group, one by one in order of arrival."""
    return np.bincount(_group_of_each(start), value, len(start) - 1).astype(np.float64, copy=False)


def _group_of_each(start: Index) -> Index:
    return np.repeat(np.arange(len(start) - 1), np.diff(start))


def _medians(value: Floats, start: Index) -> Floats:
    by_value = np.argsort(value)
    ordered = value[by_value[_stable_order(_group_of_each(start)[by_value], len(start) - 1)]]
    size = np.diff(start)
    low: Floats
    high: Floats
    low, high = ordered[start[:-1] + (size - 1) // 2], ordered[start[:-1] + size // 2]
    # Either zero may come first: the sum with 0 is always the positive one.
    return 0.5 * (low + high) + 0.0


def text_feature(feature: str, column: Column, members: Index, start: Index) -> Floats:
    """Distinct values of each group, or how much information they carry."""
    pairs = distinct_pairs(_group_of_each(start), column.codes[members])
    keys, found = distinct_counts(pairs) if feature == "distinct_count" else info_content(pairs, column.values)
    out = np.zeros(len(start) - 1)
    out[keys] = found
    return out
