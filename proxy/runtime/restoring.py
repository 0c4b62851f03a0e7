"""Takes up, after a start, what a former process had open. Others ask here whether a job has been reached yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from proxy.errors import MlError, unavailable
from proxy.runtime.job_entries import Entries, Entry
from proxy.runtime.tasks import until_done
from proxy.store.job_tasks import JobTask, JobTasks

_log = logging.getLogger(__name__)
_RETRY_S = 2.0
# Most of a job's opening is waiting for the cluster, which is asked for as many as wait at the same time.
_AT_ONCE = 32
# How long a request waits for a job that is being taken up.
_WAIT_S = 60.0


class Restoring:
    """Goes through the jobs that were open, a few at once; those that cannot be taken up fail by themselves.

    ``restore`` opens a job of which there is an entry; ``fail`` says why that was not possible, ``tell_moved`` that it
    was on another node before.
    """

    def __init__(
        self,
        tasks: JobTasks,
        entries: Entries,
        restore: Callable[[str], Awaitable[None]],
        fail: Callable[[str, str], Awaitable[None]],
        tell_moved: Callable[[str, str], None],
    ) -> None:
        self._tasks = tasks
        self._entries = entries
        self._restore = restore
        self._fail = fail
        self._tell_moved = tell_moved
        self._is_listed = asyncio.Event()
        self.has_ended = False

    async def run(self, taken_from: str | None) -> None:
        """``taken_from`` is the node that had the jobs before, None where it was this one."""
        entries = iter([self._entries.adopt(task) for task in await self._list()])
        self._is_listed.set()

        async def take_up_some() -> None:
            for entry in entries:
                if taken_from is not None and entry.state == "opening":
                    self._tell_moved(entry.job_id, taken_from)
                await self._take_up(entry)

        await asyncio.gather(*(take_up_some() for _ in range(_AT_ONCE)))
        self.has_ended = True

    async def ready(self, job_id: str) -> None:
        """Waits until a job has been reached.

        Raises:
            MlError: 503 where that does not happen in time.
        """
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._is_listed.wait()
                entry = self._entries.get(job_id)
                if entry is not None and entry.reached is not None:
                    await entry.reached.wait()
        except TimeoutError as error:
            raise unavailable(f"job [{job_id}] is still being taken up after a restart, retry in a moment") from error

    async def _list(self) -> list[JobTask]:
        while True:
            try:
                return await self._tasks.all()
            except MlError as error:
                _log.info("cannot take up jobs yet: %s", error.reason)
                await asyncio.sleep(_RETRY_S)

    async def _take_up(self, entry: Entry) -> None:
        try:
            job_id = entry.job_id
            await until_done(partial(self._is_taken_up, job_id), f"take up job [{job_id}]", every_s=_RETRY_S)
        finally:
            if entry.reached is not None:
                entry.reached.set()

    async def _is_taken_up(self, job_id: str) -> bool:
        """Whether that is decided: the job is open, or has failed. False where the cluster cannot help now."""
        try:
            await self._restore(job_id)
        except MlError as error:
            if error.status > 500:
                _log.info("job [%s] cannot be taken up yet: %s", job_id, error.reason)
                return False
            await self._fail(job_id, error.reason)
        except Exception as error:
            _log.exception("job [%s] cannot be taken up", job_id)
            await self._fail(job_id, f"{type(error).__name__}: {error}")
        return True
