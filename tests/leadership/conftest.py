"""Candidates of a test's own for a lease of the test's own, on the session's cluster."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from proxy.config import Config
from proxy.leadership.leadership import Leadership
from proxy.leadership.lease_rule import Timing
from proxy.store import Store, TermFence
from proxy.store.client import ClusterClient
from proxy.store.fence import NotLeading
from proxy.store.lease import Peer
from proxy.store.names import Names

QUICK = Timing(expires_s=1.5, look_every_s=0.1)


@pytest.fixture
def settings(config: Config, names: Names) -> Config:
    """With indices that nothing else uses, and that are not there yet."""
    return replace(config, indices=names.indices)


@dataclass(slots=True)
class Diary:
    """A duty that only notes when it began, after whom, and when it ended."""

    entries: list[str] = field(default_factory=list)
    former: Peer | None = None

    async def begin(self, former: Peer | None) -> None:
        self.entries.append("began")
        self.former = former

    async def end(self) -> None:
        self.entries.append("ended")

    def report(self) -> Mapping[str, Any]:
        return {"jobs": 3}


@dataclass(slots=True)
class Candidate:
    leadership: Leadership
    store: Store
    diary: Diary
    client: ClusterClient

    async def start(self) -> None:
        node_id = uuid.uuid4().hex
        me = Peer(node_id, "candidate", f"http://{node_id[:8]}:1", "")
        await self.leadership.start(me, self.diary)

    async def stop(self) -> None:
        await self.leadership.stop()
        await self.store.close()
        await self.client.close()

    def may_write(self) -> bool:
        try:
            self.store.client.fence.check()
        except NotLeading:
            return False
        return True


@pytest.fixture
async def candidate(loop: asyncio.AbstractEventLoop, settings: Config) -> AsyncIterator[Callable[[], Candidate]]:
    """Makes candidates, not started yet."""
    made: list[Candidate] = []

    async def never() -> bool:
        return False

    def make() -> Candidate:
        fence = TermFence(settings.indices.config, never)
        store, client = Store(settings, fence=fence), ClusterClient(replace(settings.elasticsearch, max_retries=0))
        leadership = Leadership.of(client, store.names, fence, QUICK)
        made.append(Candidate(leadership, store, Diary(), client))
        return made[-1]

    yield make
    for each in made:
        await each.stop()


async def until(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.02)
