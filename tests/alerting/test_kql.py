from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.alerting.kql import condition_of
from proxy.errors import MlError

DOCUMENT = {
    "partition_field_value": "JFK airport",
    "by_field_value": 'say "hi"',
    "actual": [120.5],
    "function": "mean",
    "field_name": "a*b",
    "is_odd": True,
    "influencers": [
        {"influencer_field_name": "carrier", "influencer_field_values": ["AA", "UA"]},
        {"influencer_field_name": "origin", "influencer_field_values": ["JFK"]},
    ],
    "causes": [{"actual": [7]}, {"actual": [9]}],
}


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("", True),
        ("  ", True),
        ("function: mean", True),
        ("function:median", False),
        ('partition_field_value: "JFK airport"', True),
        ("partition_field_value: JFK", False),
        ("partition_field_value: JFK*", True),
        ("partition_field_value: *port", True),
        ("partition_field_value: J*K*a*t", True),
        ("partition_field_value: J*x*t", False),
        ("partition_field_value: *", True),
        ("over_field_value: *", False),
        (r"field_name: a\*b", True),
        (r"field_name: a\*", False),
        (r"function: m\*n", False),
        (r"field_name: a\**", True),
        (r'by_field_value: "say \"hi\""', True),
        ("actual >= 120.5", True),
        ("actual > 120.5", False),
        ("actual < 121 and actual <= 120.5", True),
        ("actual: 120.5", True),
        ("is_odd: true", True),
        ("influencers.influencer_field_values: UA", True),
        ("influencers.influencer_field_values: LH", False),
        ("causes.actual > 8", True),
        ("causes.actual > 9", False),
        ("function: (median or mean)", True),
        ("function: (median or sum)", False),
        ("not function: median", True),
        ("not function: mean", False),
        ("function: median or function: mean and actual > 100", True),
        ("(function: median or function: mean) and actual > 1000", False),
        ("not (function: median or actual > 1000)", True),
        ("FUNCTION: mean", False),
        ("function: mean AND NOT actual > 1000", True),
    ],
)
def test_a_filter_holds_or_does_not(query: str, holds: bool) -> None:
    assert condition_of(query)(DOCUMENT) is holds


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ("mean", 5),
        ("function: ", 11),
        ("function: mean and", 19),
        ("(function: mean", 16),
        ("function: mean)", 15),
        ("fun*: mean", 1),
        ("actual > high", 10),
        ('function: "mean', 11),
        ("function mean", 10),
        ("function: (mean or", 19),
        (": mean", 1),
    ],
)
def test_what_is_not_understood_is_refused_with_its_position(query: str, at: int) -> None:
    with pytest.raises(MlError, match=rf"cannot be understood at character \[{at}\]") as refused:
        condition_of(query)
    assert refused.value.status == 400


@pytest.mark.parametrize("field", ["job_id", "is_interim", "record_score", "influencer_score"])
def test_what_other_parameters_say_cannot_be_asked_for(field: str) -> None:
    with pytest.raises(MlError, match=rf"must not ask for \[{field}\]"):
        condition_of(f"function: mean and {field}: 1")


def test_depth_and_length_have_bounds() -> None:
    for query in ("(" * 500 + "a: b" + ")" * 500, "not " * 500 + "a: b", "a: b or " * 3000 + "a: b"):
        with pytest.raises(MlError):
            condition_of(query)


@given(st.text(alphabet='ab:*()<>="\\ ornd', max_size=40))
def test_any_text_is_a_filter_or_refused(query: str) -> None:
    try:
        condition_of(query)(DOCUMENT)
    except MlError as error:
        assert error.status == 400


def test_a_refusal_names_the_parameter_that_the_query_stands_in():
    with pytest.raises(MlError, match=r"^\[filter\] cannot be understood at character \[9\]") as refused:
        condition_of("a: b and", "filter")
    assert refused.value.status == 400
