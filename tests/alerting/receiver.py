"""A real receiver of messages on this machine: it notes what it gets and answers as it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Behaviour = Callable[[web.Request], Any]


@dataclass(slots=True)
class Got:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Receiver:
    """``behaviours`` are used up one by one; afterwards all is well."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        try:
            body = await request.json()
        except ValueError:
            body = text
        self.got.append(Got(request.path, dict(request.headers), body))
        self.news.set()
        if not self.behaviours:
            return web.Response(text="ok")
        outcome = self.behaviours.pop(0)(request)
        return await outcome if asyncio.iscoroutine(outcome) else outcome

    async def wait_for(self, count: int, timeout_s: float = 20) -> list[Got]:
        async with asyncio.timeout(timeout_s):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()
        return self.got


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def status(code: int, text: str = "", **headers: str) -> Behaviour:
    return lambda _: web.Response(status=code, text=text, headers={k.replace("_", "-"): v for k, v in headers.items()})


def stall(seconds: float) -> Behaviour:
    async def wait(_: web.Request) -> web.Response:
        await asyncio.sleep(seconds)
        return web.Response()

    return wait


def cut(request: web.Request) -> web.Response:
    """Closes the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def flood(size: int) -> Behaviour:
    return lambda _: web.Response(body=b"x" * size)
