"""Whatever the configuration, troubles and moments of restart: each moment is read once, in order, not early."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.runtime.datafeeds.actions import Search
from proxy.runtime.datafeeds.frequency import default_frequency_ms
from proxy.runtime.datafeeds.settings import Settings
from proxy.store.extraction.intervals import Interval
from tests.runtime.datafeeds.simulated import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    Job,
    Killed,
    World,
    joined,
    on_time,
    restarted,
    settings_with,
)

UNTIL_MS = NOW_MS + 8 * HOUR_MS
SPANS_MS = [30_000, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, DAY_MS]


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    span_ms = draw(st.sampled_from(SPANS_MS))
    interval_ms = draw(st.none() | st.sampled_from([span_ms, span_ms // 5]))
    start_ms = NOW_MS + draw(st.integers(-2 * DAY_MS, HOUR_MS))
    length_ms = draw(st.none() | st.integers(1, 3 * DAY_MS))
    return settings_with(
        bucket_span_ms=span_ms,
        interval=None if interval_ms is None else Interval(interval_ms),
        frequency_ms=default_frequency_ms(span_ms, interval_ms),
        query_delay_ms=draw(st.integers(0, 20 * MINUTE_MS)),
        start_ms=start_ms,
        end_ms=None if length_ms is None else start_ms + length_ms,
        check_window_ms=draw(st.none() | st.just(max(2 * HOUR_MS, 8 * span_ms))),
    )


def world_of(settings: Settings, seed: int, part_ms: int | None) -> World:
    chance = random.Random(seed)
    times = [NOW_MS - 2 * DAY_MS + chance.randrange(4 * DAY_MS) for _ in range(400)]
    is_past = settings.end_ms is not None and settings.end_ms <= NOW_MS
    latest_ms = 0 if is_past else settings.query_delay_ms
    documents = sorted((time, time + chance.choice([0, latest_ms // 2, latest_ms])) for time in times)
    return World(settings, Job(settings.bucket_span_ms), documents, part_ms=part_ms)


PARTS_MS = st.none() | st.sampled_from([7 * MINUTE_MS + 13, HOUR_MS, 6 * HOUR_MS])


@settings(max_examples=80, deadline=None)
@given(any_settings(), st.integers(0, 99), PARTS_MS, st.integers(0, 5))
def test_every_moment_is_searched_once_in_order_and_not_before_its_documents_have_arrived(
    settings, seed, part_ms, failing
):
    world = world_of(settings, seed, part_ms)
    chance = random.Random(seed)
    world.trouble = lambda search: "broken" if failing and chance.randrange(10) < failing else None
    progress = world.run(world.begin(), UNTIL_MS)
    ranges = joined(world.searched)
    assert len(ranges) <= 1
    for end_ms, at_ms in world.searched_at:
        has_passed = settings.end_ms is not None and settings.end_ms <= NOW_MS
        assert end_ms <= at_ms - settings.query_delay_ms or has_passed
        assert end_ms <= (settings.end_ms or end_ms)
    if ranges:
        assert ranges[0][0] == settings.first_ms(settings.start_ms)
        assert ranges[0][1] <= progress.read_up_to_ms
    assert world.job.finished == sorted(set(world.job.finished))
    if not failing and ranges:
        taken = [time for time, _ in world.documents if ranges[0][0] <= time < ranges[0][1]]
        assert sum(world.job.counts.values()) == len(taken)


@settings(max_examples=60, deadline=None)
@given(
    any_settings(),
    st.integers(0, 99),
    PARTS_MS,
    st.lists(st.integers(1, 40), max_size=10),
    st.frozensets(st.integers(1, 60), max_size=10),
)
def test_a_run_that_is_killed_again_and_again_searches_the_same_and_says_the_same(
    settings, seed, part_ms, actions, parts
):
    undisturbed = world_of(settings, seed, part_ms)
    undisturbed.run(undisturbed.begin(), UNTIL_MS)
    killed = world_of(settings, seed, part_ms)
    killed.killed_at_parts = parts
    progress = killed.begin()
    for most_actions in [*actions, *([1_000_000] * (len(parts) + 1))]:
        try:
            progress = killed.run(restarted(progress), UNTIL_MS, most_actions=most_actions)
        except Killed as death:
            progress = death.progress
    assert killed.searched == undisturbed.searched
    assert killed.said == undisturbed.said
    assert killed.job == undisturbed.job
    assert killed.stop == undisturbed.stop


@settings(max_examples=30, deadline=None)
@given(any_settings(), st.integers(0, 99), st.floats(0, 1))
def test_a_search_that_is_cut_short_goes_on_where_it_was_cut(settings, seed, share):
    whole, cut = world_of(settings, seed, None), world_of(settings, seed, None)
    whole.run(whole.begin(), UNTIL_MS)
    progress = cut.begin()
    progress = cut.run(progress, UNTIL_MS, most_actions=1)  # the first notice, if any
    first = next((action for action in whole.actions if isinstance(action, Search)), None)
    if first is not None and progress.phase == "lookback" and progress.stop is None:
        up_to_ms = settings.last_ms(first.start_ms + int((first.end_ms - first.start_ms) * share))
        if first.start_ms < up_to_ms < first.end_ms:
            progress = cut.cut_short(progress, first, up_to_ms)
    cut.run(restarted(progress), UNTIL_MS)
    assert joined(cut.searched) == joined(whole.searched)
    assert cut.job == whole.job
    assert cut.said == whole.said


@pytest.mark.parametrize("span_ms", SPANS_MS)
def test_weeks_go_by_without_a_gap(span_ms):
    settings = settings_with(bucket_span_ms=span_ms, frequency_ms=default_frequency_ms(span_ms))
    until_ms = NOW_MS + (21 if span_ms > MINUTE_MS else 3) * DAY_MS
    world = World(settings, Job(span_ms), on_time(NOW_MS - DAY_MS, until_ms, HOUR_MS))
    world.run(world.begin(), until_ms)
    ((start_ms, end_ms),) = joined(world.searched)
    assert start_ms == settings.start_ms
    latest_ms = until_ms - settings.query_delay_ms
    assert latest_ms - 2 * settings.frequency_ms < end_ms <= latest_ms
    first = settings.start_ms // span_ms * span_ms
    assert world.job.finished == list(range(first, end_ms // span_ms * span_ms, span_ms))


@settings(max_examples=30, deadline=None)
@given(any_settings(), st.integers(1, 12))
def test_a_datafeed_that_is_stopped_and_started_again_goes_on_after_the_jobs_data(settings, hours):
    settings = replace(settings, end_ms=None, start_ms=min(settings.start_ms, NOW_MS - HOUR_MS))
    world = World(settings, Job(settings.bucket_span_ms), on_time(NOW_MS - 3 * DAY_MS, NOW_MS + 3 * DAY_MS))
    world.run(world.begin(), NOW_MS + hours * HOUR_MS)
    if not world.searched:
        return
    known = world.job.data()
    latest_ms = known.latest_record_ms
    world.run(world.begin(), NOW_MS + 2 * hours * HOUR_MS)
    again_ms = next(start for start, end in world.searched if start > settings.start_ms and start > latest_ms)
    assert again_ms >= latest_ms + 1
    assert sum(world.job.counts.values()) == len(
        [time for time, _ in world.documents if settings.first_ms(settings.start_ms) <= time <= world.job.latest_ms]
    )
