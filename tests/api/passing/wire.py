"""Both ends of the pass-through, byte by byte: a scripted cluster behind it and a bare socket in front.

HTTP libraries repair what they send and what they show; these do not.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import web

from proxy.api.front import Front
from proxy.api.passing.upstream import Upstream
from proxy.config_loading import load_config

OK = b"HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\ncontent-length: 2\r\n\r\n{}"
DEFAULTS = load_config(environ={}).server
Script = Callable[["Conversation"], Awaitable[None]]


@dataclass
class Conversation:
    """One connection that the pass-through opened to the scripted cluster."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def is_closed_by_proxy(self) -> bool:
        """Waits for the end, discarding what still comes; False if it does not come within a second."""
        try:
            async with asyncio.timeout(1):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


@dataclass
class ScriptedCluster:
    """Plays ``script`` on every connection, and remembers the heads that `answering` scripts read."""

    script: Script
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    @asynccontextmanager
    async def listening(self, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedCluster]:
        server = await asyncio.start_server(self._play, "127.0.0.1", port, limit=2**20, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.script(Conversation(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def answering(*answers: bytes) -> ScriptedCluster:
    """A cluster that reads each request whole (its Content-Length, or chunks raw) and gives the next answer.

    The last answer is given again and again.
    """
    left = list(answers or [OK])

    async def script(talk: Conversation) -> None:
        while True:
            head = await talk.head()
            cluster.heads.append(head)
            cluster.bodies.append(await _raw_body(talk.reader, head))
            await talk.answer(left.pop(0) if len(left) > 1 else left[0])

    cluster = ScriptedCluster(script)
    return cluster


async def _raw_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lower:
        return await reader.readuntil(b"0\r\n\r\n")
    _, found, rest = lower.partition(b"\r\ncontent-length:")
    return await reader.readexactly(int(rest.split(b"\r\n", 1)[0])) if found else b""


@asynccontextmanager
async def front_of(*ports: int, **options: object) -> AsyncIterator[int]:
    """The pass-through before clusters on these ports; ML paths answer ``ours``. Yields its port."""
    front = make_front(*(f"http://127.0.0.1:{port}" for port in ports), **options)
    port = await front.start("127.0.0.1", 0, shutdown_timeout=0.1)
    try:
        yield port
    finally:
        await front.close()


def make_front(
    *hosts: str, app: web.Application | None = None, limits: Mapping[str, object] = {}, **options: object
) -> Front:
    if app is None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer_ours)
    return Front(app, Upstream(hosts, **options), replace(DEFAULTS, **limits))


async def answer_ours(request: web.Request) -> web.Response:
    return web.Response(text="ours")


@dataclass
class Caller:
    """A client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> tuple[bytes, bytes]:
        """The next answer's head and body; the body of a chunked one is raw."""
        head = await self.head()
        async with asyncio.timeout(5):
            return head, await _raw_body(self.reader, head)

    async def rest(self) -> bytes:
        """Everything until the other side closes."""
        async with asyncio.timeout(5):
            return await self.reader.read(-1)


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def called_through(cluster: ScriptedCluster, **limits: object) -> AsyncIterator[Caller]:
    """A caller's connection to a pass-through before this cluster, with these settings."""
    async with cluster.listening(), front_of(cluster.port, limits=limits) as port, calling(port) as caller:
        yield caller


async def ask(port: int, request: bytes) -> bytes:
    """Send one request, with ``Connection: close`` if it says nothing, and return all that comes back."""
    async with calling(port) as caller:
        await caller.send(request)
        return await caller.rest()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def lines_of(head: bytes) -> list[bytes]:
    """The header lines of a head, in order, lower-cased names."""
    lines = head.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return [name.lower() + b":" + value for name, _, value in (line.partition(b":") for line in lines)]


def free_port() -> int:
    """A port on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exchange(request: bytes, answer: bytes = OK) -> tuple[bytes, bytes, bytes]:
    """Send one request through; returns the head and body that the cluster got and all that the caller got."""

    async def run() -> tuple[bytes, bytes, bytes]:
        async with answering(answer).listening() as cluster, front_of(cluster.port) as port:
            answered = await ask(port, request)
            return cluster.heads[0], cluster.bodies[0], answered

    return asyncio.run(run())


def get(target: str = "/x", *headers: str, method: str = "GET") -> bytes:
    """A request without a body, after which the connection closes."""
    lines = [f"{method} {target} HTTP/1.1", "Host: proxy", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


def error_of(answer: bytes) -> dict:
    """The error of an answer in Elasticsearch's shape."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-elastic-product: Elasticsearch" in lines_of(head)
    parsed = json.loads(body)
    assert parsed["status"] == status_of(answer)
    assert parsed["error"]["root_cause"][0]["reason"] == parsed["error"]["reason"]
    return parsed["error"]


def unchunked(raw: bytes) -> bytes:
    body = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        body += raw[: int(size, 16)]
        raw = raw[int(size, 16) + 2 :]
    return body
