"""Whose rights a datafeed searches with, on a cluster with security."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator

import pytest

from tests.api.test_access import basic
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import Document, wait_until

SOURCE, JOB_ID = "source-guarded", "guarded"
JOB = {
    "analysis_config": {"bucket_span": "1h", "detectors": [{"function": "count"}]},
    "data_description": {"time_field": "time"},
}
FEED = {"job_id": JOB_ID, "indices": [SOURCE]}
PATH = "/_ml/datafeeds/feed-guarded"
ADMIN, ML_ADMIN = basic("admin"), basic("ml_admin")


@pytest.fixture
def guarded(secured: HttpClient, secured_cluster_url: str) -> Iterator[HttpClient]:
    """The proxy with a job and a source of two documents, which ``ml_admin`` may not read."""
    cluster = HttpClient(secured_cluster_url)
    mapping = {"mappings": {"properties": {"time": {"type": "date"}}}}
    assert cluster.put(f"/{SOURCE}", json_body=mapping, headers=ADMIN).status == 200
    for time in ("2025-06-01T00:10:00Z", "2025-06-01T01:10:00Z"):
        cluster.post(f"/{SOURCE}/_doc", query={"refresh": "true"}, json_body={"time": time}, headers=ADMIN)
    assert secured.put(f"/_ml/anomaly_detectors/{JOB_ID}", json_body=JOB, headers=ADMIN).status == 200
    yield secured
    secured.delete(f"/_ml/anomaly_detectors/{JOB_ID}", query={"force": "true"}, headers=ADMIN)
    cluster.delete(f"/{SOURCE}", headers=ADMIN)


@pytest.fixture
def keys(guarded: HttpClient, secured_cluster_url: str) -> HttpClient:
    """The cluster itself, where it makes API keys."""
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed, so the cluster has no index for API keys")
    return HttpClient(secured_cluster_url)


def is_valid(cluster_url: str, key_id: str) -> bool:
    keys = HttpClient(cluster_url).get("/_security/api_key", query={"id": key_id}, headers=ADMIN).json()["api_keys"]
    return not keys[0]["invalidated"]


def test_whoever_may_not_search_the_indices_cannot_make_a_datafeed_of_them(guarded: HttpClient) -> None:
    refused = guarded.put(PATH, json_body=FEED, headers=ML_ADMIN)
    assert refused.status == 403
    error = refused.json()["error"]
    told = f'{{"{SOURCE}":{{"indices:data/read/search":false}}}}'
    assert (error["type"], error["reason"]) == (
        "security_exception",
        f"Cannot create datafeed [feed-guarded] because user ml_admin lacks permissions on the indices: {told}",
    )
    embedded = {**JOB, "datafeed_config": {"indices": [SOURCE]}}
    assert guarded.put("/_ml/anomaly_detectors/embedding", json_body=embedded, headers=ML_ADMIN).status == 403
    assert guarded.get("/_ml/anomaly_detectors/embedding", headers=ADMIN).status == 404
    preview = guarded.post("/_ml/datafeeds/_preview", json_body={"datafeed_config": FEED}, headers=ML_ADMIN)
    assert (preview.status, preview.json()["error"]["type"]) == (403, "security_exception")


@pytest.mark.usefixtures("keys")
def test_a_datafeed_searches_with_a_key_made_for_its_creator(guarded: HttpClient, secured_cluster_url: str) -> None:
    answer = guarded.put(PATH, json_body=FEED, headers=ADMIN)
    assert answer.status == 200, answer.text
    made = answer.json()
    key = made["authorization"]["api_key"]
    assert key["name"] == "lanewatch-datafeed-feed-guarded"
    assert guarded.get(PATH, headers=ADMIN).json()["datafeeds"] == [made], "and nothing more of the key"
    assert is_valid(secured_cluster_url, key["id"])
    assert guarded.post(f"/_ml/anomaly_detectors/{JOB_ID}/_open", headers=ADMIN).status == 200
    started = guarded.post(f"{PATH}/_start", query={"end": "2025-06-02"}, headers=ML_ADMIN)
    assert started.status == 200, started.text
    wait_until(lambda: stats(guarded)["state"] == "closed", 60)
    assert stats(guarded)["data_counts"]["processed_record_count"] == 2
    updated = guarded.post(f"{PATH}/_update", json_body={"scroll_size": 5}, headers=ADMIN).json()
    newer = updated["authorization"]["api_key"]["id"]
    assert newer != key["id"]
    assert [is_valid(secured_cluster_url, each) for each in (key["id"], newer)] == [False, True]
    assert guarded.post(f"{PATH}/_update", json_body={"scroll_size": 6}, headers=ML_ADMIN).status == 403
    guarded.delete(f"/_ml/anomaly_detectors/{JOB_ID}", headers=ADMIN)
    assert not is_valid(secured_cluster_url, newer)


@pytest.mark.usefixtures("keys")
def test_a_second_identity_is_the_one_that_searches(guarded: HttpClient) -> None:
    second = {"es-secondary-authorization": ADMIN["authorization"]}
    made = guarded.put(PATH, json_body=FEED, headers={**ML_ADMIN, **second})
    assert made.status == 200, made.text
    assert made.json()["authorization"]["api_key"]["name"] == "lanewatch-datafeed-feed-guarded"
    guarded.delete(PATH, headers=ADMIN)
    second = {"es-secondary-authorization": ML_ADMIN["authorization"]}
    refused = guarded.put(PATH, json_body=FEED, headers={**ADMIN, **second})
    assert (refused.status, refused.json()["error"]["type"]) == (403, "security_exception")


def stats(client: HttpClient) -> Document:
    found: Document = client.get(f"/_ml/anomaly_detectors/{JOB_ID}/_stats", headers=ADMIN).json()["jobs"][0]
    return found


def test_a_caller_with_a_key_searches_with_that_key(
    guarded: HttpClient, keys: HttpClient, secured_cluster_url: str
) -> None:
    key = keys.post("/_security/api_key", json_body={"name": "mine"}, headers=ADMIN).json()
    as_key = {"authorization": "ApiKey " + base64.b64encode(f"{key['id']}:{key['api_key']}".encode()).decode()}
    made = guarded.put(PATH, json_body=FEED, headers=as_key)
    assert made.status == 200, made.text
    assert made.json()["authorization"] == {"api_key": {"id": key["id"], "name": "mine"}}
    assert guarded.delete(PATH, headers=ADMIN).json() == {"acknowledged": True}
    assert is_valid(secured_cluster_url, key["id"]), "it is the caller's"


@pytest.mark.scenario(17)
def test_a_datafeed_whose_key_is_revoked_says_so_and_stops(
    guarded: HttpClient, keys: HttpClient, secured_cluster_url: str
) -> None:
    often = {**FEED, "frequency": "1s", "query_delay": "1s", "max_consecutive_extraction_failures": 2}
    made = guarded.put(PATH, json_body=often, headers=ADMIN)
    assert made.status == 200, made.text
    assert guarded.post(f"/_ml/anomaly_detectors/{JOB_ID}/_open", headers=ADMIN).status == 200
    assert guarded.post(f"{PATH}/_start", headers=ADMIN).status == 200
    wait_until(lambda: stats(guarded)["data_counts"]["processed_record_count"] == 2, 30)
    key_id = made.json()["authorization"]["api_key"]["id"]
    revoked = keys.delete("/_security/api_key", json_body={"ids": [key_id]}, headers=ADMIN)
    assert revoked.status == 200, revoked.text
    wait_until(lambda: datafeed_state(guarded) == "stopped", 30)
    assert stats(guarded)["state"] == "opened"
    keys.post("/.ml-notifications-000002/_refresh", headers=ADMIN)
    found = keys.get("/.ml-notifications-000002/_search", query={"q": f"job_id:{JOB_ID}", "size": 100}, headers=ADMIN)
    told = [hit["_source"]["message"] for hit in found.json()["hits"]["hits"]]
    assert any(text.startswith("Datafeed is encountering errors extracting data: ") for text in told), told
    assert any("auto-stopped after 2 consecutive real-time extraction failures" in text for text in told), told


def datafeed_state(client: HttpClient) -> str:
    return str(client.get(f"{PATH}/_stats", headers=ADMIN).json()["datafeeds"][0]["state"])
