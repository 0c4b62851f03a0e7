"""Two actors of a Ray make the same documents as one process, job by job and document by document."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from proxy.config import Config
from tests.conftest import BackgroundProxy, delete_own_indices
from tests.http_client import HttpClient
from tests.runtime.test_restart import JOB, SPAN_MS, START_MS

_HOURS = 40
_PARTS = 2
_AT_ONCE = 8
_FEW = 100
# How long something took, and when it was written.
_ABOUT_THE_RUN = ("model_size_stats", "timing_stats")
_DIFFERS = ("processing_time_ms", "log_time", "event", "create_time", "last_data_time", "total_search_time_ms")


def rows_of(number: int) -> list[dict[str, object]]:
    """Records of one small job, like no other's, with one wild hour."""
    luck = random.Random(number)
    wild = luck.randrange(_HOURS // 2, _HOURS)
    return [
        {
            "time": START_MS + hour * SPAN_MS + part * 900_000,
            "host": host,
            "took": luck.gauss(100, 10) + (500 if hour == wild and host == "b" else 0),
        }
        for hour in range(_HOURS)
        for part in range(4)
        for host in ("a", "b")
    ]


def analyse(client: HttpClient, name: str, number: int) -> None:
    path = f"/_ml/anomaly_detectors/{name}-{number}"
    for method, tail, arguments in (
        ("put", "", {"json_body": JOB}),
        ("post", "/_open", {}),
        *(("post", "/_data", {"ndjson": part}) for part in parts(rows_of(number))),
        ("post", "/_close", {}),
    ):
        answer = getattr(client, method)(path + tail, **arguments)
        assert answer.status in (200, 202), answer.text


def parts(rows: list[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    size = len(rows) // _PARTS
    return (rows[start : start + size] for start in range(0, len(rows), size))


def documents(cluster: HttpClient, job_id: str) -> dict[str, Any]:
    """All that a job has written as results, by their ids, without its name and without how long things took."""
    found = cluster.get(f"/.ml-anomalies-{job_id}/_search", query={"size": "1000"}).json()["hits"]["hits"]
    assert len(found) < 1000
    return {
        hit["_id"].replace(job_id, "*"): bare(hit["_source"], job_id)
        for hit in found
        if hit["_source"].get("result_type") not in _ABOUT_THE_RUN and "snapshot_id" not in hit["_source"]
    }


def bare(part: Any, job_id: str) -> Any:
    if isinstance(part, dict):
        return {name: bare(value, job_id) for name, value in part.items() if name not in _DIFFERS}
    if isinstance(part, list):
        return [bare(value, job_id) for value in part]
    return part.replace(job_id, "*") if isinstance(part, str) else part


@pytest.mark.parametrize("jobs", [25, pytest.param(1000, marks=pytest.mark.faults)])
def test_two_actors_make_the_documents_of_one_process(
    config: Config,
    ray_session: None,
    start_proxy: Callable[[Config], BackgroundProxy],
    cluster_client: HttpClient,
    jobs: int,
) -> None:
    runtimes = {
        "process": replace(config.runtime, workers=1),
        "actors": replace(config.runtime, workers=2, places="ray"),
    }
    numbers = range(jobs)
    for name, runtime in runtimes.items():
        proxy = start_proxy(replace(config, runtime=runtime))
        in_parallel(partial(analyse, HttpClient(proxy.serving.url), name), numbers)
        proxy.stop()
    cluster_client.post("/.ml-anomalies-*/_refresh", query={"expand_wildcards": "all"})
    kinds = set[str]()
    for number in numbers:
        expected, found = (documents(cluster_client, f"{name}-{number}") for name in runtimes)
        assert len(expected) >= _HOURS
        kinds.update(document.get("result_type", "counts") for document in expected.values())
        assert found.keys() ^ expected.keys() == set()
        for document_id, document in expected.items():
            assert found[document_id] == document, document_id
    assert kinds >= {"bucket", "record", "influencer", "bucket_influencer", "counts"}
    if jobs > _FEW:  # deleting thousands one by one takes minutes, and shows nothing here
        delete_own_indices(cluster_client)
        return
    client = HttpClient(start_proxy(config).serving.url)
    in_parallel(partial(delete, client), [f"{name}-{number}" for name in runtimes for number in numbers])


def in_parallel(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(work, items))


def delete(client: HttpClient, job_id: str) -> None:
    assert client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"}).status == 200
