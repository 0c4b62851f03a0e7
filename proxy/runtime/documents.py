"""The engine's results as bulk lines: each document with its id, its type and the copies of its input fields."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from proxy.engine import Rescored, Results
from proxy.store.results import ids as result_ids
from proxy.store.results.pages import stored_form
from proxy.store.results.reserved_fields import record_copies, scalar_copy
from proxy.store.results.write import StoredResult

Document = dict[str, Any]
Line = tuple[str, Document]  # id and source

_ENTITY = ("by", "over", "partition")


def result_documents(job_id: str, results: Results, now_ms: int) -> Iterator[Line]:
    """Ids and documents in the order in which they are to be written: details first, their bucket last.

    What alert rules look at says when it was first written, which is ``now_ms``.
    """
    ingested = {"event": {"ingested": now_ms}}
    for plot in results.model_plots:
        yield _entity_id(result_ids.model_plot, job_id, plot), {"job_id": job_id, "result_type": "model_plot", **plot}
    for record in results.records:
        source = {"job_id": job_id, "result_type": "record", **record}
        yield _entity_id(result_ids.record, job_id, record), source | record_copies(record) | ingested
    for influencer in results.influencers:
        document_id, source = _influencer(job_id, influencer)
        yield document_id, source | ingested
    for category in results.categories:
        yield _category(job_id, category)
    for bucket in results.buckets:
        yield from ((document_id, source | ingested) for document_id, source in _bucket(job_id, bucket))


def _entity_id(make: Callable[..., str], job_id: str, document: Document) -> str:
    values = {side: document.get(f"{side}_field_value") for side in _ENTITY}
    return make(job_id, document["timestamp"], document["bucket_span"], document["detector_index"], **values)


def _influencer(job_id: str, influencer: Document) -> Line:
    name, value = influencer["influencer_field_name"], influencer["influencer_field_value"]
    source = {"job_id": job_id, "result_type": "influencer", **influencer} | scalar_copy(name, value)
    return result_ids.influencer(job_id, influencer["timestamp"], influencer["bucket_span"], name, value), source


def _category(job_id: str, category: Document) -> Line:
    copy = scalar_copy(category.get("partition_field_name"), category.get("partition_field_value"))
    number = category["category_id"]
    source = {"job_id": job_id, **category, **copy, "result_type": "category_definition", "mlcategory": number}
    return result_ids.category_definition(job_id, number), source


def _bucket(job_id: str, bucket: Document) -> Iterator[Line]:
    timestamp, span = bucket["timestamp"], bucket["bucket_span"]
    inner = [
        {"job_id": job_id, "result_type": "bucket_influencer", **influencer}
        for influencer in bucket.get("bucket_influencers", ())
    ]
    for source in inner:
        yield result_ids.bucket_influencer(job_id, timestamp, span, source.get("influencer_field_name")), source
    source = {"job_id": job_id, **bucket, "bucket_influencers": inner, "result_type": "bucket"}
    yield result_ids.bucket(job_id, timestamp, span), source


def bucket_id_of(job_id: str, document: Document) -> str:
    """The id of the bucket that a result lies in."""
    return result_ids.bucket(job_id, document["timestamp"], document["bucket_span"])


def rescored_id(job_id: str, change: Rescored) -> str:
    """The id of a result that got a new score."""
    identity: Document = change.identity
    timestamp, span = identity["timestamp"], identity["bucket_span"]
    if change.kind == "record":
        return _entity_id(result_ids.record, job_id, identity)
    if change.kind == "influencer":
        name, value = identity["influencer_field_name"], identity["influencer_field_value"]
        return result_ids.influencer(job_id, timestamp, span, name, value)
    if change.kind == "bucket_influencer":
        return result_ids.bucket_influencer(job_id, timestamp, span, identity.get("influencer_field_name"))
    return bucket_id_of(job_id, identity)


def annotation_document(job_id: str, annotation: Mapping[str, Any], now_ms: int) -> Line:
    """An annotation by the system; the same one written twice gets the same id."""
    source = {"annotation": "", "create_time": now_ms, "create_username": "_xpack", "timestamp": now_ms,
              "end_timestamp": annotation.get("timestamp", now_ms), "job_id": job_id, "modified_time": now_ms,
              "modified_username": "_xpack", "type": "annotation", **annotation}  # fmt: skip
    about = [job_id, source["timestamp"], source["annotation"], source.get("detector_index")]
    about += [source.get(f"{side}_field_value") for side in _ENTITY]
    return "annotation_" + hashlib.sha256(orjson.dumps(about)).hexdigest()[:32], source


def index_lines(index: str, documents: Iterator[Line]) -> list[bytes]:
    """One element per document: its action and source, ready for a bulk request."""
    return [index_action(index, document_id) + stored_form(source) + b"\n" for document_id, source in documents]


def index_action(index: str, document_id: str) -> bytes:
    """The line that comes before a document's source."""
    return orjson.dumps({"index": {"_index": index, "_id": document_id}}) + b"\n"


def rewrite_lines(index: str, documents: Iterator[tuple[StoredResult, Document]]) -> list[bytes]:
    """Stored documents, each with its new source: one that changed since it was read stays as it is."""
    return [
        orjson.dumps({"index": {"_index": index, **stored.condition()}}) + b"\n" + stored_form(source) + b"\n"
        for stored, source in documents
    ]


def delete_lines(index: str, ids: Iterator[str]) -> list[bytes]:
    return [orjson.dumps({"delete": {"_index": index, "_id": document_id}}) + b"\n" for document_id in ids]
