"""Which model snapshots a job need not keep any longer, by its two retention settings, and their removal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from proxy.runtime.notices import Notices
from proxy.store import Store
from proxy.store.results.document_table import to_time
from proxy.store.results.read import Hit

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot as far as its retention is concerned; ``is_protected`` ones are in force or to be retained."""

    snapshot_id: str
    timestamp_ms: int
    is_protected: bool


def expired(snapshots: Iterable[Kept], *, retention_days: int, daily_after_days: int | None) -> list[str]:
    """Ids of those to remove, oldest first.

    All ages are counted from the newest snapshot, so a job that rests loses nothing. Older ones than
    ``retention_days`` go; of those older than ``daily_after_days`` the first of each day (UTC) stays.
    """
    in_order = sorted(snapshots, key=lambda kept: kept.timestamp_ms)
    if not in_order:
        return []
    newest_ms = in_order[-1].timestamp_ms
    seen_days: set[int] = set()
    gone: list[str] = []
    for kept in in_order:
        age_ms, day = newest_ms - kept.timestamp_ms, kept.timestamp_ms // _DAY_MS
        is_old = age_ms > retention_days * _DAY_MS
        is_thinned = daily_after_days is not None and age_ms > daily_after_days * _DAY_MS
        if not kept.is_protected and (is_old or (is_thinned and day in seen_days)):
            gone.append(kept.snapshot_id)
        elif not is_old:
            seen_days.add(day)
    return gone


class SnapshotRetention:
    """Removes a job's expired snapshots."""

    def __init__(self, store: Store, notices: Notices) -> None:
        self._store = store
        self._notices = notices

    async def apply(self, job_id: str) -> None:
        config = (await self._store.jobs.get(job_id)).config
        active_id = config.get("model_snapshot_id")
        hits = {str(hit.source["snapshot_id"]): hit for hit in await self._store.snapshots.all(job_id)}
        gone = expired(
            (_kept(hit, active_id) for hit in hits.values()),
            retention_days=config["model_snapshot_retention_days"],
            daily_after_days=config.get("daily_model_snapshot_retention_after_days"),
        )
        for snapshot_id in gone:
            await self._store.snapshots.delete(job_id, hits[snapshot_id])
        if gone:
            self._notices.later(job_id, "info", f"[{len(gone)}] expired model snapshots deleted")


def _kept(hit: Hit, active_id: str | None) -> Kept:
    source = hit.source
    is_protected = source["snapshot_id"] == active_id or source.get("retain") in (True, "true")
    return Kept(str(source["snapshot_id"]), to_time(source.get("timestamp", 0)), is_protected)
