"""Hands a call that only the leader can answer to it, and its answer back, as a request of the caller's own.

Who leads is ``leadership``'s matter; how requests and answers travel is told in ``passthrough``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Protocol

import aiohttp
from aiohttp import web

from proxy.api.passing.hop_headers import UnforwardableHeader, forwarded_headers
from proxy.api.passing.passthrough import CallerBody, is_read_only, must_stream, relay, whole_body
from proxy.api.passing.upstream import Body, NoAnswer, TooSlow, Unreachable, Upstream
from proxy.errors import MlError, illegal_argument

# Set by who hands a request over: whoever gets it answers, or says that it does not lead.
HANDED_OVER = "X-Lanewatch-Handed-Over"
# How long a caller waits for a leader: one that stops in order is replaced sooner, one that dies is not.
PATIENCE_S = 8.0
_CONNECT_S = 1.0
_LOOK_EVERY_S = 1.0
_RETRY_AFTER = "2"


class Leader(Protocol):
    """What has to be known of the one who leads."""

    @property
    def address(self) -> str: ...


class Lead(Protocol):
    """Who leads."""

    @property
    def leads(self) -> bool: ...

    @property
    def leader(self) -> Leader | None: ...

    async def wait_for_change(self, timeout_s: float) -> None: ...


class Handover:
    """Sends to whoever leads, over connections that are kept."""

    def __init__(self, lead: Lead, body_timeout_s: float, ssl_context: ssl.SSLContext | bool = True) -> None:
        """``ssl_context`` is for a leader that is served with TLS."""
        self._lead = lead
        self._body_timeout_s = body_timeout_s
        self._ssl = ssl_context
        self._upstream: Upstream | None = None
        self._address = ""

    async def close(self) -> None:
        if self._upstream is not None:
            await self._upstream.close()
            self._upstream = None

    async def answer(self, request: web.Request) -> web.StreamResponse | None:
        """The leader's answer; None where this process leads, at once or by now.

        Raises:
            MlError: 503 where nobody leads, or who leads cannot be reached; 502 where it went away within a change.
        """
        if self._lead.leads:
            return None
        if HANDED_OVER in request.headers:
            raise no_leader("this proxy does not lead any more")
        until_s = asyncio.get_running_loop().time() + PATIENCE_S
        while self._lead.leader is None:
            await self._wait(until_s, "no proxy leads at the moment")
        if self._lead.leads:
            return None
        # From here on the body is read: should this process lead meanwhile, it is handed over to itself.
        body = await _body_of(request, self._body_timeout_s)
        while True:
            leader = self._lead.leader
            try:
                if leader is not None:
                    return await self._hand_over(request, leader, body)
            except Unreachable:
                pass
            await self._wait(until_s, "the proxy that leads cannot be reached")

    async def _wait(self, until_s: float, reason: str) -> None:
        """For the next news of a leader. Raises MlError: 503 where that is too late for the caller."""
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise no_leader(reason)
        await self._lead.wait_for_change(min(left_s, _CONNECT_S))

    async def _hand_over(self, request: web.Request, leader: Leader, body: Body) -> web.StreamResponse:
        try:
            headers = forwarded_headers(request.headers)
        except UnforwardableHeader as error:
            raise illegal_argument(str(error)) from error
        headers[HANDED_OVER] = "1"
        upstream = await self._to(leader.address)
        try:
            answer = await self._while_leading(leader, upstream.send(request.method, request.raw_path, headers, body))
        except (NoAnswer, TooSlow) as error:
            if isinstance(body, CallerBody) and body.fault is not None:
                raise body.fault from error
            if isinstance(body, CallerBody) or not is_read_only(request.method, request.raw_path):
                reason = "the proxy that leads went away, and may have done what it was asked"
                raise no_leader(reason) from error
            raise Unreachable from error  # what only reads is asked of the next leader
        return await relay(request, answer)

    async def _while_leading(
        self, leader: Leader, sending: Coroutine[object, object, aiohttp.ClientResponse]
    ) -> aiohttp.ClientResponse:
        """The answer, unless another proxy leads before it comes: one that was stopped keeps its callers waiting."""
        call = asyncio.ensure_future(sending)
        try:
            while not call.done():
                await asyncio.wait([call], timeout=_LOOK_EVERY_S)
                if not call.done() and self._lead.leader != leader:
                    raise NoAnswer("another proxy leads")
            return call.result()
        finally:
            call.cancel()

    async def _to(self, address: str) -> Upstream:
        if self._upstream is None or self._address != address:
            former, self._upstream = self._upstream, None
            if former is not None:
                await former.close()
            self._upstream, self._address = (
                Upstream([address], connect_timeout=_CONNECT_S, ssl_context=self._ssl),
                address,
            )
            await self._upstream.start()
        return self._upstream


async def _body_of(request: web.Request, timeout_s: float) -> Body:
    if must_stream(request):
        return CallerBody(request, timeout_s)
    return await whole_body(request, timeout_s) if request.body_exists else None


def no_leader(reason: str) -> MlError:
    return MlError(
        "connect_transport_exception", f"{reason}, retry in a moment", 503, headers={"Retry-After": _RETRY_AFTER}
    )
