"""Along the links of the document, from what is made to its end: each answer gives what the next request needs.

schemathesis checks every step; the bodies are the examples of the document.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis import Case

from proxy import openapi
from tests.http_client import HttpClient

HOURS = 48
# What the examples are about.
IDS = {
    "job_id": "low_request_rate", "datafeed_id": "datafeed-low_request_rate", "calendar_id": "days-off",
    "filter_id": "slow-hosts",
}  # fmt: skip
Operation = dict[str, Any]


def rows() -> list[dict[str, object]]:
    """Records for the job of the examples, with an hour that is unlike the others."""
    start_ms = 1_767_225_600_000
    return [
        {"time": start_ms + hour * 3_600_000 + part * 600_000, "host": f"web-{part % 3}",
         "took": 100 + (hour * 7 + part) % 5 + (400 if hour == HOURS - 3 else 0)}
        for hour in range(HOURS) for part in range(6)
    ]  # fmt: skip


class Walk:
    """Calls every operation that can be reached once, the first way that leads there."""

    def __init__(self, url: str) -> None:
        self._document = openapi.document()
        self._schema = schemathesis.openapi.from_dict(self._document)
        self._schema.config.update(base_url=url)
        self._operations: dict[str, Operation] = {
            described["operationId"]: described
            for methods in self._document["paths"].values()
            for described in methods.values()
        }
        self.answered: dict[str, int] = {}

    def begin(self, operation_id: str) -> None:
        parts = [each["name"] for each in self._operations[operation_id]["parameters"] if each["in"] == "path"]
        self._step(operation_id, {part: IDS[part] for part in parts})

    def _step(self, operation_id: str, path: dict[str, str]) -> None:
        if operation_id in self.answered:
            return
        described = self._operations[operation_id]
        case = self._case(operation_id, path, described)
        response = case.call()
        self.answered[operation_id] = response.status_code
        case.validate_response(response)
        links = described["responses"].get(str(response.status_code), {}).get("links", {})
        for link in links.values():
            sources = {name: value_at(expression, path, response) for name, expression in link["parameters"].items()}
            self._step(link["operationId"], sources)

    def _case(self, operation_id: str, path: dict[str, str], described: Operation) -> Case:
        operation = self._schema.find_operation_by_id(operation_id)
        body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        given: dict[str, Any] = {}
        if operation_id == "ml.post_data":
            given = {"body": rows(), "media_type": "application/json"}
        elif body.get("examples"):
            given = {"body": body["examples"][0], "media_type": "application/json"}
        made: Case = operation.Case(path_parameters=path, **given)
        return made


def value_at(expression: str, path: dict[str, str], response: Any) -> str:
    """What a link's expression means: a part of this request's path, or a field of its answer."""
    where, _, name = expression.replace("#/", ".").rpartition(".")
    return path[name] if where == "$request.path" else str(response.json()[name])


@pytest.fixture(scope="module")
def walk(lanewatch: str, client: HttpClient) -> Iterator[Walk]:
    walked = Walk(lanewatch)
    yield walked
    client.delete(f"/_ml/anomaly_detectors/{IDS['job_id']}", query={"force": "true"})


def test_a_job_goes_from_its_creation_over_its_results_to_its_end(walk: Walk) -> None:
    walk.begin("ml.put_job")
    assert list(walk.answered)[:5] == [
        "ml.put_job", "ml.get_jobs.by_job_id", "ml.get_job_stats.by_job_id", "ml.update_job", "ml.open_job",
    ]  # fmt: skip
    assert list(walk.answered)[-1] == "ml.delete_job"
    refused = {operation: status for operation, status in walk.answered.items() if status >= 300}
    assert refused.keys() <= {"ml.delete_forecast.by_forecast_id"}, "a forecast may still be being made"


def test_a_datafeed_is_started_and_stopped_before_its_end(
    lanewatch: str, client: HttpClient, cluster_client: HttpClient
) -> None:
    path = f"/_ml/anomaly_detectors/{IDS['job_id']}"
    analysis = {"bucket_span": "1h", "detectors": [{"function": "count"}]}
    client.put(path, json_body={"analysis_config": analysis, "data_description": {"time_field": "time"}})
    client.post(f"{path}/_open")
    cluster_client.put("/web-logs", json_body={"mappings": {"properties": {"time": {"type": "date"}}}})
    walk = Walk(lanewatch)
    walk.begin("ml.put_datafeed")
    assert list(walk.answered)[-3:] == ["ml.start_datafeed", "ml.stop_datafeed", "ml.delete_datafeed"]
    assert [operation for operation, status in walk.answered.items() if status >= 300] == []
    client.delete(path, query={"force": "true"})
    cluster_client.delete("/web-logs")


@pytest.mark.parametrize(
    "first", ["ml.put_calendar", "ml.put_filter", "alerting.create_rule", "actions.create_connector"]
)
def test_whatever_else_is_made_can_be_read_changed_and_taken_away(lanewatch: str, first: str) -> None:
    walk = Walk(lanewatch)
    walk.begin(first)
    assert any(".delete_" in operation for operation in walk.answered)
    assert [operation for operation, status in walk.answered.items() if status >= 300] == []
