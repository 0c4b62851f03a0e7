"""The one thread of a place in which models compute, so that its event loop stays free for everything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


class Watcher(Protocol):
    """Is told when a step begins, before it does, and when it has ended."""

    def begun(self, job_id: str, entry: int | None) -> None: ...

    def ended(self) -> None: ...


class NoWatcher:
    def begun(self, job_id: str, entry: int | None) -> None: ...

    def ended(self) -> None: ...


class Hands:
    """Takes one step after the other, in the order of asking, so that jobs alternate."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="models")
        self._turn = asyncio.Lock()
        self._busy_s = 0.0
        self._began: float | None = None

    @property
    def busy_s(self) -> float:
        """How long steps have taken until now, in seconds."""
        return self._busy_s + (0.0 if self._began is None else time.perf_counter() - self._began)

    async def do(
        self, job_id: str, entry: int | None, step: Callable[Given, Made], *args: Given.args, **kwargs: Given.kwargs
    ) -> Made:
        """Runs a step in the thread; ``entry`` is the journal entry that it is about."""
        async with self._turn:
            self._watcher.begun(job_id, entry)
            self._began = time.perf_counter()
            try:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._thread, lambda: step(*args, **kwargs))
            finally:
                self._busy_s, self._began = self.busy_s, None
                self._watcher.ended()

    def close(self) -> None:
        """Leaves a step that is going on to itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)
