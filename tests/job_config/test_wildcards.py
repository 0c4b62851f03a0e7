"""Stars stand for any text, and nothing else is special."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.job_config.wildcards import Wildcard


@pytest.mark.parametrize(
    ("text", "name", "matches"),
    [
        ("*", "", True),
        ("web-*", "web-1", True),
        ("web-*", "db-1", False),
        ("*-1", "web-1", True),
        ("a*b*c", "a12b34c", True),
        ("a*a", "a", False),
        ("a?c", "abc", False),
        ("[ab]", "a", False),
        ("a.c", "abc", False),
        ("***", "x", True),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_a_name_matches(text, name, matches):
    assert Wildcard.of(text).matches(name) is matches


@given(st.text("ab*", max_size=8), st.text("abc\n", max_size=12))
def test_it_matches_what_the_regular_expression_of_its_meaning_matches(text, name):
    meaning = re.escape(text).replace(r"\*", ".*")
    assert Wildcard.of(text).matches(name) is bool(re.fullmatch(meaning, name, re.DOTALL))


class CountedName(str):
    """A text that counts how often it is searched."""

    searches = 0

    def find(self, *args: object) -> int:
        self.searches += 1
        return super().find(*args)


def test_many_stars_are_each_looked_for_once():
    name = CountedName("a" * 4096)
    assert not Wildcard.of("*a" * 40 + "*b*").matches(name)
    assert name.searches == 41
