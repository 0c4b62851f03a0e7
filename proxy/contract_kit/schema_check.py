"""Holds each answer to the schema of its operation, beside what a scenario expects of it."""

from __future__ import annotations

from proxy.answer_schemas import faults_of
from proxy.api.kibana_paths import without_space
from proxy.api.operation import Router
from proxy.api.routes import OPERATIONS
from proxy.contract_kit.endpoint import Answer
from proxy.contract_kit.scenario import Request
from proxy.errors import MlError

_ROUTER = Router(OPERATIONS)
# YAML and CBOR say the same as JSON, in which nearly all scenarios ask.
_CHECKED_TYPES = ("json", "text/plain")


def schema_faults(request: Request, answer: Answer) -> list[str]:
    """What is wrong with an answer by its schema; nothing where no operation is asked, as in a search."""
    operation = operation_of(request.method, request.path)
    kind = answer.headers.get("content-type", "")
    if operation is None or request.method == "HEAD" or (answer.body and not any(t in kind for t in _CHECKED_TYPES)):
        return []
    body = None if answer.status == 204 else answer.parsed()
    return faults_of(operation, answer.status, body, is_partial="filter_path" in request.query)


def operation_of(method: str, target: str) -> str | None:
    """The operation that a request means, None where it is none of ours."""
    try:
        return _ROUTER.match(method, without_space(target)).operation.name
    except MlError:
        return None
