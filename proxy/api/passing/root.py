"""``GET /``: the cluster's own greeting, or one made of its node's facts where it has none.

A complete cluster answers it and its answer passes untouched; the minimal build answers 405.
"""

from __future__ import annotations

import json

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

from proxy.api.passing.hop_headers import forwarded_headers
from proxy.api.passing.passthrough import ask, relay
from proxy.api.passing.upstream import NoAnswer, TooSlow, Unreachable, Upstream
from proxy.api.render import Json, rendering_of
from proxy.api.request_head import read_query

Greeting = dict[str, Json]

# Elasticsearch's own word for facts that its build did not record.
UNKNOWN = "unknown"
# Lucene's version is in no answer of a node; these are the releases' own (major.minor of Elasticsearch).
_LUCENE = {
    "8.15": "9.11.1",
    "8.16": "9.12.0",
    "8.17": "9.12.0",
    "8.18": "9.12.1",
    "8.19": "9.12.2",
    "9.0": "10.1.0",
    "9.1": "10.2.2",
    "9.2": "10.3.1",
}
# The oldest version each major talks to on the wire: the last minor of the major before it.
_WIRE_COMPATIBLE = {7: "6.8.0", 8: "7.17.0", 9: "8.19.0"}
# Of the caller's headers, those that speak of its own request and answer rather than of itself.
_BODY_HEADERS = ("Accept", "Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type", "Expect")


async def forward_root(request: web.BaseRequest, upstream: Upstream, body_timeout_s: float) -> web.StreamResponse:
    """Answer ``GET /`` or ``HEAD /``.

    Raises:
        MlError: as passthrough.forward
    """
    answer = await ask(request, upstream, body_timeout_s)
    if answer.status != 405 or request.method not in ("GET", "HEAD"):
        return await relay(request, answer)
    greeting = await _greeting(request, upstream)
    if greeting is None:
        return await relay(request, answer)
    answer.release()
    return _response(request, greeting)


def _response(request: web.BaseRequest, greeting: Greeting) -> web.Response:
    query = read_query(request.raw_path.partition("?")[2])
    query.setdefault("pretty", "true")  # here, and only here, that is Elasticsearch's default
    major = int(greeting["version"]["number"].partition(".")[0])
    rendering = rendering_of(query, request.headers, has_body=request.body_exists, major=major)
    headers = {"X-elastic-product": "Elasticsearch", "content-type": rendering.content_type}
    if "X-Opaque-Id" in request.headers:
        headers["X-Opaque-Id"] = request.headers["X-Opaque-Id"]
    return web.Response(body=rendering.encode(greeting), headers=headers)


def greeting_of(nodes: Json, state: Json) -> Greeting:
    """The body of ``GET /`` from those of ``/_nodes/_local`` and ``/_cluster/state/version``."""
    (node,) = nodes["nodes"].values()
    number: str = node["version"]
    major, minor = number.split(".")[:2]
    return {
        "name": node["name"],
        "cluster_name": nodes["cluster_name"],
        "cluster_uuid": state["cluster_uuid"],
        "version": {
            "number": number,
            "build_flavor": node["build_flavor"],
            "build_type": node["build_type"],
            "build_hash": node["build_hash"],
            "build_date": UNKNOWN,
            "build_snapshot": number.endswith("-SNAPSHOT"),
            "lucene_version": _LUCENE.get(f"{major}.{minor}", UNKNOWN),
            "minimum_wire_compatibility_version": _WIRE_COMPATIBLE.get(int(major), UNKNOWN),
            "minimum_index_compatibility_version": f"{int(major) - 1}.0.0",
        },
        "tagline": "You Know, for Search",
    }


async def _greeting(request: web.BaseRequest, upstream: Upstream) -> Greeting | None:
    """None if the cluster does not let this caller see the facts."""
    headers = forwarded_headers(request.headers)
    for name in _BODY_HEADERS:
        headers.popall(name, None)
    nodes = await _get(upstream, "/_nodes/_local", headers)
    state = await _get(upstream, "/_cluster/state/version", headers)
    return None if nodes is None or state is None else greeting_of(nodes, state)


async def _get(upstream: Upstream, target: str, headers: CIMultiDict[str]) -> Json | None:
    try:
        async with await upstream.send("GET", target, headers) as answer:
            return json.loads(await answer.read()) if answer.status == 200 else None
    except (Unreachable, NoAnswer, TooSlow, aiohttp.ClientError):
        return None
