"""What is no id of a job never becomes a part of a path to the cluster, by whatever operation it comes."""

from __future__ import annotations

import pytest

from tests.http_client import HttpClient

NO_IDS = ("Upper", "a%2Fb", "a%2f..%2fb", "%2e%2e", "a%252Fb", "a" * 65, "a%00b", "%ff", "-a", "a-", "a%20b", "%3Ca%3E")
JOB = {"analysis_config": {"bucket_span": "1h", "detectors": [{"function": "count"}]}, "data_description": {}}
OF_ONE = (
    ("POST", "/_open"),
    ("POST", "/_data"),
    ("POST", "/_flush"),
    ("POST", "/_reset"),
    ("POST", "/_update"),
    ("DELETE", ""),
    ("POST", "/model_snapshots/1/_revert"),
    ("GET", "/results/buckets"),
    ("GET", "/results/categories"),
)


@pytest.mark.scenario(14)
def test_what_is_no_id_is_refused_by_every_operation(client: HttpClient, cluster_client: HttpClient) -> None:
    before = indices(cluster_client)
    for job_id in NO_IDS:
        made = client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=JOB)
        assert made.status == 400, (job_id, made.text)
        for method, path in OF_ONE:
            body = {} if path in ("/_update", "/_data") else None
            answer = client.request(method, f"/_ml/anomaly_detectors/{job_id}{path}", json_body=body)
            assert answer.status in (400, 404, 409), (method, job_id, path, answer.text)
            assert answer.json()["status"] == answer.status
    for several in ("_all", "*", "a*", "a,b"):
        assert client.put(f"/_ml/anomaly_detectors/{several}", json_body=JOB).status == 400
    assert indices(cluster_client) == before


def indices(cluster_client: HttpClient) -> set[str]:
    rows = cluster_client.get("/_cat/indices", query={"expand_wildcards": "all", "format": "json", "h": "index"})
    return {row["index"] for row in rows.json()}
