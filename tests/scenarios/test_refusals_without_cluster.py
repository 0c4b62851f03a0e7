"""Refusals that need no cluster: the schemas and the rules refuse what the scenarios say, before anything is stored.

The same steps run against the proxy and a real cluster in ``test_scenarios``; here they show within seconds which rule
broke. A step whose operation asks for the store or for open jobs is left to that test.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.test_utils import make_mocked_request

from proxy.api.body_stream import Limits
from proxy.api.call import make_call
from proxy.api.in_flight import InFlight
from proxy.api.kibana_paths import is_kibanas, kibana_error
from proxy.api.operation import Router
from proxy.api.request_head import read_query
from proxy.api.routes import OPERATIONS
from proxy.api.services import Services
from proxy.config_loading import load_config
from proxy.contract_kit.matching import Fault, mismatches
from proxy.contract_kit.scenario import FOLDER, written_in
from proxy.errors import MlError
from proxy.resources import resource_dir
from proxy.schemas import Schemas

FILES = sorted(FOLDER.glob("*/*.yaml"))
CONFIG = load_config(environ={})
NOW_MS = 1_700_000_000_000
# Of about 300 refusals with 400 in the scenarios, more than so many are decided by schemas and rules alone.
MANY = 250


class AskedForMore(Exception):
    """An operation wants to know what only the cluster or the runtime can tell."""


class OutOfReach:
    def __getattr__(self, name: str) -> Any:
        raise AskedForMore(name)


SERVICES = Services(OutOfReach(), OutOfReach(), lambda: NOW_MS, CONFIG, *(OutOfReach() for _ in range(3)))
ROUTER = Router(OPERATIONS)
SCHEMAS = Schemas(resource_dir("schemas"))


def refused_steps(file: Path) -> Iterator[dict[str, Any]]:
    for step in written_in(file)["steps"]:
        if step.get("status") == 400 and step["request"].get("to") != "cluster":
            yield step


def request_of(asked: dict[str, Any]) -> web.Request:
    text = asked.get("text")
    if "body" in asked:
        text = json.dumps(asked["body"])
    elif "ndjson" in asked:
        text = "".join(json.dumps(row) + "\n" for row in asked["ndjson"])
    headers = {name: str(value) for name, value in asked.get("headers", {}).items()}
    payload = EMPTY_PAYLOAD
    if text is not None:
        headers = {"content-type": "application/json"} | {name.lower(): value for name, value in headers.items()}
        payload = StreamReader(BaseProtocol(asyncio.get_running_loop()), 1 << 20)
        payload.feed_data(text.encode())
        payload.feed_eof()
    query = {name: str(value).lower() if isinstance(value, bool) else value
             for name, value in asked.get("query", {}).items()}  # fmt: skip
    path = asked["path"] + (f"?{urlencode(query)}" if query else "")
    return make_mocked_request(asked["method"], path, headers=headers, payload=payload)


async def refusal(asked: dict[str, Any]) -> dict[str, Any] | None:
    """The body of the error; None where it takes more than schemas and rules to tell.

    Raises:
        AssertionError: the operation was carried out.
    """
    request = request_of(asked)
    try:
        match = ROUTER.match(request.method, request.raw_path)
        query = read_query(request.raw_path.partition("?")[2])
        server = CONFIG.server
        with InFlight(server.max_in_flight_length).share() as share:
            limits = Limits(server.max_content_length, "", server.client_body_timeout, server.max_depth, share)
            call = await make_call(request, match.target, SCHEMAS, query, limits=limits, warnings=[])
            await match.operation.handler(call, SERVICES)
    except MlError as error:
        assert error.status == 400, error
        return kibana_error(error) if is_kibanas(request.raw_path) else error.body()
    except AskedForMore:
        return None
    raise AssertionError(f"not refused: {asked}")


@pytest.fixture(scope="module")
def decided() -> dict[str, int]:
    """How many steps of each file were decided here."""
    return {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_what_schemas_and_rules_refuse(file: Path, decided: dict[str, int]) -> None:
    faults: list[Fault] = []
    for step in refused_steps(file):
        body = await refusal(step["request"])
        if body is not None:
            decided[file.stem] = decided.get(file.stem, 0) + 1
            faults += mismatches(step.get("response", {}), body, str(step["request"]))
    assert faults == []


def test_most_refusals_need_no_cluster(decided: dict[str, int]) -> None:
    assert sum(decided.values()) > MANY
