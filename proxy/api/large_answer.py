"""Answers about thousands of jobs: put together and written in a thread, so that other requests go on meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import orjson

from proxy.api.render import Json, Prepared, to_json

# Doubles that Java writes otherwise than orjson: with eight digits before the point, three zeros after it, or an
# exponent. A text that merely looks like one costs time, not correctness.
_ODD_DOUBLE = re.compile(rb"\d{8}\.\d|\b0\.000|\de[-+]?\d")


async def prepared(build: Callable[[], Json]) -> Prepared:
    """The answer that ``build`` makes of plain data: it runs in a thread, and its numbers are finite."""
    return await asyncio.to_thread(_prepare, build)


def _prepare(build: Callable[[], Json]) -> Prepared:
    value = build()
    text = orjson.dumps(value)
    return Prepared(to_json(value) if _ODD_DOUBLE.search(text) else text, lambda: value)
