"""Joining and scoring probabilities against their naive twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine import Batch, Column, probability
from proxy.engine.findings import Judgement
from proxy.engine.normalise import Normaliser, magnitude
from proxy.engine.probability import combine_ln
from proxy.engine.scoring import ENTITIES, PARTITIONS, detector_ln
from tests.engine import naive_scoring as naive
from tests.engine.jobs import engine, run

HOUR = 3600
LOG_P = st.one_of(st.floats(-690, 0), st.floats(-6, 0), st.just(0.0))
P = LOG_P.map(math.exp)
SEVERAL = st.lists(P, min_size=1, max_size=9)


@settings(deadline=None)
@given(p=P, q=P)
def test_two_views_join_as_correlated_normals(p, q):
    found = probability.join_correlated(np.array([p]), np.array([q]))
    assert np.log(found) == pytest.approx([math.log(naive.joined(p, q))], rel=1e-5, abs=1e-6)


@settings(deadline=None)
@given(p=SEVERAL, tests=st.integers(1, 50))
def test_one_of_several_chances(p, tests):
    found = probability.any_of(np.array(p), tests)
    assert found == pytest.approx([-math.expm1(tests * math.log1p(-min(each, 1 - 1e-16))) for each in p], rel=1e-9)
    assert (found >= np.minimum(p, 1 - 1e-9)).all()


@settings(deadline=None)
@given(p=SEVERAL)
def test_joint_chances_add_up_like_chi_square(p):
    assert probability.joint_ln(np.array(p)) == pytest.approx(naive.ln_joint(p), rel=1e-3, abs=1e-3)


@settings(deadline=None)
@given(p=SEVERAL, most=st.integers(1, 5))
def test_extremes_are_order_statistics(p, most):
    assert probability.extreme_ln(np.array(p), most) == pytest.approx(naive.ln_extreme(p, most), rel=1e-6, abs=1e-6)


@given(ln_p=st.floats(-690, -3.0))
def test_a_raw_score_can_be_read_back(ln_p):
    assert probability.raw_score_ln(probability.raw_score(ln_p)) == pytest.approx(ln_p, rel=1e-9)


@settings(deadline=None)
@given(members=st.lists(st.tuples(st.integers(0, 3), P), min_size=1, max_size=20))
def test_a_detector_joins_the_entities_of_each_partition_and_then_the_partitions(members):
    judgement = Judgement(np.array([p for _, p in members]), np.array([k for k, _ in members]), [], [])
    by_partition = [[p for k, p in members if k == partition] for partition in sorted({k for k, _ in members})]
    parts = [combine_ln(np.array(p), *ENTITIES) for p in by_partition]
    wanted = combine_ln(np.exp(np.maximum(parts, -690.0)), *PARTITIONS)
    assert detector_ln(judgement) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    buckets=st.integers(0, 120),
    loud_share=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    asked=st.floats(-690, 0) | st.floats(-20, -3),
    youth=st.floats(0, 1),
    gap_h=st.integers(1, 1000),
    entities=st.integers(1, 9),
)
def test_scores_equal_those_of_the_naive_twin(seed, buckets, loud_share, asked, youth, gap_h, entities):
    rng = np.random.default_rng(seed)
    fast, slow = Normaliser("record", HOUR, 30 * 86400), naive.NaiveNormaliser()
    time = 0
    for _ in range(buckets):
        time += gap_h * HOUR
        loud = [scope for scope in "aabc"[:entities] if rng.random() < loud_share]
        sizes = [slow.size(-rng.exponential(8.0)) for _ in loud]
        maxima = {scope: max(s for s, of in zip(sizes, loud, strict=True) if of == scope) for scope in loud}
        fast.observe(time, maxima, sizes, entities)
        slow.observe(time, maxima, sizes, entities)
    time += HOUR
    size = slow.size(asked)
    assert magnitude(asked) == pytest.approx(size)
    assert fast.score(time, asked, "a", youth) == pytest.approx(slow.score(time, asked, "a", youth), rel=1e-6, abs=1e-6)
    # The least ceiling hides the others: each alone.
    if size > 0:
        assert fast._noise(size) == pytest.approx(slow.noise(size), rel=1e-6)
        assert fast._percentile(size) == pytest.approx(slow.by_rank(size), rel=1e-6)
        assert fast._relative(time, size, "a") == pytest.approx(slow.beside_largest(time, size, "a"), rel=1e-6)


def test_a_larger_maximum_lowers_what_was_shown_before_within_the_window_only():
    normaliser = Normaliser("record", HOUR, 10 * HOUR)
    for hour in range(100):
        ln_p = math.log(1e-6) if hour in (80, 95) else 0.0
        if ln_p:
            score = normaliser.score(hour * HOUR, ln_p, "a")
            normaliser.remember(hour * HOUR, {"timestamp": hour}, ln_p, "a", 1.0, score)
        normaliser.observe(hour * HOUR, {"a": magnitude(ln_p)})
        assert not [r for r in normaliser.rescore(hour * HOUR) if r.score > 100]
    normaliser.observe(100 * HOUR, {"a": magnitude(math.log(1e-60))})
    changed = normaliser.rescore(101 * HOUR)
    assert [r.identity["timestamp"] for r in changed] == [95]
    assert changed[0].score < 30


@pytest.mark.parametrize("fields", [{"partition_field_name": "key"}, {"by_field_name": "key"}])
def test_a_spike_is_as_serious_among_many_series_as_among_few(fields):
    def least_score(series, hours=15 * 24):
        values = 100 + np.random.default_rng(1).normal(size=(hours, series))
        values[-3, :5] += 8.0
        time = np.repeat(np.arange(hours) * HOUR, series)
        keys = Column(np.tile(np.arange(series, dtype=np.int32), hours), [f"series {i}" for i in range(series)])
        job = engine({"function": "mean", "field_name": "value"} | fields)
        results = run(job, Batch(time, {"key": keys}, {"value": values.reshape(-1)}))
        at = [r["record_score"] for r in results.records if r["timestamp"] == (hours - 3) * HOUR * 1000]
        return sorted(at)[-5]

    assert least_score(5) > 90
    assert least_score(300) > 90
