"""From a request on our paths to its answer: route, access, call, handler, rendering, and every error's shape."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Mapping
from functools import partial

from aiohttp import web
from multidict import CIMultiDict

from proxy.api.access import privilege_for
from proxy.api.body_stream import Limits
from proxy.api.call import LARGE_BODY_BYTES, Reply, Target, make_call
from proxy.api.in_flight import InFlight, Share
from proxy.api.kibana_paths import is_kibanas, kibana_error, without_space
from proxy.api.large_answer import SLICED_FROM_BYTES, Sliced
from proxy.api.operation import Match, Operation, Router
from proxy.api.passing.handover import Handover
from proxy.api.render import Rendering, rendering_of
from proxy.api.request_head import accepts_gzip, identity_of, read_query
from proxy.api.services import Services
from proxy.config import ServerConfig
from proxy.errors import MlError, status_error
from proxy.schemas import Schemas
from proxy.store import ClusterFacts, opaque_id

_log = logging.getLogger(__name__)
# Below this size an answer fits one packet, and compressing it only costs time.
_COMPRESS_FROM_BYTES = 1024
_OPERATION = web.RequestKey("operation", str)


class Dispatcher:
    """Answers every request on our paths; never raises."""

    def __init__(self, router: Router, schemas: Schemas, services: Services, handover: Handover | None = None) -> None:
        """``handover`` is to whoever leads; without one, that is always this process."""
        self._router = router
        self._schemas = schemas
        self._services = services
        self._handover = handover
        self._in_flight = InFlight(services.config.server.max_in_flight_length)
        services.metrics.look_at_bodies(lambda: self._in_flight.held)

    def use(self, services: Services) -> None:
        """Gives these to the handlers of requests that come from now on."""
        self._services = services

    async def handle(self, request: web.Request) -> web.StreamResponse:
        began = time.perf_counter()
        response = await self._answer(request)
        operation = request.get(_OPERATION, "none")
        self._services.metrics.answered(operation, response.status, time.perf_counter() - began)
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        rendering, facts = Rendering(), None
        warnings: list[str] = []
        try:
            identity = identity_of(request.headers)
            opaque_id.set(identity.get("X-Opaque-Id"))
            if request.method == "OPTIONS":
                return await _response(request, self._options(request), rendering, [])
            facts = await self._services.store.client.facts()
            query = read_query(request.raw_path.partition("?")[2])
            rendering = rendering_of(query, request.headers, has_body=request.body_exists, major=facts.major)
            match = self._router.match(request.method, without_space(request.raw_path))
            request[_OPERATION] = match.operation.name
            if self._handover is not None and not match.operation.by_any:
                handed_over = await self._handover.answer(request)
                if handed_over is not None:
                    return handed_over
            action = self._schemas.action(match.operation.name)
            await self._services.access.check(action, identity, request.raw_path)
            reply = await self._perform(request, match, query, warnings)
            return await _response(request, reply, rendering, _warning_headers(warnings, facts))
        except MlError as error:
            reply = _error_reply(request, error, rendering)
        except Exception as error:
            _log.exception("unexpected error in [%s %s]", request.method, request.path)
            reply = _error_reply(request, MlError("exception", f"{type(error).__name__}: {error}", 500), rendering)
        return await _response(request, reply, rendering, _warning_headers(warnings, facts))

    async def _perform(
        self, request: web.Request, match: Match, query: Mapping[str, str], warnings: list[str]
    ) -> Reply:
        warnings.extend(_deprecations(match, request.method))
        with self._in_flight.share() as share:
            limits = _limits_of(match.target, self._services.config.server, share)
            call = await make_call(request, match.target, self._schemas, query, limits=limits, warnings=warnings)
            await self._refuse_while_upgrading(match.operation)
            answer = await match.operation.handler(call, self._services)
        return answer if isinstance(answer, Reply) else Reply(answer)

    async def _refuse_while_upgrading(self, operation: Operation) -> None:
        action = self._schemas.action(operation.name)
        if privilege_for(action) != "manage_ml" or operation.allowed_while_upgrading:
            return
        if await self._services.store.upgrade_mode.is_on():
            raise status_error(f"Cannot perform {action} action while upgrade mode is enabled", 429)

    def _options(self, request: web.Request) -> Reply:
        allowed = self._router.allowed(request.raw_path.partition("?")[0])
        return Reply("", headers={"Allow": ",".join(allowed)} if allowed else {})


def _trace(error: MlError) -> str:
    """Where an error came from, by the names of modules: where the product is installed is nobody's business."""
    lines = [f"{error.type}: {error.reason}"]
    for frame, line in traceback.walk_tb(error.__traceback__):
        lines.append(f"\tat {frame.f_globals.get('__name__')}.{frame.f_code.co_name}(line {line})")
    return "\n".join(lines)


def _limits_of(target: Target, server: ServerConfig, share: Share) -> Limits:
    length, setting = server.max_configuration_length, "server.max_configuration_length"
    if target.streams_body or server.max_content_length < server.max_configuration_length:
        length, setting = server.max_content_length, "server.max_content_length"
    return Limits(length, setting, timeout_s=server.client_body_timeout, depth=server.max_depth, share=share)


def _deprecations(match: Match, method: str) -> list[str]:
    texts = [match.operation.deprecation] if match.operation.deprecation else []
    if match.template.startswith("/_xpack/"):
        current = "/_ml" + match.template.removeprefix("/_xpack/ml")
        texts.append(f"[{method} {match.template}] is deprecated! Use [{method} {current}] instead.")
    return texts


def _error_reply(request: web.Request, error: MlError, rendering: Rendering) -> Reply:
    if is_kibanas(request.raw_path):
        body = kibana_error(error)
        return Reply(body, int(str(body["statusCode"])), error.headers)
    body = error.body()
    told = body.get("error")
    if rendering.error_trace and isinstance(told, dict):
        trace = _trace(error)
        for part in (*told.get("root_cause", ()), told):
            part["stack_trace"] = trace
    return Reply(body, error.status, error.headers)


def _warning_headers(texts: list[str], facts: ClusterFacts | None) -> list[tuple[str, str]]:
    if facts is None:
        return []
    agent = f"299 Elasticsearch-{facts.version}-{facts.build_hash}"
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in dict.fromkeys(texts))
    return [("Warning", f'{agent} "{text}"') for text in escaped]


async def _response(
    request: web.Request, reply: Reply, rendering: Rendering, warnings: list[tuple[str, str]]
) -> web.StreamResponse:
    body = await _encoded(reply, rendering, is_of_large=(request.content_length or 0) >= LARGE_BODY_BYTES)
    content_type = "text/plain; charset=UTF-8" if isinstance(reply.body, str) else rendering.content_type
    headers: CIMultiDict[str] = CIMultiDict({"content-type": content_type})
    for name, value in reply.headers.items():
        headers.extend((name, each) for each in ([value] if isinstance(value, str) else value))
    headers.extend(warnings)
    if reply.status not in (401, 403):
        headers["X-elastic-product"] = "Elasticsearch"
    if "X-Opaque-Id" in request.headers:
        headers["X-Opaque-Id"] = request.headers["X-Opaque-Id"]
    is_compressed = len(body) >= _COMPRESS_FROM_BYTES and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    is_sliced = len(body) >= SLICED_FROM_BYTES and not is_compressed
    response = web.Response(body=Sliced(body) if is_sliced else body, status=reply.status, headers=headers)
    if is_compressed:
        response.enable_compression(web.ContentCoding.gzip)
    if not request.content.is_eof():
        response.force_close()  # what is still to come of the body would be read as the next request
    return response


async def _encoded(reply: Reply, rendering: Rendering, *, is_of_large: bool) -> bytes:
    """The bytes of an answer; in a thread unless it is compact JSON, because other forms take their time.

    ``is_of_large``: it answers a large body, which it may repeat.
    """
    if isinstance(reply.body, str):
        return reply.body.encode()
    if isinstance(reply.body, bytes):
        return reply.body
    encode = partial(rendering.encode, reply.body, is_error=reply.status >= 400)
    return encode() if rendering.is_plain and not is_of_large else await asyncio.to_thread(encode)
