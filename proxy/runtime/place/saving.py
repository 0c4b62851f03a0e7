"""How the model of an open job is kept: saved beside its journal, and as snapshots. When is decided elsewhere."""

from __future__ import annotations

import logging

from proxy.errors import MlError
from proxy.runtime.place.contract import JobNotLoaded
from proxy.runtime.place.job import PlacedJob
from proxy.runtime.place.summary import Status, Summary
from proxy.runtime.snapshots import Snapshot, second_of_snapshot, snapshot_lines, statistics_lines
from proxy.store.journal import JournalGone, Saved

_log = logging.getLogger(__name__)
_AT_CLOSE = "State persisted due to job close"


async def beat(job: PlacedJob, save_every_ms: int, now_ms: int) -> None:
    """Sends what waits; saves where replaying the journal would by now cost more than that."""
    await job.outbox.try_send()
    if job.outbox.is_empty():
        await save_if_due(job, save_every_ms, now_ms)


async def save_if_due(job: PlacedJob, save_every_ms: int, now_ms: int) -> None:
    """Saves a model of which more is unsaved, or for longer, than should be."""
    if job.unsaved is None or not job.unsaved.is_due(save_every_ms, now_ms):
        return
    try:
        await save(job, now_ms)
    except MlError as error:
        # The journal, or the source of the datafeed, still holds everything.
        _log.warning("job [%s] could not be saved: %s", job.job_id, error)


async def save(job: PlacedJob, now_ms: int) -> bytes:
    """Saves the model, and with it all that was journalled so far; returns it.

    Where the journal is gone it is made anew: the model has all that is lost with it.

    Raises:
        MlError: 503 where the cluster does not take it.
    """
    await job.outbox.send()
    model = await job.do(None, job.model.packed, job.sequence, job.packed_progress())
    saved = Saved(job.sequence, model)
    try:
        await job.store.journal.save_model(job.job_id, saved)
    except JournalGone:
        await job.store.indices.ensure_own()
        job.tell("warning", "The index of the journal was gone; it has been made anew, and the model saved in it")
        await job.store.journal.save_model(job.job_id, saved)
    job.sequence += 1
    job.journal_bytes = 0
    job.unsaved_rows = 0
    job.has_other_counts = False
    job.saved_at = now_ms
    return model


async def save_before_journal(job: PlacedJob, now_ms: int) -> None:
    """To come before what is journalled: a lost model is given its journal first, and only then reads its source on.

    The journal's entries are counted upon the counts that were saved with the model, so these must be right.

    Raises:
        MlError: 503 where the cluster does not take it.
    """
    if job.unsaved_rows or job.has_other_counts:
        await save(job, now_ms)


async def copy_model(job: PlacedJob, now_ms: int) -> Summary:
    """Saves the model and keeps it for a snapshot, whose id the summary has."""
    await _settle(job, now_ms)
    # The journal must start from a model of its own before the job's snapshot changes: what a former opening
    # began from, and the entries since, would else be replayed upon the new one.
    model = await save(job, now_ms)
    snapshot_id = _new_snapshot_id(job, now_ms)
    job.copies = {snapshot_id: model}
    return job.summary(snapshot_id=snapshot_id)


async def store_copy(job: PlacedJob, snapshot_id: str) -> Summary:
    """Stores a copied model; the job may work on meanwhile, or be closed.

    Raises:
        JobNotLoaded: the copy was lost.
        MlError: 503 where the cluster does not take it.
    """
    if snapshot_id not in job.copies:
        raise JobNotLoaded(f"the copy of the model of job [{job.job_id}] is gone with its process")
    model = job.copies.pop(snapshot_id)
    documents = await job.store.model_states.write(job.job_id, snapshot_id, model)
    return Summary(snapshot_id=snapshot_id, documents=documents)


async def announce(job: PlacedJob, snapshot: Snapshot) -> None:
    """Writes a snapshot's document; it is searchable afterwards."""
    job.outbox.put(snapshot_lines(job.inputs, snapshot))
    await job.outbox.send()
    await job.store.results_write.refresh_all(job.job_id)


async def close(job: PlacedJob, now_ms: int) -> Summary:
    """Writes what a closing job leaves behind.

    The summary has the id of its snapshot, or None where no bucket has been finished yet, or nothing happened since
    the last snapshot.
    """
    await job.foretelling.settle()
    await job.outbox.send()
    status = await _settle(job, now_ms)
    snapshot_id = None
    if status.latest_result_ms is not None and not job.is_untouched:
        model = await job.do(None, job.model.packed, job.sequence, job.packed_progress())
        snapshot_id = _new_snapshot_id(job, now_ms)
        documents = await job.store.model_states.write(job.job_id, snapshot_id, model)
        snapshot = Snapshot(snapshot_id, status, documents, _AT_CLOSE, now_ms)
        job.outbox.put(snapshot_lines(job.inputs, snapshot))
    elif job.unsaved_rows:
        # No journal has what a datafeed brought, and the next run begins behind it.
        await save(job, now_ms)
    await job.outbox.send()
    await job.store.results_write.refresh_all(job.job_id)
    return job.summary(snapshot_id=snapshot_id)


async def _settle(job: PlacedJob, now_ms: int) -> Status:
    """Puts what is still to be written before a model is saved on its way."""
    status, lines = await job.do(None, job.model.settle, now_ms)
    job.outbox.put([*lines, *statistics_lines(job.inputs, status, now_ms)])
    return status


def _new_snapshot_id(job: PlacedJob, now_ms: int) -> str:
    """Its second; the next free one where a snapshot was made in the same."""
    now = now_ms // 1000
    in_force = second_of_snapshot(job.inputs.configuration.get("model_snapshot_id"), now)
    job.snapshot_second = max(now, 1 + max(job.snapshot_second, in_force))
    return str(job.snapshot_second)
