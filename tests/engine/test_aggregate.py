"""buckets.py against its naive twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.buckets import aggregate
from proxy.engine.rows import RowSet
from proxy.engine.spec import JobSpec
from tests.engine.jobs import column, config
from tests.engine.naive_aggregate import naive_feature, naive_groups

FEATURES = ["count", "mean", "sum", "min", "max", "median", "varp", "distinct_count", "info_content"]
ROW = st.tuples(
    st.integers(0, 5000),
    st.sampled_from([None, "a", "b", "ccc"]),
    st.sampled_from(["x", "y", None]),
    st.floats(-50, 50),
    st.integers(0, 3),
)


def detector_of(feature):
    field = {"count": None, "distinct_count": "by", "info_content": "by"}.get(feature, "value")
    config_of = {"function": feature, "field_name": field, "by_field_name": "by", "partition_field_name": "part"}
    return JobSpec.from_config(config(config_of)).detectors[0]


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("weighted", [False, True])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, max_size=40))
def test_features_equal_those_of_the_naive_twin(feature, weighted, rows):
    time, by, part, value, weight = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [], [], [])
    plain = {"time": time, "by": by, "part": part, "value": value}
    weights = weight if weighted else None
    detector = detector_of(feature)
    row_set = RowSet(
        np.array(time, np.int64), {"by": column(by), "part": column(part)}, {"value": np.array(value, float)}
    )
    groups = aggregate(row_set, detector, 600, None if weights is None else np.array(weights, float))
    expected = naive_groups(plain, ("part", "by"), 600, weights)
    found = {}
    for g, bucket in enumerate(groups.bucket.tolist()):
        key = tuple(row_set.text[f].values[groups.codes[f][g]] for f in ("part", "by"))
        found[(bucket, *key)] = g
    assert found.keys() == expected.keys()
    for key, members in expected.items():
        wanted = naive_feature(feature, plain, detector.field, members, weights)
        assert groups.values[0][found[key]] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        assert groups.members(found[key]).tolist() == members


def test_groups_come_in_order_of_buckets():
    times = np.array([1900, 10, 700, 20])
    groups = aggregate(
        RowSet(times, {"by": column(["b", "a", "a", "b"]), "part": column(["x"] * 4)}, {}),
        detector_of("count"),
        600,
        None,
    )
    assert groups.bucket.tolist() == sorted(groups.bucket.tolist())
    assert groups.of_bucket(0) == slice(0, 2)


def test_where_absent_counts_as_empty_both_are_one_entity():
    detector = {"function": "count", "by_field_name": "by", "over_field_name": "who", "use_null": True}
    spec = JobSpec.from_config(config(detector)).detectors[0]
    rows = RowSet(np.arange(4), {"by": column(["", None, "a", ""]), "who": column([None, "", "u", "u"])}, {})
    groups = aggregate(rows, spec, 600, None)
    assert sorted(groups.count.tolist()) == [1.0, 1.0, 2.0]
    names = [[rows.text[f].values[c] if c >= 0 else None for c in groups.codes[f]] for f in ("by", "who")]
    assert names == [[None, None, "a"], [None, "u", "u"]]
