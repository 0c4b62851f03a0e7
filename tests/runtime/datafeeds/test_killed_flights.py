"""A year of flights through three datafeeds, killed twenty times: nobody could tell from what is left behind.

Too long for every run: ``make test-faults`` runs it, ``test_killed`` is its short form.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from proxy.demo.flights import MAPPING, TOTAL, read_flights
from proxy.demo.jobs import END, INDEX, JOBS
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import Document, add, job_stats, wait_until
from tests.runtime.datafeeds.test_killed import Proxy, counts
from tests.runtime.test_restart import bare

KILLS = 20
WITHIN_S = 600
# Everything that a job finds; the other documents tell when something happened, or how long it took.
FOUND = ("bucket", "record", "influencer", "bucket_influencer", "model_plot")
# Of results: when they were written.
MOMENTS = ("event",)
PAGE = 5000

Found = dict[str, tuple[Document, dict[str, Document]]]

pytestmark = [pytest.mark.faults, pytest.mark.scenario(4)]


@pytest.fixture(scope="module")
def flights(cluster_client: HttpClient) -> Iterator[None]:
    cluster_client.delete(f"/{INDEX}", query={"ignore_unavailable": "true"})
    made = cluster_client.put(f"/{INDEX}", json_body={"mappings": MAPPING})
    assert made.status == 200, made.text
    add(cluster_client, INDEX, read_flights())
    yield
    cluster_client.delete(f"/{INDEX}")


@contextmanager
def started(cluster_url: str) -> Iterator[Proxy]:
    """A proxy whose jobs are fed with all flights."""
    proxy = Proxy(cluster_url)
    try:
        for job_id, job in JOBS.items():
            path = f"/_ml/anomaly_detectors/{job_id}"
            proxy.client.delete(path, query={"force": "true"})
            assert proxy.client.put(path, json_body=job).status == 200
            assert proxy.client.post(f"{path}/_open").status == 200
        for job_id in JOBS:
            assert proxy.client.post(f"/_ml/datafeeds/{job_id}/_start", query={"end": END}).status == 200
        yield proxy
        for job_id in JOBS:
            proxy.client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
    finally:
        proxy.kill()


def read(client: HttpClient) -> tuple[bool, int]:
    """Whether all jobs have been closed, and how many records they have counted."""
    stats = [job_stats(client, job_id) for job_id in JOBS]
    records = sum(job["data_counts"]["input_record_count"] for job in stats)
    return all(job["state"] == "closed" for job in stats), records


def wait_for(client: HttpClient, records: int) -> tuple[bool, int]:
    """Until so many records have been counted, or all."""
    last_s = time.monotonic() + WITHIN_S
    while time.monotonic() < last_s:
        is_over, found = read(client)
        if is_over or found >= records:
            return is_over, found
        time.sleep(0.05)
    raise AssertionError("the records did not come in time")


def everything(proxy: Proxy, cluster_client: HttpClient) -> Found:
    """Of each job, its counts and all that it found, by id."""
    return {job_id: (counts(proxy.client, job_id), documents(cluster_client, job_id)) for job_id in JOBS}


def documents(cluster_client: HttpClient, job_id: str) -> dict[str, Document]:
    found: dict[str, Document] = {}
    body: Document = {"size": PAGE, "sort": ["_doc"], "query": {"terms": {"result_type": FOUND}}}
    index = f"/.ml-anomalies-{job_id}"
    cluster_client.post(f"{index}/_refresh")
    pit = cluster_client.post(f"{index}/_pit", query={"keep_alive": "1m"}).json()["id"]
    while True:
        answer = cluster_client.post("/_search", json_body=body | {"pit": {"id": pit, "keep_alive": "1m"}}).json()
        hits = answer["hits"]["hits"]
        for hit in hits:
            source = {name: value for name, value in hit["_source"].items() if name not in MOMENTS}
            found[hit["_id"]] = bare(source)
        if len(hits) < PAGE:
            return found
        body["search_after"] = hits[-1]["sort"]


def test_a_year_of_flights_killed_twenty_times_leaves_what_an_undisturbed_run_leaves(
    cluster_url: str,
    cluster_client: HttpClient,
    flights: None,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setenv("LANEWATCH_RUNTIME_CHECKPOINT_INTERVAL", "1s")
    with started(cluster_url) as proxy:
        wait_until(lambda: read(proxy.client)[0], WITHIN_S)
        undisturbed = everything(proxy, cluster_client)
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    done: list[str] = []
    with started(cluster_url) as proxy:
        for until in sorted(moments.sample(range(len(JOBS) * TOTAL), KILLS)):
            is_over, records = wait_for(proxy.client, until)
            if is_over:
                break
            kind = moments.choice(("proxy", "place"))
            done.append(f"{kind} at {records:,}")
            if kind == "place":
                proxy.kill_place()
            else:
                proxy.kill()
                proxy.start()
        wait_until(lambda: read(proxy.client)[0], WITHIN_S)
        killed = everything(proxy, cluster_client)
    print(f"seed {seed}; {len(done)} kills, by records read of {len(JOBS) * TOTAL:,}: {', '.join(done)}")
    record_property("figures", f"{len(done)} kills of proxy or model process in a year of flights, seed {seed}")
    for job_id in JOBS:
        kept = undisturbed[job_id]
        record_property(
            "figures", f"{job_id}: {len(kept[1]):,} documents and {kept[0]['processed_record_count']:,} records alike"
        )
        print(f"{job_id}: {len(kept[1]):,} documents, {kept[0]['processed_record_count']:,} records")
        assert killed[job_id][0] == kept[0]
        assert killed[job_id][0]["input_record_count"] == TOTAL
        assert killed[job_id][1].keys() == kept[1].keys()
        different = [key for key, document in kept[1].items() if killed[job_id][1][key] != document]
        assert not different, f"{len(different)} documents, such as {different[0]}"
    assert len(done) >= KILLS // 2, "too few kills to say anything"
