"""What a closing job leaves behind: its model as a snapshot, and its last statistics."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import orjson

from proxy.runtime import worker
from proxy.runtime.documents import index_lines
from proxy.runtime.live_job import LiveJob
from proxy.runtime.model_size import size_document
from proxy.runtime.worker import Status
from proxy.store import Store, result_ids
from proxy.units import iso

# The oldest build whose models this one reads, in the product's own numbering of models.
MIN_VERSION = "8.3.0"


async def write_snapshot(live: LiveJob, store: Store, now_ms: int) -> str | None:
    """Writes the snapshot and the statistics; returns its id, or None where no bucket has been finished yet."""
    status = await live.call(worker.status)
    lines = _statistics(live, status, now_ms)
    snapshot_id = None
    if status.latest_result_ms is not None:
        model = await live.call(worker.save)
        snapshot_id = str(now_ms // 1000)
        documents = await store.model_states.write(live.job_id, snapshot_id, model)
        lines += _snapshot(live, status, snapshot_id, documents, now_ms)
    live.unsent += lines
    await live.send_unsent()
    return snapshot_id


def _statistics(live: LiveJob, status: Status, now_ms: int) -> list[bytes]:
    job_id = live.job_id
    documents = [
        (result_ids.model_size_stats(job_id, now_ms), size_document(job_id, status, now_ms)),
        (result_ids.timing_stats(job_id), status.stored_timing),
        (result_ids.data_counts(job_id), status.data_counts),
    ]
    return index_lines(live.setup.write_alias, iter(documents))


def _snapshot(live: LiveJob, status: Status, snapshot_id: str, documents: int, now_ms: int) -> list[bytes]:
    job_id = live.job_id
    summary = {"counts": status.data_counts, "timing": status.stored_timing}
    quantiles = {"job_id": job_id, "timestamp": status.latest_result_ms, "quantile_state": _packed(summary)}
    snapshot = {
        "job_id": job_id,
        "min_version": MIN_VERSION,
        "timestamp": now_ms,
        "description": f"State persisted due to job close at {iso(now_ms)}",
        "snapshot_id": snapshot_id,
        "snapshot_doc_count": documents,
        "model_size_stats": size_document(job_id, status, now_ms),
        "latest_record_time_stamp": status.data_counts.get("latest_record_timestamp"),
        "latest_result_time_stamp": status.latest_result_ms,
        "quantiles": quantiles,
        "retain": False,
    }
    note = {
        "annotation": f"Job model snapshot with id [{snapshot_id}] stored",
        "create_time": now_ms,
        "create_username": "_xpack",
        "timestamp": status.latest_result_ms,
        "end_timestamp": status.latest_result_ms,
        "job_id": job_id,
        "modified_time": now_ms,
        "modified_username": "_xpack",
        "type": "annotation",
        "event": "model_snapshot_stored",
    }
    names = live.store.names.indices
    return [
        *index_lines(live.setup.write_alias, iter([(result_ids.model_snapshot(job_id, snapshot_id), snapshot)])),
        *index_lines(names.state_write_alias, iter([(result_ids.quantiles(job_id), quantiles)])),
        *index_lines(
            names.annotations_write_alias, iter([(result_ids.snapshot_annotation(job_id, snapshot_id), note)])
        ),
    ]


def _packed(summary: dict[str, Any]) -> str:
    return base64.b64encode(zlib.compress(orjson.dumps(summary))).decode()
