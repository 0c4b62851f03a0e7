"""A datafeed gives its job what posting the same documents would."""

from __future__ import annotations

from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import Document, hours_of_two_hosts, index, job_stats, make, start, wait_until
from tests.runtime.datafeeds.test_killed import JOB, MOMENTS
from tests.runtime.test_restart import close, results

SOURCE = "source-posted"


def counts(client: HttpClient, job_id: str) -> Document:
    return {name: value for name, value in job_stats(client, job_id)["data_counts"].items() if name not in MOMENTS}


def test_results_and_counts_are_those_of_posted_records(client: HttpClient, cluster_client: HttpClient) -> None:
    documents = hours_of_two_hosts(240, 4)
    for number, document in enumerate(documents):
        if number % 50 == 0:
            del document["took"]
    index(cluster_client, SOURCE, documents)
    fed, posted = "fed-not-posted", "posted-not-fed"
    datafeed_id = make(
        client, fed, JOB, {"indices": [SOURCE], "chunking_config": {"mode": "manual", "time_span": "7h"}}
    )
    start(client, datafeed_id, end="now")
    make(client, posted, JOB, {"indices": [SOURCE]})
    assert client.post(f"/_ml/anomaly_detectors/{posted}/_data", ndjson=documents).status == 202
    client.post(f"/_ml/anomaly_detectors/{posted}/_flush", query={"calc_interim": "true"})
    close(client, posted)
    wait_until(lambda: job_stats(client, fed)["state"] == "closed", 60)
    assert results(client, fed)["records"], "the wild hour must be found, or the comparison says nothing"
    assert results(client, fed) == results(client, posted)
    fed_counts, posted_counts = counts(client, fed), counts(client, posted)
    # Posted bodies have line feeds and quoted names of their own.
    assert abs(fed_counts.pop("input_bytes") - posted_counts.pop("input_bytes")) < len(documents) * 20
    assert fed_counts == posted_counts
    for job_id in (fed, posted):
        client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
    cluster_client.delete(f"/{SOURCE}")
