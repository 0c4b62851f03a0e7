"""What a job that opens starts from: what its last process saved, else its snapshot, else nothing learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy.errors import status_error
from proxy.runtime.saved_model import MIN_VERSION, entries_in, is_too_new, is_too_old
from proxy.store import Store
from proxy.store.journal import Name
from proxy.store.results import ids as result_ids
from proxy.store.results.docs import OLDEST_MODEL_VERSION
from proxy.store.snapshots import EMPTY


@dataclass(frozen=True, slots=True)
class Beginning:
    """A model, and the journal's entries that it does not contain yet.

    ``sequence`` is the number of the first such entry, ``counts`` are data counts that override the model's: never
    where there are entries, as the stored counts may have counted those already. ``is_interrupted`` if a former process
    left more than the snapshot.
    """

    model: bytes | None = None
    counts: Mapping[str, Any] | None = None
    sequence: int = 0
    entries: Sequence[tuple[int, bytes]] = field(default_factory=list)
    is_interrupted: bool = False


async def beginning_of(store: Store, job_id: str, snapshot_id: str | None, journal: Sequence[Name]) -> Beginning:
    """``journal`` names what is in the journal.

    Raises:
        MlError: the snapshot's model is not there, or not one that can be read here.
    """
    saved, entries = await store.journal.read(job_id, journal)
    if saved is not None:
        return Beginning(saved.model, None, saved.sequence + 1, entries, is_interrupted=True)
    model, counts = await _snapshot(store, job_id, snapshot_id) if snapshot_id else (None, None)
    # A closing that was cut short behind its snapshot leaves entries that the snapshot contains.
    sequence = 0 if model is None else entries_in(model)
    left = [(number, entry) for number, entry in entries if number >= sequence]
    return Beginning(model, None if left else counts, sequence, left, is_interrupted=bool(left))


async def _snapshot(store: Store, job_id: str, snapshot_id: str) -> tuple[bytes | None, Mapping[str, Any] | None]:
    """The snapshot's model and the job's data counts, which reverting may have changed since."""
    counts_id, document_id = result_ids.data_counts(job_id), result_ids.model_snapshot(job_id, snapshot_id)
    found = await store.results_write.documents(job_id, [counts_id, document_id])
    counts, snapshot = found.get(counts_id), found.get(document_id)
    if snapshot_id == EMPTY:
        return None, counts
    if snapshot is None:
        raise status_error(
            f"model snapshot [{snapshot_id}] of job [{job_id}], with which it was closed, is not in its results: "
            "restore them, revert to another snapshot, or reset the job",
            409,
        )
    if not snapshot.get("snapshot_doc_count"):
        return None, counts
    version = str(snapshot.get("min_version") or OLDEST_MODEL_VERSION)
    if is_too_new(version):
        raise status_error(
            f"[{job_id}] job model snapshot [{snapshot_id}] has min version [{version}], which is newer than "
            f"[{MIN_VERSION}], please upgrade Lanewatch, revert to an older model snapshot or reset the job",
            400,
        )
    if is_too_old(version):
        raise status_error(
            f"[{job_id}] job model snapshot [{snapshot_id}] has min version before [{MIN_VERSION}], "
            "please revert to a newer model snapshot or reset the job",
            400,
        )
    model = await store.model_states.read(job_id, snapshot_id, snapshot["snapshot_doc_count"])
    if model is None:
        raise status_error(
            f"the state of model snapshot [{snapshot_id}] of job [{job_id}] is incomplete, "
            "revert to another snapshot or reset the job",
            409,
        )
    return model, counts
