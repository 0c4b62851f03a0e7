"""Everything that is not machine learning: each request to the cluster, each answer back, as they are.

Streams in both directions; only what fits one write is held whole. Connections, timeouts and the choice of a
node are upstream.py's; which headers travel is hop_headers.py's.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from proxy.api.passing.hop_headers import (
    UnforwardableHeader,
    forwarded_headers,
    is_plainly_framed,
    relayed_header_lines,
)
from proxy.api.passing.upstream import CHUNK_BYTES, NoAnswer, TooSlow, Unreachable, Upstream
from proxy.errors import MlError, bad_gateway, gateway_timeout, illegal_argument, unavailable

_READ_ONLY_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
# Last path segments of calls that only read, although they may be sent as POST.
_READ_ONLY_CALLS = frozenset(
    {"_analyze", "_count", "_explain", "_field_caps", "_mget", "_msearch", "_rank_eval", "_search", "_termvectors"}
)
_BODILESS_STATUSES = frozenset({204, 304})


async def forward(request: web.BaseRequest, upstream: Upstream, body_timeout_s: float) -> web.StreamResponse:
    """Pass one request on and its answer back.

    body_timeout_s: how long the caller may be silent within its body

    Raises:
        MlError: 400 or 408 for the caller's own faults, 503 if nothing was sent, 502 if no answer came,
            504 if it took too long; never after the answer has begun
    """
    return await relay(request, await ask(request, upstream, body_timeout_s))


async def ask(request: web.BaseRequest, upstream: Upstream, body_timeout_s: float) -> aiohttp.ClientResponse:
    """Pass one request on and return the beginning of the answer, which the caller of this must relay or close."""
    check_framing(request)
    try:
        headers = forwarded_headers(request.headers)
    except UnforwardableHeader as error:
        raise illegal_argument(str(error)) from error
    if must_stream(request):
        return await _ask_streaming(request, upstream, headers, body_timeout_s)
    whole = await whole_body(request, body_timeout_s) if request.body_exists else None
    try:
        try:
            return await upstream.send(request.method, request.raw_path, headers, whole)
        except NoAnswer:
            # A pooled connection may have been closed by the cluster in the very moment of its use.
            if not _is_repeatable(request):
                raise
        return await upstream.send(request.method, request.raw_path, headers, whole)
    except (Unreachable, NoAnswer, TooSlow) as error:
        raise _as_ml_error(error) from error


def check_framing(request: web.BaseRequest) -> None:
    """Refuse what cannot be passed on without changing its meaning.

    Raises:
        MlError: 400 or 417
    """
    if not is_plainly_framed(request.headers):
        raise _unreadable("unsupported [Transfer-Encoding]: only [chunked] is accepted")
    if not request.raw_path.startswith("/") or request.method == hdrs.METH_CONNECT:
        raise _unreadable(f"the request target [{request.raw_path}] must be a path")
    if hdrs.EXPECT in request.headers and request.headers[hdrs.EXPECT].lower() != "100-continue":
        # Elasticsearch answers 417 and then reads the body as the next request.
        raise MlError("illegal_argument_exception", "unknown [Expect]", 417, headers={hdrs.CONNECTION: "close"})


def _unreadable(reason: str) -> MlError:
    """A refusal after which nothing on the connection can be trusted to be a request."""
    return MlError("illegal_argument_exception", reason, 400, headers={hdrs.CONNECTION: "close"})


async def relay(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Write the answer to the caller's connection, byte by byte as it came."""
    # If the cluster answers before it has all of the body, what is still under way belongs to no request:
    # the caller's connection ends with this answer, and aiohttp ends the cluster's.
    keep_alive = request.keep_alive and request.content.is_eof()
    relayed = Relayed(answer, keep_alive=keep_alive)
    try:
        if relayed.length is None or relayed.length > CHUNK_BYTES:
            await _relay_streaming(request, answer, relayed)
        else:
            await _relay_whole(request, answer, relayed)
    except ConnectionError:
        relayed.force_close()  # the caller has gone
    finally:
        if not answer.closed or answer.connection is not None:
            answer.close()
    return relayed


class Relayed(web.StreamResponse):
    """An answer that stands on the caller's connection already; aiohttp has nothing left to add to it."""

    def __init__(self, answer: aiohttp.ClientResponse, *, keep_alive: bool) -> None:
        super().__init__(status=answer.status, reason=answer.reason)
        self._stays_open = keep_alive
        self.is_bodiless = answer.method == hdrs.METH_HEAD or answer.status in _BODILESS_STATUSES
        length = answer.headers.get(hdrs.CONTENT_LENGTH)
        self.length = 0 if self.is_bodiless else int(length) if length is not None else None

    @property
    def prepared(self) -> bool:
        return True

    @property
    def keep_alive(self) -> bool:
        return self._stays_open

    def force_close(self) -> None:
        self._stays_open = False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        return None


async def _relay_whole(request: web.BaseRequest, answer: aiohttp.ClientResponse, relayed: Relayed) -> None:
    content = answer.content
    try:
        body = content.read_nowait() if content.is_eof() else await content.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise bad_gateway("the cluster closed the connection within its answer") from error
    await request.writer.write(_head(request, answer, relayed) + body)


async def _relay_streaming(request: web.BaseRequest, answer: aiohttp.ClientResponse, relayed: Relayed) -> None:
    writer = request.writer
    is_chunked = relayed.length is None and request.version >= aiohttp.HttpVersion11
    if relayed.length is None and not is_chunked:
        relayed.force_close()  # an HTTP/1.0 caller knows the end by the connection's
    await writer.write(_head(request, answer, relayed, is_chunked=is_chunked))
    if is_chunked:
        writer.enable_chunking()
    try:
        async for piece in answer.content.iter_any():
            await writer.write(piece)
    except (aiohttp.ClientPayloadError, aiohttp.ServerTimeoutError):
        relayed.force_close()
        _reset(request)
        return
    await writer.write_eof()


def _reset(request: web.BaseRequest) -> None:
    """End the caller's connection so that a part is not taken for the whole, even where its end means the body's."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _head(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, relayed: Relayed, *, is_chunked: bool = False
) -> bytes:
    lines = relayed_header_lines(answer.raw_headers)
    if is_chunked:
        lines.append(b"Transfer-Encoding: chunked\r\n")
    if not relayed.keep_alive:
        lines.append(b"Connection: close\r\n")
    elif request.version < aiohttp.HttpVersion11:
        lines.append(b"Connection: keep-alive\r\n")
    status_line = f"HTTP/{request.version.major}.{request.version.minor} {answer.status} {answer.reason}\r\n"
    return b"%b%b\r\n" % (status_line.encode("latin-1", "replace"), b"".join(lines))


def must_stream(request: web.BaseRequest) -> bool:
    """Whether the body is too large, or its length unknown, to be held whole."""
    if not request.body_exists:
        return False
    length = request.content_length
    return length is None or length > CHUNK_BYTES or hdrs.EXPECT in request.headers


async def _ask_streaming(
    request: web.BaseRequest, upstream: Upstream, headers: CIMultiDict[str], body_timeout_s: float
) -> aiohttp.ClientResponse:
    if request.version < aiohttp.HttpVersion11:
        headers.popall(hdrs.EXPECT, None)
    body = CallerBody(request, body_timeout_s)
    try:
        return await upstream.send(request.method, request.raw_path, headers, body)
    except (Unreachable, NoAnswer, TooSlow) as error:
        raise body.fault or _as_ml_error(error) from error


class CallerBody:
    """The body of a request, piece by piece; read only once the cluster takes it."""

    def __init__(self, request: web.BaseRequest, timeout_s: float) -> None:
        self._request = request
        self._timeout_s = timeout_s
        self.fault: MlError | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await invite(self._request)  # the cluster has just said so, else we were not here
        yield b""  # lets the head go before the first bytes: the cluster may refuse the body by its length
        try:
            while piece := await _next_piece(self._request, self._timeout_s):
                yield piece
        except MlError as fault:
            self.fault = fault
            raise


async def invite(request: web.BaseRequest) -> None:
    """Tells a caller who waits for it to send the body."""
    if hdrs.EXPECT in request.headers and request.version >= aiohttp.HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def whole_body(request: web.BaseRequest, timeout_s: float) -> bytes:
    """
    Raises:
        MlError: 408 or 400
    """
    if request.content.is_eof():
        return request.content.read_nowait()
    pieces = []
    while piece := await _next_piece(request, timeout_s):
        pieces.append(piece)
    return b"".join(pieces)


async def _next_piece(request: web.BaseRequest, timeout_s: float) -> bytes:
    """The next bytes of the body, none at its end.

    Raises:
        MlError: 408 or 400
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await request.content.readany()
    except TimeoutError as error:
        raise MlError("timeout_exception", f"no body byte came within [{timeout_s:g}s]", 408) from error
    except web.RequestPayloadError as error:
        raise illegal_argument(f"malformed request body: {error}") from error


def _is_repeatable(request: web.BaseRequest) -> bool:
    if request.raw_path.partition("?")[0].endswith("/_search/scroll"):
        return False  # a second call would skip the page that was lost
    return is_read_only(request.method, request.raw_path)


def is_read_only(method: str, raw_path: str) -> bool:
    """Whether a request to the cluster changes nothing there."""
    last = raw_path.partition("?")[0].rpartition("/")[2]
    return method in _READ_ONLY_METHODS or (method == hdrs.METH_POST and last in _READ_ONLY_CALLS)


def _as_ml_error(error: Unreachable | NoAnswer | TooSlow) -> MlError:
    if isinstance(error, Unreachable):
        return unavailable(str(error))
    if isinstance(error, TooSlow):
        return gateway_timeout(str(error))
    return bad_gateway(str(error))
