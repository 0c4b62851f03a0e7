"""The HTTP server in front of everything: our paths to the application, all others through to the cluster.

Deciding here, before aiohttp's Application and its router, makes the pass-through measurably cheaper.
What each side does stands elsewhere: app.py and passing/passthrough.py.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from proxy.api.connections import Connection, Server, close_idlers, error_answer
from proxy.api.cross_site import refuse_cross_site_change
from proxy.api.page import Page
from proxy.api.passing.passthrough import check_framing, forward
from proxy.api.passing.root import forward_root
from proxy.api.passing.upstream import CHUNK_BYTES, Upstream
from proxy.api.watch import Watch
from proxy.config import ServerConfig
from proxy.errors import MlError
from proxy.metrics import Metrics
from proxy.runtime.tasks import Tasks

# Elasticsearch routes on the path as it is written: `//_ml` and `/%5fml` are not machine learning.
# Trained models and data frame analytics are machine learning, but no anomaly detection.
# Alert rules have Kibana's paths, in any of its spaces; below an index called `api` nothing else is called so.
OUR_PATHS = re.compile(
    r"/(?:(?:_ml|_xpack/ml|_cat/ml)(?!/(?:trained_models|data_frame)(?:[/?]|$))(?=[/?]|$)"
    r"|(?:s/[a-z0-9_-]+/)?api/(?:alerting|actions)/)"
)
ROOT_PATH = re.compile(r"/(\?|$)")

_CANCELLATIONS, _CANCEL_AGAIN_S = 3, 1.0
_LOOK_EVERY_S = 0.25

_log = logging.getLogger(__name__)


class Front:
    """Serves ``app`` under our paths, the page under its own and the cluster under all others, on one port.

    server: how many connections there may be, how large their requests' heads and how slow their callers
    our_paths: matched against the raw target from its start
    page: the web page, which has a path of its own
    watch: health and metrics, under the page's path
    """

    def __init__(
        self,
        app: web.Application,
        upstream: Upstream,
        server: ServerConfig,
        *,
        our_paths: re.Pattern[str] = OUR_PATHS,
        page: Page | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._app_runner = web.AppRunner(app, access_log=None)
        self._upstream = upstream
        self._limits = server
        self._our_paths = our_paths
        self._page = page
        self._watch = watch
        self._app_calls: set[asyncio.Task[web.StreamResponse]] = set()
        self._server: Server | None = None
        self._runner: web.ServerRunner | None = None
        self._tasks = Tasks()
        self._shutdown_timeout = 0.0

    async def start(
        self, host: str, port: int, *, shutdown_timeout: float = 30.0, ssl_context: ssl.SSLContext | None = None
    ) -> int:
        """Start the application and listen; returns the port.

        shutdown_timeout: seconds that requests in flight get when `close` is called
        ssl_context: what clients are shown; None serves without TLS
        """
        self._shutdown_timeout = shutdown_timeout
        await self._upstream.start()
        await self._app_runner.setup()
        limits = self._limits
        self._server = Server(
            self._handle,
            limits,
            request_factory=self._make_request,
            access_log=None,
            auto_decompress=False,
            read_bufsize=CHUNK_BYTES,
            max_line_size=limits.max_header_size,
            max_field_size=limits.max_header_size,
            max_headers=limits.max_headers,
        )
        self._runner = web.ServerRunner(self._server, shutdown_timeout=shutdown_timeout)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, backlog=1024, ssl_context=ssl_context)
        await site.start()
        self._tasks.spawn(close_idlers(self._server), "idle connections")
        if self._watch is not None:
            self._tasks.spawn(_watch_loop(self._watch.metrics), "delays of the event loop")
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening, let requests in flight end, stop the application."""
        await self._tasks.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self._end_app_calls()
        await self._app_runner.cleanup()
        await self._upstream.close()

    async def _end_app_calls(self) -> None:
        """Calls whose callers have left go on without a connection, so aiohttp did not wait for them."""
        if not self._app_calls:
            return
        _, late = await asyncio.wait(self._app_calls, timeout=self._shutdown_timeout)
        for _ in range(_CANCELLATIONS):
            if not late:
                return
            for call in late:
                # Again where it did not help: a timeout that ran out in the same moment swallows a cancellation.
                call.cancel()
            _, late = await asyncio.wait(late, timeout=_CANCEL_AGAIN_S)
        if late:
            _log.error("stopping although [%d] requests do not end", len(late))

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        if self._our_paths.match(message.path):
            return self._app_server.request_factory(message, payload, protocol, writer, task)
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())

    @property
    def _app_server(self) -> web.Server:
        server = self._app_runner.server
        assert server is not None, "start() comes first"
        return server

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)
        connection.is_busy = connection.is_used = True
        connection.head_began = None
        try:
            return await self._answer(request)
        except MlError as error:
            return error_answer(request, error)
        finally:
            connection.is_busy = False
            connection.quiet_since = asyncio.get_running_loop().time()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        refuse_cross_site_change(request)
        if self._watch is not None and self._watch.targets.match(request.raw_path):
            check_framing(request)
            return await self._watch.answer(request)
        if self._page is not None and self._page.targets.match(request.raw_path):
            check_framing(request)
            return self._page.answer(request)
        if isinstance(request, web.Request):
            check_framing(request)
            return await self._call_app(request)
        if ROOT_PATH.match(request.raw_path):
            return await forward_root(request, self._upstream, self._limits.client_body_timeout)
        return await forward(request, self._upstream, self._limits.client_body_timeout)

    async def _call_app(self, request: web.Request) -> web.StreamResponse:
        """Let the application finish what it has begun, even if the caller leaves: half a change helps nobody."""
        call = asyncio.ensure_future(self._app_server.request_handler(request))
        self._app_calls.add(call)
        call.add_done_callback(self._app_calls.discard)
        return await asyncio.shield(call)


async def _watch_loop(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LOOK_EVERY_S
        await asyncio.sleep(_LOOK_EVERY_S)
        metrics.delayed(max(0.0, loop.time() - due))
