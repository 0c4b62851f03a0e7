"""buckets.py against its naive twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.buckets import LARGEST, aggregate
from proxy.engine.results import Column
from proxy.engine.rows import RowSet
from proxy.job_config.engine_spec import spec_from
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
    return spec_from(config(config_of)).detectors[0]


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
        key = tuple([*row_set.text[f].values, ""][groups.codes[f][g]] for f in ("part", "by"))
        found[(bucket, *key)] = g
    assert found.keys() == expected.keys()
    for key, members in expected.items():
        wanted = naive_feature(feature, plain, detector.field, members, weights)
        assert groups.values[0][found[key]] == pytest.approx(wanted, rel=1e-9, abs=1e-9)
        assert groups.members(found[key]).tolist() == members


ANY_DOUBLE = st.floats(allow_nan=False, allow_infinity=False)
EDGES = st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.3e-308, 1e18, -1e18, 1.7e308, -1.7e308, 1.0, 1.0 + 2**-52])


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 1300), st.sampled_from("abc"), EDGES | ANY_DOUBLE), min_size=1))
def test_medians_are_exact_for_every_double(rows):
    time, by, value = (list(c) for c in zip(*rows, strict=True))
    plain = {"time": time, "by": by, "part": ["x"] * len(rows), "value": np.clip(value, -LARGEST, LARGEST).tolist()}
    row_set = RowSet(np.array(time), {"by": column(by), "part": column(plain["part"])}, {"value": np.array(value)})
    groups = aggregate(row_set, detector_of("median"), 600, None)
    found = {
        (bucket, row_set.text["by"].values[code]): median
        for bucket, code, median in zip(
            groups.bucket.tolist(), groups.codes["by"].tolist(), groups.values[0].tolist(), strict=True
        )
    }
    assert found == {
        (bucket, by): naive_feature("median", plain, "value", members)
        for (bucket, _, by), members in naive_groups(plain, ("part", "by"), 600).items()
    }
    assert not any(np.signbit(m) for m in found.values() if m == 0)


def test_a_variance_of_large_values_is_what_it_is():
    value = np.array([1e12, 5e12])
    rows = RowSet(np.array([0, 1]), {"by": column(["a", "a"]), "part": column(["x", "x"])}, {"value": value})
    assert aggregate(rows, detector_of("varp"), 600, None).values[0].tolist() == [4e24]


@pytest.mark.parametrize("feature", FEATURES)
def test_one_giant_among_many_tiny_groups_is_as_if_alone(feature):
    rng = np.random.default_rng(5)
    names = np.array(["giant", *(f"tiny {i}" for i in range(3000))])
    by = np.where(rng.random(20_000) < 0.8, 0, rng.integers(0, 3001, 20_000))
    rows = RowSet(
        rng.integers(0, 1200, 20_000),
        {"by": column(names[by].tolist()), "part": column(["x"] * 20_000)},
        {"value": rng.normal(size=20_000)},
    )
    together = aggregate(rows, detector_of(feature), 600, None)
    for g in (0, 1, len(together.bucket) // 2, len(together.bucket) - 1, int(together.count.argmax())):
        alone = aggregate(rows.take(together.members(g)), detector_of(feature), 600, None)
        assert alone.bucket.tolist() == [together.bucket[g]]
        assert alone.values[0].tolist() == [together.values[0][g]]


def test_more_possible_entities_than_fit_an_integer_stay_apart():
    many = Column(np.array([2_999_999, 0, 2_999_999, 2_999_999, 0], np.int32), ["x"] * 3_000_000)
    detector = {"function": "count", **{f"{split}_field_name": split for split in ("partition", "over", "by")}}
    spec = spec_from(config(detector)).detectors[0]
    rows = RowSet(np.array([0, 0, 600, 10, 1200]), dict.fromkeys(("partition", "over", "by"), many), {})
    groups = aggregate(rows, spec, 600, None)
    assert groups.bucket.tolist() == [0, 0, 1, 2]
    assert groups.codes["by"].tolist() == [0, 2_999_999, 2_999_999, 0]
    assert groups.count.tolist() == [1.0, 2.0, 1.0, 1.0]


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
    spec = spec_from(config(detector)).detectors[0]
    rows = RowSet(np.arange(4), {"by": column(["", None, "a", ""]), "who": column([None, "", "u", "u"])}, {})
    groups = aggregate(rows, spec, 600, None)
    assert sorted(groups.count.tolist()) == [1.0, 1.0, 2.0]
    names = [[rows.text[f].values[c] if c >= 0 else None for c in groups.codes[f]] for f in ("by", "who")]
    assert names == [[None, None, "a"], [None, "u", "u"]]
