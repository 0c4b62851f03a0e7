"""The one way to start work in the background: every task has an owner, a name and an end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Coroutine

_log = logging.getLogger(__name__)


class Tasks:
    """Background tasks of one owner; failures are logged, ``stop`` ends them all."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def spawn(self, work: Coroutine[object, object, object], name: str) -> asyncio.Task[object]:
        # A context of its own: what a request left behind (its X-Opaque-Id) is not about this work.
        task = asyncio.create_task(work, name=name, context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("background task [%s] failed", task.get_name(), exc_info=task.exception())

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
