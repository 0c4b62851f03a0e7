"""influence.py against its naive twin, and what its readers count on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from proxy.engine.influence import MOST_VALUES, Anomaly, influences
from proxy.engine.rows import RowSet
from proxy.job_config.engine_spec import spec_from
from tests.engine.jobs import column, config
from tests.engine.naive_aggregate import naive_feature
from tests.engine.naive_influence import naive_influences

FEATURES = ["count", "mean", "sum", "min", "max", "median", "varp", "distinct_count", "info_content"]
ROW = st.tuples(
    st.sampled_from(["u", "v", None, "w"]),
    st.sampled_from(["x", "y"]),
    st.sampled_from([None, "p", "q"]),
    st.floats(-50, 50).map(lambda x: round(x, 3)),
    st.integers(1, 3),
)


def tail_towards(typical, spread, *, is_high):
    """ln of the two-sided normal tail beyond values in the direction of an anomaly."""

    def tail_ln(value, scale):
        z = (value - typical) / (spread * scale) * (1.0 if is_high else -1.0)
        return special.log_ndtr(-np.clip(z, 0.0, 30.0)) + np.log(2.0)

    return tail_ln


def blamed(feature, rows, weights, tail_ln, actual, *, is_multi_bucket=False, fields=("who", "own", "where")):
    """influences() of one group that holds all rows of these columns."""
    field = {"count": None, "distinct_count": "where", "info_content": "where"}.get(feature, "value")
    detector = {"function": feature, "field_name": field, "partition_field_name": "own"}
    spec = spec_from(config(detector, influencers=["who", "own", "where"])).detectors[0]
    texts = {name: column(rows[name]) for name in ("who", "own", "where")}
    row_set = RowSet(np.array(rows["time"], np.int64), texts, {"value": np.array(rows["value"], float)})
    members = np.arange(len(rows["time"]))
    given_weights = None if weights is None else np.array(weights, float)
    own = {"own": "x"}
    anomaly = Anomaly(spec, row_set, members, given_weights, feature, actual, tail_ln, is_multi_bucket)
    return influences(anomaly, fields, own), naive_influences(
        feature,
        field,
        fields,
        own,
        rows,
        members.tolist(),
        given_weights,
        actual,
        lambda v, s: float(tail_ln(np.array([v]), np.array([s]))[0]),
        is_multi_bucket,
    )


@pytest.mark.parametrize("feature", FEATURES)
@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=12),
    is_weighted=st.booleans(),
    is_multi_bucket=st.booleans(),
    z=st.floats(2.5, 12) | st.floats(-12, -2.5),
)
def test_blame_is_shared_as_the_naive_twin_shares_it(feature, rows, is_weighted, is_multi_bucket, z):
    who, _, where, value, weight = (list(c) for c in zip(*rows, strict=True))
    if feature in ("distinct_count", "info_content"):
        # Such a group has only rows with a value.
        where = [w or "p" for w in where]
    plain = {"time": [0] * len(rows), "who": who, "own": ["x"] * len(rows), "where": where, "value": value}
    weights = [float(w) for w in weight] if is_weighted else None
    members = list(range(len(rows)))
    field = "where" if feature in ("distinct_count", "info_content") else "value"
    actual = naive_feature(feature, plain, field, members, weights)
    spread = max(1.0, abs(actual) / 5)
    tail_ln = tail_towards(actual - z * spread, spread, is_high=z > 0)
    found, wanted = blamed(feature, plain, weights, tail_ln, actual, is_multi_bucket=is_multi_bucket)
    assert found.keys() == wanted.keys()
    for name, strengths in wanted.items():
        border = {v for v, s in (found[name] | strengths).items() if abs(s - 0.4) < 1e-6}
        assert found[name].keys() - border == strengths.keys() - border
        for v in found[name].keys() & strengths.keys():
            assert found[name][v] == pytest.approx(strengths[v], rel=1e-6, abs=1e-6)
        assert list(found[name].values()) == sorted(found[name].values(), reverse=True)


def test_of_very_many_values_those_with_most_rows_are_looked_at():
    size = 3 * MOST_VALUES
    who = [f"user {i:03d}" for i in range(size)] + ["user 149"] * 300
    rows = {"time": [0] * len(who), "who": who, "own": ["x"] * len(who), "where": [None] * len(who)}
    rows["value"] = [1.0] * len(who)
    found, _ = blamed("count", rows, None, tail_towards(200.0, 20.0, is_high=True), float(len(who)))
    assert found["who"] == {"user 149": pytest.approx(1.0, abs=0.05)}
    assert "where" not in found


@pytest.mark.parametrize("feature", ["count", "sum", "mean"])
def test_several_equal_culprits_are_all_to_blame(feature):
    # Ten addresses of 10 rows each, of which two have 40 more; one is always as busy as two others.
    def strengths(culprits, typical, actual):
        who = [f"{n}" for n in range(10) for _ in range(10)] + ["busy"] * 20 + [f"{n}" for n in culprits] * 40
        value = [1.0] * 120 + ([1.0] if feature == "sum" else [9.0]) * 40 * len(culprits)
        rows = {"time": [0] * len(who), "who": who, "own": ["x"] * len(who), "where": ["p"] * len(who), "value": value}
        tail_ln = tail_towards(typical, 0.05 * typical, is_high=True)
        return blamed(feature, rows, None, tail_ln, actual, fields=("who",))[0].get("who", {})

    usual, all_of_them = (1.0, (120 + 9 * 80) / 200) if feature == "mean" else (120.0, 200.0)
    both = strengths((3, 7), usual, all_of_them)
    assert {"3", "7"} <= set(both) <= {"3", "7", "busy"}
    assert both["3"] == pytest.approx(both["7"])
    assert both["3"] > 0.9
