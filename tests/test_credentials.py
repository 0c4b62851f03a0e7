"""Passwords and keys are in no log, index, answer or notification, whatever happens to those who use them."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.test_access import basic
from tests.conftest import PASSWORD
from tests.http_client import Answer, HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.test_cli import RunningCommand

SOURCE, JOB_ID, FEED = "source-of-secrets", "secretive", "/_ml/datafeeds/feed-secretive"
JOB = f"/_ml/anomaly_detectors/{JOB_ID}"
CONFIG = {
    "analysis_config": {"bucket_span": "1h", "detectors": [{"function": "count"}]},
    "data_description": {"time_field": "time"},
}
ADMIN = basic("admin")
WRONG_PASSWORD = "tr0ub4dor-and-three"


class Remembering(HttpClient):
    """Keeps all that it was answered."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.answers: list[str] = []

    def request(self, method: str, path: str, **options) -> Answer:
        answer = super().request(method, path, **options)
        self.answers.append(f"{answer.text}\n{answer.headers}")
        return answer


@pytest.fixture
def cluster(secured_cluster_url: str) -> Iterator[HttpClient]:
    """The cluster itself, with two documents to search."""
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed, so the cluster has no index for API keys")
    client = HttpClient(secured_cluster_url)
    mapping = {"mappings": {"properties": {"time": {"type": "date"}}}}
    assert client.put(f"/{SOURCE}", json_body=mapping, headers=ADMIN).status == 200
    for time in ("2025-06-01T00:10:00Z", "2025-06-01T01:10:00Z"):
        client.post(f"/{SOURCE}/_doc", query={"refresh": "true"}, json_body={"time": time}, headers=ADMIN)
    yield client
    client.delete(f"/{SOURCE}", headers=ADMIN)


def state(proxy: HttpClient) -> str:
    return str(proxy.get(f"{FEED}/_stats", headers=ADMIN).json()["datafeeds"][0]["state"])


def run_and_fail(proxy: HttpClient, cluster: HttpClient) -> str:
    """A datafeed's life: made, refused, read to its end, changed, robbed of its key; returns that key's id."""
    assert proxy.get(JOB, headers=basic("admin", WRONG_PASSWORD)).status == 401
    assert proxy.put(JOB, json_body=CONFIG, headers=ADMIN).status == 200
    feed = {"job_id": JOB_ID, "indices": [SOURCE]}
    assert proxy.put(FEED, json_body=feed, headers=basic("ml_admin")).status == 403
    assert proxy.put(FEED, json_body={**feed, "authorization": PASSWORD}, headers=ADMIN).status == 400
    assert proxy.put(FEED, json_body=feed, headers=ADMIN).status == 200
    assert proxy.get(f"{FEED}/_preview", headers=ADMIN).status == 200
    assert proxy.post(f"{JOB}/_open", headers=ADMIN).status == 200
    assert proxy.post(f"{FEED}/_start", query={"end": "2025-06-01T02:00:00Z"}, headers=ADMIN).status == 200
    wait_until(lambda: state(proxy) == "stopped", 60)
    updated = proxy.post(f"{FEED}/_update", json_body={"frequency": "1s", "query_delay": "1s"}, headers=ADMIN)
    assert updated.status == 200, updated.text
    key_id = str(updated.json()["authorization"]["api_key"]["id"])
    proxy.post(f"{JOB}/_open", headers=ADMIN)
    assert proxy.post(f"{FEED}/_start", headers=ADMIN).status == 200
    ended = cluster.delete("/_security/api_key", json_body={"ids": [key_id]}, headers=ADMIN)
    assert ended.json()["invalidated_api_keys"] == [key_id]
    wait_until(lambda: "401" in messages(proxy) or "authenticate" in messages(proxy), 60)
    assert proxy.get("/_ml/datafeeds/_stats", headers=ADMIN).status == 200
    return key_id


def messages(proxy: HttpClient) -> str:
    found = proxy.get("/.ml-notifications-*/_search", query={"size": 1000}, headers=ADMIN)
    return found.text


def stored(cluster: HttpClient) -> dict[str, list[str]]:
    """The text of every document of ours, by index; of buckets there are more than one page may have."""
    query = {"size": 10000, "q": "NOT result_type:bucket", "expand_wildcards": "all", "ignore_unavailable": "true"}
    cluster.post("/.ml-*,lanewatch-*/_refresh", query={"expand_wildcards": "all"}, headers=ADMIN)
    hits = cluster.get("/.ml-*,lanewatch-*/_search", query=query, headers=ADMIN).json()["hits"]["hits"]
    texts: dict[str, list[str]] = {}
    for hit in hits:
        texts.setdefault(hit["_index"], []).append(json.dumps(hit))
    return texts


def test_nothing_that_is_kept_or_told_has_a_credential(
    cluster: HttpClient, secured_cluster_url: str, apart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWATCH_ELASTICSEARCH_USERNAME", "lanewatch")
    monkeypatch.setenv("LANEWATCH_ELASTICSEARCH_PASSWORD", PASSWORD)
    monkeypatch.setenv("LANEWATCH_LOG_LEVEL", "debug")
    arguments = ("serve", "--port", "0", "--elasticsearch", secured_cluster_url)
    with (tmp_path / "log").open("w") as log, RunningCommand(*arguments, log=log) as command:
        proxy = Remembering(command.url)
        key_id = run_and_fail(proxy, cluster)
        kept = stored(cluster)
        assert proxy.delete(FEED, query={"force": "true"}, headers=ADMIN).status == 200
        assert proxy.delete(JOB, query={"force": "true"}, headers=ADMIN).status == 200
    key = key_of(kept.get(apart, []), key_id)
    left = stored(cluster)
    headers = [basic(*each)["authorization"].partition(" ")[2] for each in (("admin",), ("lanewatch",), ("ml_admin",))]
    secrets = [PASSWORD, WRONG_PASSWORD, *headers, key, base64.b64decode(key).decode().partition(":")[2]]
    places = {
        "log": [(tmp_path / "log").read_text()],
        "answers": proxy.answers,
        **{f"{index}, while it ran": texts for index, texts in kept.items()},
        **{f"{index}, at its end": texts for index, texts in left.items()},
    }
    assert places["log"] != [""]
    found = {
        (place, at) for place, texts in places.items() for at, secret in enumerate(secrets) if secret in str(texts)
    }
    # A datafeed searches with its key, which must be somewhere as long as there is the datafeed.
    assert found == {(f"{apart}, while it ran", secrets.index(key))}


def key_of(documents: list[str], key_id: str) -> str:
    """The one key in the configurations, in the form in which it authenticates."""
    keys = {json.loads(text)["_source"].get("api_key") for text in documents} - {None}
    found = [key for key in keys if base64.b64decode(key).decode().partition(":")[0] == key_id]
    assert len(found) == len(keys) == 1, "of one datafeed"
    return str(found[0])
