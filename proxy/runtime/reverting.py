"""Putting a former model snapshot of a closed job back in force. ``removals`` runs it and keeps the job blocked.

Every step may be repeated: a revert that was cut short begins anew and ends as if it had not been.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from proxy.errors import MlError, not_found
from proxy.store import Store
from proxy.store.client import Json
from proxy.store.results.document_table import to_time
from proxy.store.snapshots import EMPTY, empty_snapshot


@dataclass(frozen=True, slots=True)
class Target:
    """The snapshot that a job goes back to, with everything that is stored of it."""

    job_id: str
    source: Mapping[str, Json]


async def target_of(store: Store, job_id: str, snapshot_id: str, now_ms: int) -> Target:
    """
    Raises:
        MlError: 404 where there is no such snapshot; the one called ``empty`` always is.
    """
    if snapshot_id == EMPTY:
        return Target(job_id, empty_snapshot(job_id, now_ms))
    found = await store.snapshots.get(job_id, snapshot_id)
    if found is None:
        raise unknown_snapshot(job_id, snapshot_id)
    return Target(job_id, found.source)


def unknown_snapshot(job_id: str, snapshot_id: str) -> MlError:
    return not_found(f"No model snapshot with id [{snapshot_id}] exists for job [{job_id}]")


async def revert(store: Store, target: Target, now_ms: int, *, deletes_results: bool) -> None:
    """All but the change of the job's document: what came later goes, if that is wanted with its results."""
    await store.journal.clear(target.job_id)
    await store.snapshots.restore_statistics(target.job_id, target.source, now_ms)
    if deletes_results:
        await store.snapshots.delete_results_after(target.job_id, _time(target, "latest_result_time_stamp") or 0)
        await store.snapshots.turn_back_data_counts(target.job_id, _time(target, "latest_record_time_stamp"))


def _time(target: Target, name: str) -> int | None:
    """Epoch milliseconds, in whichever form they are stored."""
    value = target.source.get(name)
    return None if value is None else to_time(value)
