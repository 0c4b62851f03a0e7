"""What a closing job leaves behind: its model as a snapshot, and its last statistics."""

from __future__ import annotations

from proxy.runtime import worker
from proxy.runtime.live_job import LiveJob
from proxy.runtime.snapshots import Snapshot, snapshot_lines, statistics_lines
from proxy.store import Store

_OCCASION = "State persisted due to job close"


async def write_snapshot(live: LiveJob, store: Store, now_ms: int) -> str | None:
    """Writes the snapshot and the statistics.

    Returns its id, or None where no bucket has been finished yet, or nothing happened since the last snapshot.
    """
    status, lines = await live.call(worker.settle, now_ms)
    lines += statistics_lines(live, status, now_ms)
    snapshot_id = None
    if status.latest_result_ms is not None and not live.is_untouched:
        model = await live.call(worker.save, live.sequence)
        snapshot_id = live.new_snapshot_id(now_ms)
        documents = await store.model_states.write(live.job_id, snapshot_id, model)
        lines += snapshot_lines(live, Snapshot(snapshot_id, status, documents, _OCCASION, now_ms))
    live.unsent += lines
    await live.send_unsent()
    return snapshot_id
