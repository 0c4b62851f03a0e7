"""What all parts of the runtime work with: the jobs that are not closed, whose turn it is, and where models live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from proxy.config import Config
from proxy.runtime.capacity import Capacity, limit_of
from proxy.runtime.job_entries import Entries
from proxy.runtime.listeners import Listeners
from proxy.runtime.notices import Notices
from proxy.runtime.place.commands import CutShort
from proxy.runtime.place.contract import Place, PlaceLost
from proxy.runtime.tasks import Tasks
from proxy.runtime.turns import Turn, Turns
from proxy.store import Store
from proxy.store.jobs import StoredJob

# Usual steps end before that, also where force is used.
_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """Made once for each supervisor, who also ends its ``tasks``."""

    store: Store
    config: Config
    clock: Callable[[], int]
    place: Place
    tasks: Tasks
    turns: Turns
    entries: Entries
    notices: Notices
    listeners: Listeners
    capacity: Capacity

    @classmethod
    def of(cls, store: Store, config: Config, clock: Callable[[], int], place: Place) -> Core:
        """One without any job yet."""
        tasks = Tasks()
        notices = Notices(store.notifications, clock, tasks)
        capacity = Capacity.of(config.ml)
        return cls(store, config, clock, place, tasks, Turns(), Entries(clock), notices, Listeners(), capacity)

    def turn(self, job_id: str, purpose: str) -> AbstractAsyncContextManager[Turn]:
        """Held while a job is changed, by whoever changes it."""
        return self.turns.take(job_id, purpose)

    @asynccontextmanager
    async def turn_by_force(self, job_id: str, purpose: str) -> AsyncIterator[Turn]:
        """The same, which does not wait for steps of the job that take long: they are cut short."""
        cutting = self.tasks.repeat(partial(self._cut_short, job_id), f"cut [{job_id}] short", every_s=_PATIENCE_S)
        try:
            async with self.turn(job_id, purpose) as turn:
                cutting.cancel()
                yield turn
        finally:
            cutting.cancel()

    async def _cut_short(self, job_id: str) -> None:
        with suppress(PlaceLost):
            await self.place.call(job_id, CutShort())

    def has_room(self, job: StoredJob) -> bool:
        """Whether the settings and the machine allow one more job to be open."""
        return self.capacity.has_room(limit_of(job), self.entries.kept(beside=job.job_id))
