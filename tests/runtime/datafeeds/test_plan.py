"""What a datafeed does and says from its start to its end, on a fake clock."""

from __future__ import annotations

from itertools import pairwise

import pytest

from proxy.runtime.datafeeds.actions import (
    AnalysisFailed,
    CheckDelayedData,
    ExtractionFailed,
    Notify,
    PersistModel,
    Search,
    SkipTime,
    Stop,
    WaitUntil,
)
from proxy.runtime.datafeeds.after import after
from proxy.runtime.datafeeds.begin import JobData, begin, next_unread_ms
from proxy.runtime.datafeeds.plan import next_action
from proxy.runtime.datafeeds.progress import asked_to_stop
from proxy.store.extraction.intervals import Interval
from tests.runtime.datafeeds.simulated import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    on_time,
    restarted,
    settings_with,
    world_with,
)

STARTED = "Datafeed started (from: 2025-06-14T15:06:40.000Z to: real-time) with frequency [150000ms]"
COMPLETED, CONTINUED = "Datafeed lookback completed", "Datafeed continued in real-time"
STOPPED = "Datafeed stopped"
DATA = on_time(NOW_MS - 2 * DAY_MS, NOW_MS + 2 * DAY_MS)


def test_a_lookback_goes_over_into_real_time():
    world = world_with(DATA)
    world.run(world.begin(), NOW_MS + HOUR_MS)
    assert world.texts() == [STARTED, COMPLETED, CONTINUED]
    lookback, first, *_ = [action for action in world.actions if isinstance(action, Search)]
    assert lookback == Search(NOW_MS - DAY_MS, NOW_MS - 90_000)
    # 15:06:40 less the delay is 15:05:10, and half buckets end at :00 and :30 of every other minute.
    assert first == Search(NOW_MS - 90_000, NOW_MS + 50_000, NOW_MS + 50_000)
    assert world.actions.index(PersistModel()) < world.actions.index(first)


def test_a_search_in_real_time_is_due_at_the_frequency_moved_by_the_delay():
    world = world_with(DATA, frequency_ms=10 * MINUTE_MS, query_delay_ms=25 * MINUTE_MS)
    world.run(world.begin(), NOW_MS + 3 * HOUR_MS)
    times = [at_ms for _, at_ms in world.searched_at][1:]
    assert len(times) == 18
    assert {at_ms % (10 * MINUTE_MS) for at_ms in times} == {5 * MINUTE_MS + 100}
    assert {end_ms % (10 * MINUTE_MS) for end_ms, _ in world.searched_at[1:]} == {0}


def test_a_lookback_with_an_end_stops_and_closes_the_job():
    world = world_with(DATA, end_ms=NOW_MS - HOUR_MS)
    world.run(world.begin(), NOW_MS + HOUR_MS)
    assert world.texts() == [STARTED.replace("real-time", "2025-06-15T14:06:40.000Z"), COMPLETED, STOPPED]
    assert world.searched == [(NOW_MS - DAY_MS, NOW_MS - HOUR_MS)]
    assert world.stop == Stop("end_reached", close_job=True)
    assert PersistModel() not in world.actions


def test_an_end_that_has_just_passed_is_read_at_once_whatever_the_delay():
    world = world_with(DATA, end_ms=NOW_MS)
    world.run(world.begin(), NOW_MS)
    assert world.searched == [(NOW_MS - DAY_MS, NOW_MS)]
    assert world.stop == Stop("end_reached", close_job=True)


def test_an_end_to_come_is_reached_in_real_time():
    world = world_with(DATA, end_ms=NOW_MS + HOUR_MS)
    world.run(world.begin(), NOW_MS + 2 * HOUR_MS)
    assert world.texts()[1:] == [COMPLETED, CONTINUED, STOPPED]
    assert world.searched[-1][1] == NOW_MS + HOUR_MS
    assert world.stop == Stop("end_reached", close_job=True)
    assert world.now_ms == NOW_MS + HOUR_MS + 90_000


def test_a_lookback_without_data_says_so():
    world = world_with(end_ms=NOW_MS)
    world.run(world.begin(), NOW_MS)
    assert world.said[1:] == [("warning", "Datafeed lookback retrieved no data"), ("info", STOPPED)]
    assert world.stop == Stop("end_reached", close_job=True)


def test_a_start_to_come_waits_for_it():
    world = world_with(DATA, start_ms=NOW_MS + HOUR_MS)
    world.run(world.begin(), NOW_MS + 2 * HOUR_MS)
    assert world.texts() == ["Datafeed started in real-time"]
    assert world.searched[0][0] == NOW_MS + HOUR_MS


@pytest.mark.parametrize(
    ("job", "unread_ms"),
    [
        (JobData(), None),
        (JobData(latest_record_ms=NOW_MS), NOW_MS + 1),
        (JobData(NOW_MS, NOW_MS - 1), NOW_MS),
        (JobData(NOW_MS, NOW_MS + 5), NOW_MS + 6),
    ],
)
def test_a_job_goes_on_after_its_last_final_bucket_and_its_latest_record(job, unread_ms):
    assert next_unread_ms(job) == unread_ms


def test_a_start_before_the_jobs_data_is_put_off_to_their_end():
    progress = begin(settings_with(), JobData(NOW_MS - 3 * HOUR_MS, NOW_MS - 2 * HOUR_MS, 10), NOW_MS)
    assert progress.read_up_to_ms == NOW_MS - 2 * HOUR_MS + 1
    assert progress.phase == "lookback"


def test_a_start_after_the_jobs_data_skips_what_lies_between():
    settings = settings_with(start_ms=NOW_MS - HOUR_MS)
    world = world_with(DATA, start_ms=NOW_MS - HOUR_MS)
    world.job.take([NOW_MS - 5 * HOUR_MS])
    world.run(world.begin(), NOW_MS)
    assert world.actions[0] == SkipTime(settings.start_ms)
    # 14:06:40 is in the midst of a bucket: reading begins with the next.
    assert world.searched[0][0] == NOW_MS - HOUR_MS + 200_000
    assert world.texts()[0].startswith("Datafeed started (from: 2025-06-15T14:10:00.000Z")


def test_with_aggregations_searches_hold_whole_intervals():
    world = world_with(DATA, interval=Interval(5 * MINUTE_MS), frequency_ms=5 * MINUTE_MS)
    world.run(world.begin(), NOW_MS + HOUR_MS)
    assert world.searched[0] == (NOW_MS - DAY_MS + 200_000, NOW_MS - 100_000)
    assert {moment % (5 * MINUTE_MS) for pair in world.searched for moment in pair} == {0}


def test_a_range_without_a_whole_interval_is_over_at_once():
    world = world_with(DATA, interval=Interval(HOUR_MS), end_ms=NOW_MS - DAY_MS + MINUTE_MS)
    world.run(world.begin(), NOW_MS)
    assert (world.searched, world.stop) == ([], Stop("end_reached", close_job=True))


def test_a_failed_search_is_tried_again_and_told_once_until_it_works():
    world = world_with(DATA)
    broken = range(NOW_MS + 10 * MINUTE_MS, NOW_MS + 30 * MINUTE_MS)
    world.trouble = lambda search: "all shards failed" if world.now_ms in broken else None
    world.run(world.begin(), NOW_MS + HOUR_MS)
    assert world.said[3:] == [
        ("error", "Datafeed is encountering errors extracting data: all shards failed"),
        ("info", "Datafeed has recovered data extraction and analysis"),
    ]
    assert len([at_ms for _, at_ms in world.searched_at if at_ms in broken]) == 8


def test_a_trouble_that_lasts_is_told_again_each_day():
    world = world_with(DATA, frequency_ms=HOUR_MS, max_extraction_failures=None)
    world.trouble = lambda search: "gone" if world.now_ms > NOW_MS else None
    world.run(world.begin(), NOW_MS + 3 * DAY_MS)
    assert [level for level, _ in world.said].count("error") == 3
    assert world.stop is None


def test_a_datafeed_gives_up_after_so_many_failures_in_a_row_and_leaves_the_job_open():
    world = world_with(DATA, max_extraction_failures=3)
    failing = iter([False, True, True, False, True, True, True])
    world.trouble = lambda search: "gone" if next(failing) else None
    world.run(world.begin(), NOW_MS + DAY_MS)
    level, text = world.said[-2]
    assert level == "error"
    assert text.startswith("Datafeed auto-stopped after 3 consecutive real-time extraction failures. Last error: gone.")
    assert world.stop == Stop("extraction_failures", close_job=False)


def test_a_failed_lookback_is_made_up_for_in_real_time():
    world = world_with(DATA)
    failing = iter([True])
    world.trouble = lambda search: "gone" if next(failing, False) else None
    world.run(world.begin(), NOW_MS + HOUR_MS)
    assert world.searched[0][0] == NOW_MS - DAY_MS
    assert world.texts()[1:] == [
        "Datafeed is encountering errors extracting data: gone",
        "Datafeed has recovered data extraction and analysis",
    ]


def test_a_failed_lookback_with_an_end_is_the_end():
    world = world_with(DATA, end_ms=NOW_MS)
    world.trouble = lambda search: "gone"
    world.run(world.begin(), NOW_MS + HOUR_MS)
    assert world.stop == Stop("end_reached", close_job=True)
    assert world.texts()[1:] == ["Datafeed is encountering errors extracting data: gone", STOPPED]


def test_data_that_the_job_refused_are_not_sent_again():
    world = world_with(DATA)
    progress = world.run(world.begin(), NOW_MS + HOUR_MS)
    now_ms = progress.not_before_ms
    search = next_action(world.settings, progress, now_ms)
    assert isinstance(search, Search)
    failed = after(world.settings, progress, search, AnalysisFailed("broken pipe", is_job_open=True), now_ms)
    assert failed.read_up_to_ms == search.end_ms
    text = "Datafeed is encountering errors submitting data for analysis: broken pipe"
    assert failed.to_tell == (Notify("error", text),)
    assert failed.stop is None


def test_a_job_that_is_no_longer_open_stops_its_datafeed():
    world = world_with(DATA)
    progress = world.run(world.begin(), NOW_MS + HOUR_MS)
    search = next_action(world.settings, progress, progress.not_before_ms)
    failed = after(world.settings, progress, search, AnalysisFailed("not open", is_job_open=False), NOW_MS + HOUR_MS)
    assert failed.stop == Stop("job_is_not_open", close_job=False)


def test_searches_in_vain_are_told_at_the_tenth_and_daily_and_their_end():
    silent = [*on_time(NOW_MS - DAY_MS, NOW_MS), (NOW_MS + 3 * DAY_MS, NOW_MS + 3 * DAY_MS)]
    world = world_with(silent, frequency_ms=10 * MINUTE_MS)
    world.run(world.begin(), NOW_MS + 3 * DAY_MS + HOUR_MS)
    assert world.said[3:] == [
        ("warning", "Datafeed has been retrieving no data for a while"),
        ("warning", "Datafeed has been retrieving no data for a while"),
        ("warning", "Datafeed has been retrieving no data for a while"),
        ("info", "Datafeed has started retrieving data again"),
    ]


def test_a_datafeed_that_never_saw_data_stops_after_so_many_empty_searches():
    world = world_with(max_empty_searches=5)
    world.run(world.begin(), NOW_MS + DAY_MS)
    assert len(world.searched) == 5
    assert world.stop == Stop("no_data", close_job=True)


def test_one_that_has_seen_data_goes_on_searching_in_vain():
    world = world_with(on_time(NOW_MS - DAY_MS, NOW_MS), max_empty_searches=5)
    world.run(world.begin(), NOW_MS + DAY_MS)
    assert world.stop is None
    assert len(world.searched) > 100


def test_late_documents_are_found_by_a_check_each_quarter_of_an_hour():
    late = [(NOW_MS + 10 * MINUTE_MS, NOW_MS + 40 * MINUTE_MS), (NOW_MS + 11 * MINUTE_MS, NOW_MS + 40 * MINUTE_MS)]
    world = world_with(DATA + late)
    world.run(world.begin(), NOW_MS + 6 * HOUR_MS)
    text = (
        "Datafeed has missed 2 documents due to ingest latency, latest bucket with missing data is "
        "[2025-06-15T15:15:00.000Z]. Consider increasing query_delay"
    )
    assert world.said[3:] == [("warning", text)]
    (annotation,) = world.annotations.values()
    assert (annotation.text, annotation.end_ms - annotation.start_ms) == (text, 5 * MINUTE_MS)
    gaps = {later - earlier for earlier, later in pairwise(world.checks)}
    assert gaps == {1_050_000}, "the seventh search of 150 s is the first after more than a quarter of an hour"


def test_a_check_that_fails_does_not_end_the_datafeed():
    settings = settings_with()
    world = world_with(DATA)
    progress = world.run(world.begin(), NOW_MS + HOUR_MS)
    check = next(action for action in world.actions if isinstance(action, CheckDelayedData))
    failed = after(settings, progress, check, ExtractionFailed("no such index"), world.now_ms)
    assert failed.stop is None
    assert failed.to_tell == (Notify("warning", "Datafeed could not check for delayed data: no such index"),)
    again = after(settings, failed, check, ExtractionFailed("no such index"), world.now_ms)
    assert len(again.to_tell) == 1


def test_no_check_where_it_is_switched_off():
    world = world_with(DATA, check_window_ms=None)
    world.run(world.begin(), NOW_MS + 6 * HOUR_MS)
    assert world.checks == []


@pytest.mark.parametrize("close_job", [True, False])
def test_a_stop_that_somebody_asked_for_comes_before_all_else(close_job):
    world = world_with(DATA)
    progress = asked_to_stop(world.begin(), close_job=close_job)
    world.run(restarted(progress), NOW_MS + DAY_MS)
    assert world.searched == []
    assert world.texts() == [STARTED, STOPPED]
    assert world.stop == Stop("requested", close_job=close_job)


def test_asking_too_early_only_waits():
    world = world_with(DATA)
    progress = world.run(world.begin(), NOW_MS)
    due = next_action(world.settings, progress, NOW_MS)
    assert isinstance(due, WaitUntil)
    assert next_action(world.settings, progress, due.at_ms - 1) == due
    assert isinstance(next_action(world.settings, progress, due.at_ms), Search)
