"""The one border to the cluster's HTTP API for our own requests: makes them, and translates what is refused.

How they reach it is ``sending``'s matter. What passes through for clients does not come here but by
``api.passing.passthrough``.
"""

from __future__ import annotations

import base64
import contextvars
import copy
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from proxy.config import ElasticsearchConfig
from proxy.errors import MlError, RelayedError, bad_gateway, illegal_argument, unavailable
from proxy.store.calls import OnCall, tell_nobody
from proxy.store.fence import Fence, NoFence, fenced
from proxy.store.sending import Sender

# JSON documents of the cluster; their fields are checked where they are used.
Json = Any
Params = Mapping[str, str | int | bool]

_log = logging.getLogger(__name__)

# The caller's X-Opaque-Id travels with the requests made on its behalf.
opaque_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("opaque_id", default=None)

KEEP_POINT_IN_TIME = "1m"
# Of a search that must not pass over a part of an index that does not answer now.
_WHOLE: Params = {"ignore_unavailable": True, "allow_partial_search_results": False}
_SPARED_S = 10.0
_UNKNOWN_TO_CLUSTER = (
    "the cluster does not know Lanewatch's own identity: check [elasticsearch.username] and [elasticsearch.password], "
    "or [elasticsearch.api_key]"
)


class ClusterError(RelayedError):
    """The cluster refused a request of ours: its status, type, reason and whole body."""


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What the cluster says of itself and of the node that answered."""

    cluster_name: str
    node_id: str
    node: Mapping[str, Json]
    version: str
    build_hash: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


class ClusterClient:
    """Sends our own requests with our own identity."""

    def __init__(self, config: ElasticsearchConfig, on_call: OnCall = tell_nobody, fence: Fence | None = None) -> None:
        """``on_call`` is told of every attempt; ``fence`` says what may be changed, None lets everything through."""
        self._config = config
        self.fence = fence or NoFence()
        self.on_call = on_call
        self._sender = Sender(config, on_call)
        self._facts: ClusterFacts | None = None
        self._headers = {"accept": "application/json", **_identity(config)}
        self._is_ours = True
        self._refused_at = -math.inf

    def acting_as(self, identity: Mapping[str, str]) -> ClusterClient:
        """A client with the connections of this one that is somebody else to the cluster; only this one is closed."""
        other = copy.copy(self)
        other._headers = {"accept": "application/json", **identity}
        other._is_ours = False
        return other

    async def close(self) -> None:
        await self._sender.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Json = None,
        retry: bool = False,
        raw: bool = False,
    ) -> Json:
        """The decoded answer, or its bytes if ``raw``.

        ``body`` is a JSON value, or bytes of NDJSON. ``retry`` repeats the request on connection errors, 502, 503 and
        504: only for requests that may be repeated. What was rejected with 429 has not been done: always repeated.

        Raises:
            ClusterError: the cluster answered with a status of 400 or more.
            MlError: 503 where it cannot be reached, 504 where it does not answer in time.
            NotLeading: it would change something, and another process leads.
        """
        path, params, body = fenced(self.fence, method, path, params or {}, body)
        try:
            return await self._request(method, _target(path, params), body, retry=retry, raw=raw)
        except ClusterError as error:
            if self.fence.is_refusal(error):
                await self.fence.confirm()
            raise

    async def _request(self, method: str, target: str, body: Json, *, retry: bool, raw: bool) -> Json:
        self._spare_our_account()
        headers = dict(self._headers)
        if opaque_id.get():
            headers["x-opaque-id"] = str(opaque_id.get())
        response = await self._sender.send(method, target, body, headers, retry=retry, raw=raw)
        status = response.meta.status
        if status >= 400:
            refusal = _refusal(status, orjson.loads(response.body) if raw else response.body)
            raise self._of_our_identity(refusal) if self._is_ours else refusal
        return response.body

    def _of_our_identity(self, refusal: ClusterError) -> MlError:
        """What callers are told where it is Lanewatch itself that the cluster refuses."""
        if refusal.type != "security_exception":
            return refusal
        _log.error("the cluster refuses Lanewatch's own identity with [%d]: %s", refusal.status, refusal.reason)
        if refusal.status == 401:
            self._refused_at = time.monotonic()
            return unavailable(_UNKNOWN_TO_CLUSTER)
        return unavailable(
            "the cluster does not let Lanewatch's own identity do what this needs: the account of "
            "[elasticsearch.username] or [elasticsearch.api_key] lacks rights, which the log names"
        )

    def _spare_our_account(self) -> None:
        """Asks nothing for a while after a refusal: a realm may lock an account that goes on trying."""
        if self._is_ours and time.monotonic() - self._refused_at < _SPARED_S:
            raise unavailable(_UNKNOWN_TO_CLUSTER)

    async def find(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Json = None,
        retry: bool = True,
    ) -> Json | None:
        """As ``request``, but None where what is asked for, or its index, is not there."""
        try:
            return await self.request(method, path, params=params, body=body, retry=retry)
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def exists(self, path: str, *, retry: bool = True) -> bool:
        try:
            await self.request("HEAD", path, retry=retry)
        except ClusterError as error:
            if error.status == 404:
                return False
            raise
        return True

    async def ask_as_caller(
        self, method: str, path: str, body: Json, identity: Mapping[str, str]
    ) -> tuple[int, Json, Mapping[str, str]]:
        """Status, answer and headers of a question asked with the caller's identity instead of ours."""
        headers = {"accept": "application/json", **identity}
        response = await self._sender.send(method, path, body, headers, retry=True)
        return response.meta.status, response.body, response.meta.headers

    async def facts(self) -> ClusterFacts:
        """Asked once; a cluster keeps its name, and a node its version, for as long as it runs."""
        if self._facts is None:
            answer = await self.request("GET", "/_nodes/_local/_none")
            try:
                node_id, node = next(iter(answer["nodes"].items()))
                self._facts = ClusterFacts(answer["cluster_name"], node_id, node, node["version"], node["build_hash"])
            except (TypeError, KeyError, AttributeError, StopIteration) as error:
                raise self._no_elasticsearch() from error
        return self._facts

    async def answers(self) -> None:
        """
        Raises:
            MlError: the cluster does not answer.
        """
        await self.request("GET", "/_nodes/_local/_none")

    def _no_elasticsearch(self) -> MlError:
        hosts = ", ".join(self._config.hosts)
        return bad_gateway(f"what answers at [{hosts}] does not answer as Elasticsearch does, check the address")

    async def bulk(
        self, lines: bytes, *, refresh: bool = False, require_alias: bool = False
    ) -> list[Mapping[str, Json]]:
        """Sends bulk lines and returns the items that failed, whatever their status.

        Repeating is safe because our documents have ids that name what they are about.
        """
        params: dict[str, str | int | bool] = {
            "refresh": refresh,
            "filter_path": "errors,items.*.error,items.*.status,items.*._id",
        }
        if require_alias:
            params["require_alias"] = True
        answer = await self.request("POST", "/_bulk", params=params, body=lines, retry=True)
        if not isinstance(answer, dict) or "errors" not in answer:
            raise self._no_elasticsearch()
        if not answer["errors"]:
            return []
        items = (next(iter(item.values())) for item in answer["items"])
        return [item for item in items if "error" in item]

    async def search_all(
        self, index: str, query: Json, *, source: Json = True, sort: Sequence[Json] = ("_doc",), page: int = 5000
    ) -> list[Mapping[str, Json]]:
        """Every hit of a query, as of one moment; none where the index is absent.

        What fits a page takes one request; more is read page by page from a point in time.
        """
        whole = {"size": page, "query": query, "_source": source, "track_total_hits": False, "sort": list(sort)}
        path, params = f"/{quote_expression(index)}/_search", _WHOLE
        found = (await self.request("POST", path, params=params, body=whole, retry=True))["hits"]["hits"]
        if len(found) < page:
            return list(found)
        return await self._search_pages(index, whole)

    async def _search_pages(self, index: str, search: Mapping[str, Json]) -> list[Mapping[str, Json]]:
        pit = await self.open_point_in_time(index)
        if pit is None:
            return []
        hits: list[Mapping[str, Json]] = []
        after = None
        try:
            while True:
                body = {**search, "pit": {"id": pit, "keep_alive": KEEP_POINT_IN_TIME}}
                if after is not None:
                    body["search_after"] = after
                answer = await self.request("POST", "/_search", body=body, retry=True)
                found = answer["hits"]["hits"]
                hits.extend(found)
                if len(found) < search["size"]:
                    return hits
                pit, after = answer["pit_id"], found[-1]["sort"]
        finally:
            await self.close_point_in_time(pit)

    async def open_point_in_time(self, index: str) -> str | None:
        """The id of a new one, to be closed; None where the index is absent."""
        params: Params = {"keep_alive": KEEP_POINT_IN_TIME, "ignore_unavailable": True}
        opened = await self.find("POST", f"/{quote_expression(index)}/_pit", params=params, retry=False)
        return None if opened is None else str(opened["id"])

    async def close_point_in_time(self, pit: str) -> None:
        """Frees what the cluster keeps for one; where that fails it ends by itself, and what was read stays read."""
        try:
            await self.request("DELETE", "/_pit", body={"id": pit})
        except MlError as error:
            _log.info("a point in time was left to expire: %s", error.reason)


def quote_expression(index: str) -> str:
    """An index or node expression as one path segment; commas and stars keep their meaning.

    Raises:
        MlError: 400 for the two segments that are a way up or nowhere, however they are encoded.
    """
    if index in (".", ".."):
        raise illegal_argument(f"[{index}] is no name")
    return quote(index, safe=",*")


def _target(path: str, params: Params | None) -> str:
    if not params:
        return path
    texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in params.items()}
    return f"{path}?{urlencode(texts, safe=',*')}"


def _identity(config: ElasticsearchConfig) -> dict[str, str]:
    if config.api_key:
        return {"authorization": f"ApiKey {config.api_key}"}
    if config.username:
        pair = f"{config.username}:{config.password or ''}".encode()
        return {"authorization": "Basic " + base64.b64encode(pair).decode()}
    return {}


def _refusal(status: int, body: Json) -> ClusterError:
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return ClusterError(str(error["type"]), str(error["reason"]), status, body)
    answer = body if isinstance(body, dict) and body else {"error": str(error or body or ""), "status": status}
    return ClusterError("exception", str(error or body), status, answer)
