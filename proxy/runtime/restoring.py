"""Takes up, after a start, what a former process had open. Others ask here whether a job has been reached yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from proxy.errors import MlError, unavailable
from proxy.store.job_tasks import JobTask, JobTasks

_log = logging.getLogger(__name__)
_RETRY_S = 2.0
# How long a request waits for a job that is being taken up.
_WAIT_S = 60.0


class Restoring:
    """Goes through the jobs that were open, one by one; those that cannot be taken up fail by themselves."""

    def __init__(
        self,
        tasks: JobTasks,
        restore: Callable[[str], Awaitable[None]],
        fail: Callable[[JobTask, str], Awaitable[None]],
    ) -> None:
        self._tasks = tasks
        self._restore = restore
        self._fail = fail
        self._is_listed = asyncio.Event()
        self._pending: dict[str, asyncio.Event] = {}

    def pending(self) -> list[str]:
        return list(self._pending)

    async def run(self) -> None:
        tasks = await self._list()
        self._pending = {task.job_id: asyncio.Event() for task in tasks}
        self._is_listed.set()
        for task in tasks:
            await self._take_up(task)
            self._pending.pop(task.job_id).set()

    async def ready(self, job_id: str) -> None:
        """Waits until a job has been reached.

        Raises:
            MlError: 503 where that does not happen in time.
        """
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._is_listed.wait()
                if job_id in self._pending:
                    await self._pending[job_id].wait()
        except TimeoutError as error:
            raise unavailable(f"job [{job_id}] is still being taken up after a restart, retry in a moment") from error

    async def _list(self) -> list[JobTask]:
        while True:
            try:
                return await self._tasks.all()
            except MlError as error:
                _log.info("cannot take up jobs yet: %s", error.reason)
                await asyncio.sleep(_RETRY_S)

    async def _take_up(self, task: JobTask) -> None:
        while True:
            try:
                await self._restore(task.job_id)
                return
            except MlError as error:
                if error.status <= 500:
                    await self._fail(task, error.reason)
                    return
                _log.info("job [%s] cannot be taken up yet: %s", task.job_id, error.reason)
                await asyncio.sleep(_RETRY_S)
            except Exception as error:
                _log.exception("job [%s] cannot be taken up", task.job_id)
                await self._fail(task, f"{type(error).__name__}: {error}")
                return
