"""Categories show a grok pattern made from their expression and examples."""

from __future__ import annotations

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


def test_a_token_that_some_examples_lack_is_not_named() -> None:
    assert grok_pattern(".*?user.*", ["user 12", "user bob"]) == ".*?user.*"
