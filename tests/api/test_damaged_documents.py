"""One damaged document of each kind, as somebody leaves it who writes to our indices: told alone, it hides no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.config import Config
from tests.http_client import HttpClient
from tests.runtime.test_restart import JOB

XSRF = {"kbn-xsrf": "x"}
DATAFEED = {"indices": ["source-of-none"]}
CONNECTOR = {"name": "c", "connector_type_id": ".server-log", "config": {}, "secrets": {}}
RULE = {
    "name": "r",
    "consumer": "alerts",
    "rule_type_id": "xpack.ml.anomaly_detection_alert",
    "schedule": {"interval": "1m"},
    "params": {"jobSelection": {"jobIds": ["damaged-0"]}, "severity": 50, "resultType": "bucket"},
    "actions": [],
}
JOBS, RULES = "/_ml/anomaly_detectors", "/api/alerting/rule"
# How each is made and asked for, in which lists the sound one must stand, and what its document is called.
KINDS: dict[str, tuple[str, Any, list[str], str]] = {
    "job": (JOBS, JOB, [JOBS, f"{JOBS}/_stats", "/_cat/ml/anomaly_detectors"], "anomaly_detector"),
    "datafeed": ("/_ml/datafeeds", DATAFEED, ["/_ml/datafeeds", "/_ml/datafeeds/_stats"], "datafeed"),
    "calendar": ("/_ml/calendars", {}, ["/_ml/calendars"], "calendar"),
    "filter": ("/_ml/filters", {"items": ["a"]}, ["/_ml/filters"], "filter"),
    "connector": ("/api/actions/connector", CONNECTOR, ["/api/actions/connectors"], "connector"),
    "rule": (RULES, RULE, [f"{RULES}s/_find"], "rule"),
}
DAMAGES: dict[str, Any] = {"nothing left": None, "a text": "damaged", "a number": 7, "a list": [], "an object": {}}


def damaged(source: dict[str, Any], kind: str, by: Any) -> dict[str, Any]:
    """What the document is about is something else; of what stands beside it the cluster knows the type."""
    kept = {name: value for name, value in source.items() if name != kind}
    return kept if by is None else {**kept, kind: by}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, client: HttpClient) -> Iterator[str]:
    """A kind of which there are two, ``damaged-0`` and ``damaged-1``."""
    path, body, _, _ = KINDS[request.param]
    jobs = [f"{JOBS}/damaged-{number}" for number in range(2)] if request.param == "datafeed" else []
    made = [f"{path}/damaged-{number}" for number in range(2)]
    for job in jobs:
        assert client.put(job, json_body=JOB).status == 200
    for number, each in enumerate(made):
        sent = {**body, "job_id": f"damaged-{number}"} if request.param == "datafeed" else body
        answer = client.request("POST" if "/api/" in path else "PUT", each, json_body=sent, headers=XSRF)
        assert answer.status in (200, 201), answer.text
    yield request.param
    for each in [*made, *jobs]:
        assert client.delete(each, headers=XSRF).status in (200, 204)


def test_a_damaged_document_is_told_alone_and_hides_no_other(
    kind: str, client: HttpClient, cluster_client: HttpClient, config: Config
) -> None:
    path, _, lists, name = KINDS[kind]
    index = config.indices.alerting if "/api/" in path else config.indices.config
    document = f"/{index}/_doc/{name}-damaged-0"
    source = cluster_client.get(document).json()["_source"]
    try:
        for damage, by in DAMAGES.items():
            put = cluster_client.put(document, query={"refresh": "true"}, json_body=damaged(source, kind, by))
            assert put.status == 200, put.text
            alone = client.get(f"{path}/damaged-0")
            assert alone.status == 400, (damage, alone.status, alone.text)
            assert f"document [{name}-damaged-0] of [{index}] is damaged" in alone.text
            for each in lists:
                every = client.get(each)
                assert every.status == 200, (damage, each, every.text)
                assert "damaged-1" in every.text
            assert "damaged-1" in client.get(f"{path}/damaged-1").text
    finally:
        cluster_client.put(document, query={"refresh": "true"}, json_body=source)
