"""The one way to start work in the background: every task has an owner, a name and an end."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine

from proxy.errors import MlError

_log = logging.getLogger(__name__)
_CANCEL_AGAIN_S = 5.0


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

    def repeat(self, step: Callable[[], Awaitable[None]], name: str, *, every_s: float) -> asyncio.Task[object]:
        """Takes a step again and again, with a pause before each; one that fails is logged and the next one comes."""
        return self.spawn(_repeated(step, name, every_s), name)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, MlError) and error.status != 500:
            _log.warning("background task [%s] ended with [%d]: %s", task.get_name(), error.status, error.reason)
        elif error is not None:
            _log.error("background task [%s] failed", task.get_name(), exc_info=error)

    async def stop(self) -> None:
        """Ends all tasks, also those that have been begun meanwhile."""
        while self._tasks:
            for task in self._tasks:
                # Again where it did not help: a timeout that ran out in the same moment swallows a cancellation.
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_CANCEL_AGAIN_S)


async def _repeated(step: Callable[[], Awaitable[None]], name: str, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await attempt(step, name)


async def until_done(step: Callable[[], Awaitable[bool | None]], name: str, *, every_s: float) -> None:
    """Takes a step until it does not say that there is more; one that fails is logged and taken again."""
    while True:
        if await attempt(step, name):
            return
        await asyncio.sleep(every_s)


async def attempt(step: Callable[[], Awaitable[bool | None]], name: str) -> bool:
    """What one step of work in the background says, true where it says nothing.

    A failure is logged and false.
    """
    try:
        return await step() is not False
    except MlError as error:
        _log.warning("[%s] goes on after [%d]: %s", name, error.status, error.reason)
    except Exception:
        _log.exception("[%s] goes on after a failure", name)
    return False
