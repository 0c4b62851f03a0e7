"""How much a step takes on."""

from __future__ import annotations

import numpy as np

from proxy.engine import Batch, Column
from proxy.runtime.place.pace import STEP_ROWS, Pace, slices


def test_short_full_steps_grow_and_long_ones_shrink():
    pace = Pace()
    first = pace.buckets
    pace.took(0.01, first)
    assert pace.buckets == 2 * first
    pace.took(0.5, pace.buckets)
    assert pace.buckets == 2 * first
    pace.took(1.5, pace.buckets)
    assert pace.buckets == first


def test_a_step_with_few_buckets_says_nothing_about_many():
    pace = Pace()
    first = pace.buckets
    for _ in range(10):
        pace.took(0.001, 1)
    assert pace.buckets == first


def test_a_step_finishes_at_least_one_bucket_and_never_all_there_are():
    pace = Pace()
    for _ in range(20):
        pace.took(0.0, pace.buckets)
    assert pace.buckets == 8192
    for _ in range(20):
        pace.took(9.0, 1)
    assert pace.buckets == 1


def test_the_rows_of_a_batch_come_in_order_and_none_is_lost():
    rows = 2 * STEP_ROWS + 7
    batch = Batch(np.arange(rows), {"host": Column(np.zeros(rows, np.int32), ["a"])}, {"took": np.ones(rows)})
    parts = list(slices(batch))
    assert [len(part.time) for part in parts] == [STEP_ROWS, STEP_ROWS, 7]
    assert np.concatenate([part.time for part in parts]).tolist() == batch.time.tolist()
    assert all(len(part.text["host"].codes) == len(part.numbers["took"]) == len(part.time) for part in parts)


def test_an_empty_batch_is_one_step():
    assert len(list(slices(Batch(np.empty(0, np.int64))))) == 1
