"""Rules on a real cluster: alerts as documents when buckets become final, and what ends them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.alerting.rules import form
from tests.alerting.waiting import until
from tests.answer_check import check_hits
from tests.http_client import HttpClient

JOB_ID = "alerting"
JOB = f"/_ml/anomaly_detectors/{JOB_ID}"
SPAN_S, START_S = 3600, 1_700_000_000 // 3600 * 3600
QUIET, LOUD = 40, 4000
# The first outburst comes once the job knows what is usual.
FIRST = 60


def counts(first: int, last: int, loud: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    """A summary of each hour."""
    return [
        {"time": (START_S + hour * SPAN_S) * 1000, "n": LOUD if hour in loud else QUIET + hour % 5}
        for hour in range(first, last)
    ]


@dataclass
class RuleAtWork:
    """One rule about the job, of which the cluster knows nothing else; alerts outlive their rules."""

    client: HttpClient
    cluster: HttpClient
    rule_id: str

    @property
    def path(self) -> str:
        return f"/api/alerting/rule/{self.rule_id}"

    def make(self, severity: float = 50, **given: Any) -> dict[str, Any]:
        params = {"jobSelection": {"jobIds": [JOB_ID]}} | given.pop("params", {})
        made = self.client.post(self.path, json_body=form(severity, params=params, **given))
        assert made.status == 200, made.text
        answer: dict[str, Any] = made.json()
        return answer

    def alerts(self) -> list[dict[str, Any]]:
        """Its alerts, the first to begin first."""
        query = {"term": {"kibana.alert.rule.uuid": self.rule_id}}
        body = {"query": query, "sort": [{"kibana.alert.start": "asc"}], "size": 100}
        self.cluster.post("/lanewatch-alerts/_refresh")
        found = self.cluster.post("/lanewatch-alerts/_search", json_body=body).json()
        return [source for _, source in check_hits(found["hits"]["hits"])]

    def statuses(self) -> list[str]:
        return [alert["kibana.alert.status"] for alert in self.alerts()]


@pytest.fixture
def rule(client: HttpClient, cluster_client: HttpClient) -> Iterator[RuleAtWork]:
    rule = RuleAtWork(client, cluster_client, f"rule-{secrets.token_hex(4)}")
    yield rule
    client.delete(rule.path)


@pytest.fixture
def job(client: HttpClient) -> Iterator[Callable[..., None]]:
    """Posts hours to an open job."""
    client.delete(JOB, query={"force": "true"})
    analysis = {"bucket_span": "1h", "summary_count_field_name": "n", "detectors": [{"function": "high_count"}]}
    put = client.put(JOB, json_body={"analysis_config": analysis, "data_description": {"time_field": "time"}})
    assert put.status == 200, put.text
    assert client.post(f"{JOB}/_open").status == 200

    def post(first: int, last: int, *loud: int) -> None:
        posted = client.post(f"{JOB}/_data", ndjson=counts(first, last, loud))
        assert posted.status == 202, posted.text

    yield post
    client.delete(JOB, query={"force": "true"})


def test_an_alert_lives_as_long_as_buckets_match(
    client: HttpClient, rule: RuleAtWork, job: Callable[..., None]
) -> None:
    rule.make()
    job(0, FIRST + 3, FIRST)
    # The bucket after the loud one is final, the last one is not.
    until(rule.statuses, ["recovered"])
    job(FIRST + 3, FIRST + 12, FIRST + 10)
    until(rule.statuses, ["recovered", "active"])
    first, second = rule.alerts()
    at_ms = (START_S + FIRST * SPAN_S) * 1000
    assert first["kibana.alert.anomaly_timestamp"] == first["kibana.alert.start"] == at_ms
    assert first["kibana.alert.job_id"] == first["kibana.alert.instance.id"] == JOB_ID
    assert first["kibana.alert.end"] == at_ms + 2 * SPAN_S * 1000
    assert second["kibana.alert.anomaly_score"][0] >= 50
    assert second["kibana.alert.top_records"][0]["function"] == "high_count"
    assert second["kibana.alert.reason"].startswith(("Critical anomaly in count.", "Major anomaly in count."))
    until(lambda: client.get(rule.path).json()["execution_status"]["status"], "active")
    shown = client.get(rule.path).json()
    assert shown["last_run"]["alerts_count"]["active"] == 1
    preview = client.post(
        "/api/alerting/rule/_preview",
        json_body={"params": shown["params"], "start": START_S * 1000, "end": (START_S + 100 * SPAN_S) * 1000},
    )
    assert [each["timestamp"] for each in preview.json()["results"]] == [
        alert["kibana.alert.start"] for alert in (first, second)
    ]
    bad = client.post("/api/alerting/rule/_preview", json_body={"params": shown["params"], "start": "yesterday"})
    assert (bad.status, bad.json()["message"]) == (400, "[start] is no moment: [yesterday] is not a date")


def test_what_was_found_before_the_rule_was_there_is_no_news(
    client: HttpClient, rule: RuleAtWork, job: Callable[..., None]
) -> None:
    job(0, FIRST + 5, FIRST)
    rule.make()
    job(FIRST + 5, FIRST + 20, FIRST + 15)
    until(lambda: len(rule.alerts()), 1)
    (alert,) = rule.alerts()
    assert alert["kibana.alert.start"] == (START_S + (FIRST + 15) * SPAN_S) * 1000
    assert client.post(f"{rule.path}/_disable", json_body={"untrack": True}).status == 204
    assert set(rule.statuses()) <= {"untracked", "recovered"}


@pytest.mark.parametrize("how", ["reset", "delete"])
def test_alerts_of_a_job_that_is_emptied_are_untracked(
    client: HttpClient, rule: RuleAtWork, job: Callable[..., None], how: str
) -> None:
    rule.make(own={"recover_after": 100})
    job(0, FIRST + 3, FIRST)
    until(rule.statuses, ["active"])
    client.post(f"{JOB}/_close", query={"force": "true"})
    done = client.post(f"{JOB}/_reset") if how == "reset" else client.delete(JOB)
    assert done.status == 200, done.text
    assert rule.statuses() == ["untracked"]
    if how == "reset":
        client.post(f"{JOB}/_open")
        job(0, FIRST + 3, FIRST)
        until(lambda: sorted(rule.statuses()), ["active", "untracked"])


def test_alerts_of_a_job_that_a_rule_selects_no_longer_end_and_what_it_missed_is_no_news(
    client: HttpClient, rule: RuleAtWork, job: Callable[..., None]
) -> None:
    rule.make(own={"recover_after": 100})
    job(0, FIRST + 3, FIRST)
    until(rule.statuses, ["active"])
    until(lambda: client.get(rule.path).json().get("last_run", {}).get("alerts_count", {}).get("new"), 1)
    body = form(50, params={"jobSelection": {"jobIds": [JOB_ID]}}, own={"recover_after": 100})
    body = {name: body[name] for name in ("name", "schedule", "params")}
    body["params"]["jobSelection"] = {"jobIds": ["others"]}
    assert client.put(rule.path, json_body=body).status == 200
    assert rule.statuses() == ["untracked"]
    job(FIRST + 3, FIRST + 12, FIRST + 10)
    assert client.post(f"{JOB}/_flush").status == 200
    body["params"]["jobSelection"] = {"jobIds": [JOB_ID]}
    assert client.put(rule.path, json_body=body).status == 200
    job(FIRST + 12, FIRST + 20, FIRST + 18)
    until(rule.statuses, ["untracked", "active"])
    assert rule.alerts()[1]["kibana.alert.start"] == (START_S + (FIRST + 18) * SPAN_S) * 1000


def test_a_job_that_leaves_a_group_ends_its_alerts_and_one_that_joins_brings_no_old_news(
    client: HttpClient, rule: RuleAtWork, job: Callable[..., None]
) -> None:
    def put_into(*groups: str) -> None:
        updated = client.post(f"{JOB}/_update", json_body={"groups": list(groups)})
        assert updated.status == 200, updated.text

    rule.make(params={"jobSelection": {"groupIds": ["loud"]}}, own={"recover_after": 100})
    job(0, FIRST + 3, FIRST)
    assert client.post(f"{JOB}/_flush").status == 200
    put_into("loud")
    job(FIRST + 3, FIRST + 9, FIRST + 6)
    until(rule.statuses, ["active"])
    assert rule.alerts()[0]["kibana.alert.start"] == (START_S + (FIRST + 6) * SPAN_S) * 1000
    put_into("quiet")
    assert rule.statuses() == ["untracked"]


def test_a_deleted_rule_leaves_no_alert_that_goes_on_and_its_id_begins_anew(
    client: HttpClient, rule: RuleAtWork, job: Callable[..., None]
) -> None:
    rule.make(own={"recover_after": 100})
    job(0, FIRST + 3, FIRST)
    until(rule.statuses, ["active"])
    assert client.delete(rule.path).status == 204
    assert rule.statuses() == ["untracked"]
    assert client.get(rule.path).status == client.delete(rule.path).status == 404
    # It may be judged before anybody asks for it, so only the answer to its making shows that nothing was left over.
    assert rule.make()["execution_status"] == {"status": "pending", "last_execution_date": None}
    assert client.get(rule.path).json()["execution_status"]["status"] in ("pending", "ok")
    assert rule.statuses() == ["untracked"]
