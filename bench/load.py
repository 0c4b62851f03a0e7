"""A load generator: fixed requests over kept-alive connections, times of every call.

As little work per call as asyncio allows, so that what is measured is the other side. Loopback only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of request, how many at a time, and for how long a round of it."""

    title: str
    request: bytes
    connections: int
    seconds: float

    def lasting(self, seconds: float) -> Load:
        return replace(self, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Measured:
    per_second: float
    p50_ms: float
    p99_ms: float
    megabytes_per_second: float


async def measure(load: Load, host: str, port: int) -> Measured:
    """Send the request again and again for the load's time.

    Raises:
        RuntimeError: for any answer outside 2xx
    """
    loop = asyncio.get_running_loop()
    deadline = time.perf_counter() + load.seconds
    callers = [_Caller(load.request, deadline) for _ in range(load.connections)]
    began = time.perf_counter()
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, host, port)
    await asyncio.gather(*(caller.done for caller in callers))
    took = time.perf_counter() - began
    times = sorted(time for caller in callers for time in caller.times)
    if not times:
        raise RuntimeError(f"no answer within [{load.seconds:g}s]")
    return Measured(
        per_second=len(times) / took,
        p50_ms=_quantile(times, 0.5) * 1000,
        p99_ms=_quantile(times, 0.99) * 1000,
        megabytes_per_second=len(times) * len(load.request) / took / 1e6,
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Caller(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, request: bytes, deadline: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._request = request
        self._deadline = deadline
        self._sent = 0.0
        self._answer = b""
        self._missing = 0  # bytes of a body of known length still to come
        self.times: list[float] = []
        self.done: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
            if self._missing <= 0:
                self._finish()
            return
        self._answer += data
        head_end = self._answer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._answer[:head_end].lower()
        if not head.startswith(b"http/1.1 2"):
            self._fail(RuntimeError(f"unexpected answer: {self._answer[:300]!r}"))
            return
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            length = int(head[at + 17 :].split(b"\r\n", 1)[0])
            self._missing = head_end + 4 + length - len(self._answer)
            if self._missing <= 0:
                self._finish()
        elif self._answer.endswith(b"\r\n0\r\n\r\n"):  # chunked
            self._finish()

    def _finish(self) -> None:
        now = time.perf_counter()
        self.times.append(now - self._sent)
        self._answer = b""
        self._missing = 0
        if now < self._deadline:
            self._send()
        else:
            self._transport.close()
            if not self.done.done():
                self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionResetError("the other side closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self._transport.close()
