"""Stars stand for any text, and nothing else is special."""

import time

import pytest

from proxy.job_config.wildcards import compile_wildcard


@pytest.mark.parametrize(
    ("text", "name", "matches"),
    [
        ("*", "", True),
        ("web-*", "web-1", True),
        ("web-*", "db-1", False),
        ("*-1", "web-1", True),
        ("a*b*c", "a12b34c", True),
        ("a?c", "abc", False),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        ("***", "x", True),
    ],
)
def test_a_name_matches(text, name, matches):
    assert bool(compile_wildcard(text).fullmatch(name)) is matches


def test_many_stars_take_no_more_time():
    started = time.perf_counter()
    assert not compile_wildcard("*a" * 40 + "*b").fullmatch("a" * 64)
    assert time.perf_counter() - started < 1
