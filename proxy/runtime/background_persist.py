"""Model snapshots of jobs that stay open: every few hours of wall time, where the model has moved on since the last.

The job is held only while its model is copied and while the snapshot is announced; the storing of the copy, which is
what takes long, goes on beside its work. Jobs come one after the other, so that one copy at most is in memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any
from zlib import crc32

from proxy.errors import MlError
from proxy.runtime.live_job import LiveJob
from proxy.runtime.notices import Notices
from proxy.runtime.place.contract import PlaceLost
from proxy.runtime.snapshot_retention import SnapshotRetention
from proxy.runtime.snapshots import Snapshot
from proxy.store import Store
from proxy.units import parse_duration_ms

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 5.0
_OCCASION = "Periodic background persist"
_HOUR_MS = 3_600_000
_DEFAULT_INTERVAL_MS = 3 * _HOUR_MS

Turn = Callable[[str, str], AbstractAsyncContextManager[object]]


def interval_ms(config: Mapping[str, Any]) -> int:
    """The job's own interval, else three to four hours: other jobs, opened at the same time, come at other times."""
    given = config.get("background_persist_interval")
    if given is not None:
        return parse_duration_ms(str(given), "background_persist_interval")
    return _DEFAULT_INTERVAL_MS + crc32(str(config["job_id"]).encode()) % _HOUR_MS


class BackgroundPersist:
    """Looks after ``open_jobs``: those that run now, by their ids."""

    def __init__(
        self, store: Store, clock: Callable[[], int], turn: Turn, notices: Notices, open_jobs: Mapping[str, LiveJob]
    ) -> None:
        self._store = store
        self._clock = clock
        self._turn = turn
        self._notices = notices
        self._open_jobs = open_jobs
        self._retention = SnapshotRetention(store, notices)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            await self.persist_due()

    async def persist_due(self) -> None:
        """Takes the snapshots whose time has come; one that cannot be stored is tried again an interval later.

        While the indices of jobs are being upgraded they wait.
        """
        for live in filter(self._is_due, list(self._open_jobs.values())):
            await self._try_to_persist(live)

    async def persist(self, job_id: str) -> None:
        """Takes a snapshot of a job that is open now; what cannot be stored is left to the next time."""
        live = self._open_jobs.get(job_id)
        if live is not None:
            await self._try_to_persist(live)

    async def _try_to_persist(self, live: LiveJob) -> None:
        try:
            if not await self._store.upgrade_mode.is_on():
                await self._persist(live)
        except (MlError, PlaceLost) as error:
            _log.warning("no background snapshot of job [%s]: %s", live.job_id, error)
        except Exception:
            _log.exception("no background snapshot of job [%s]", live.job_id)

    def _is_open(self, live: LiveJob) -> bool:
        return self._open_jobs.get(live.job_id) is live

    def _is_due(self, live: LiveJob) -> bool:
        latest_ms = None if live.status is None else live.status.latest_result_ms
        if latest_ms is None or latest_ms == live.persisted_result_ms:
            return False
        return self._clock() - live.persisted_at >= interval_ms(live.inputs.configuration)

    async def _persist(self, live: LiveJob) -> None:
        async with self._turn(live.job_id, "persist"):
            if not self._is_open(live):
                return
            snapshot_id, status = await live.copy_model()
        documents = await live.store_copy(snapshot_id)
        async with self._turn(live.job_id, "persist"):
            if not self._is_open(live):
                await self._store.snapshots.delete_state(live.job_id, snapshot_id, documents)
                return
            await self._announce(live, Snapshot(snapshot_id, status, documents, _OCCASION, live.persisted_at))
        await self._retention.apply(live.job_id)

    async def _announce(self, live: LiveJob, snapshot: Snapshot) -> None:
        await live.announce(snapshot)
        stored = await self._store.jobs.patch(live.job_id, {"model_snapshot_id": snapshot.snapshot_id})
        live.inputs = replace(live.inputs, configuration=stored.config)
        live.persisted_result_ms = snapshot.status.latest_result_ms
        self._notices.later(live.job_id, "info", f"Job model snapshot with id [{snapshot.snapshot_id}] stored")
