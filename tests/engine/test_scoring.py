"""Joining and scoring probabilities against their naive twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.engine import Batch, Column, probability
from proxy.engine.equalise import Equaliser
from proxy.engine.findings import Judgement
from proxy.engine.normalise import Normaliser, absolute_ceiling, magnitude
from proxy.engine.scoring import bucket_ln, detector_ln
from tests.engine import naive_scoring as naive
from tests.engine.jobs import engine, run

HOUR = 3600
LOG_P = st.one_of(st.floats(-690, 0), st.floats(-6, 0), st.just(0.0))
P = LOG_P.map(math.exp)
SEVERAL = st.lists(P, min_size=1, max_size=9)


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


MEMBERS = st.lists(st.tuples(st.integers(0, 2), P), min_size=1, max_size=30)


def judged(members):
    judgement = Judgement(np.array([p for _, p in members]), np.array([k for k, _ in members]), [], [])
    return judgement, [[p for k, p in members if k == partition] for partition in sorted({k for k, _ in members})]


@settings(deadline=None)
@given(members=MEMBERS)
@example(members=[(0, 1e-3)] * 5 + [(0, 1.0)] * 35)  # as many extremes as are looked at
@example(members=[(0, 0.1604)] * 10)  # together just worth writing
def test_a_detector_joins_the_series_of_each_partition_and_then_the_partitions(members):
    judgement, partitions = judged(members)
    wanted = naive.ln_partitions([naive.ln_series(p) for p in partitions])
    assert detector_ln(judgement) == pytest.approx(wanted, rel=1e-3, abs=1e-3)


@settings(deadline=None)
@given(members=MEMBERS)
def test_of_a_population_the_least_usual_person_counts(members):
    judgement, partitions = judged(members)
    wanted = naive.ln_partitions([naive.ln_people(p) for p in partitions])
    assert detector_ln(judgement, is_population=True) == pytest.approx(wanted, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("people", "counted"), [(1, 1), (9, 1), (19, 1), (20, 2), (305, 30)])
def test_each_person_of_a_population_allows_for_a_tenth_of_it(people, counted):
    assert probability.chances_counted(np.array([people])) == [counted]


@settings(deadline=None)
@given(ln_p=st.lists(LOG_P, min_size=1, max_size=6))
def test_a_bucket_joins_its_detectors(ln_p):
    assert bucket_ln(ln_p) == pytest.approx(naive.ln_detectors(ln_p), rel=1e-3, abs=1e-3)


def test_of_several_partitions_the_worst_speaks_for_all():
    p = np.array([1e-9, 1.0, 1.0])
    ln_p = detector_ln(Judgement(p, np.arange(3), [], []))
    assert ln_p == pytest.approx(math.log(3e-9), abs=1e-3)


def test_a_bucket_writes_its_five_hundred_least_usual_records_at_most():
    series, hours = 520, 60
    values = 100 + np.random.default_rng(1).normal(size=(hours, series))
    values[-2] += np.linspace(60, 90, series)
    keys = Column(np.tile(np.arange(series, dtype=np.int32), hours), [f"series {i}" for i in range(series)])
    batch = Batch(np.repeat(np.arange(hours) * HOUR, series), {"key": keys}, {"value": values.reshape(-1)})
    job = engine({"function": "mean", "field_name": "value", "by_field_name": "key"})
    at = [r for r in run(job, batch).records if r["timestamp"] == (hours - 2) * HOUR * 1000]
    assert len(at) == 500


@pytest.mark.parametrize("seed", [1, 2])
def test_the_bucket_of_one_busy_person_among_hundreds_is_serious_without_influencers(seed):
    people, days, rate = 300, 8, 3
    rng = np.random.default_rng(seed)
    usual = rng.integers(0, days * 86400, days * 24 * people * rate)
    planted = (days - 1) * 86400 + 14 * HOUR
    time = np.append(usual, planted + rng.integers(0, HOUR, 30))
    who = np.append(rng.integers(0, people, len(usual)), np.full(30, 7)).astype(np.int32)
    order = np.argsort(time, kind="stable")
    users = Column(who[order], [f"user {i}" for i in range(people)])
    results = run(engine({"function": "count", "over_field_name": "user"}), Batch(time[order], {"user": users}, {}))
    scores = {b["timestamp"] // 1000: b["anomaly_score"] for b in results.buckets}
    assert scores.pop(planted) > 90
    assert max(scores.values()) < 50


@pytest.mark.parametrize(("fields", "things"), [({"over_field_name": "user"}, 1), ({"by_field_name": "user"}, 20)])
def test_scores_are_ranked_among_series_but_a_population_is_one_thing_to_watch(fields, things):
    users = Column(np.tile(np.arange(20, dtype=np.int32), 3), [f"user {i}" for i in range(20)])
    job = engine({"function": "count"} | fields)
    job.add(Batch(np.repeat(np.arange(3) * HOUR, 20), {"user": users}, {}))
    assert job._scorer.normaliser("record", "0").buckets == pytest.approx(2 * things, rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    buckets=st.integers(0, 150),
    chatty=st.floats(1, 100),
    ln_p=st.floats(-690, -3.5) | st.floats(-30, -3.1),
    index=st.integers(0, 3),
)
def test_an_equaliser_equals_its_naive_twin(seed, buckets, chatty, ln_p, index):
    rng = np.random.default_rng(seed)
    fast, slow = Equaliser(), naive.NaiveEqualiser()
    for _ in range(buckets):
        found = {i: -rng.exponential(chatty if i == 0 else 4.0) - 2.0 for i in range(3) if rng.random() < 0.6}
        fast.observe(found)
        slow.observe(found)
    assert fast.level(index, ln_p) == pytest.approx(slow.level(index, ln_p), rel=1e-4, abs=1e-3)


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
            normaliser.remember(hour * HOUR, {"timestamp": hour}, ln_p, scope="a", youth=1.0, score=score)
        normaliser.observe(hour * HOUR, {"a": magnitude(ln_p)})
        assert not [r for r in normaliser.rescore(hour * HOUR) if r.score > 100]
    normaliser.observe(100 * HOUR, {"a": magnitude(math.log(1e-60))})
    changed = normaliser.rescore(101 * HOUR)
    assert [r.identity["timestamp"] for r in changed] == [95]
    assert changed[0].score < 93


def test_series_that_are_loud_at_once_are_one_happening():
    at_once, in_turn = (Normaliser("record", HOUR, 30 * 86400) for _ in range(2))
    for hour in range(500):
        at_once.observe(hour * HOUR, {}, [12.0] * 20 if 100 <= hour < 103 else [], 20)
        in_turn.observe(hour * HOUR, {}, [12.0] if 100 <= hour < 160 else [], 20)
    ln_p = math.log(0.05) - 8.0
    assert at_once.score(500 * HOUR, ln_p, "a") >= 85
    assert in_turn.score(500 * HOUR, ln_p, "a") < 75


@pytest.mark.parametrize(("p", "ceiling"), [(0.05, 0.0), (0.01, 29.60), (1e-3, 64.80), (1.1e-4, 98.54), (1e-4, 100.0)])
def test_the_absolute_ceiling_is_a_line_in_the_logarithm(p, ceiling):
    assert absolute_ceiling(math.log(p)) == pytest.approx(ceiling, abs=0.01)


@pytest.mark.parametrize(("size", "ceiling"), [(40.0, 100.0), (20.0, 95.0), (10.0, 92.5)])
def test_beside_a_larger_score_a_smaller_one_counts_less(size, ceiling):
    normaliser = Normaliser("record", HOUR, 30 * 86400)
    normaliser.observe(0, {"a": 40.0})
    assert normaliser._relative(0, size, "a") == pytest.approx(ceiling)


@pytest.mark.parametrize(
    ("loud", "quiet", "is_noise"), [(20, 0, False), (21, 0, True), (48, 52, False), (52, 48, True)]
)
def test_noise_is_what_more_than_half_of_enough_buckets_have(loud, quiet, is_noise):
    normaliser = Normaliser("record", HOUR, 30 * 86400)
    for number in range(loud + quiet):
        normaliser.observe(number * HOUR, {"a": 5.0} if number % 100 < loud else {})
    assert (normaliser._noise(2.0) < 100.0) == is_noise


@pytest.mark.parametrize(("growth", "is_rescored"), [(1.05, False), (1.2, True)])
def test_a_maximum_must_grow_clearly_before_anything_is_rescored(growth, is_rescored):
    normaliser = Normaliser("record", HOUR, 30 * 86400)
    for hour in range(100):
        normaliser.observe(hour * HOUR, {})
    normaliser.observe(100 * HOUR, {"a": 40.0})
    normaliser.remember(100 * HOUR, {"timestamp": 100}, -43.0, scope="a", youth=1.0, score=100.0)
    normaliser.rescore(100 * HOUR)
    normaliser.observe(100 * HOUR + 1, {"a": 40.0 * growth})
    assert bool(normaliser.rescore(101 * HOUR)) == is_rescored


@pytest.mark.parametrize(("moved", "is_told"), [(0.9, False), (1.1, True)])
def test_a_score_that_moves_by_no_more_than_one_is_left(moved, is_told):
    normaliser = Normaliser("record", HOUR, 30 * 86400)
    for hour in range(100):
        normaliser.observe(hour * HOUR, {})
    ln_p = math.log(0.05) - 20.0
    normaliser.observe(99 * HOUR, {"a": 5.0})
    normaliser.observe(100 * HOUR, {"a": 30.0})
    new = normaliser.score(100 * HOUR, ln_p, "a")
    normaliser.remember(100 * HOUR, {}, ln_p, scope="a", youth=1.0, score=new + moved)
    assert bool(normaliser.rescore(101 * HOUR)) == is_told


@pytest.mark.parametrize("p", [1e-2, 1e-3, 1e-4, 1e-8, 1e-100])
def test_a_smaller_probability_scores_higher_and_an_equal_one_nearly_the_same(p):
    normaliser = Normaliser("record", HOUR, 30 * 86400)
    for hour in range(2000):
        normaliser.observe(hour * HOUR, {"a": magnitude(math.log(1e-250))} if hour == 5 else {})
    one, other = (normaliser.score(2000 * HOUR, math.log(each), scope) for each, scope in ((p, "a"), (p / 2, "b")))
    assert one < other
    assert normaliser.score(2000 * HOUR, math.log(p), "b") == pytest.approx(one, abs=10)


def test_the_latest_four_thousand_results_can_be_rescored():
    normaliser = Normaliser("record", HOUR, 30 * 86400)
    for number in range(4001):
        normaliser.remember(number, {"timestamp": number}, -30.0, scope="a", youth=1.0, score=0.0)
    normaliser.observe(4900, {"a": 1.0})
    normaliser.observe(5000, {"a": 5.0})
    assert [r.identity["timestamp"] for r in normaliser.rescore(6000)] == list(range(1, 4001))


def test_of_twenty_thousand_scopes_the_older_half_is_forgotten():
    normaliser = Normaliser("record", HOUR, 30 * 86400)
    for number in range(20_001):
        normaliser.observe(number, {f"scope {number}": 1.0})
    assert len(normaliser.maxima) == 10_001
    assert "scope 20000" in normaliser.maxima


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
