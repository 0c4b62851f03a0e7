"""Removes what nobody needs any longer, when it is asked for and each night; at a limited rate, for a limited time.

Everything it does may be cut short at any moment and done again: what is gone already costs the next run nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from proxy.errors import MlError
from proxy.runtime.notices import Notices
from proxy.runtime.upkeep.expiry import Expiry
from proxy.runtime.upkeep.nights import next_night_ms
from proxy.runtime.upkeep.orphans import remove_orphans
from proxy.store import Store
from proxy.store.jobs import StoredJob
from proxy.store.removal import Pace

_log = logging.getLogger(__name__)
_NIGHT_TIMEOUT_S = 8 * 3600.0
# Deleting shall not be what the cluster is busy with: a day of a thousand jobs is gone within minutes.
_NIGHT_DOCUMENTS_PER_S = 2_000.0
_RETRY_S = 60.0


class Upkeep:
    """One run may go on beside another; both remove the same."""

    def __init__(self, store: Store, notices: Notices, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._expiry = Expiry(store, notices, clock)

    async def run(self, expression: str | None, *, documents_per_s: float | None, timeout_s: float | None) -> bool:
        """Whether all was done in time. Without an ``expression`` what belongs to no job goes, too.

        Raises:
            MlError: 404 where the expression names what is not there; what the cluster refuses.
        """
        jobs = await self._store.jobs.resolve(expression)
        try:
            async with asyncio.timeout(timeout_s):
                # Also where the time is over before anything waits for the cluster.
                await asyncio.sleep(0)
                await self._remove(jobs, pace_of(documents_per_s), with_orphans=expression is None)
        except TimeoutError:
            return False
        return True

    async def _remove(self, jobs: Sequence[StoredJob], pace: Pace, *, with_orphans: bool) -> None:
        failure: MlError | None = None
        for job in jobs:
            if job.blocked_by is not None:
                continue
            try:
                await self._expiry.apply(job, pace)
            except MlError as error:
                # One job whose index is closed must not keep all others from being tidied.
                _log.warning("what is expired of job [%s] was not removed: %s", job.job_id, error.reason)
                failure = error if error.status != 404 else failure
        if with_orphans:
            await remove_orphans(self._store, pace, self._clock())
        if failure is not None:
            raise failure

    async def nightly(self) -> None:
        """Goes on for as long as the process does."""
        while True:
            try:
                await asyncio.sleep(await self._seconds_to_night())
                await self.night()
            except MlError as error:
                _log.warning("the nightly upkeep is not finished: %s", error.reason)
            except Exception:
                _log.exception("the nightly upkeep is not finished")
            await asyncio.sleep(_RETRY_S)

    async def _seconds_to_night(self) -> float:
        name = (await self._store.client.facts()).cluster_name
        now_ms = self._clock()
        return (next_night_ms(name, await self._store.maintenance.finished_ms(), now_ms) - now_ms) / 1000

    async def night(self) -> None:
        """The upkeep of one night; it counts once it was finished, and not while the cluster is being upgraded."""
        if await self._store.upgrade_mode.is_on():
            return
        if await self.run(None, documents_per_s=_NIGHT_DOCUMENTS_PER_S, timeout_s=_NIGHT_TIMEOUT_S):
            await self._store.maintenance.finish(self._clock())


def pace_of(documents_per_s: float | None) -> Pace:
    """Waits as long as so many documents may take; not at all without a limit."""

    async def wait(documents: int) -> None:
        if documents_per_s is not None:
            await asyncio.sleep(documents / documents_per_s)

    return wait
