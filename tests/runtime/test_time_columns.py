"""time_columns.py: many times at once are what each is alone."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.runtime.time_columns import seconds_of_alike
from proxy.runtime.time_format import compile_pattern

# Pattern -> how Python writes it.
WRITTEN = {
    "yyyy-MM-dd'T'HH:mm:ssX": "%Y-%m-%dT%H:%M:%SZ",
    "yyyy-MM-dd'T'HH:mm:ss.SSSX": "%Y-%m-%dT%H:%M:%S.120+05:30",
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyyMMddHHmmss": "%Y%m%d%H%M%S",
    "dd/MM/yyyy:HH:mm:ss Z": "%d/%m/%Y:%H:%M:%S -0800",
    "yyyy-MM-dd[' at ']HH": "%Y-%m-%d at %H",
    "HH:mm dd.MM.yyyy": "%H:%M %d.%m.%Y",
}
# What these are is not told by their digits alone, or not by these.
LEFT = {
    "MMM dd yyyy HH:mm:ss": "%b %d %Y %H:%M:%S",
    "yyyy-DDD HH:mm": "%Y-%j %H:%M",
    "yyyy-MM-dd hh:mm a": "%Y-%m-%d %I:%M %p",
    "yyyy-MM-dd HH:mm VV": "%Y-%m-%d %H:%M Europe/Berlin",
    "MM-dd HH:mm": "%m-%d %H:%M",
}
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))


def one_by_one(texts, pattern):
    return [compile_pattern(pattern)(text) for text in texts]


@pytest.mark.parametrize("pattern", WRITTEN)
@given(moments=st.lists(MOMENTS, min_size=1))
def test_times_read_at_once_are_those_read_one_by_one(pattern, moments):
    texts = [moment.strftime(WRITTEN[pattern]) for moment in moments]
    assert seconds_of_alike(texts, compile_pattern(pattern)).tolist() == one_by_one(texts, pattern)


@settings(max_examples=300)
@given(texts=st.lists(st.from_regex(r"\A(2|0)0[02][0-4]-[01][0-9]-[0-3][0-9]T[012][0-9]:[0-6][0-9](Z|[+-]0[12])\Z")))
def test_whatever_is_read_at_once_is_what_it_is_alone(texts):
    pattern = "yyyy-MM-dd'T'HH:mmX"
    found = seconds_of_alike(texts, compile_pattern(pattern))
    assert found is None or found.tolist() == one_by_one(texts, pattern)


@pytest.mark.parametrize("pattern", LEFT)
def test_names_and_other_ways_to_tell_a_day_are_left(pattern):
    texts = [datetime(2024, 2, day, 13).strftime(LEFT[pattern]) for day in (3, 4)]
    assert one_by_one(texts, pattern)[1] - one_by_one(texts, pattern)[0] == 86400
    assert seconds_of_alike(texts, compile_pattern(pattern)) is None


@pytest.mark.parametrize(
    "other",
    [
        "2024-02-30T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:0xZ",
        "2024-01-01T00:00:0\u0663Z",
        "2024-01-01T0:00:00Z",
        "2024-01-01T00:00:00z ",
        "2024-01-01T00:00:00+01",
        "",
        None,
        1704067200,
    ],
)
def test_one_that_is_unlike_the_others_leaves_them_all(other):
    parse, usual = compile_pattern("yyyy-MM-dd'T'HH:mm:ssX"), "2024-01-01T00:00:00Z"
    assert seconds_of_alike([usual, usual], parse).tolist() == [1704067200] * 2
    assert seconds_of_alike([usual, other], parse) is None
    assert seconds_of_alike([other, usual], parse) is None


def test_no_times_are_left():
    assert seconds_of_alike([], compile_pattern("yyyy-MM-dd HH")) is None
