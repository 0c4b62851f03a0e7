"""Categories show a grok pattern made from their expression and examples."""

from __future__ import annotations

import time

import pytest

from proxy.api.rules.grok_pattern import grok_pattern


@pytest.mark.parametrize(("regex", "examples"), [("", ["a"]), (".*?a.*", []), (".*?(.*", ["("])])
def test_without_expression_or_examples_there_is_no_pattern(regex: str, examples: list[str]) -> None:
    assert grok_pattern(regex, examples) == ""


def test_parts_that_vary_freely_stay_as_they_are() -> None:
    assert grok_pattern(".*?cat.+?sat.+?mat.*", ["the cat sat on the mat", "a cat is sat upon a mat!"]) == (
        ".*?cat.+?sat.+?mat.*"
    )


def test_numbers_and_addresses_are_named_and_numbered() -> None:
    examples = ["request 7 from 10.0.0.1 took 12", "request 8 from 10.0.0.2 took 1.5"]
    assert grok_pattern(".*?request.+?from.+?took.*", examples) == (
        ".*?request.+?%{NUMBER:field}.+?from.+?%{IP:ipaddress}.+?took.+?%{NUMBER:field2}.*"
    )


def test_a_leading_timestamp_and_level_are_found() -> None:
    examples = ["2016-06-01T00:00:00Z INFO node started", "2016-06-02T10:00:00Z WARN node started"]
    assert grok_pattern(".*?node.+?started.*", examples) == (
        ".*?%{TIMESTAMP_ISO8601:timestamp}.+?%{LOGLEVEL:loglevel}.+?node.+?started.*"
    )


@pytest.mark.parametrize("text", ["a " * 500, "/" * 1000, "a" * 1000, "1:" * 500, "a." * 500 + "@", '"\\' * 500])
def test_an_example_of_a_thousand_characters_does_not_take_long(text: str) -> None:
    """Trying each way in which twenty words can stand in it would take longer than anybody lives."""
    grok_pattern("it.*", ["it"])  # compiles the tokens
    started = time.perf_counter()
    assert grok_pattern(".*?" + "a.+?" * 20 + "zebra.*", [text]).startswith(".*?a")
    assert grok_pattern("it.*", ["it" + text])
    assert time.perf_counter() - started < 2


def test_the_last_word_may_have_to_stand_at_the_end() -> None:
    assert grok_pattern(".*?took.+?s", ["it took 12 s s"]) == ".*?took.+?%{NUMBER:field}.+?s.*"


def test_a_token_that_some_examples_lack_is_not_named() -> None:
    assert grok_pattern(".*?user.*", ["user 12", "user bob"]) == ".*?user.*"


def test_an_example_that_is_longer_than_any_of_ours_is_passed_over() -> None:
    examples = ["took 12 ms", "took " + "a@" * 500_000 + " ms"]
    assert grok_pattern("took.+?ms", examples) == grok_pattern("took.+?ms", examples[:1])
