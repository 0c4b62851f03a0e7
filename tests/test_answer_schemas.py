"""What counts as an answer of an operation, and how a fault in one is told."""

from __future__ import annotations

import pytest

from proxy.answer_schemas import answers_of, faults_of
from proxy.api.routes import OPERATIONS

RECORD = {
    "job_id": "flights", "result_type": "record", "probability": 1e-9, "record_score": 93.5,
    "initial_record_score": 95.0, "bucket_span": 900, "detector_index": 0, "is_interim": False,
    "timestamp": 1_454_020_200_000, "function": "mean", "function_description": "mean", "typical": [99.8],
    "actual": [265.1], "field_name": "responsetime", "airline": ["AAL"],
}  # fmt: skip
NOT_FOUND = {"type": "resource_not_found_exception", "reason": "No known job with id 'x'"}


def page(*records: object) -> dict[str, object]:
    return {"count": len(records), "records": list(records)}


def without(document: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize("operation", [operation.name for operation in OPERATIONS])
def test_every_operation_says_how_it_answers(operation):
    answers = answers_of(operation)
    assert answers.status in (200, 202, 204)
    assert {400, 401, 403, 503} <= answers.refusals.keys()
    assert faults_of(operation, 200, "no answer of any") or answers.text is not None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, page()), (200, page(RECORD)), (200, page({**RECORD, "timestamp_string": "2016-01-28T22:30:00.000Z"})),
        (404, {"error": {"root_cause": [NOT_FOUND], **NOT_FOUND}, "status": 404}),
    ],
)  # fmt: skip
def test_what_is_right_has_no_faults(status, body):
    assert faults_of("ml.get_records", status, body) == []


@pytest.mark.parametrize(
    ("status", "body", "place"),
    [
        (200, {"records": []}, "$: 'count' is a required property"),
        (200, page(without(RECORD, "bucket_span")), "$.records[0]: 'bucket_span' is a required property"),
        (200, page({**RECORD, "record_score": "93.5"}), "$.records[0].record_score: '93.5' is not of type 'number'"),
        (200, page({**RECORD, "record_score": 101.0}), "$.records[0].record_score: 101.0 is greater than the maximum"),
        (200, page({**RECORD, "airline": "AAL"}), "$.records[0].airline: 'AAL' is not of type 'array'"),
        (200, {**page(), "more": 1}, "$: Additional properties are not allowed ('more' was unexpected)"),
        (200, None, "$: None is not of type 'object'"),
        (404, {"error": NOT_FOUND, "status": 404}, "$.error: 'root_cause' is a required property"),
        (202, page(), "status 202 is not among those of [ml.get_records]"),
        (409, {"error": {"root_cause": [NOT_FOUND], **NOT_FOUND}, "status": 409}, "status 409 is not among those"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(status, body, place):
    faults = faults_of("ml.get_records", status, body)
    assert len(faults) == 1
    assert faults[0].startswith(place)


def test_of_a_part_of_an_answer_only_what_is_there_is_checked():
    assert faults_of("ml.get_records", 200, {"records": [{"job_id": "x"}]}, is_partial=True) == []
    assert faults_of("ml.get_records", 200, {"records": [{"job_id": 1}]}, is_partial=True) != []
    assert faults_of("ml.get_records", 200, {"total": 1}, is_partial=True) != []


def test_errors_are_never_partial():
    assert faults_of("ml.get_records", 404, {"status": 404}, is_partial=True) != []


def test_a_table_may_be_a_text_and_nothing_else_may():
    assert faults_of("cat.ml_jobs", 200, "x closed 0 0b ok 0 0\n") == []
    assert faults_of("cat.ml_jobs", 200, [{"id": "x", "state": None}]) == []
    assert faults_of("ml.info", 200, "a text") != []


def test_alert_rules_have_the_errors_of_kibana():
    error = {"statusCode": 404, "error": "Not Found", "message": "Saved object [alert/x] not found"}
    assert faults_of("alerting.get_rule", 404, error) == []
    assert faults_of("ml.get_records", 404, error) != []
    assert faults_of("alerting.delete_rule", 204, None) == []
