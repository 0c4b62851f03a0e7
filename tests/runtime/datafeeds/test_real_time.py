"""A datafeed in real time over documents that arrive in bursts, out of order and too late."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import Document, add, index, job_stats, make, start, wait_until

SOURCE, JOB_ID = "source-real-time-feed", "fed-live"
JOB = {
    "analysis_config": {"bucket_span": "5s", "detectors": [{"function": "count"}]},
    "data_description": {"time_field": "time", "time_format": "epoch_ms"},
}
DELAY_S, LATE_S, WINDOW_S = 6, 15, 40
DATAFEED = {
    "indices": [SOURCE],
    "frequency": "1s",
    "query_delay": f"{DELAY_S}s",
    "delayed_data_check_config": {"enabled": True, "check_window": f"{WINDOW_S}s"},
}
# Late documents come once the job has buckets where they belong.
TICKS, LATE_FROM = 28, 18


@pytest.fixture
def live(client: HttpClient, cluster_client: HttpClient) -> Iterator[str]:
    """The id of a started datafeed over an index without documents yet."""
    index(cluster_client, SOURCE, [])
    datafeed_id = make(client, JOB_ID, JOB, DATAFEED)
    start(client, datafeed_id, start="now-1m")
    wait_until(lambda: is_in_real_time(client, datafeed_id), 30)
    yield datafeed_id
    client.delete(f"/_ml/anomaly_detectors/{JOB_ID}", query={"force": "true"})
    cluster_client.delete(f"/{SOURCE}")


def is_in_real_time(client: HttpClient, datafeed_id: str) -> bool:
    stats: Document = client.get(f"/_ml/datafeeds/{datafeed_id}/_stats").json()["datafeeds"][0]
    return bool(stats["running_state"]["real_time_running"])


def documents(count: int, age_s: float) -> list[Document]:
    """Documents of about the same time, in no order."""
    now_ms = time.time() * 1000
    return [{"time": int(now_ms - 1000 * age_s - random.uniform(0, 900)), "host": "a"} for _ in range(count)]


def buckets(client: HttpClient, **query: str) -> list[Document]:
    found: list[Document] = client.get(
        f"/_ml/anomaly_detectors/{JOB_ID}/results/buckets", query={"size": "1000", **query}
    ).json()["buckets"]
    return found


def annotations(cluster_client: HttpClient) -> list[Document]:
    query = {"bool": {"filter": [{"term": {"job_id": JOB_ID}}, {"term": {"event": "delayed_data"}}]}}
    cluster_client.post("/.ml-annotations-read/_refresh")
    hits = cluster_client.post("/.ml-annotations-read/_search", json_body={"query": query}).json()["hits"]["hits"]
    return [hit["_source"] for hit in hits]


def test_late_documents_are_told_of_and_all_others_are_counted(
    live: str, client: HttpClient, cluster_client: HttpClient
) -> None:
    on_time, late, has_seen_interim = 0, 0, False
    for tick in range(TICKS):
        burst = 500 if tick == TICKS // 2 else 3
        add(cluster_client, SOURCE, documents(burst, age_s=0))
        on_time += burst
        if tick >= LATE_FROM:
            add(cluster_client, SOURCE, documents(1, age_s=LATE_S))
            late += 1
        has_seen_interim = has_seen_interim or any(bucket["is_interim"] for bucket in buckets(client))
        time.sleep(1)
    written_ms = int(time.time() * 1000)
    wait_until(lambda: any(b["timestamp"] > written_ms and not b["is_interim"] for b in buckets(client)), 60)
    assert has_seen_interim
    counts = job_stats(client, JOB_ID)["data_counts"]
    assert (counts["processed_record_count"], counts["out_of_order_timestamp_count"]) == (on_time, 0)
    assert sum(bucket["event_count"] for bucket in buckets(client, exclude_interim="true")) == on_time
    wait_until(lambda: len(annotations(cluster_client)) == 1, WINDOW_S + 30)
    (annotation,) = annotations(cluster_client)
    missed = int(annotation["annotation"].removeprefix("Datafeed has missed ").split(" ")[0])
    assert missed <= late
    assert "due to ingest latency, latest bucket with missing data is [" in annotation["annotation"]
    assert annotation["timestamp"] < annotation["end_timestamp"]
    assert job_stats(client, JOB_ID)["data_counts"]["processed_record_count"] == on_time, "they are not analysed later"
    stopped = client.post(f"/_ml/datafeeds/{live}/_stop")
    assert stopped.json() == {"stopped": True}
