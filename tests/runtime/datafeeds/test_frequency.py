"""How often datafeeds search, how they slow down, and when they give up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.runtime.datafeeds.backoff import most_failures, retry_ms
from proxy.runtime.datafeeds.frequency import ceil_ms, default_frequency_ms, floor_ms, next_search_ms, together_ms
from proxy.runtime.datafeeds.settings import settings_of
from proxy.store.extraction.intervals import Interval

S, M, H = 1_000, 60_000, 3_600_000


@pytest.mark.parametrize(
    ("span_ms", "frequency_ms"),
    [
        (S, M), (2 * M, M), (121 * S, 60 * S), (5 * M, 150 * S), (20 * M, 10 * M), (21 * M, 10 * M),
        (12 * H, 10 * M), (12 * H + S, H), (24 * H, H),
    ],
)  # fmt: skip
def test_the_frequency_follows_from_the_bucket_span(span_ms, frequency_ms):
    assert default_frequency_ms(span_ms) == frequency_ms


@pytest.mark.parametrize(
    ("span_ms", "interval_ms", "frequency_ms"), [(H, H, H), (H, 4 * M, 8 * M), (5 * M, M, 2 * M), (5 * M, 5 * M, 5 * M)]
)
def test_with_aggregations_it_is_a_multiple_of_their_interval(span_ms, interval_ms, frequency_ms):
    assert default_frequency_ms(span_ms, interval_ms) == frequency_ms


@given(st.integers(0, 10**13), st.integers(1, 10**8), st.integers(0, 10**8))
def test_the_next_search_finds_the_next_stretch_of_time(now_ms, frequency_ms, delay_ms):
    due_ms = next_search_ms(now_ms, frequency_ms, delay_ms)
    assert now_ms < due_ms <= now_ms + 2 * frequency_ms + 100
    assert (
        floor_ms(due_ms - delay_ms, frequency_ms) - floor_ms(now_ms - delay_ms, frequency_ms)
        in (
            frequency_ms,
            2 * frequency_ms,
        )
        or frequency_ms <= 100
    )


@given(st.integers(0, 10**13), st.integers(1, 10**8))
def test_rounding_is_to_the_nearest_step_on_its_side(moment_ms, step_ms):
    assert floor_ms(moment_ms, step_ms) <= moment_ms <= ceil_ms(moment_ms, step_ms)
    assert ceil_ms(moment_ms, step_ms) - floor_ms(moment_ms, step_ms) in (0, step_ms)


def test_only_quick_datafeeds_slow_down_after_failures():
    assert {retry_ms(0, failures, M, 90 * S) for failures in range(1, 50)} == {next_search_ms(0, M, 90 * S)}
    waits = [retry_ms(0, failures, S, 0) for failures in range(1, 10)]
    assert waits == [1100, 2100, 4100, 8100, 16100, 32100, 60100, 60100, 60100]


def test_without_a_wish_a_datafeed_fails_for_about_a_day():
    assert most_failures(None, 10 * M) == 144
    assert most_failures(None, S) == 1440
    assert most_failures(None, 48 * H) == 1
    assert most_failures(7, M) == 7
    assert most_failures(-1, M) is None


def test_the_settings_of_a_run_are_the_datafeeds_own_or_follow_from_the_job():
    stored = {"query_delay": "90s", "delayed_data_check_config": {"enabled": True}}
    settings = settings_of(stored, "1h", 5, None)
    assert (settings.query_delay_ms, settings.frequency_ms, settings.check_window_ms) == (90 * S, 10 * M, 8 * H)
    aggregations = {
        "b": {"date_histogram": {"field": "t", "fixed_interval": "15m"}, "aggs": {"t": {"max": {"field": "t"}}}}
    }
    own = stored | {
        "frequency": "30m",
        "aggregations": aggregations,
        "max_empty_searches": 3,
        "delayed_data_check_config": {"enabled": True, "check_window": "3h"},
    }
    settings = settings_of(own, "1h", 5, 9)
    assert (settings.interval, settings.frequency_ms, settings.check_window_ms) == (Interval(15 * M), 30 * M, 3 * H)
    assert (settings.start_ms, settings.end_ms, settings.max_empty_searches) == (5, 9, 3)
    assert (
        settings_of(stored | {"delayed_data_check_config": {"enabled": False}}, "1h", 0, None).check_window_ms is None
    )


def test_only_seldom_searches_wait_for_the_full_second():
    assert together_ms(60_100, 60_000) == 61_000
    assert together_ms(61_000, 3_600_000) == 61_000
    assert together_ms(1_100, 1_000) == 1_100, "or a search each second would come every other one"
