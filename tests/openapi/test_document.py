"""The OpenAPI document: valid, whole, and made of what the schemas say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
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


# ---- in usual forms


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return openapi.document(in_usual_forms=True)


def parts_of(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from parts_of(each)


def test_the_one_in_usual_forms_is_valid_and_printed_by_a_flag(usual, capsys):
    assert [error.message for error in OpenAPIV31SpecValidator(usual).iter_errors()] == []
    assert main(["openapi", "--usual-forms"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(usual))


def test_usual_forms_have_one_type_for_each_flag_word_and_list(usual):
    for part in parts_of([usual["paths"], usual["components"]["schemas"]]):
        types, words = part.get("type"), part.get("enum", [])
        assert "object" not in types if isinstance(types, list) else True
        assert len({str(word).lower() for word in words}) == len(words)
        assert not isinstance(part.get("const"), bool)
    shapes = usual["components"]["schemas"]
    assert shapes["request.scalars.boolean"] == {"type": "boolean"}
    assert shapes["request.scalars.integer"] == {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
    assert shapes["request.job.detectors"]["type"] == "array"
    parameters = usual["paths"]["/_ml/anomaly_detectors/{job_id}/_close"]["post"]["parameters"]
    assert {each["name"]: each["schema"] for each in parameters}["pretty"] == {"type": "boolean"}


def test_what_is_usual_is_allowed(document, usual):
    body = {
        "analysis_config": {"detectors": [{"function": "count"}], "influencers": ["host"]},
        "data_description": {"time_field": "time", "format": "xcontent"},
        "allow_lazy_open": True,
    }
    lone = body | {"analysis_config": {"detectors": {"function": "count"}}, "allow_lazy_open": "true"}
    for whole, is_lenient in ((document, True), (usual, False)):
        schema = whole["paths"]["/_ml/anomaly_detectors/{job_id}"]["put"]["requestBody"]["content"]["application/json"]
        check = Draft202012Validator({**schema["schema"], "components": whole["components"]})
        assert check.is_valid(body)
        assert check.is_valid(lone) == is_lenient


def test_no_reference_leads_into_a_shape(document):
    """Many generators of clients follow none such."""
    assert [reference for reference in references(document) if reference.count("/") > 3] == []
