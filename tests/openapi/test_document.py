"""The OpenAPI document: valid, whole, and made of what the schemas say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from proxy import openapi
from proxy.answer_schemas import answers_of, faults_of
from proxy.api.routes import OPERATIONS
from proxy.cli import main
from proxy.schemas import shipped_schemas


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def described(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (str(value) for key, value in part.items() if key == "$ref")
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def test_it_is_valid(document):
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_command_prints_it(document, capsys):
    assert main(["openapi"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(document))


def test_it_has_every_operation_under_every_path_each_with_a_name_of_its_own(document):
    found = dict(described(document))
    assert found.keys() == {route for operation in OPERATIONS for route in operation.routes}
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)
    assert {operation.name for operation in OPERATIONS} <= set(names)


def test_it_says_of_every_operation_how_it_may_answer(document):
    for _, operation in described(document):
        name = ".".join(operation["operationId"].split(".")[:2])
        answers = answers_of(name)
        assert operation["responses"].keys() == {str(status) for status in (answers.status, *answers.refusals)}


def test_every_shared_shape_is_used(document):
    used = {reference.split("/")[3] for reference in references(document)}
    stored = {name for name in document["components"]["schemas"] if name.startswith("document.")}
    assert used | stored == document["components"]["schemas"].keys()


def test_nothing_in_it_is_for_our_own_use(document):
    assert '"x-' not in json.dumps(document)


@pytest.mark.parametrize("operation", [operation.name for operation in OPERATIONS])
def test_examples_are_what_they_are_examples_of(operation):
    properties = shipped_schemas().file(f"{operation}.json")["properties"]
    for example in properties["response"].get("examples", ()):
        assert faults_of(operation, answers_of(operation).status, example) == []
    for example in properties.get("body", {}).get("examples", ()):
        assert [*shipped_schemas().section(operation, "body").faults(example)] == []
