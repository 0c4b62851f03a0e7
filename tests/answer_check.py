"""Every answer that a test gets from the proxy is held to its schema, whatever the test is about; documents, if asked.

What the schemas are is ``proxy.answer_schemas``' matter; here they are checked by a validator that takes a thousandth
of the time, because the suite gets tens of thousands of answers.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

import cbor2
import jsonschema_rs
import yaml
from elastic_transport import Urllib3HttpNode

from proxy.answer_schemas import faults_of, files
from proxy.api.smile import documents_of
from proxy.contract_kit.schema_check import operation_of

# Where the files are said to be, because this validator takes no relative names.
_BASE = "https://lanewatch.invalid/"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NO_SCHEMAS_OF_ANSWERS = ("_config.json", "_meta.json")
_GZIP = b"\x1f\x8b"
_FAULTS_SHOWN, _FAULT_LENGTH = 5, 500
# What indices begin with that have one kind of documents each.
_KINDS_OF_INDICES = {
    ".ml-annotations": "annotation",
    ".ml-notifications": "notification",
    "lanewatch-alerts": "alert",
}


def check_answer(method: str, target: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """
    Args:
        target: path and query as they were sent.
        headers: of the answer; names in any case must be found.

    Raises:
        AssertionError: the answer is not what its operation may answer.
    """
    operation = operation_of(method, target)
    if operation is None:
        return
    query = parse_qs(target.partition("?")[2], keep_blank_values=True)
    kind = headers.get("content-type", "")
    if body.startswith(_GZIP):  # some clients unpack it themselves, and leave the header as it was
        body = gzip.decompress(body)
    document = None if status == 204 and not body else read(kind, body)
    faults = faults_in(operation, status, document, is_partial="filter_path" in query)
    said = "\n".join(faults)
    assert not faults, f"[{operation}] answered [{method} {target}] with what its schema does not say:\n{said}"


class CheckedNode(Urllib3HttpNode):
    """How the official client sends its requests, with a look at what comes back."""

    def perform_request(self, method: str, target: str, *sent: Any, **options: Any) -> Any:
        answer = super().perform_request(method, target, *sent, **options)
        check_answer(method, target, answer.meta.status, answer.meta.headers, answer.body)
        return answer


def faults_in(operation: str, status: int, body: object, *, is_partial: bool = False) -> list[str]:
    """As ``answer_schemas.faults_of`` by itself, in a thousandth of its time and in other words."""
    return faults_of(operation, status, body, is_partial=is_partial, judge=_faults)


def _faults(reference: str, body: object, is_partial: bool) -> list[str]:
    found = islice(_validator(reference, is_partial).iter_errors(body), _FAULTS_SHOWN)
    return [f"{error.instance_path}: {error.message}"[:_FAULT_LENGTH] for error in found]


def check_hits(hits: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Ids and sources of what a search found in our indices.

    Raises:
        AssertionError: a document is not what it may be.
    """
    for hit in hits:
        kind = kind_of(hit["_index"], hit["_source"])
        said = "" if kind is None else "\n".join(document_faults(kind, hit["_source"]))
        assert not said, f"{kind} [{hit['_id']}] in [{hit['_index']}] is not what its schema says:\n{said}"
    return [(hit["_id"], hit["_source"]) for hit in hits]


def document_faults(kind: str, source: object) -> list[str]:
    """What is wrong with a document as the cluster has it; kinds are the files in ``schemas/_documents``."""
    return _faults(f"_documents/{kind}.json", source, False)


def kind_of(index: str, source: Mapping[str, object]) -> str | None:
    """Which kind of document one of our indices has there; None for the models, whose form is nobody else's matter."""
    if index.startswith(".ml-state"):
        return "quantiles" if "quantile_state" in source else None
    for prefix, kind in _KINDS_OF_INDICES.items():
        if index.startswith(prefix):
            return kind
    if "result_type" in source:
        return str(source["result_type"])
    return "model_snapshot" if "snapshot_doc_count" in source else "data_counts"


def read(kind: str, body: bytes) -> object:
    """The document in an answer of a content type; a text as it is."""
    if "json" in kind:
        return json.loads(body)
    if "yaml" in kind:
        return yaml.load(body, Loader=yaml.CSafeLoader)
    if "cbor" in kind:
        return cbor2.loads(body)
    if "smile" in kind:
        [document] = documents_of(body)
        return document
    assert kind.startswith("text/plain"), f"nothing is answered as [{kind}]"
    return body.decode()


@cache
def _validator(reference: str, is_partial: bool) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {"$schema": _DIALECT, "$ref": _BASE + reference}, registry=_registry(is_partial)
    )


@cache
def _registry(is_partial: bool) -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry(
        [
            (_BASE + name, {**schema, "$id": _BASE + name})
            for name, schema in files(is_partial=is_partial).items()
            if name not in _NO_SCHEMAS_OF_ANSWERS
        ]
    )
