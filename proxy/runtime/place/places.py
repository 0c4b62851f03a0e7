"""Several places as one: each job has its own among them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from zlib import crc32

from proxy.runtime.place.commands import Command
from proxy.runtime.place.contract import Hear, Place, Vitals, hear_nothing
from proxy.runtime.place.summary import Summary


class Places:
    """Spreads jobs evenly by their ids."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places

    async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
        return await self._places[crc32(job_id.encode()) % len(self._places)].call(job_id, command, hear)

    async def close(self) -> None:
        await asyncio.gather(*(place.close() for place in self._places))

    def vitals(self) -> Vitals:
        parts = [place.vitals() for place in self._places]
        return Vitals(
            sum(part.processes for part in parts),
            sum(part.starts for part in parts),
            sum(part.memory_bytes for part in parts),
        )
