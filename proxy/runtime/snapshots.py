"""A job's model snapshot and its last statistics as documents. When they are written is decided by ``closing`` and
``background_persist``; listing, changing and going back to snapshots is ``store.snapshots``'s matter."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.runtime.documents import index_lines
from proxy.runtime.live_job import LiveJob
from proxy.runtime.model_size import size_document
from proxy.runtime.saved_model import MIN_VERSION
from proxy.runtime.worker import Status
from proxy.store.results import ids as result_ids
from proxy.units import iso


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot whose model is stored in that many ``documents``; ``occasion`` says what it was made for."""

    snapshot_id: str
    status: Status
    documents: int
    occasion: str
    now_ms: int


def statistics_lines(live: LiveJob, status: Status, now_ms: int) -> list[bytes]:
    job_id = live.job_id
    documents = [
        (result_ids.model_size_stats(job_id, now_ms), size_document(job_id, status, now_ms)),
        (result_ids.timing_stats(job_id), status.stored_timing),
        (result_ids.data_counts(job_id), status.data_counts),
    ]
    return index_lines(live.inputs.write_alias, iter(documents))


def snapshot_lines(live: LiveJob, snapshot: Snapshot) -> list[bytes]:
    """The snapshot itself, the quantiles that are in force with it, and its annotation."""
    job_id, names = live.job_id, live.store.names.indices
    quantiles = _quantiles(job_id, snapshot.status)
    document_id = result_ids.model_snapshot(job_id, snapshot.snapshot_id)
    note_id = result_ids.snapshot_annotation(job_id, snapshot.snapshot_id)
    return [
        *index_lines(live.inputs.write_alias, iter([(document_id, _document(job_id, snapshot, quantiles))])),
        *index_lines(names.state_write_alias, iter([(result_ids.quantiles(job_id), quantiles)])),
        *index_lines(names.annotations_write_alias, iter([(note_id, _annotation(job_id, snapshot))])),
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
