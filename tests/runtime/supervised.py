"""A supervisor of a test's own, whose time goes on when the test says so, and a job that runs there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from proxy.runtime.supervisor import Supervisor
from proxy.store import Store
from proxy.store.results import ids as result_ids
from tests.runtime.test_restart import records

HOUR_MS = 3_600_000
NOW_MS = 1_750_000_000_000


@dataclass(slots=True)
class Clock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass(slots=True)
class Running:
    supervisor: Supervisor
    store: Store
    clock: Clock
    job_id: str

    async def post(self, first: int, last: int) -> None:
        async def content() -> AsyncIterator[bytes]:
            yield b"\n".join(map(orjson.dumps, records(first, last)))

        await self.supervisor.steps.post(self.job_id, content())

    async def after_hours(self, hours: float) -> None:
        self.clock.now_ms += int(hours * HOUR_MS)
        await self.supervisor.background.persist_due()

    async def active(self) -> str | None:
        return (await self.store.jobs.get(self.job_id)).config.get("model_snapshot_id")

    async def descriptions(self) -> list[str]:
        found = await self.store.snapshots.all(self.job_id)
        return sorted(hit.source["description"] for hit in found)

    async def state_documents(self, snapshot_id: str) -> int:
        query = {"ids": {"values": [result_ids.model_state(self.job_id, snapshot_id, 1)]}}
        return len(await self.store.client.search_all(self.store.names.all_state, query))
