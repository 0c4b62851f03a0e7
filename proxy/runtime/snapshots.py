"""A job's model snapshot and its last statistics as documents. When they are written is decided by ``place.saving`` and
``background_persist``; listing, changing and going back to snapshots is ``store.snapshots``'s matter."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.runtime.documents import index_lines
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.model_size import size_document
from proxy.runtime.place.summary import Status
from proxy.runtime.saved_model import MIN_VERSION
from proxy.store.results import ids as result_ids
from proxy.units import iso

# As far can quick snapshots have run ahead of the clock; ids beyond were given by others and mean no time.
_AHEAD_S = 60


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot whose model is stored in that many ``documents``; ``occasion`` says what it was made for."""

    snapshot_id: str
    status: Status
    documents: int
    occasion: str
    now_ms: int


def second_of_snapshot(snapshot_id: str | None, now: int) -> int:
    """When a snapshot was made, by its id, in epoch seconds; 0 where that tells no such time."""
    digits = str(snapshot_id or "")
    return int(digits) if digits.isdigit() and int(digits) - now < _AHEAD_S else 0


def statistics_lines(inputs: JobInputs, status: Status, now_ms: int) -> list[bytes]:
    job_id = inputs.job_id
    documents = [
        (result_ids.model_size_stats(job_id, now_ms), size_document(job_id, status, now_ms)),
        (result_ids.timing_stats(job_id), status.stored_timing),
        (result_ids.data_counts(job_id), status.data_counts),
    ]
    return index_lines(inputs.write_alias, iter(documents))


def snapshot_lines(inputs: JobInputs, snapshot: Snapshot) -> list[bytes]:
    """The snapshot itself, the quantiles that are in force with it, and its annotation."""
    job_id = inputs.job_id
    quantiles = _quantiles(job_id, snapshot.status)
    document_id = result_ids.model_snapshot(job_id, snapshot.snapshot_id)
    note_id = result_ids.snapshot_annotation(job_id, snapshot.snapshot_id)
    return [
        *index_lines(inputs.write_alias, iter([(document_id, _document(job_id, snapshot, quantiles))])),
        *index_lines(inputs.state_alias, iter([(result_ids.quantiles(job_id), quantiles)])),
        *index_lines(inputs.annotations_alias, iter([(note_id, _annotation(job_id, snapshot))])),
    ]


def _document(job_id: str, snapshot: Snapshot, quantiles: dict[str, Any]) -> dict[str, Any]:
    status = snapshot.status
    document = {
        "job_id": job_id,
        "min_version": MIN_VERSION,
        "timestamp": snapshot.now_ms,
        "description": f"{snapshot.occasion} at {iso(snapshot.now_ms)}",
        "snapshot_id": snapshot.snapshot_id,
        "snapshot_doc_count": snapshot.documents,
        "model_size_stats": size_document(job_id, status, snapshot.now_ms),
        "latest_record_time_stamp": status.data_counts.get("latest_record_timestamp"),
        "latest_result_time_stamp": status.latest_result_ms,
        "quantiles": quantiles,
        "retain": False,
    }
    return {name: value for name, value in document.items() if value is not None}


def _quantiles(job_id: str, status: Status) -> dict[str, Any]:
    """The engine keeps its quantiles in the model; what stands here lets others tell one state from another."""
    summary = {"counts": status.data_counts, "timing": status.stored_timing}
    packed = base64.b64encode(zlib.compress(orjson.dumps(summary))).decode()
    return {"job_id": job_id, "timestamp": status.latest_result_ms, "quantile_state": packed}


def _annotation(job_id: str, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "annotation": f"Job model snapshot with id [{snapshot.snapshot_id}] stored",
        "create_time": snapshot.now_ms,
        "create_username": "_xpack",
        "timestamp": snapshot.status.latest_result_ms,
        "end_timestamp": snapshot.status.latest_result_ms,
        "job_id": job_id,
        "modified_time": snapshot.now_ms,
        "modified_username": "_xpack",
        "type": "annotation",
        "event": "model_snapshot_stored",
    }
