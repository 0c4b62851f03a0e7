"""Chunks cover what holds data, in order and without gaps, however they are cut."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.runtime.datafeeds.chunking import (
    Chunk,
    Chunking,
    Summarise,
    Summary,
    chunk_read,
    chunking_of,
    cut,
    next_step,
    summarised,
)
from proxy.store.extraction.intervals import Interval

AUTO = Chunking("auto", 1000)
H = 3_600_000


def performed(chunking: Chunking, start_ms: int, end_ms: int, times: list[int]) -> tuple[list[Chunk], int]:
    """The chunks of a search over documents at ``times``, and how often it was asked where they are."""
    cutting, chunks, asked = cut(chunking, start_ms, end_ms), [], 0
    while (step := next_step(cutting)) is not None:
        found = times[bisect_left(times, step.start_ms) : bisect_left(times, step.end_ms)]
        if isinstance(step, Summarise):
            asked += 1
            cutting = summarised(chunking, cutting, Summary(found[0], found[-1], len(found)) if found else None)
        else:
            chunks.append(step)
            cutting = chunk_read(cutting, step, len(found))
    return chunks, asked


def test_a_chunk_of_unknown_data_holds_about_ten_pages():
    cutting = summarised(AUTO, cut(AUTO, 0, 1000 * H), Summary(0, 900 * H, 100_000))
    assert next_step(cutting) == Chunk(0, 90 * H)
    dense = summarised(AUTO, cut(AUTO, 0, 1000 * H), Summary(0, H, 10**9))
    assert next_step(dense) == Chunk(0, 60_000)
    at_once = summarised(AUTO, cut(AUTO, 0, 1000 * H), Summary(H, H, 3))
    assert next_step(at_once) == Chunk(H, 1000 * H)


def test_reading_jumps_over_time_without_data():
    times = [*range(0, 60 * H, H), *range(5000 * H, 5060 * H, H)]
    chunks, asked = performed(Chunking("manual", 1000, span_ms=10 * H), 0, 10_000 * H, times)
    assert len(chunks) == 6 + 1 + 6 + 1
    assert chunks[7].start_ms == 5000 * H
    assert asked == 3


def test_an_empty_range_is_asked_once_and_never_read():
    assert performed(AUTO, 0, 10_000 * H, []) == ([], 1)


def test_a_range_no_longer_than_a_chunk_needs_no_asking():
    assert performed(AUTO, 5, 60_005, [7]) == ([Chunk(5, 60_005)], 0)
    assert performed(Chunking("manual", 1000, span_ms=H), 0, H, []) == ([Chunk(0, H)], 0)


def test_switched_off_it_is_one_search():
    assert performed(Chunking("off", 1000), 0, 10_000 * H, []) == ([Chunk(0, 10_000 * H)], 0)


def test_with_aggregations_chunks_hold_whole_intervals():
    chunking = Chunking("auto", 1000, interval=Interval(H))
    chunks, _ = performed(chunking, 5, 3000 * H + 5, [H * 100 + 7, H * 2999])
    assert chunks == [Chunk(100 * H, 1100 * H), Chunk(1100 * H, 2100 * H), Chunk(2999 * H, 3000 * H)]
    odd = Chunking("manual", 1000, span_ms=90 * 60_000, interval=Interval(H))
    assert performed(odd, 0, 4 * H, [0, 3 * H])[0] == [Chunk(0, 2 * H), Chunk(2 * H, 4 * H)]


@given(
    st.sampled_from([AUTO, Chunking("auto", 3), Chunking("manual", 9, span_ms=50_000), Chunking("off", 9),
                     Chunking("auto", 9, interval=Interval(7_000)),
                     Chunking("manual", 9, span_ms=50_000, interval=Interval(7_000))]),
    st.integers(0, 10**6), st.integers(0, 10**7), st.lists(st.integers(0, 10**7), max_size=30),
)  # fmt: skip
def test_every_document_is_in_exactly_one_chunk(chunking, start_ms, length_ms, times):
    times = sorted(times)
    chunks, _ = performed(chunking, start_ms, start_ms + length_ms, times)
    step = chunking.borders.length_ms
    for chunk in chunks:
        assert chunk.start_ms < chunk.end_ms
        assert chunk.start_ms % step == chunk.end_ms % step == 0
    assert all(one.end_ms <= other.start_ms for one, other in pairwise(chunks))
    first, last = -(-start_ms // step) * step, (start_ms + length_ms) // step * step
    expected = [time for time in times if first <= time < last]
    assert [time for time in times if any(c.start_ms <= time < c.end_ms for c in chunks)] == expected


@pytest.mark.parametrize(
    ("config", "chunking"),
    [
        ({"mode": "auto"}, AUTO),
        ({"mode": "manual", "time_span": "1h"}, Chunking("manual", 1000, span_ms=H)),
        ({"mode": "off"}, Chunking("off", 1000)),
    ],
)
def test_the_chunking_of_a_stored_datafeed(config, chunking):
    assert chunking_of({"chunking_config": config, "scroll_size": 1000}) == chunking


def test_chunks_of_weeks_begin_on_mondays():
    week, monday = 604_800_000, 1_748_822_400_000
    chunking = Chunking("manual", 1000, span_ms=week, interval=Interval(week, 4 * 86_400_000))
    chunks, _ = performed(chunking, monday - 5, monday + 2 * week + 5, [monday + 1, monday + week + 1])
    assert [chunk.start_ms for chunk in chunks] == [monday, monday + week]
