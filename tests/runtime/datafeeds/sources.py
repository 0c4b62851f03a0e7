"""Source indices for datafeeds that really run, and the steps to run them, through HTTP and the real cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.http_client import HttpClient

Document = dict[str, Any]
SPAN_MS = 3_600_000
START_MS = 1_700_000_000_000 // SPAN_MS * SPAN_MS
_BULK = 5000


def index(cluster_client: HttpClient, name: str, documents: Iterable[Document]) -> None:
    """A new index with these documents."""
    cluster_client.delete(f"/{name}", query={"ignore_unavailable": "true"})
    properties = {"time": {"type": "date"}, "host": {"type": "keyword"}, "took": {"type": "float"}}
    made = cluster_client.put(f"/{name}", json_body={"mappings": {"properties": properties}})
    assert made.status == 200, made.text
    add(cluster_client, name, documents)


def add(cluster_client: HttpClient, name: str, documents: Iterable[Document]) -> None:
    """More documents, searchable at once."""
    lines = [line for document in documents for line in ({"index": {}}, document)]
    for start in range(0, len(lines), 2 * _BULK):
        answer = cluster_client.post(
            f"/{name}/_bulk", query={"refresh": "true"}, ndjson=lines[start : start + 2 * _BULK]
        )
        assert answer.json()["errors"] is False, answer.text[:500]


def hours_of_two_hosts(hours: int, each: int) -> list[Document]:
    """Documents at even distances, with one wild hour on one of the hosts."""
    step_ms = SPAN_MS // each
    wild = hours * 3 // 4
    return [
        {
            "time": START_MS + hour * SPAN_MS + part * step_ms,
            "host": host,
            "took": 100 + 10 * ((hour * 7 + part * 3) % 5) + (900 if hour == wild and host == "b" else 0),
        }
        for hour in range(hours)
        for part in range(each)
        for host in ("a", "b")
    ]


def make(client: HttpClient, job_id: str, job: Document, datafeed: Document) -> str:
    """An open job with its datafeed, whose id is returned."""
    client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
    made = client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=job)
    assert made.status == 200, made.text
    datafeed_id = f"feed-{job_id}"
    made = client.put(f"/_ml/datafeeds/{datafeed_id}", json_body={"job_id": job_id, **datafeed})
    assert made.status == 200, made.text
    assert client.post(f"/_ml/anomaly_detectors/{job_id}/_open").status == 200
    return datafeed_id


def start(client: HttpClient, datafeed_id: str, **times: str) -> None:
    answer = client.post(f"/_ml/datafeeds/{datafeed_id}/_start", query=times)
    assert answer.json().get("started") is True, answer.text


def job_stats(client: HttpClient, job_id: str) -> Document:
    stats: Document = client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"][0]
    return stats


def wait_until(is_so: Callable[[], bool], within_s: float) -> None:
    last_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < last_s, "it did not happen in time"
        time.sleep(0.1)
