"""Requests of the scenarios, something changed at random: whatever comes, an answer in Elasticsearch's form and no 500.

Shapes and values here; bytes that are no HTTP at all are ``tests/api/passing/test_http_faults.py``'s matter.
"""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.api.operation import Router
from proxy.api.routes import OPERATIONS
from proxy.contract_kit.scenario import FOLDER, written_in
from proxy.errors import MlError
from tests.http_client import HttpClient
from tests.leftovers import remove_all

ROUTER = Router(OPERATIONS)
Request = dict[str, Any]
# Turns every other call away, or waits for what never comes.
LEFT_OUT = {"ml.set_upgrade_mode"}
# `make fuzz` tries the many.
EXAMPLES = 8 if settings.default.derandomize else 500

# What breaks programs: edges of numbers, texts that are numbers, dates or patterns, names of other things.
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63 - 1, -(2**63), 2**64, 10**400, 1e308, -0.0, 0.1, 1e-320]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "*", "_all", ",", "a,b", "..", "../x", "%", "%2F", "\x00", "\ud7ff", "é" * 70, "now-1d", "1m", "-1",
         "1e9", "0", "true", "null", "NaN", "2013-13-45", "(a+)+z", "[", "{}", "<now/d>", "a" * 600, "9999999999d"]
    ),
    st.sampled_from([[], {}, [[]], [{}], {"": None}, [None], {"a": {"b": {"c": []}}}]),
)  # fmt: skip


def requests_by_operation() -> dict[str, list[Request]]:
    found: dict[str, list[Request]] = defaultdict(list)
    for file in sorted(FOLDER.glob("*/*.yaml")):
        for step in written_in(file)["steps"]:
            request = step["request"]
            if request.get("to") == "cluster" or "text" in request:
                continue
            try:
                name = ROUTER.match(request["method"], request["path"]).operation.name
            except MlError:
                continue
            found[name].append(request)
    return found


REQUESTS = requests_by_operation()


def test_every_operation_has_a_request_to_begin_with() -> None:
    assert {operation.name for operation in OPERATIONS} == set(REQUESTS)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(client: HttpClient) -> Iterator[None]:
    yield
    remove_all(client)


@pytest.mark.parametrize("operation", sorted(set(REQUESTS) - LEFT_OUT))
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_comes_is_answered(client: HttpClient, operation: str, data: st.DataObject) -> None:
    request = mutated(copy.deepcopy(data.draw(st.sampled_from(REQUESTS[operation]))), data)
    try:
        body = None if request.get("body") is None else json.dumps(request["body"]).encode()
        answer = client.request(
            request["method"],
            request["path"],
            query={name: value if isinstance(value, str) else json.dumps(value)
                   for name, value in request.get("query", {}).items()},
            headers={"content-type": "application/json"},
            body=body,
        )  # fmt: skip
    except UnicodeEncodeError:
        return  # no client can send it
    assert answer.status in (200, 201, 202, 204, 400, 404, 405, 406, 408, 409, 413, 422, 429), answer.text
    assert "Traceback" not in answer.text
    if answer.status >= 400 and "json" in answer.headers["content-type"]:
        told = answer.json()
        if "statusCode" in told:
            assert (told["statusCode"], set(told)) == (answer.status, {"statusCode", "error", "message"})
            return
        assert told["status"] == answer.status
        assert isinstance(told["error"], str) or {"type", "reason", "root_cause"} <= set(told["error"])


def mutated(request: Request, data: st.DataObject) -> Request:
    """One to three values of body or query replaced, left out or added."""
    for _ in range(data.draw(st.integers(1, 3))):
        containers = [part for part in (request.get("body"), request.get("query")) if isinstance(part, dict) and part]
        if not containers or data.draw(st.integers(0, 9)) == 0:
            request.setdefault("query", {})[data.draw(st.sampled_from(["from", "size", "start", "q"]))] = copy.deepcopy(
                data.draw(ODD)
            )
            continue
        spots = [spot for container in containers for spot in places(container)]
        container, key = data.draw(st.sampled_from(spots))
        change = data.draw(st.sampled_from(["replace", "replace", "drop", "add"]))
        if change == "drop":
            del container[key]
        elif change == "add" and isinstance(container, dict):
            container[data.draw(st.text(max_size=6))] = copy.deepcopy(data.draw(ODD))
        else:
            container[key] = copy.deepcopy(data.draw(ODD))
    return request


def places(value: Any) -> list[tuple[Any, Any]]:
    """Where something stands in a tree of objects and lists."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, part in list(pairs):
        found.append((value, key))
        if isinstance(part, dict | list):
            found += places(part)
    return found
