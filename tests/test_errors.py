"""Error bodies: their shape, what counts as root cause, and suggestions."""

from __future__ import annotations

import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import errors
from proxy.errors import MlError, PlainError, RelayedError, did_you_mean


def test_an_error_is_its_own_root_cause():
    assert errors.unknown_job("x").body() == {
        "error": {
            "root_cause": [{"type": "resource_not_found_exception", "reason": "No known job with id 'x'"}],
            "type": "resource_not_found_exception",
            "reason": "No known job with id 'x'",
        },
        "status": 404,
    }


def test_an_error_travels_whole_between_processes():
    error = MlError("a", "b", 409, caused_by=errors.parse_error("c"), headers={"Retry-After": "1"})
    arrived = pickle.loads(pickle.dumps(error))
    assert arrived.body() == error.body()
    assert (str(arrived), arrived.headers) == ("b", {"Retry-After": "1"})


def test_the_root_cause_is_the_innermost_error_that_is_not_javas_own():
    inner = errors.illegal_argument("bad", caused_by=errors.number_format("x"))
    outer = errors.x_content_parse("[1:2] outer", caused_by=errors.x_content_parse("[1:2] middle", caused_by=inner))
    body = outer.body()["error"]
    assert body["root_cause"] == [{"type": "x_content_parse_exception", "reason": "[1:2] middle"}]
    assert body["caused_by"]["caused_by"]["type"] == "illegal_argument_exception"
    assert body["caused_by"]["caused_by"]["caused_by"]["reason"] == 'For input string: "x"'


def test_a_status_error_within_is_the_root_cause():
    outer = errors.x_content_parse("outer", caused_by=errors.status_error("inner", 400))
    assert outer.body()["error"]["root_cause"] == [{"type": "status_exception", "reason": "inner"}]


def test_an_error_may_say_that_it_is_the_root_cause_itself():
    outer = MlError("outer_exception", "o", 400, caused_by=errors.status_error("inner", 400), is_root_cause=True)
    assert outer.body()["error"]["root_cause"][0]["type"] == "outer_exception"


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (errors.illegal_argument("r"), "illegal_argument_exception", 400),
        (errors.status_error("r", 409), "status_exception", 409),
        (errors.not_found("r"), "resource_not_found_exception", 404),
        (errors.already_exists("r"), "resource_already_exists_exception", 400),
        (errors.parse_error("r"), "parse_exception", 400),
        (errors.x_content_parse("r"), "x_content_parse_exception", 400),
    ],
)
def test_every_kind_has_its_type_and_status(error, kind, status):
    assert (error.type, error.status, error.reason) == (kind, status, "r")


def test_validations_are_numbered():
    assert errors.validation_failed("a", "b").reason == "Validation Failed: 1: a;2: b;"


def test_errors_that_retry_may_cure_are_gateway_statuses():
    assert [make("r").status for make in (errors.unavailable, errors.bad_gateway, errors.gateway_timeout)] == [
        503,
        502,
        504,
    ]


def test_the_http_layers_errors_are_bare_texts():
    assert PlainError("no", 405).body() == {"error": "no", "status": 405}
    assert PlainError("no", 400, says_status=False).body() == {"error": "no"}


def test_a_relayed_error_keeps_its_body():
    body: dict[str, object] = {"error": {"type": "t", "reason": "r", "header": {"A": ["b"]}}, "status": 401}
    assert RelayedError("t", "r", 401, body).body() is body


def test_a_misspelt_name_brings_those_that_are_near_best_first():
    assert did_you_mean("descripton", ["description", "groups"]) == " did you mean [description]?"
    assert did_you_mean("allow_no_mach", ["allow_no_jobs", "allow_no_match"]) == (
        " did you mean any of [allow_no_match, allow_no_jobs]?"
    )
    assert did_you_mean("zzz", ["description"]) == ""


def test_a_name_of_many_characters_costs_no_time():
    started = time.process_time()
    assert did_you_mean("x" * 100_000, ["description"] * 20) == ""
    many = errors.unrecognized_parameters("/_ml/x", [f"name{number}" for number in range(10_000)], ["named"] * 20)
    assert time.process_time() - started < 1
    assert len(many.reason) > 100_000


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=5))
def test_a_right_name_is_always_among_the_suggestions(name, others):
    assert f"[{name}" in did_you_mean(name, [name, *others])


def test_unrecognized_parameters_are_sorted_and_counted():
    one = errors.unrecognized_parameters("/_ml/x", ["b"], []).reason
    assert one == "request [/_ml/x] contains unrecognized parameter: [b]"
    two = errors.unrecognized_parameters("/_ml/x", ["sise", "b"], ["size"]).reason
    assert two == "request [/_ml/x] contains unrecognized parameters: [b], [sise] -> did you mean [size]?"
