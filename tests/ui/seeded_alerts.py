"""Alerts for the page: documents as a rule writes them about made-up results, and a job whose alerts are real."""

from __future__ import annotations

from proxy.alerting.alert_document import anomaly_alert
from proxy.alerting.episodes import Episode
from proxy.alerting.rule import rule_of
from tests.alerting.rules import form
from tests.alerting.waiting import until
from tests.http_client import HttpClient
from tests.ui.seeded import HOUR_MS, Document, Seeded

ALERTS = "/lanewatch-alerts"
RULES = "/api/alerting/rule"
CONNECTOR = "server-log"
STATUSES = ("active", "recovered", "untracked")
# What the page's states show: more than one page of details.
OF_WEB = 24

LOUD_JOB = "loud"
START_MS = 1_700_000_000_000 // HOUR_MS * HOUR_MS
FIRST_HOUR, LAST_HOUR = 60, 71
HOSTS = ("a", "b")


def put_rule(client: HttpClient, rule_id: str, job_id: str, name: str, own: Document, severity: float = 50) -> Document:
    body = form(severity, own=own, params={"jobSelection": {"jobIds": [job_id]}}) | {"name": name}
    made = client.post(f"{RULES}/{rule_id}", json_body=body)
    assert made.status == 200, made.text
    return dict(made.json())


def put_connector(client: HttpClient) -> None:
    body = {"name": "Log of the server", "connector_type_id": ".server-log"}
    made = client.post(f"/api/actions/connector/{CONNECTOR}", json_body=body)
    assert made.status == 200, made.text


def write_alerts(client: HttpClient, cluster_client: HttpClient, made: Seeded) -> None:
    """Alerts about the first records, of one rule, in all states."""
    put_connector(client)
    shown = put_rule(client, "web-hosts", made.job_id, "Hosts of web", {"group_by": "entity"})
    rule = rule_of({**shown, "enabled_at": 0})
    rows: list[Document] = []
    for number, record in enumerate(made.records[:OF_WEB]):
        episode = Episode(
            uuid=f"alert-{number}", group=f"{made.job_id}:host={record['partition_field_value']}", job_id=made.job_id,
            start_ms=record["timestamp"], end_ms=record["timestamp"] + 2 * HOUR_MS, status=STATUSES[number % 3],
            matches=1, scores=(record["record_score"],), moments=(record["timestamp"],), records=(record,),
        )  # fmt: skip
        reason = f"Anomaly in mean took for host {record['partition_field_value']}."
        alert = anomaly_alert(rule, episode, reason=reason, url="", now_ms=episode.end_ms)
        rows += [{"index": {"_index": ALERTS[1:], "_id": episode.uuid}}, alert]
    answer = cluster_client.post("/_bulk", query={"refresh": "true"}, ndjson=rows)
    assert answer.status == 200 and not answer.json()["errors"], answer.text[:2000]


def raise_alerts(client: HttpClient, cluster_client: HttpClient) -> None:
    """A job that is loud twice: of one rule an alert has recovered and one is active, of another one is untracked."""
    analysis = {
        "bucket_span": "1h", "summary_count_field_name": "n", "influencers": ["host"],
        "detectors": [{"function": "high_count", "partition_field_name": "host"}],
    }  # fmt: skip
    job = f"/_ml/anomaly_detectors/{LOUD_JOB}"
    put = client.put(job, json_body={"analysis_config": analysis, "data_description": {"time_field": "time"}})
    assert put.status == 200, put.text
    assert client.post(f"{job}/_open").status == 200
    put_connector(client)
    put_rule(client, "storms", LOUD_JOB, "Storms", {"group_by": "entity"})
    put_rule(client, "floods", LOUD_JOB, "Floods", {"group_by": "job", "recover_after": 500})
    posted = client.post(f"{job}/_data", ndjson=counts())
    assert posted.status == 202, posted.text
    until(lambda: statuses(cluster_client), {"storms": ["active", "recovered"], "floods": ["active"]})
    until(lambda: moments(cluster_client, "floods"), [START_MS + hour * HOUR_MS for hour in (FIRST_HOUR, LAST_HOUR)])
    assert client.post(f"{RULES}/floods/_disable", json_body={"untrack": True}).status == 204
    cluster_client.post(f"{ALERTS}/_refresh")


def counts() -> list[Document]:
    """A summary of each hour and host; the last hour is not final."""
    loud = (FIRST_HOUR, LAST_HOUR)
    return [
        {"time": START_MS + hour * HOUR_MS, "host": host, "n": 4000 if host == "b" and hour in loud else 40 + hour % 5}
        for hour in range(LAST_HOUR + 2)
        for host in HOSTS
    ]


def statuses(cluster_client: HttpClient) -> dict[str, list[str]]:
    """By rule, what its alerts are."""
    cluster_client.post(f"{ALERTS}/_refresh")
    found = cluster_client.post(f"{ALERTS}/_search", json_body={"size": 100}).json()
    by_rule: dict[str, list[str]] = {}
    for hit in found["hits"]["hits"]:
        alert = hit["_source"]
        by_rule.setdefault(alert["kibana.alert.rule.uuid"], []).append(alert["kibana.alert.status"])
    return {rule: sorted(each) for rule, each in by_rule.items()}


def moments(cluster_client: HttpClient, rule_id: str) -> list[int]:
    """The buckets that the alerts of a rule have matched in."""
    query = {"query": {"term": {"kibana.alert.rule.uuid": rule_id}}}
    cluster_client.post(f"{ALERTS}/_refresh")
    hits = cluster_client.post(f"{ALERTS}/_search", json_body=query).json()["hits"]["hits"]
    return sorted(moment for hit in hits for moment in hit["_source"]["lanewatch.anomaly_timestamps"])
