"""Whose turn it is to change a job: one at a time, in the order of asking."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The right to change one job, for a named purpose and as long as it is held.

    Functions that need it take it as their argument, so that nobody calls them without.
    """

    job_id: str
    purpose: str
    task: asyncio.Task[object] | None


class _Queue:
    """Those who wait for one job, and who has it now."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.holder: Turn | None = None
        self.waiting = 0


class Turns:
    """A queue per job, for as long as anybody holds or awaits its turn; ``waiting`` counts those who wait in all."""

    def __init__(self) -> None:
        self._queues: WeakValueDictionary[str, _Queue] = WeakValueDictionary()
        self.waiting = 0

    @asynccontextmanager
    async def take(self, job_id: str, purpose: str) -> AsyncIterator[Turn]:
        """Waits for the turn and holds it.

        Raises:
            RuntimeError: where the asking task holds it already and would wait for itself for ever.
        """
        queue = self._queues.get(job_id)
        if queue is None:
            queue = self._queues[job_id] = _Queue()
        task = asyncio.current_task()
        if queue.holder is not None and queue.holder.task is task:
            raise RuntimeError(
                f"[{purpose}] asks for the turn of job [{job_id}], held by its own [{queue.holder.purpose}]"
            )
        self.waiting += 1
        queue.waiting += 1
        try:
            await queue.lock.acquire()
        finally:
            self.waiting -= 1
            queue.waiting -= 1
        try:
            queue.holder = Turn(job_id, purpose, task)
            yield queue.holder
        finally:
            queue.holder = None
            queue.lock.release()

    def waiting_for(self, job_id: str) -> int:
        """How many wait for the turn of one job."""
        queue = self._queues.get(job_id)
        return 0 if queue is None else queue.waiting

    def holder(self, job_id: str) -> Turn | None:
        """Who changes the job now."""
        queue = self._queues.get(job_id)
        return None if queue is None else queue.holder

    def require(self, turn: Turn) -> None:
        """
        Raises:
            RuntimeError: where the turn is over.
        """
        if self.holder(turn.job_id) is not turn:
            raise RuntimeError(f"the turn of job [{turn.job_id}] for [{turn.purpose}] is over")
