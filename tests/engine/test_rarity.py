"""rare and freq_rare: who is unusual among the values of a partition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.engine.rarity import Rarity
from tests.engine.naive_rarity import NaiveRarity

HOUR = 3600
KINDS = [
    {},
    {"is_population": True},
    {"is_frequency_weighted": True},
]
BUCKET = st.tuples(
    st.integers(1, 40),
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 3), st.integers(1, 9)),
        min_size=1,
        max_size=12,
    ),
)


def arrays(rows):
    partition, by, over, counts = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return partition, by, over, counts.astype(float)


def observe_one(rarity, bucket, by, over=0, count=1.0):
    zero = np.zeros(1, np.int64)
    return rarity.observe(bucket, zero, np.array([by]), np.array([over]), np.array([count]))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(buckets=st.lists(BUCKET, min_size=1, max_size=8))
def test_scores_agree_with_the_looping_twin(kind, buckets):
    fast, slow, now = Rarity(HOUR, **kind), NaiveRarity(HOUR, **kind), 100
    for gap, rows in buckets:
        now += gap
        grouped = {}
        for partition, by, over, count in rows:
            key = (partition, by, over if kind else 0)
            grouped[key] = grouped.get(key, 0) + count
        scores = fast.observe(now, *arrays(rows))
        expected = slow.score(now, grouped)
        slow.learn(now, grouped)
        keys = list(zip(scores.partition.tolist(), scores.by.tolist(), scores.over.tolist(), strict=True))
        assert keys == sorted(grouped)
        np.testing.assert_allclose(scores.probability, [expected[key][0] for key in keys], rtol=1e-9)
        assert scores.is_first_occurrence.tolist() == [expected[key][1] for key in keys]
        np.testing.assert_allclose(scores.relative_rarity, [expected[key][2] for key in keys], rtol=1e-9)
        assert scores.actual.tolist() == [grouped[key] for key in keys]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(buckets=st.lists(BUCKET, min_size=2, max_size=8), cut=st.integers(0, 7))
def test_a_restored_state_goes_on_bit_exactly(kind, buckets, cut):
    straight, now = Rarity(HOUR, **kind), 0
    restored = Rarity(HOUR, **kind)
    for number, (gap, rows) in enumerate(buckets):
        now += gap
        if number == cut:
            restored = Rarity.from_state(straight.state())
        elif number < cut:
            restored.observe(now, *arrays(rows))
        scores = straight.observe(now, *arrays(rows))
        if number >= cut:
            again = restored.observe(now, *arrays(rows))
            assert scores.probability.tobytes() == again.probability.tobytes()


def test_a_new_value_among_settled_ones_is_rare():
    rarity = Rarity(HOUR)
    for bucket in range(500):
        settled = np.arange(5)
        rarity.observe(bucket, np.zeros(5, np.int64), settled, None, np.ones(5))
    scores = rarity.observe(500, np.zeros(2, np.int64), np.array([0, 9]), None, np.ones(2))
    assert scores.probability[0] > 0.9
    assert scores.probability[1] < 1e-3
    assert scores.is_first_occurrence.tolist() == [False, True]


def test_a_field_full_of_unique_values_never_alerts():
    rarity = Rarity(HOUR)
    smallest = min(observe_one(rarity, bucket, by=bucket).probability[0] for bucket in range(400))
    assert smallest > 0.25


def test_the_least_active_of_many_equals_is_not_rare():
    rarity, random = Rarity(HOUR), np.random.default_rng(3)
    users = np.arange(200)
    for bucket in range(300):
        active = users[random.random(200) < 0.3]
        rarity.observe(bucket, np.zeros(active.size, np.int64), active, None, np.ones(active.size))
    scores = rarity.score(300, np.zeros(200, np.int64), users, None, np.ones(200))
    assert scores.probability.min() > 0.01


def test_partitions_do_not_see_each_other():
    rarity = Rarity(HOUR)
    for bucket in range(200):
        rarity.observe(bucket, np.array([0, 1]), np.array([7, 8]), None, np.ones(2))
    scores = rarity.score(200, np.array([0, 1]), np.array([8, 8]), None, np.ones(2))
    assert scores.probability[0] < 0.01
    assert scores.probability[1] > 0.9


def test_values_that_trickle_in_during_the_first_buckets_are_not_rare():
    rarity = Rarity(HOUR)
    for bucket in range(3):
        settled = np.arange(1000)
        rarity.observe(bucket, np.zeros(1000, np.int64), settled, None, np.ones(1000))
    assert observe_one(rarity, 3, by=2000).probability[0] > 0.3


def test_in_a_population_it_is_persons_that_count_not_buckets():
    rarity = Rarity(HOUR, is_population=True)
    people = np.arange(100)
    nobody = np.zeros(100, np.int64)
    for bucket in range(50):
        rarity.observe(bucket, nobody, nobody, people, np.ones(100))
        observe_one(rarity, bucket, by=1, over=5)
    scores = rarity.score(50, np.zeros(2, np.int64), np.array([0, 1]), np.array([5, 5]), np.ones(2))
    assert scores.probability[0] == 1.0
    assert scores.probability[1] < 0.05


def test_freq_rare_asks_for_more_than_one_rare_event():
    rarity = Rarity(HOUR, is_frequency_weighted=True)
    people, nobody = np.arange(300), np.zeros(300, np.int64)
    for bucket in range(20):
        rarity.observe(bucket, nobody, nobody, people, np.full(300, 10.0))
    partition, by = np.zeros(3, np.int64), np.array([0, 9, 9])
    scores = rarity.score(20, partition, by, np.array([1, 1, 2]), np.array([9.0, 1.0, 40.0]))
    once, often = scores.probability[scores.by == 9]
    assert once > 0.5
    assert often < 0.02


def test_rows_outside_the_learning_mask_leave_no_trace():
    rarity = Rarity(HOUR)
    zeros, by = np.zeros(2, np.int64), np.array([1, 2])
    rarity.learn(0, zeros, by, None, np.ones(2), is_learnt=np.array([True, False]))
    scores = rarity.score(1, zeros, by, None, np.ones(2))
    assert scores.is_first_occurrence.tolist() == [False, True]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_seen_for_long_is_forgotten(kind):
    rarity = Rarity(HOUR, **kind)
    for bucket in range(1000):
        observe_one(rarity, bucket, by=bucket)
    for bucket in range(1000, 5000, 50):
        observe_one(rarity, bucket, by=7)
    assert rarity.category_count == 1
    assert rarity.nbytes < 200


def test_decades_of_decay_do_not_change_the_answer():
    young, old = Rarity(HOUR), Rarity(HOUR)
    for bucket in range(100):
        observe_one(young, bucket, by=bucket % 3)
    observe_one(old, 0, by=0)
    for bucket in range(100_000, 100_100):
        observe_one(old, bucket, by=(bucket - 100_000) % 3)
    fresh, aged = observe_one(young, 100, 9), observe_one(old, 100_100, 9)
    np.testing.assert_allclose(aged.probability, fresh.probability, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(buckets=st.lists(BUCKET, min_size=1, max_size=6), probe=BUCKET)
def test_new_codes_mean_the_same(kind, buckets, probe):
    plain, renumbered, now = Rarity(HOUR, **kind), Rarity(HOUR, **kind), 0
    for gap, rows in buckets:
        now += gap
        plain.observe(now, *arrays(rows))
        renumbered.observe(now, *arrays(rows))
    partition, by = (axis.ravel() for axis in np.meshgrid(np.arange(3), np.arange(5), indexing="ij"))
    listed = plain.is_known(partition, by)
    assert set(zip(partition[listed], by[listed], strict=True)) == {row[:2] for _, rows in buckets for row in rows}
    renumbered.renumber(partition, by, 5 - partition, 9 - by)
    partition, by, over, counts = arrays(probe[1])
    expected = plain.score(now + 1, partition, by, over, counts)
    scores = renumbered.score(now + 1, 5 - partition, 9 - by, over, counts)
    order = np.lexsort((scores.over, 9 - scores.by, 5 - scores.partition))
    np.testing.assert_allclose(scores.probability[order], expected.probability, rtol=1e-12)


def test_what_is_not_renumbered_is_forgotten():
    rarity = Rarity(HOUR, is_frequency_weighted=True)
    rarity.observe(0, np.array([0, 1]), np.array([1, 1]), np.array([3, 3]), np.ones(2))
    rarity.renumber(np.array([1]), np.array([1]), np.array([0]), np.array([0]))
    scores = rarity.score(1, np.array([0, 1]), np.array([0, 1]), np.array([3, 3]), np.ones(2))
    assert scores.is_first_occurrence.tolist() == [False, True]
    assert rarity.category_count == 1


def test_inputs_are_left_alone():
    rarity = Rarity(HOUR, is_frequency_weighted=True)
    columns = [np.array([1, 0, 1]), np.array([2, 2, 2]), np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0])]
    for column in columns:
        column.setflags(write=False)
    scores = rarity.observe(0, *columns)
    assert scores.actual.tolist() == [2.0, 4.0]
