"""The jobs of one place, and whose turn it is; and the nearest kind of place: in this very process."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from proxy.runtime.place.commands import Command, Discard, Open
from proxy.runtime.place.contract import Hear, JobNotLoaded, Vitals, hear_nothing
from proxy.runtime.place.hands import Hands, NoWatcher, Watcher
from proxy.runtime.place.job import PlacedJob
from proxy.runtime.place.performing import PERFORMERS
from proxy.runtime.place.summary import Summary
from proxy.store import Store


class Worker:
    """Holds jobs and performs commands on them; those of one job in the order in which they come."""

    def __init__(self, store: Store, watcher: Watcher) -> None:
        self._store = store
        self._hands = Hands(watcher)
        self._jobs: dict[str, PlacedJob] = {}
        self._loading: dict[str, PlacedJob] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def perform(self, job_id: str, command: Command, hear: Hear) -> Summary:
        """
        Raises:
            JobNotLoaded: it is not held here.
            Exception: whatever performing the command raised.
        """
        if command.is_beside:
            job = self._loading.get(job_id) or self._held(job_id)
            return await PERFORMERS[type(command)](job, command)
        async with self._turns.setdefault(job_id, asyncio.Lock()):
            if isinstance(command, Discard):
                await self._let_go(job_id)
                return Summary()
            if isinstance(command, Open):
                return await self._open(job_id, command, hear)
            job = self._held(job_id)
            job.hear = hear
            return await PERFORMERS[type(command)](job, command)

    async def _open(self, job_id: str, command: Open, hear: Hear) -> Summary:
        await self._let_go(job_id)
        job = PlacedJob(self._store, self._hands, command.inputs)
        job.hear = hear
        self._loading[job_id] = job
        try:
            await job.load(command.now_ms)
        finally:
            del self._loading[job_id]
        self._jobs[job_id] = job
        return job.summary()

    async def _let_go(self, job_id: str) -> None:
        job = self._jobs.pop(job_id, None)
        if job is not None:
            await job.foretelling.cancel()
            await job.leave()
            self._store.journal.let_go(job_id)

    def _held(self, job_id: str) -> PlacedJob:
        if job_id not in self._jobs:
            raise JobNotLoaded(f"the process that held the model of job [{job_id}] has been replaced")
        return self._jobs[job_id]

    @property
    def busy_s(self) -> float:
        """How long models have computed here until now, in seconds."""
        return self._hands.busy_s

    async def close(self) -> None:
        """What is being made is left as it is, like after a crash."""
        for job in self._jobs.values():
            await job.foretelling.stop()
            await job.leave()
        self._hands.close()


class LocalPlace:
    """A place in this process, without a deadline on its steps. Its jobs share the caller's store and loop."""

    def __init__(self, store: Store) -> None:
        self._worker = Worker(store, NoWatcher())

    async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
        return await self._worker.perform(job_id, command, hear)

    async def close(self) -> None:
        await self._worker.close()

    def vitals(self) -> Vitals:
        return Vitals()
