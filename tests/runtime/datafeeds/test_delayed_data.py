"""Late documents: what counts as missed, what is said of it, and how often."""

from __future__ import annotations

import pytest

from proxy.runtime.datafeeds.actions import CheckDelayedData, Missed
from proxy.runtime.datafeeds.delayed_data import (
    Findings,
    check_of,
    default_window_ms,
    found,
    is_check_due,
    is_worth_telling,
    missed,
)
from proxy.runtime.datafeeds.plan import next_action
from proxy.runtime.datafeeds.progress import Progress
from proxy.runtime.datafeeds.settings import Settings

S, M, H = 1000, 60_000, 3_600_000


def test_more_in_the_index_than_was_counted_is_missed():
    analysed = {0: 5, 10: 5, 20: 5, 30: 0}
    assert missed(analysed, {0: 5, 10: 7, 20: 3, 30: 1}) == Missed(3, 10, 30)
    assert missed(analysed, {0: 5, 10: 5, 20: 5}) is None
    assert missed({}, {0: 5}) is None


def test_the_window_is_two_hours_or_eight_buckets():
    assert default_window_ms(5 * M) == 2 * H
    assert default_window_ms(H) == 8 * H


def test_a_check_covers_whole_final_buckets_of_the_datafeeds_time():
    assert check_of(10 * H + 7, 2 * H, H, 0) == CheckDelayedData(8 * H, 10 * H)
    assert check_of(10 * H, 2 * H, H, 9 * H - 1) == CheckDelayedData(9 * H, 10 * H)
    assert check_of(10 * H, 2 * H, H, 9 * H + 1) is None
    assert check_of(None, 2 * H, H, 0) is None


def test_a_check_follows_a_search_but_not_too_often():
    assert not is_check_due(Findings(), 15 * M, 0)
    assert is_check_due(Findings(is_search_unchecked=True), 15 * M, 0)
    assert not is_check_due(Findings(checked_ms=0), 15 * M, 10 * H)
    checked = Findings(checked_ms=0, is_search_unchecked=True)
    assert not is_check_due(checked, 15 * M, 15 * M)
    assert is_check_due(checked, 15 * M, 15 * M + 1)


@pytest.mark.parametrize(
    ("given", "every_ms"), [({}, 15 * M), ({"check_window_ms": 3 * M}, 3 * M), ({"check_every_ms": M}, M)]
)
def test_the_next_check_comes_after_a_quarter_of_an_hour_or_a_shorter_window_or_as_the_setting_says(given, every_ms):
    settings = Settings(**{"bucket_span_ms": S, "frequency_ms": S, "query_delay_ms": 0, "check_window_ms": H} | given)
    findings = Findings(checked_ms=0, is_search_unchecked=True)
    progress = Progress(1, "real_time", 10 * H, 0, findings=findings, last_finalized_ms=10 * H)
    assert not isinstance(next_action(settings, progress, every_ms), CheckDelayedData)
    assert isinstance(next_action(settings, progress, every_ms + 1), CheckDelayedData)


def test_the_text_begins_as_alert_rules_read_it():
    findings, annotation, (notice,) = found(Findings(), Missed(12_345, 0, H), run_ms=7, bucket_span_ms=H)
    assert annotation is not None
    assert annotation.text == notice.text
    assert notice.text.startswith("Datafeed has missed 12345 documents due to ingest latency, latest bucket with ")
    assert "[1970-01-01T01:00:00.000Z]" in notice.text
    assert (annotation.run_ms, annotation.start_ms, annotation.end_ms) == (7, 0, 2 * H)
    assert found(findings, Missed(12_345, 0, H), 7, H)[1:] == (None, ())


def test_findings_in_a_row_are_told_ever_more_rarely():
    assert [n for n in range(1, 401) if is_worth_telling(n)] == [
        1, 2, 3, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 200, 300, 400,
    ]  # fmt: skip
    findings = Findings()
    told = []
    for number in range(1, 31):
        findings, annotation, notices = found(findings, Missed(number, 0, 0), 0, H)
        assert annotation is not None, "the annotation is always up to date"
        told += [number] * len(notices)
    assert told == [1, 2, 3, 10, 20, 30]
    findings, _, _ = found(findings, None, 0, H)
    assert len(found(findings, Missed(99, 0, 0), 0, H)[2]) == 1, "the row was broken"
