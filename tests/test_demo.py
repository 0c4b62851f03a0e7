"""The demo as a newcomer runs it, on the session's cluster."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

from proxy.demo.jobs import RULE_ID
from tests.http_client import HttpClient


def test_the_blizzard_is_among_the_worst_days_and_alerts_once_for_each_job(
    cluster_url: str, cluster_client: HttpClient
) -> None:
    command = [sys.executable, "-m", "proxy", "demo", "--exit", "--elasticsearch", cluster_url, "--port", "0"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "08 Feb" in told.stdout or "09 Feb" in told.stdout, told.stdout
    assert "overall_buckets?top_n=2" in told.stdout
    begun = alerts_begun(cluster_client)
    assert max(begun.values()) == 1, "two alerts of one job begin on one day"
    blizzard = [job for job, day in begun if day in ("2013-02-08", "2013-02-09")]
    assert sorted(blizzard) == ["flights-cancelled", "flights-departed"]


def alerts_begun(cluster: HttpClient) -> Counter[tuple[str, str]]:
    """How many alerts of each job began on each day."""
    query = {"term": {"kibana.alert.rule.uuid": RULE_ID}}
    found = cluster.post("/lanewatch-alerts/_search", json_body={"query": query, "size": 1000}).json()
    alerts = [hit["_source"] for hit in found["hits"]["hits"]]
    return Counter((alert["kibana.alert.job_id"], day_of(alert["kibana.alert.start"])) for alert in alerts)


def day_of(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime("%Y-%m-%d")
