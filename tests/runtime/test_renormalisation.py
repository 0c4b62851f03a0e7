"""A later, larger anomaly lowers earlier scores in the index, and what is stored stays what is answered."""

from __future__ import annotations

import json
import time

from proxy.store.results.pages import BUCKETS, INFLUENCERS, RECORDS
from tests.http_client import HttpClient

JOB = "renormalised"
SPAN_MS = 3_600_000
START_MS = 1_700_000_000_000 // SPAN_MS * SPAN_MS


def post(client: HttpClient, first: int, last: int, wild: dict[int, float]) -> None:
    rows = []
    for hour in range(first, last):
        for part in range(6):
            took = 100 + (hour * 7 + part * 3) % 5 + wild.get(hour, 0.0)
            rows.append({"time": START_MS + hour * SPAN_MS + part * 600_000, "host": "a", "took": took})
    answer = client.post(f"/_ml/anomaly_detectors/{JOB}/_data", ndjson=rows)
    assert answer.status == 202, answer.text


def test_rescored_results_keep_their_first_scores_times_and_seals(
    client: HttpClient, cluster_client: HttpClient
) -> None:
    job = {
        "analysis_config": {
            "bucket_span": "1h",
            "detectors": [{"function": "mean", "field_name": "took"}],
            "influencers": ["host"],
        },
        "data_description": {"time_field": "time", "time_format": "epoch_ms"},
    }
    client.delete(f"/_ml/anomaly_detectors/{JOB}", query={"force": "true"})
    assert client.put(f"/_ml/anomaly_detectors/{JOB}", json_body=job).status == 200
    assert client.post(f"/_ml/anomaly_detectors/{JOB}/_open").status == 200
    post(client, 0, 200, {180: 4.0})
    between_ms = time.time() * 1000
    post(client, 200, 260, {240: 100_000.0})
    assert client.post(f"/_ml/anomaly_detectors/{JOB}/_close").json() == {"closed": True}
    try:
        for kind, score, pages in (
            ("bucket", "anomaly_score", BUCKETS),
            ("record", "record_score", RECORDS),
            ("influencer", "influencer_score", INFLUENCERS),
        ):
            query = {"size": 1000, "query": {"term": {"result_type": kind}}}
            answer = cluster_client.post(f"/.ml-anomalies-{JOB}/_search", json_body=query).body
            documents = [hit["_source"] for hit in json.loads(answer)["hits"]["hits"]]
            assert any(one[score] < one[f"initial_{score}"] for one in documents), kind
            assert len(pages.seal.cut(answer)[1]) == len(documents)
            for one in documents:
                is_of_first_post = one["timestamp"] < START_MS + 199 * SPAN_MS
                assert (one["event"]["ingested"] < between_ms) == is_of_first_post, "when it was first written"
    finally:
        client.delete(f"/_ml/anomaly_detectors/{JOB}", query={"force": "true"})
