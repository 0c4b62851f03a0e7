"""Record times: epochs and Java patterns."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.runtime.time_format import compile_pattern, seconds_from

MOMENT = int(datetime(2016, 2, 7, 13, 5, 9, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "divisor", "seconds"),
    [
        ("1454850309", 1, MOMENT), ("1454850309.9", 1, MOMENT),
        ("1454850309999", 1000, MOMENT), ("1.454850309E9", 1, MOMENT)],
)  # fmt: skip
def test_an_epoch_is_cut_to_whole_seconds(text, divisor, seconds):
    assert seconds_from(text, divisor) == seconds


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-Infinity", "12h"])
def test_what_is_no_number_is_no_epoch(text):
    with pytest.raises(ValueError, match=r".*"):
        seconds_from(text, 1)


@given(st.integers(0, 4_102_444_800_999))
def test_epochs_are_exact_as_far_as_dates_go(milliseconds):
    assert seconds_from(str(milliseconds), 1000) == milliseconds // 1000


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd HH:mm:ss", "2016-02-07 13:05:09"),
        ("yyyy-MM-dd HH:mm:ssX", "2016-02-07 13:05:09Z"),
        ("yyyy-MM-dd HH:mm:ssX", "2016-02-07 14:05:09+01"),
        ("yyyy-MM-dd HH:mm:ssXXX", "2016-02-07 07:35:09-05:30"),
        ("yyyy-MM-dd HH:mm:ssZ", "2016-02-07 14:05:09+0100"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2016-02-07T13:05:09.999Z"),
        ("yyyy-MM-dd'T'HH:mm:ss[.SSS]X", "2016-02-07T13:05:09Z"),
        ("yyyy-MM-dd'T'HH:mm:ss[.SSS]X", "2016-02-07T13:05:09.5Z".replace(".5", ".500")),
        ("dd/MMM/yyyy:HH:mm:ss Z", "07/Feb/2016:13:05:09 +0000"),
        ("EEE MMM dd HH:mm:ss yyyy", "Sun Feb 07 13:05:09 2016"),
        ("MM/dd/yyyy hh:mm:ss a", "02/07/2016 01:05:09 PM"),
        ("d.M.yyyy H:m:s", "7.2.2016 13:5:9"),
        ("yyyyMMddHHmmss", "20160207130509"),
        ("yyyyMMddHHmmssSSS", "20160207130509999"),
        ("yy-MM-dd HH:mm:ss", "16-02-07 13:05:09"),
        ("yyyy-DDD HH:mm:ss", "2016-038 13:05:09"),
        ("yyyy-MM-dd HH:mm:ss z", "2016-02-07 14:05:09 Europe/Paris"),
        ("yyyy-MM-dd HH:mm:ss VV", "2016-02-07 14:05:09 Europe/Paris"),
        ("yyyy-MM-dd HH:mm:ss zzz", "2016-02-07 13:05:09 UTC"),
        ("yyyy-MM-dd 'o''clock' HH:mm:ss", "2016-02-07 o'clock 13:05:09"),
        ("yyyy-MM-dd HH:mm:ss,SSS", "2016-02-07 13:05:09,999"),
        ("uuuu-MM-dd HH:mm:ss", "2016-02-07 13:05:09"),
        ("EEEE, d MMMM yyyy HH:mm:ss", "Sunday, 7 February 2016 13:05:09"),
    ],
)
def test_a_pattern_reads_what_it_describes(pattern, text):
    assert compile_pattern(pattern)(text) == MOMENT


def test_seconds_and_minutes_may_be_left_out():
    assert compile_pattern("yyyy-MM-dd HH")("2016-02-07 13") == MOMENT - 5 * 60 - 9


def test_a_missing_year_is_the_current_one():
    now = datetime.now(UTC)
    read = datetime.fromtimestamp(compile_pattern("MMM d HH:mm:ss")("Feb 7 13:05:09"), UTC)
    assert read.replace(year=2016).timestamp() == MOMENT
    assert abs(read.year - now.year) <= 1


def test_a_day_beyond_the_end_of_a_month_is_its_last():
    parse = compile_pattern("yyyy-MM-dd HH:mm")
    assert parse("2015-02-31 10:00") == parse("2015-02-28 10:00")


def test_a_day_ends_at_24_hours_which_is_when_the_next_begins():
    by_24, by_23 = compile_pattern("yyyy-MM-dd kk:mm"), compile_pattern("yyyy-MM-dd HH:mm")
    assert by_23("2016-12-31 24:00") == by_23("2017-01-01 00:00")
    assert by_24("2016-12-31 24:00") == by_23("2016-12-31 00:00")


def test_noon_and_midnight_are_twelve():
    parse = compile_pattern("yyyy-MM-dd hh:mm a")
    assert parse("2016-02-07 12:00 PM") - parse("2016-02-07 12:00 AM") == 12 * 3600


@pytest.mark.parametrize("pattern", ["yyyy-MM-dd", "HH:mm:ss", "yyyy HH:mm", "", "MMM HH:mm:ss", "yyyy-MM HH:mm:ss",
                                     "yyyy-MM-dd hh:mm",
                                     "yyyy-MM-dd HH:mm:ssJ", "b", "yyyy-MM-dd HH:mm:ss[",
                                     "yyyy-MM-dd HH:mm:ss]"])  # fmt: skip
def test_a_pattern_that_cannot_yield_a_moment_is_refused(pattern):
    with pytest.raises(ValueError, match=r".*"):
        compile_pattern(pattern)


@pytest.mark.parametrize("text", ["", "2016-02-07", "2016-02-00 00:00:00", "2016-13-07 00:00:00",
                                  "2016-02-07 24:61:00",
                                  "x2016-02-07 13:05:09", "2016-02-32 00:00:00", "2016-02-07 24:00:01"])  # fmt: skip
def test_what_does_not_fit_the_pattern_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        compile_pattern("yyyy-MM-dd HH:mm:ss")(text)


FORMS = {
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyyMMddHHmmss": "%Y%m%d%H%M%S",
    "dd/MMM/yyyy:HH:mm:ss": "%d/%b/%Y:%H:%M:%S",
    "MM/dd/yy hh:mm:ss a": "%m/%d/%y %I:%M:%S %p",
    "yyyy-DDD'T'HH:mm:ss": "%Y-%jT%H:%M:%S",
}


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.sampled_from(sorted(FORMS)))
def test_what_is_written_reads_back(moment, pattern):
    text = moment.strftime(FORMS[pattern])
    assert compile_pattern(pattern)(text) == int(moment.replace(tzinfo=UTC).timestamp())


def test_no_text_makes_a_pattern_of_many_parts_take_long() -> None:
    read = compile_pattern("dMHms" * 8 + "yyyy-MM-dd HH")
    started = time.perf_counter()
    with pytest.raises(ValueError):
        read("1" * 200)
    assert time.perf_counter() - started < 0.5
