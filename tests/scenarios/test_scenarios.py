"""Runs the scenarios: each YAML file below this folder states requests and what their answers must contain."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml

from tests.http_client import Answer, HttpClient
from tests.scenarios.matching import at, mismatches

FOLDER = Path(__file__).parent
PAUSE_S = 0.2
FILES = sorted(FOLDER.glob("*/*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_scenario(file: Path, client: HttpClient, cluster_client: HttpClient, forget_jobs) -> None:
    scenario = yaml.safe_load(file.read_text(encoding="utf-8"))
    forget_jobs()
    for number, step in enumerate(scenario["steps"], start=1):
        target = cluster_client if step["request"].get("to") == "cluster" else client
        faults = faults_in_time(step, target)
        said = step.get("note", scenario["title"])
        assert not faults, f"step {number} ({said}) {step['request']}:\n" + "\n".join(faults)


def faults_in_time(step: dict[str, Any], client: HttpClient) -> list[str]:
    """A step with `within_s` is repeated so long until it is as expected, for what happens by itself."""
    last_s = monotonic() + step.get("within_s", 0)
    while True:
        faults = faults_of(step, send(client, step["request"]))
        if not faults or monotonic() >= last_s:
            return faults
        sleep(PAUSE_S)


def send(client: HttpClient, request: dict[str, Any]) -> Answer:
    body = request.get("body")
    return client.request(
        request["method"],
        request["path"],
        query={name: "true" if value is True else "false" if value is False else value
               for name, value in request.get("query", {}).items()},
        headers={name: str(value) for name, value in request.get("headers", {}).items()},
        json_body=body,
        ndjson=request.get("ndjson"),
        body=request.get("text"),
    )  # fmt: skip


def faults_of(step: dict[str, Any], answer: Answer) -> list[str]:
    faults = []
    if answer.status != step.get("status", 200):
        return [f"status {answer.status}, expected {step.get('status', 200)}: {answer.text[:2000]}"]
    body = parsed(answer)
    if "response" in step:
        faults += mismatches(step["response"], body)
    for dotted in step.get("absent", ()):
        try:
            faults.append(f"{dotted} is there: {at(body, dotted)!r}")
        except KeyError:
            continue
    for name, part in step.get("headers", {}).items():
        values = answer.headers.get_all(name) or []
        if not any(str(part) in value for value in values):
            faults.append(f"header {name} is {values}, expected one with {part!r}")
    for dotted, keys in step.get("keys", {}).items():
        found = list(at(body, dotted))
        if found != keys:
            faults.append(f"keys of [{dotted}] are {found}, expected {keys}")
    return faults


def parsed(answer: Answer) -> Any:
    kind = answer.headers.get("content-type", "")
    if not answer.body or "json" not in kind:
        return answer.text
    return json.loads(answer.body)


def test_every_scenario_names_its_operations() -> None:
    schemas = {path.stem for path in (FOLDER.parents[1] / "schemas").glob("*.json")}
    for file in FILES:
        named = yaml.safe_load(file.read_text(encoding="utf-8"))["operation"]
        assert set([named] if isinstance(named, str) else named) <= schemas, file
