"""Interim results: who makes them, what removes them, and when results can be searched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxy.config import Config
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.written import START_MS

HOUR_MS = 3_600_000
JOB_ID = "partial"
PATH = f"/_ml/anomaly_detectors/{JOB_ID}"
JOB = {
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [{"function": "mean", "field_name": "took", "by_field_name": "host"}],
        "influencers": ["host"],
    },
    "data_description": {"time_field": "time"},
}


def rows(first: int, last: int, took: int = 100, parts: int = 6) -> Iterator[dict[str, Any]]:
    for hour in range(first, last):
        for part in range(parts):
            time = START_MS + hour * HOUR_MS + part * 300_000
            yield {"time": time, "took": took + (hour * 7 + part * 3) % 9, "host": f"h{part % 2}"}


@pytest.fixture
def job(client: HttpClient) -> Iterator[HttpClient]:
    """A job whose open bucket, the hour numbered 150, has begun wildly."""
    client.delete(PATH, query={"force": "true"})
    assert client.put(PATH, json_body=JOB).status == 200
    client.post(f"{PATH}/_open")
    post(client, rows(0, 150))
    post(client, rows(150, 151, took=5000))
    yield client
    client.delete(PATH, query={"force": "true"})


def post(client: HttpClient, data: Iterator[dict[str, Any]]) -> None:
    answer = client.post(f"{PATH}/_data", ndjson=data)
    assert answer.status == 202, answer.text


def interim(cluster: HttpClient) -> dict[str, int]:
    """How many interim results of each type can be searched."""
    body = {
        "size": 0,
        "query": {"term": {"is_interim": True}},
        "aggs": {"types": {"terms": {"field": "result_type"}}},
    }
    found = cluster.post(f"/.ml-anomalies-{JOB_ID}/_search", json_body=body).json()
    return {bucket["key"]: bucket["doc_count"] for bucket in found["aggregations"]["types"]["buckets"]}


def test_only_a_flush_that_asks_for_them_makes_interim_results(job: HttpClient, cluster_client: HttpClient) -> None:
    job.post(f"{PATH}/_flush")
    assert interim(cluster_client) == {}
    job.post(f"{PATH}/_flush", query={"calc_interim": "true"})
    types = interim(cluster_client)
    assert types["bucket"] == 1
    assert types["record"] >= 1
    assert types["influencer"] >= 1
    assert types["bucket_influencer"] >= 1
    shown = job.get(f"{PATH}/results/buckets", query={"desc": "true", "size": 1}).json()["buckets"][0]
    assert (shown["timestamp"], shown["is_interim"]) == (START_MS + 150 * HOUR_MS, True)
    final = job.get(f"{PATH}/results/records", query={"exclude_interim": "true", "sort": "timestamp"}).json()
    assert not [record for record in final["records"] if record["is_interim"]]


def test_closing_shows_nothing_of_the_unfinished_bucket(job: HttpClient, cluster_client: HttpClient) -> None:
    job.post(f"{PATH}/_close")
    assert interim(cluster_client) == {}
    latest = job.get(f"{PATH}/results/buckets", query={"desc": "true", "size": 1}).json()["buckets"][0]
    assert latest["timestamp"] == START_MS + 149 * HOUR_MS


def test_the_range_of_a_flush_limits_its_interim_results(job: HttpClient, cluster_client: HttpClient) -> None:
    before = {"calc_interim": "true", "start": str(START_MS), "end": str(START_MS + 150 * HOUR_MS)}
    job.post(f"{PATH}/_flush", query=before)
    assert interim(cluster_client) == {}


def test_the_next_interim_results_replace_those_before(job: HttpClient, cluster_client: HttpClient) -> None:
    """The bucket turns out to be ordinary: what was said of it half-way is no longer said."""
    job.post(f"{PATH}/_flush", query={"calc_interim": "true"})
    assert interim(cluster_client)["record"] >= 1
    again = {"reset_start": str(START_MS + 150 * HOUR_MS), "reset_end": str(START_MS + 151 * HOUR_MS)}
    assert job.post(f"{PATH}/_data", ndjson=rows(150, 151), query=again).status == 202
    job.post(f"{PATH}/_flush", query={"calc_interim": "true"})
    assert interim(cluster_client) == {"bucket": 1}


def test_the_first_final_bucket_removes_every_interim_result(job: HttpClient, cluster_client: HttpClient) -> None:
    job.post(f"{PATH}/_flush", query={"calc_interim": "true"})
    post(job, rows(151, 152))
    job.post(f"{PATH}/_flush")
    assert interim(cluster_client) == {}


def stray_record(cluster: HttpClient) -> None:
    """An interim record that no model remembers, as a process leaves that died."""
    source = {"job_id": JOB_ID, "result_type": "record", "timestamp": START_MS, "bucket_span": 3600, "is_interim": True}
    path = f"/.ml-anomalies-.write-{JOB_ID}/_doc/{JOB_ID}_record_stray"
    assert cluster.put(path, json_body=source, query={"refresh": "true"}).status == 201


def test_after_an_opening_forgotten_interim_results_go_with_the_next_bucket(
    job: HttpClient, cluster_client: HttpClient
) -> None:
    job.post(f"{PATH}/_close")
    stray_record(cluster_client)
    job.post(f"{PATH}/_open")
    assert interim(cluster_client) == {"record": 1}
    post(job, rows(151, 152))
    job.post(f"{PATH}/_flush")
    assert interim(cluster_client) == {}


def test_so_they_do_after_a_restart(
    config: Config, start_proxy: Callable[[Config], BackgroundProxy], cluster_client: HttpClient
) -> None:
    first = start_proxy(config)
    client = HttpClient(first.serving.url)
    client.delete(PATH, query={"force": "true"})
    client.put(PATH, json_body=JOB)
    client.post(f"{PATH}/_open")
    post(client, rows(0, 150))
    post(client, rows(150, 151, took=5000))
    client.post(f"{PATH}/_flush", query={"calc_interim": "true"})
    stray_record(cluster_client)
    first.stop()
    again = HttpClient(start_proxy(config).serving.url)
    post(again, rows(151, 152))
    again.post(f"{PATH}/_flush")
    assert interim(cluster_client) == {}
    again.delete(PATH, query={"force": "true"})


def test_a_flush_makes_final_results_searchable(job: HttpClient, cluster_client: HttpClient) -> None:
    post(job, rows(151, 160))
    job.post(f"{PATH}/_flush")
    query = {"query": {"term": {"result_type": "bucket"}}, "size": 0, "track_total_hits": True}
    found = cluster_client.post(f"/.ml-anomalies-{JOB_ID}/_search", json_body=query).json()
    assert found["hits"]["total"]["value"] == 159
