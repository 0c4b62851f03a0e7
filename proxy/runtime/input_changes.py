"""Changed filters and calendars on their way to the open jobs that work with them.

What a job works with is gathered anew from what is stored (``job_inputs``), in the job's turn: whatever is asked of
the job afterwards finds the change in force, and whoever made it does not wait for jobs that are busy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from proxy.errors import MlError
from proxy.runtime.job_inputs import filter_ids
from proxy.runtime.notices import Notices
from proxy.runtime.steps import Steps
from proxy.runtime.tasks import Tasks
from proxy.store import Store
from proxy.store.filters import Filter

_log = logging.getLogger(__name__)
_EVERY_JOB = "_all"
_RETRY_S = 2.0


class OpenJobs(Protocol):
    """What is needed of the owner of the running jobs."""

    notices: Notices
    steps: Steps

    def running(self) -> list[str]:
        """Jobs that are not closed."""
        ...


class InputChanges:
    """Tells jobs, and says so in their notifications."""

    def __init__(self, store: Store, jobs: OpenJobs, tasks: Tasks) -> None:
        self._store = store
        self._jobs = jobs
        self._tasks = tasks

    async def calendars_changed(self, names: Iterable[str]) -> None:
        """``names`` are the ids of jobs and the groups of whose calendars something has changed, or ``_all``."""
        wanted, running = set(names), self._jobs.running()
        if _EVERY_JOB not in wanted:
            concerned = {job.job_id for job in await self._store.jobs.named(wanted)} if running else set()
            running = [job_id for job_id in running if job_id in concerned]
        for job_id in running:
            self._tell(job_id, "Updated calendars in running process")

    async def filter_changed(self, former: Filter, changed: Filter) -> None:
        """Tells the jobs whose rules name the filter, where its items have changed."""
        message = _audit(former, changed)
        if message is None:
            return
        running = set(self._jobs.running())
        for job in await self._store.jobs.resolve(None):
            if changed.filter_id in filter_ids(job.config):
                self._jobs.notices.later(job.job_id, "info", message)
                if job.job_id in running:
                    self._tell(job.job_id, f"Updated filter [{changed.filter_id}] in running process")

    def _tell(self, job_id: str, message: str) -> None:
        self._tasks.spawn(self._told(job_id, message), f"changed inputs of job [{job_id}]")

    async def _told(self, job_id: str, message: str) -> None:
        """Until the job knows or is closed: then it will learn of the change when it opens."""
        while True:
            try:
                is_open = await self._jobs.steps.update(job_id)
                break
            except MlError as error:
                if error.status == 404:
                    return
                _log.warning("job [%s] does not know yet of changed filters or events: %s", job_id, error.reason)
            await asyncio.sleep(_RETRY_S)
        if is_open:
            await self._jobs.notices.write(job_id, "info", message)


def _audit(former: Filter, changed: Filter) -> str | None:
    """What jobs are told of a filter's change, None where no item came or went."""
    added = sorted(set(changed.items).difference(former.items))
    removed = sorted(set(former.items).difference(changed.items))
    parts = [f"{label} items: [{_quoted(items)}]" for label, items in (("added", added), ("removed", removed)) if items]
    return f"Filter [{changed.filter_id}] has been modified; {', '.join(parts)}" if parts else None


def _quoted(items: Iterable[str]) -> str:
    return ", ".join(f"'{item}'" for item in items)
