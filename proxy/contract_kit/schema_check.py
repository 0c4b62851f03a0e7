"""Holds each answer to the schema of its operation, beside what a scenario expects of it."""

from __future__ import annotations

from proxy.answer_schemas import faults_of
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
    operation = _operation_of(request)
    kind = answer.headers.get("content-type", "")
    if operation is None or request.method == "HEAD" or (answer.body and not any(t in kind for t in _CHECKED_TYPES)):
        return []
    body = None if answer.status == 204 else answer.parsed()
    return faults_of(operation, answer.status, body, is_partial="filter_path" in request.query)


def _operation_of(request: Request) -> str | None:
    try:
        return _ROUTER.match(request.method, request.path).operation.name
    except MlError:
        return None
