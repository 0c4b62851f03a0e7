"""Durations keep the unit that was given, and are told in the largest one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import MlError
from proxy.job_config import durations

UNITS = ("nanos", "micros", "ms", "s", "m", "h", "d")


@pytest.mark.parametrize(
    ("text", "echo", "human"),
    [
        ("3600s", "3600s", "1h"),
        ("90s", "90s", "1.5m"),
        ("500ms", "500ms", "500ms"),
        ("15M", None, None),
        ("15m", "15m", "15m"),
        (" 2 h ", "2h", "2h"),
        ("0", "0s", "0s"),
        ("-1", "-1", "-1"),
        ("1500ms", "1500ms", "1.5s"),
        ("7nanos", "7nanos", "7nanos"),
    ],
)
def test_echo_and_error_text(text, echo, human):
    if echo is None:
        with pytest.raises(MlError, match="unit is missing or unrecognized"):
            durations.parse(text, "bucket_span")
        return
    parsed = durations.parse(text, "bucket_span")
    assert (parsed.text, parsed.human) == (echo, human)


@given(st.integers(1, 10**6), st.sampled_from(UNITS))
def test_the_echo_parses_to_the_same_duration(count, unit):
    parsed = durations.parse(f"{count}{unit}", "x")
    assert durations.parse(parsed.text, "x") == parsed


@given(st.integers(1, 10**9))
def test_whole_seconds_are_written_in_the_largest_unit_that_divides_them(seconds):
    assert durations.whole(seconds).seconds == seconds
