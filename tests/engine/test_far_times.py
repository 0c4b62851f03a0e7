"""Times far in the future: however long the run of empty buckets before one, the step ends."""

from __future__ import annotations

import numpy as np
import pytest

from proxy.engine import job as engine_job
from tests.engine.jobs import HOUR, START, batch, dump, engine

COUNT = {"function": "count"}
YEAR_9999 = 253_402_300_799


def test_a_record_of_the_year_9999_ends_soon_and_what_was_before_it_is_judged():
    job = engine(COUNT)
    near = START + np.repeat(np.arange(48), 3) * HOUR
    results = job.add(batch(np.append(near, YEAR_9999)))
    assert [bucket["event_count"] for bucket in results.buckets] == [3] * 48
    assert results.skipped_bucket_count == YEAR_9999 // HOUR - (START // HOUR + 48)
    later = job.flush(advance_to=YEAR_9999 + 2 * HOUR)
    assert next(bucket["event_count"] for bucket in later.buckets) == 1
    assert later.skipped_bucket_count == 0


def test_time_that_moves_on_by_itself_skips_as_well():
    job = engine(COUNT)
    job.add(batch(START + np.arange(3) * HOUR))
    results = job.flush(advance_to=YEAR_9999)
    assert len(results.buckets) == 1 and results.skipped_bucket_count > engine_job.LONGEST_EMPTY


@pytest.mark.parametrize("max_buckets", [1, 7, 64])
def test_how_far_a_call_goes_makes_no_difference_to_what_is_skipped(monkeypatch, max_buckets):
    monkeypatch.setattr(engine_job, "LONGEST_EMPTY", 20)
    hours = np.array([0, 1, 2, 22, 44, 45, 67, 68, 69, 200, 222])
    times = START + hours * HOUR
    whole = engine(COUNT).add(batch(times))
    bounded = engine(COUNT)
    results = bounded.add(batch(times), max_buckets=max_buckets)
    while bounded.has_more:
        results.extend(bounded.advance(max_buckets))
    assert dump(results) == dump(whole)
    # Of 19, 21, 0, 21, 130 and 21 empty buckets between them, those runs are skipped that are longer than 20.
    assert results.skipped_bucket_count == whole.skipped_bucket_count == 21 + 21 + 130 + 21
    assert len(whole.buckets) == 222 - (21 + 21 + 130 + 21)
