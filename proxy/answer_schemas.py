"""What operations answer: which statuses, and whether a body is what their schemas say.

The schemas are ``response`` of ``schemas/<operation>.json``, and ``_answers/errors.json`` for everything that is
refused. Requests are checked by ``schemas``. A running proxy uses nothing of this: clients and tests do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource

from proxy.schemas import Schema, shipped_schemas

_ERRORS = "_answers/errors.json"
# Kibana's operations have Kibana's errors.
_KIBANAS = ("alerting.", "actions.")
# Of a body with many faults the first tell enough.
_FAULTS_SHOWN = 10
_MESSAGE_LENGTH = 300
# What holds for a whole answer, and not for the part of it that `filter_path` leaves.
_OF_THE_WHOLE = frozenset({"required", "minItems", "minProperties"})


@dataclass(frozen=True, slots=True)
class Answers:
    """The statuses of an operation: of success, and of refusals with when they come.

    ``text`` says what a text answer looks like; None where all answers are documents.
    """

    status: int
    refusals: Mapping[int, str]
    text: str | None


@cache
def answers_of(operation: str) -> Answers:
    """
    Raises:
        KeyError: there is no such operation.
    """
    response = shipped_schemas().file(f"{operation}.json")["properties"]["response"]
    common = shipped_schemas().file(_ERRORS)["$defs"]["refusals"]["x-refusals"]
    refusals = {int(status): str(text) for status, text in {**common, **response.get("x-refusals", {})}.items()}
    return Answers(response["x-status"], dict(sorted(refusals.items())), response.get("x-text"))


def reference_of(operation: str, status: int) -> str:
    """Where the schema of an answer stands: a file of ``files`` and a place in it."""
    if status < 400:
        return f"{operation}.json#/properties/response"
    return f"{_ERRORS}#/$defs/{'kibana_error' if operation.startswith(_KIBANAS) else 'error'}"


def schema_faults(reference: str, body: object, is_partial: bool) -> list[str]:
    """Where a document is not what the schema at ``reference`` says."""
    errors = _validator(reference, is_partial).iter_errors(body)
    return [described(error) for error, _ in zip(errors, range(_FAULTS_SHOWN), strict=False)]


def faults_of(
    operation: str,
    status: int,
    body: object,
    *,
    is_partial: bool = False,
    judge: Callable[[str, object, bool], list[str]] = schema_faults,
) -> list[str]:
    """What is wrong with an answer, each fault with its place; empty where it is as it should be.

    Args:
        body: the document; a text where one was answered, None where nothing was.
        is_partial: whether ``filter_path`` left a part of the answer only.
        judge: compares a document with a schema.
    """
    answers = answers_of(operation)
    wrong_status = status_fault(operation, status)
    if wrong_status is not None:
        return [wrong_status]
    if isinstance(body, str) and status == answers.status and answers.text is not None:
        return []
    return judge(reference_of(operation, status), body, is_partial and status == answers.status)


def status_fault(operation: str, status: int) -> str | None:
    """Why an operation may not answer with a status; None where it may."""
    answers = answers_of(operation)
    if status == answers.status or status in answers.refusals:
        return None
    return f"status {status} is not among those of [{operation}]: {answers.status}, {[*answers.refusals]}"


def described(error: ValidationError) -> str:
    """Place and message; where none of several forms fits, of the form that fits best."""
    while (nearest := _nearest(error)) is not None:
        error = nearest
    return f"{error.json_path}: {error.message[:_MESSAGE_LENGTH]}"


def _nearest(error: ValidationError) -> ValidationError | None:
    """The first fault against that of several forms which is of the right type and has the fewest faults."""
    forms: dict[object, list[ValidationError]] = {}
    for inner in error.context:
        forms.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [faults for faults in forms.values() if not any(_is_of_another_type(fault) for fault in faults)]
    return min(fitting, key=len)[0] if fitting else None


def _is_of_another_type(fault: ValidationError) -> bool:
    return fault.validator == "type" and not fault.path


@cache
def files(*, is_partial: bool = False) -> Mapping[str, Schema]:
    """Every schema file by its name; for partial answers without what only holds for whole ones."""
    shipped = shipped_schemas().files()
    if not is_partial:
        return shipped
    return {name: cast(Schema, _without_the_whole(schema)) for name, schema in shipped.items()}


def _without_the_whole(schema: Any) -> Any:
    """A copy of a part of a schema. What an object's fields are called is no keyword."""
    if isinstance(schema, list):
        return [_without_the_whole(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, part in schema.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: _without_the_whole(each) for name, each in part.items()}
        elif key not in _OF_THE_WHOLE:
            kept[key] = _without_the_whole(part)
    return kept


@cache
def _registry(is_partial: bool) -> Registry[bool | Schema]:
    empty: Registry[bool | Schema] = Registry()
    return empty.with_resources(
        (name, Resource[bool | Schema].from_contents(schema)) for name, schema in files(is_partial=is_partial).items()
    )


@cache
def _validator(reference: str, is_partial: bool) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference}, registry=_registry(is_partial))
