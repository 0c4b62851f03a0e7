"""What users are told about their jobs while they run: the notifications."""

from __future__ import annotations

import logging
from collections.abc import Callable

from proxy.errors import MlError
from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.summary import Level
from proxy.runtime.tasks import Tasks
from proxy.store.notifications import Notifications

_log = logging.getLogger(__name__)


# Of a job whose notifications the cluster does not take.
_KEPT = 20


class Notices:
    """Writes notifications; one that cannot be stored is logged and holds up nobody."""

    def __init__(self, store: Notifications, clock: Callable[[], int], tasks: Tasks) -> None:
        self._store = store
        self._clock = clock
        self._tasks = tasks

    @property
    def node(self) -> str:
        """The name of the node that jobs are said to run on: of the proxy that leads, which this process is."""
        return self._store.node_name

    def opening(self, job_id: str) -> None:
        """Tells where a job is opened."""
        self.later(job_id, "info", f"Opening job on node [{self.node}]")

    def moved(self, job_id: str, node: str) -> None:
        """Tells that a job is taken from another node and opened here."""
        self.later(job_id, "info", f"Job unassigned from node [{node}]")
        # Whoever reads them in the order of their times shall not find them the other way round.
        self.later(job_id, "info", f"Opening job on node [{self.node}]", after_ms=1)

    def later(self, job_id: str, level: Level, message: str, *, after_ms: int = 0) -> None:
        """Writes a notification without making the caller wait."""
        self._tasks.spawn(self.write(job_id, level, message, after_ms=after_ms), f"notification on [{job_id}]")

    async def write(self, job_id: str, level: Level, message: str, *, after_ms: int = 0) -> bool:
        """Whether it was stored. Its time is now, or so much later."""
        try:
            await self._store.write(job_id, level, message, self._clock() + after_ms)
        except MlError as error:
            _log.warning("notification [%s] on job [%s] was not stored: %s", message, job_id, error.reason)
            return False
        return True

    async def report(self, live: LiveJob) -> None:
        """Tells what has happened to an open job since it was asked last; what cannot be stored waits, up to a bound.

        A full disk takes no notification of itself, and would be kept secret.
        """
        notices, live.notices = live.notices, []
        untold = [notice for notice in notices if not await self.write(live.job_id, notice.level, notice.text)]
        live.notices = [*untold, *live.notices][-_KEPT:]
