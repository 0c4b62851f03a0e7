"""From a request on our paths to its answer: route, access, call, handler, rendering, and every error's shape."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping

from aiohttp import web

from proxy.api.access import Access
from proxy.api.call import IDENTITY_HEADERS, Call, Reply, make_call, read_query
from proxy.api.operation import Match, Router
from proxy.api.render import Rendering, rendering_of
from proxy.api.services import Services
from proxy.errors import MlError
from proxy.schemas import Schemas
from proxy.store.client import ClusterFacts, opaque_id

_log = logging.getLogger(__name__)
_METHODS = ("GET", "POST", "PUT", "DELETE")
# Below this size an answer fits one packet, and compressing it only costs time.
_COMPRESS_FROM_BYTES = 1024


class Dispatcher:
    """Answers every request on our paths; never raises."""

    def __init__(self, router: Router, schemas: Schemas, access: Access, services: Services) -> None:
        self._router = router
        self._schemas = schemas
        self._access = access
        self._services = services

    async def handle(self, request: web.Request) -> web.StreamResponse:
        opaque_id.set(request.headers.get("X-Opaque-Id"))
        rendering, facts = Rendering(), None
        path, _, raw_query = request.raw_path.partition("?")
        warnings: list[str] = []
        try:
            if request.method == "OPTIONS":
                return _response(request, self._allowed(path))
            query = read_query(raw_query)
            match = self._router.match(request.method, path)
            facts = await self._services.store.client.facts()
            rendering = rendering_of(query, request.headers, has_body=request.body_exists, major=facts.major)
            reply = await self._perform(request, match, query, warnings)
        except MlError as error:
            reply = _error_reply(error, rendering)
        except Exception as error:
            _log.exception("unexpected error in [%s %s]", request.method, path)
            reply = _error_reply(MlError("exception", f"{type(error).__name__}: {error}", 500), rendering)
        return _response(request, reply, rendering, _warning_headers(warnings, facts))

    async def _perform(
        self, request: web.Request, match: Match, query: Mapping[str, str], warnings: list[str]
    ) -> Reply:
        operation = match.operation
        identity = _identity(request)
        uri = request.raw_path
        action = operation.action or f"cluster:{'monitor' if operation.privilege == 'monitor_ml' else 'admin'}/xpack/ml"
        await self._access.check(operation.privilege, action, identity, uri)
        limit = self._services.config.server.max_content_length
        call = await make_call(request, match, self._schemas, query, max_bytes=limit)
        warnings.extend(_deprecations(call))
        answer = await operation.handler(call, self._services)
        warnings.extend(call.warnings)
        return answer if isinstance(answer, Reply) else Reply(answer)

    def _allowed(self, path: str) -> Reply:
        methods = []
        for method in _METHODS:
            try:
                self._router.match(method, path)
                methods.append(method)
            except MlError:
                continue
        return Reply("", headers={"Allow": ",".join(methods)})


def _identity(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in IDENTITY_HEADERS if name in request.headers}


def _deprecations(call: Call) -> list[str]:
    texts = [call.operation.deprecation] if call.operation.deprecation else []
    if call.template.startswith("/_xpack/"):
        current = "/_ml" + call.template.removeprefix("/_xpack/ml")
        texts.append(f"[{call.method} {call.template}] is deprecated! Use [{call.method} {current}] instead.")
    return texts


def _error_reply(error: MlError, rendering: Rendering) -> Reply:
    body = error.body()
    if rendering.error_trace and isinstance(body.get("error"), dict):
        body["error"]["stack_trace"] = "".join(traceback.format_exception(error))
    return Reply(body, error.status, error.headers)


def _warning_headers(texts: list[str], facts: ClusterFacts | None) -> list[tuple[str, str]]:
    if facts is None:
        return []
    agent = f"299 Elasticsearch-{facts.version}-{facts.build_hash}"
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in dict.fromkeys(texts))
    return [("Warning", f'{agent} "{text}"') for text in escaped]


def _response(
    request: web.Request, reply: Reply, rendering: Rendering | None = None, extra: list[tuple[str, str]] | None = None
) -> web.StreamResponse:
    rendering = rendering or Rendering()
    if isinstance(reply.body, str):
        body, content_type = reply.body.encode(), "text/plain; charset=UTF-8"
    elif isinstance(reply.body, bytes):
        body, content_type = reply.body, rendering.content_type()
    else:
        body, content_type = rendering.encode(reply.body, is_error=reply.status >= 400), rendering.content_type()
    response = web.Response(body=body, status=reply.status, headers={"content-type": content_type, **reply.headers})
    for name, value in extra or []:
        response.headers.add(name, value)
    if reply.status not in (401, 403):
        response.headers["X-elastic-product"] = "Elasticsearch"
    if "X-Opaque-Id" in request.headers:
        response.headers["X-Opaque-Id"] = request.headers["X-Opaque-Id"]
    if len(body) >= _COMPRESS_FROM_BYTES and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    if not request.content.is_eof():
        response.force_close()  # what is still to come of the body would be read as the next request
    return response
