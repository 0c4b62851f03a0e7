"""The connections of clients: how slow, idle and many they may be, and what aiohttp's parser leaves unread.

What is answered on them is ``front``'s matter.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from operator import attrgetter
from typing import Any

from aiohttp import web
from aiohttp.http_parser import RawRequestMessage

from proxy.config import ServerConfig
from proxy.errors import MlError

# A connection that has never asked anything: a port scan leaves it behind, or a browser that thought ahead.
UNUSED_S = 60.0
_SWEEP_S = 1.0
# Of the connections that there may be: from here on idle ones are closed, so that there is room for others.
_FULL = 0.9
_CLOSE = {"Connection": "close"}
_END_OF_HEAD = b"\r\n\r\n"
RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_log = logging.getLogger(__name__)


class Connection(web.RequestHandler):
    """aiohttp's connection, which also knows since when it is waiting for the rest of a head."""

    __slots__ = (
        "_body_left",
        "_is_clean",
        "_limits",
        "_pending_since",
        "_pending_size",
        "head_began",
        "is_busy",
        "is_used",
        "opened_at",
        "quiet_since",
    )

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(server, loop=loop, **options)
        self._limits = server.limits
        self.is_busy = False
        self.is_used = False
        self.head_began: float | None = None
        self.opened_at = self.quiet_since = loop.time()
        self._pending_size = 0
        self._pending_since = 0.0
        self._is_clean = True  # whether it is known that the parser holds no part of a request
        self._body_left = 0  # of a request that offers another protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self._manager.connections) > self._limits.max_connections:  # type: ignore[union-attr]
            _log.warning("closed a connection: there are [%d] already", self._limits.max_connections)
            self.abort()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked or answered on it."""
        return not self.is_busy and self.head_began is None

    def is_useless(self, now: float) -> bool:
        """Whether its other side has never asked anything, does not end a head, or has stopped reading an answer."""
        if self.head_began is not None and now - self.head_began > self._limits.client_header_timeout:
            return True
        if not self.is_used and not self.is_busy:
            return now - self.opened_at > UNUSED_S
        pending = self.transport.get_write_buffer_size() if self.transport is not None else 0
        if pending == 0 or pending != self._pending_size:
            self._pending_size, self._pending_since = pending, now
        return pending > 0 and now - self._pending_since > self._limits.send_timeout

    def abort(self) -> None:
        """Closes at once; what has not been sent is given up."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What aiohttp answers to unreadable requests and to our own mistakes, in Elasticsearch's shape."""
        if status >= 500:
            _log.error("unexpected error in [%s %s]", request.method, request.path, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        if status >= 500:
            return error_answer(request, MlError("exception", f"{type(exc).__name__}: {exc}", status))
        summary = (message or "unreadable request").strip().partition("\n")[0].rstrip(":")
        return error_answer(request, MlError("illegal_argument_exception", summary, status, headers=_CLOSE))

    def data_received(self, data: bytes) -> None:
        if data and self.head_began is None and not self.is_busy:  # aiohttp resumes by calling with nothing
            self.head_began = self._loop.time()
            self._read_requests(data)
            return
        body, data = data[: self._body_left], data[self._body_left :]
        self._body_left -= len(body)
        if body or not data:
            super().data_received(body)
        if data:
            self._read_later(data)

    def _read_requests(self, data: bytes) -> None:
        """Reads what begins with a request: aiohttp drops what stands behind one that offers another protocol."""
        while data:
            is_known, before = self._is_clean, len(self._messages)
            super().data_received(data)
            self._is_clean = is_known and data.endswith(_END_OF_HEAD) and data.count(_END_OF_HEAD) == 1
            offer = self._offer(before)
            if offer is None:
                return
            end = _end_of(offer, data) if is_known and len(self._messages) == before + 1 else None
            if end is None:
                self._answer_no_more(offer)
                return
            self._body_left = max(0, end - len(data))
            self._is_clean, data = True, data[end:]

    def _read_later(self, data: bytes) -> None:
        """Reads what may begin within a request, so that it is not known where one ends in it."""
        self._is_clean, before = False, len(self._messages)
        super().data_received(data)
        offer = self._offer(before)
        if offer is not None:
            self._answer_no_more(offer)

    def _offer(self, before: int) -> RawRequestMessage | None:
        """The last request if it has come by now and offers a protocol that aiohttp does not speak."""
        message = self._messages[-1][0] if len(self._messages) > before else None
        if not isinstance(message, RawRequestMessage) or not message.upgrade:
            return None
        return None if message.headers.get("Upgrade", "").lower() == "websocket" else message

    def _answer_no_more(self, last: RawRequestMessage) -> None:
        """After the last request, whose sender is told so: there may have been others behind it."""
        self._messages[-1] = (last._replace(should_close=True), self._messages[-1][1])


def _end_of(message: RawRequestMessage, data: bytes) -> int | None:
    """Where a request ends with which the data begin; None if only its chunks tell."""
    if message.chunked:
        return None
    begin = len(data) - len(data.lstrip(b"\r\n"))  # empty lines before a request are nothing
    return data.index(_END_OF_HEAD, begin) + len(_END_OF_HEAD) + int(message.headers.get("Content-Length", 0))


class Server(web.Server):
    """aiohttp's server, which makes our kind of connections."""

    def __init__(
        self, handler: RequestHandler, limits: ServerConfig, *, request_factory: Any, **options: object
    ) -> None:
        super().__init__(handler, request_factory=request_factory, handler_cancellation=True)
        self.limits = limits
        self._options = options

    def __call__(self) -> web.RequestHandler:
        return Connection(self, asyncio.get_running_loop(), **self._options)


async def close_idlers(server: Server) -> None:
    """aiohttp waits for a head as long as for the next request; a sweep costs less than a timer per request."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_S)
        connections = [each for each in server.connections if isinstance(each, Connection)]
        for connection in connections:
            if connection.is_useless(loop.time()):
                connection.abort()
        for connection in _too_many(connections, int(server.limits.max_connections * _FULL)):
            connection.force_close()


def _too_many(connections: Sequence[Connection], most: int) -> list[Connection]:
    """Those that nobody has asked anything on for longest: whoever keeps many must not keep others out."""
    if len(connections) <= most:
        return []
    idle = sorted((each for each in connections if each.is_idle), key=attrgetter("quiet_since"))
    return idle[: len(connections) - most]


def error_answer(request: web.BaseRequest, error: MlError) -> web.StreamResponse:
    headers = {name: value if isinstance(value, str) else ", ".join(value) for name, value in error.headers.items()}
    answer = web.Response(
        status=error.status,
        body=json.dumps(error.body()).encode(),
        content_type="application/json",
        headers={"X-elastic-product": "Elasticsearch", **headers},
    )
    if not request.content.is_eof() or "Connection" in error.headers:
        answer.force_close()  # whatever still comes belongs to no request
    return answer
