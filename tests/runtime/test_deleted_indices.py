"""Indices of ours that somebody deletes under open jobs: made anew with their mappings, told, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.config import Config
from proxy.runtime import supervisor
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.test_restart import close, make_job, model_processes, post, results

pytestmark = pytest.mark.scenario(9)
OFTEN_S = 0.3
OPENED = 'lanewatch_jobs{state="opened"}'


@pytest.fixture
def own(config: Config, cluster_client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings with indices of the test's own, which are looked after often."""
    monkeypatch.setattr(supervisor, "_TICK_S", OFTEN_S)
    indices = replace(
        config.indices,
        config="lanewatch-lost-config",
        journal="lanewatch-lost-journal",
        state=".ml-lost-state-000001",
        state_write_alias=".ml-lost-state-write",
        annotations=".ml-lost-annotations-000001",
        annotations_read_alias=".ml-lost-annotations-read",
        annotations_write_alias=".ml-lost-annotations-write",
        notifications=".ml-lost-notifications-000002",
    )
    for index in (indices.config, indices.journal, indices.state, indices.annotations, indices.notifications):
        cluster_client.delete(f"/{index}", query={"ignore_unavailable": "true"})
    # Of a job whose configuration is gone the results stay.
    leftovers = {"query": {"term": {"job_id": "without-configuration"}}}
    cluster_client.post("/.ml-anomalies-*/_delete_by_query", json_body=leftovers, query={"refresh": "true"})
    return replace(config, indices=indices)


def mapped_type(cluster_client: HttpClient, index: str, field: str) -> str:
    """Empty where there is no such index."""
    answer = cluster_client.get(f"/{index}/_mapping")
    if answer.status == 404:
        return ""
    return str(answer.json()[index]["mappings"]["properties"].get(field, {}).get("type", ""))


def messages(cluster_client: HttpClient, config: Config, job_id: str) -> list[str]:
    index = config.indices.notifications
    cluster_client.post(f"/{index}/_refresh")
    found = cluster_client.get(f"/{index}/_search", query={"q": f"job_id:{job_id}", "size": 100}).json()
    return [hit["_source"]["message"] for hit in found["hits"]["hits"]]


def test_a_journal_that_is_deleted_costs_no_acknowledged_record(
    own: Config, start_proxy: Callable[[Config], BackgroundProxy], cluster_client: HttpClient, undisturbed: dict
) -> None:
    journal, of_others = own.indices.journal, set(model_processes())
    proxy = start_proxy(own)
    client = HttpClient(proxy.serving.url)
    make_job(client, "without-journal")
    post(client, "without-journal", 0, 80)
    time.sleep(4 * OFTEN_S)  # the proxy has to have seen the journal that it shall miss
    assert cluster_client.delete(f"/{journal}").status == 200
    # Nobody writes: it is noticed all the same.
    wait_until(lambda: mapped_type(cluster_client, journal, "job_id") == "keyword", 10)
    wait_until(lambda: entries(cluster_client, journal) > 0, 10)
    assert cluster_client.delete(f"/{journal}").status == 200
    post(client, "without-journal", 80, 120)
    assert mapped_type(cluster_client, journal, "job_id") == "keyword"
    for pid in set(model_processes()) - of_others:
        os.kill(pid, signal.SIGKILL)
    proxy.stop()
    again = HttpClient(start_proxy(own).serving.url)
    post(again, "without-journal", 120, 200)
    close(again, "without-journal")
    assert results(again, "without-journal") == undisturbed
    assert any("journal was gone" in text for text in messages(cluster_client, own, "without-journal"))
    again.delete("/_ml/anomaly_detectors/without-journal", query={"force": "true"})


def entries(cluster_client: HttpClient, index: str) -> int:
    cluster_client.post(f"/{index}/_refresh")
    return int(cluster_client.get(f"/{index}/_count").json().get("count", 0))


def test_what_a_closing_job_writes_to_may_have_been_deleted(
    own: Config, start_proxy: Callable[[Config], BackgroundProxy], cluster_client: HttpClient, undisturbed: dict
) -> None:
    client = HttpClient(start_proxy(own).serving.url)
    make_job(client, "without-state")
    post(client, "without-state", 0, 100)
    gone = (own.indices.state, own.indices.annotations, own.indices.notifications)
    assert cluster_client.delete("/" + ",".join(gone)).status == 200
    close(client, "without-state")
    fields = ((gone[1], "job_id"), (gone[2], "job_id"), (gone[2], "level"))
    assert [mapped_type(cluster_client, *field) for field in fields] == ["keyword"] * 3
    assert cluster_client.get(f"/_alias/{own.indices.state_write_alias}").json().keys() == {own.indices.state}
    assert client.post("/_ml/anomaly_detectors/without-state/_open").status == 200
    post(client, "without-state", 100, 200)
    close(client, "without-state")
    assert results(client, "without-state") == undisturbed
    client.delete("/_ml/anomaly_detectors/without-state", query={"force": "true"})


def test_a_job_whose_configuration_is_deleted_is_ended_with_the_reason(
    own: Config, start_proxy: Callable[[Config], BackgroundProxy], cluster_client: HttpClient
) -> None:
    client, index = HttpClient(start_proxy(own).serving.url), own.indices.config
    make_job(client, "without-configuration")
    post(client, "without-configuration", 0, 20)
    assert f"{OPENED} 1.0" in client.get("/_ml_ui/metrics").text
    assert cluster_client.delete(f"/{index}").status == 200
    assert client.post("/_ml/anomaly_detectors/without-configuration/_close").status == 404
    wait_until(lambda: f"{OPENED} 1.0" not in client.get("/_ml_ui/metrics").text, 10)
    assert mapped_type(cluster_client, index, "type") == "keyword"
    told = messages(cluster_client, own, "without-configuration")
    assert any("its configuration and its claim have been deleted" in text for text in told)
    assert client.get("/_ml/anomaly_detectors/without-configuration").status == 404
    make_job(client, "configured-anew")
    post(client, "configured-anew", 0, 10)
    close(client, "configured-anew")
    client.delete("/_ml/anomaly_detectors/configured-anew", query={"force": "true"})
