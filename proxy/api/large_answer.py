"""Large answers: put together in a thread, and sent in slices, so that other requests go on meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import orjson
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from proxy.api.render import Json, Prepared, to_json

# Doubles that Java writes otherwise than orjson: with eight digits before the point, three zeros after it, or an
# exponent. A text that merely looks like one costs time, not correctness.
_ODD_DOUBLE = re.compile(rb"\d{8}\.\d|\b0\.000|\de[-+]?\d")

# Bodies from this size on are sent in slices: in one piece they would be copied to stand behind the head.
SLICED_FROM_BYTES = 1_000_000
_SLICE_BYTES = 256 * 1024


class Sliced(Payload):
    """A body that is sent slice by slice, each when the client has taken most of those before."""

    _value: bytes

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self._size = len(body)

    async def write(self, writer: AbstractStreamWriter) -> None:
        body = memoryview(self._value)
        for start in range(0, len(body), _SLICE_BYTES):
            await writer.write(body[start : start + _SLICE_BYTES])

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._value.decode(encoding, errors)


async def prepared(build: Callable[[], Json]) -> Prepared:
    """The answer that ``build`` makes of plain data: it runs in a thread, and its numbers are finite."""
    return await asyncio.to_thread(_prepare, build)


def _prepare(build: Callable[[], Json]) -> Prepared:
    value = build()
    text = orjson.dumps(value)
    return Prepared(to_json(value) if _ODD_DOUBLE.search(text) else text, lambda: value)
