"""Deletes what one job need not keep any longer, by its retention settings, and tells its users."""

from __future__ import annotations

from collections.abc import Callable

from proxy.runtime.notices import Notices
from proxy.runtime.snapshot_retention import SnapshotRetention
from proxy.store import Store
from proxy.store.jobs import StoredJob
from proxy.store.removal import Pace
from proxy.units import iso

_DAY_MS = 86_400_000


class Expiry:
    """All ages are counted from a job's newest bucket, so a job that rests loses nothing; forecasts by the clock."""

    def __init__(self, store: Store, notices: Notices, clock: Callable[[], int]) -> None:
        self._store = store
        self._notices = notices
        self._clock = clock
        self._snapshots = SnapshotRetention(store, notices)

    async def apply(self, job: StoredJob, pace: Pace) -> None:
        """Running it again after a failure finishes the work."""
        await self._store.expired.remove_forecasts(job.job_id, self._clock(), pace)
        await self._results(job, pace)
        await self._annotations(job, pace)
        await self._snapshots.apply(job.job_id)

    async def _results(self, job: StoredJob, pace: Pace) -> None:
        before_ms = await self._cutoff_ms(job, "results_retention_days")
        if before_ms is not None and await self._store.expired.remove_results(job.job_id, before_ms, pace):
            await self._notices.write(job.job_id, "info", f"Deleted results prior to {iso(before_ms)}")

    async def _annotations(self, job: StoredJob, pace: Pace) -> None:
        before_ms = await self._cutoff_ms(job, "system_annotations_retention_days")
        if before_ms is None:
            return
        removed = await self._store.expired.remove_system_annotations(job.job_id, before_ms, pace)
        if removed:
            await self._notices.write(job.job_id, "info", f"Deleted annotations prior to {iso(before_ms)}")

    async def _cutoff_ms(self, job: StoredJob, setting: str) -> int | None:
        """What is older may go; None where all is to be kept, or there is nothing to count from."""
        days = job.config.get(setting)
        newest_ms = None if days is None else await self._store.expired.newest_bucket_ms(job.job_id)
        return None if days is None or newest_ms is None else newest_ms - int(days) * _DAY_MS
