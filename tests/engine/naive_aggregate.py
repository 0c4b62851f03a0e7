"""Features of groups, row by row: the obviously right twin of buckets.py."""

from __future__ import annotations

import statistics
import zlib
from collections import defaultdict


def naive_groups(rows, split_fields, span, weights=None):
    """(bucket, values of the split fields) -> positions of the rows, in order; the first field is the partition."""
    groups = defaultdict(list)
    for i, time in enumerate(rows["time"]):
        key = (rows[split_fields[0]][i] or "", *(rows[f][i] for f in split_fields[1:]))
        if None in key or (weights is not None and not weights[i] > 0):
            continue
        groups[(int(time) // span, *key)].append(i)
    return groups


def naive_feature(feature, rows, field, members, weights=None):
    """The feature of one group; None when no row has a measure."""
    weight = {i: 1.0 if weights is None else float(weights[i]) for i in members}
    if feature == "count":
        return sum(weight.values())
    if feature == "distinct_count":
        return float(len({rows[field][i] for i in members if rows[field][i] is not None}))
    if feature == "info_content":
        texts = sorted({rows[field][i] for i in members if rows[field][i] is not None})
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        return float(len(packer.compress("".join(t + "\n" for t in texts).encode()) + packer.flush()))
    values = {i: float(rows[field][i]) for i in members}
    total = sum(weight.values())
    mean = sum(values[i] * weight[i] for i in members) / total
    if feature == "varp":
        return sum(weight[i] * (values[i] - mean) ** 2 for i in members) / total
    table = {"mean": lambda v: mean, "sum": sum, "min": min, "max": max, "median": statistics.median}
    return table[feature](list(values.values()))
