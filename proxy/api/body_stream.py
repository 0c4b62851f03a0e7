"""Bodies of requests as they arrive: counted against the limit, and inflated where they came compressed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from proxy.api.in_flight import Share
from proxy.api.passing.passthrough import invite
from proxy.errors import MlError, PlainError, illegal_argument

# Encodings that Elasticsearch inflates; it reads bodies of any other as they are.
_GZIP = ("gzip", "x-gzip")
_ENCODINGS = {**dict.fromkeys(_GZIP, 31), "deflate": 15, "x-deflate": 15}
_PIECE_BYTES = 1 << 20
# Of the files behind each other in a compressed body: millions of empty ones fit into it and make it no longer.
_MOST_EMPTY = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a body must keep to.

    ``bytes`` is how large it may be, as ``setting`` says; ``timeout_s`` how long its sender may be silent; ``depth``
    how deep its JSON may nest; ``share`` counts it among all that are held.
    """

    bytes: int
    setting: str
    timeout_s: float
    depth: int
    share: Share


async def read_all(request: web.Request, limits: Limits) -> bytes:
    """The whole body; raises as ``read_body`` does."""
    if not request.body_exists:
        return b""
    return b"".join([chunk async for chunk in read_body(request, limits)])


async def read_body(request: web.Request, limits: Limits) -> AsyncIterator[bytes]:
    """The body in chunks.

    Raises:
        MlError: 413 beyond the limit, counted before and after inflating; 400 for a broken compressed stream; 429
            where too much is held already; 408 where no more comes.
    """
    announced = request.content_length or 0
    if announced > limits.bytes:
        raise too_large(limits)
    limits.share.expect(announced)
    await invite(request)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    inflater = _Inflater(_ENCODINGS[encoding], encoding) if encoding in _ENCODINGS else None
    received = total = 0
    async for chunk in _arriving(request, limits.timeout_s):
        received += len(chunk)
        async for piece in _inflated(inflater, chunk):
            total += len(piece)
            if max(total, received) > limits.bytes:
                raise too_large(limits)
            limits.share.add(len(piece))
            yield piece
    if inflater is not None:
        inflater.check_end()


async def _inflated(inflater: _Inflater | None, chunk: bytes) -> AsyncIterator[bytes]:
    """The pieces of a chunk; all but the first, to which most chunks come, are made in a thread."""
    if inflater is None:
        yield chunk
        return
    pieces = inflater.pieces(chunk)
    piece = next(pieces, None)
    while piece is not None:
        yield piece
        piece = await asyncio.to_thread(next, pieces, None)


async def _arriving(request: web.Request, timeout_s: float) -> AsyncIterator[bytes]:
    """Chunks as they come; a sender that falls silent or goes away ends them with an error."""
    try:
        while not request.content.at_eof():
            async with asyncio.timeout(timeout_s):
                chunk = await request.content.readany()
            if chunk:
                yield chunk
    except TimeoutError as error:
        raise PlainError(f"no more of the body came within [{timeout_s:g}s]", 408) from error
    except (ConnectionError, aiohttp.ClientPayloadError, web.RequestPayloadError) as error:
        raise illegal_argument("the connection was closed before the whole body had come") from error


def too_large(limits: Limits) -> MlError:
    return PlainError(
        f"the body exceeds the limit of [{limits.bytes}] bytes, send it in smaller parts or raise [{limits.setting}]",
        413,
    )


class _Inflater:
    """Inflates piece by piece, so that a small body that swells is refused before it fills the memory."""

    def __init__(self, window_bits: int, encoding: str) -> None:
        self._window_bits = window_bits
        self._encoding = encoding
        self._stream = zlib.decompressobj(window_bits)
        self._has_begun = False
        self._is_empty = True
        self._empty = 0

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            if self._stream.eof:
                # a gzip file may be several, one behind the other
                self._stream = zlib.decompressobj(self._window_bits)
            self._has_begun = True
            try:
                piece = self._stream.decompress(chunk, _PIECE_BYTES)
            except zlib.error as error:
                raise illegal_argument(
                    f"the body is not the stream that Content-Encoding [{self._encoding}] announces: {error}"
                ) from error
            chunk = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            self._count(piece)
            if piece:
                yield piece

    def _count(self, piece: bytes) -> None:
        """Raises MlError: 400 for too many files without content."""
        self._is_empty = self._is_empty and not piece
        if self._stream.eof:
            self._empty += self._is_empty
            self._is_empty = True
        if self._empty > _MOST_EMPTY:
            raise illegal_argument(f"the body has more than [{_MOST_EMPTY}] compressed files in which there is nothing")

    def check_end(self) -> None:
        if self._has_begun and not self._stream.eof:
            raise illegal_argument(f"the body ends before its [{self._encoding}] stream does")
