"""The connections to the cluster that the pass-through uses: which node, how long, what a failure means.

Knows nothing of the caller; its counterpart is passthrough.py. The proxy's own requests go through store.client.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import aiohttp
from aiohttp import hdrs
from aiohttp.client_middlewares import ClientHandlerType
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

# A node that refused a connection is asked last for so long; the cluster's own clients use a minute and more,
# but here a wrong guess costs every caller.
REST_AFTER_REFUSAL_S = 5.0
# Bodies up to here travel in one write; above, reading larger pieces was measured to be slower.
CHUNK_BYTES = 256 * 1024
_LOST_PLACE_STATUSES = frozenset({400, 413, 414, 417, 431})
# The cluster decides how large its own answers' headers are.
_MAX_HEADER_BYTES = 1024 * 1024
_MAX_HEADERS = 10_000
# aiohttp would add these where the caller sent none.
_NEVER_ADDED = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT)

Body = bytes | AsyncIterable[bytes] | None


class Unreachable(Exception):
    """No node took the connection: nothing was sent."""


class NoAnswer(aiohttp.ClientError):
    """The request was sent, wholly or in part, and no usable answer came."""


class TooSlow(Exception):
    """The cluster took longer than the configured time to answer."""


@dataclass(slots=True)
class _Node:
    origin: URL
    prefix: str
    resting_until: float = 0.0


class Upstream:
    """A pool of connections to the nodes of one cluster.

    hosts: URLs of the nodes; credentials in them are the proxy's own and never lent to callers
    connect_timeout: seconds to open a connection
    response_timeout: seconds without any byte of an answer; None waits as long as the caller does
    ssl_context: for https nodes; False accepts any certificate
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        connect_timeout: float = 5.0,
        response_timeout: float | None = None,
        ssl_context: ssl.SSLContext | bool = True,
    ) -> None:
        if not hosts:
            raise ValueError("at least one host is needed")
        self._nodes = [_Node(url.origin(), url.raw_path.rstrip("/")) for url in map(URL, hosts)]
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout, sock_read=response_timeout)
        self._ssl = ssl_context
        self._turn = count()
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._ssl, keepalive_timeout=60.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._timeout,
            auto_decompress=False,
            skip_auto_headers=_NEVER_ADDED,
            read_bufsize=CHUNK_BYTES,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
            max_headers=_MAX_HEADERS,
            middlewares=(_never_repeat_blindly,),
            request_class=_Request,
            response_class=_Answer,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Upstream:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(
        self, method: str, target: str, headers: CIMultiDict[str], body: Body = None
    ) -> aiohttp.ClientResponse:
        """Send one request, its target untouched, to the first node that takes a connection.

        target: path and query as the caller wrote them, starting with a slash

        Raises:
            Unreachable: nothing was sent
            NoAnswer: it was sent, and may have been carried out
            TooSlow: no answer within the response timeout
        """
        assert self._session is not None, "start() comes first"
        refusals: list[str] = []
        for node in self._candidates():
            try:
                return await self._session.request(
                    method,
                    # `encoded` keeps every byte of the target, since yarl is told that it is all path
                    node.origin.with_path(node.prefix + target, encoded=True),
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                node.resting_until = _now() + REST_AFTER_REFUSAL_S
                refusals.append(f"{node.origin}: {_reason(error)}")
            except TimeoutError as error:
                raise TooSlow(f"no answer from [{node.origin}] within [{self._timeout.sock_read:g}s]") from error
            except (NoAnswer, aiohttp.ClientResponseError) as error:
                raise NoAnswer(f"[{node.origin}] closed the connection without a complete answer") from error
        raise Unreachable(f"cannot connect to the cluster: {'; '.join(refusals)}")

    def _candidates(self) -> Sequence[_Node]:
        """The nodes in turn, resting ones last."""
        if len(self._nodes) == 1:
            return self._nodes
        first = next(self._turn) % len(self._nodes)
        in_turn = self._nodes[first:] + self._nodes[:first]
        now = _now()
        return sorted(in_turn, key=lambda node: node.resting_until > now)


class _Answered(Exception):
    """A pooled connection holds an answer to which there was no request."""


class _Request(aiohttp.ClientRequest):
    """A request that does not go out on a connection with an answer left on it, which it would take for its own."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if conn.protocol is not None and conn.protocol.should_close:
            raise _Answered
        return await super().send(conn)


class _Answer(aiohttp.ClientResponse):
    """An answer whose connection is not used again if the cluster may have lost its place on it.

    After a head that it could not read, Elasticsearch answers 400 and then ignores the connection for ever
    without closing it: the next caller would wait in vain.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        protocol = connection.protocol
        await super().start(connection)
        if self.status in _LOST_PLACE_STATUSES and protocol is not None:
            protocol.force_close()  # keeps it out of the pool
            if self.closed:
                protocol.close()  # it is there already; closed ones are thrown out
        return self


async def _never_repeat_blindly(request: aiohttp.ClientRequest, handler: ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending PUT and DELETE a second time after a lost connection.

    The first may have been carried out: its repetition would tell the caller that its index exists already.
    """
    try:
        while True:
            with suppress(_Answered):  # nothing was sent, and that connection is gone
                return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientConnectionError, OSError) as error:
        raise NoAnswer(_reason(error)) from error


def _now() -> float:
    return asyncio.get_running_loop().time()


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
