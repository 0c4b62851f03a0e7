"""What scenarios cannot show of jobs: settings, restarts, contention, numbers of requests, the official client."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from proxy.config import Config
from proxy.job_config.job import Creation, new_job
from proxy.runtime.machine_memory import machine_bytes
from tests.conftest import delete_own_indices
from tests.http_client import HttpClient

JOB = {"analysis_config": {"bucket_span": "1h", "detectors": [{"function": "count"}]}, "data_description": {}}


@pytest.fixture
def no_jobs(reset_jobs: Callable[[], None], cluster_client: HttpClient) -> Iterator[None]:
    reset_jobs()
    yield
    reset_jobs()


def with_ml(config: Config, **settings: object) -> Config:
    return replace(config, ml=replace(config.ml, **settings))


def put(client: HttpClient, job_id: str, **fields: object) -> dict[str, object]:
    answer = client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=JOB | fields)
    assert answer.status == 200, answer.text
    return answer.json()


# ---- settings


def test_the_maximum_of_the_settings_lowers_the_default_and_refuses_more(config, start_proxy, no_jobs):
    client = HttpClient(start_proxy(with_ml(config, max_model_memory_limit=512 << 20)).serving.url)
    assert put(client, "default")["analysis_limits"]["model_memory_limit"] == "512mb"
    assert put(client, "equal", analysis_limits={"model_memory_limit": "512mb"})["job_id"] == "equal"
    refused = client.put(
        "/_ml/anomaly_detectors/more", json_body=JOB | {"analysis_limits": {"model_memory_limit": "1gb"}}
    )
    assert refused.status == 400
    assert refused.json()["error"]["reason"] == (
        "model_memory_limit [1gb] must be less than the value of the xpack.ml.max_model_memory_limit setting [512mb]"
    )
    updated = client.post(
        "/_ml/anomaly_detectors/default/_update", json_body={"analysis_limits": {"categorization_examples_limit": 1}}
    )
    assert updated.json()["analysis_limits"]["model_memory_limit"] == "512mb"
    info = client.get("/_ml/info").json()
    assert info["defaults"]["anomaly_detectors"]["model_memory_limit"] == "512mb"
    assert info["limits"]["max_model_memory_limit"] == "512mb"


def test_no_more_jobs_open_than_the_settings_allow(config, start_proxy, no_jobs):
    client = HttpClient(start_proxy(with_ml(config, max_open_jobs=1)).serving.url)
    put(client, "one")
    put(client, "two")
    assert client.post("/_ml/anomaly_detectors/one/_open").status == 200
    refused = client.post("/_ml/anomaly_detectors/two/_open")
    assert refused.status == 429
    assert refused.json()["error"]["reason"] == (
        "Could not open job because no ML nodes with sufficient capacity were found"
    )
    assert client.post("/_ml/anomaly_detectors/one/_close").status == 200
    assert client.post("/_ml/anomaly_detectors/two/_open").status == 200
    assert client.post("/_ml/anomaly_detectors/two/_close").status == 200


def test_a_job_that_may_open_lazily_waits_for_room(config, start_proxy, no_jobs):
    client = HttpClient(start_proxy(with_ml(config, max_open_jobs=1)).serving.url)
    put(client, "first")
    put(client, "lazy", allow_lazy_open=True)
    client.post("/_ml/anomaly_detectors/first/_open")
    assert client.post("/_ml/anomaly_detectors/lazy/_open").json() == {"opened": True, "node": ""}
    waiting = client.get("/_ml/anomaly_detectors/lazy/_stats").json()["jobs"][0]
    assert waiting["state"] == "opening"
    assert waiting["assignment_explanation"] == "persistent task is awaiting node assignment."
    assert "node" not in waiting
    assert client.post("/_ml/anomaly_detectors/lazy/_data", ndjson=[{"time": 1}]).status == 409
    assert client.post("/_ml/anomaly_detectors/first/_close").status == 200
    assert client.get("/_ml/anomaly_detectors/lazy/_stats").json()["jobs"][0]["state"] == "opened"
    assert client.post("/_ml/anomaly_detectors/lazy/_close").json() == {"closed": True}


def test_what_there_is_for_models_is_the_same_wherever_it_is_told(config, start_proxy):
    client = HttpClient(start_proxy(with_ml(config, max_machine_memory_percent=10)).serving.url)
    total = machine_bytes() * 10 // 100
    limits = client.get("/_ml/info").json()["limits"]
    assert limits["total_ml_memory"] == limits["effective_max_model_memory_limit"] == f"{total >> 20}mb"
    nodes = client.get("/_ml/memory/_stats").json()["nodes"].values()
    assert [size for node in nodes if (size := node["mem"]["ml"]["max_in_bytes"])] == [total]


# ---- restarts


def test_a_job_that_is_too_large_waits_on_after_a_restart(config, start_proxy, no_jobs):
    client = HttpClient(start_proxy(config).serving.url)
    put(client, "huge", allow_lazy_open=True, analysis_limits={"model_memory_limit": "4000gb"})
    assert client.post("/_ml/anomaly_detectors/huge/_open").json() == {"opened": True, "node": ""}
    other = HttpClient(start_proxy(config).serving.url)
    assert _wait_for(lambda: _state(other, "huge"), "opening") == "opening"
    assert other.post("/_ml/anomaly_detectors/huge/_data", ndjson=[{"time": 1}]).status == 409
    assert _state(other, "huge") == "opening"
    assert other.post("/_ml/anomaly_detectors/huge/_close").json() == {"closed": True}


def _state(client, job_id):
    return client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"][0]["state"]


def test_a_failed_job_needs_force_to_close(config, start_proxy, cluster_client):
    former = start_proxy(config)
    for job_id in ("broken", "sound"):
        put(HttpClient(former.serving.url), job_id)
    former.stop()
    task = {"type": "job_task", "job_id": "broken", "state": "failed", "epoch": 1, "opened_at": 1, "reason": "x"}
    path = f"/{former.config.indices.config}/_doc/job_task-broken"
    assert cluster_client.put(path, json_body=task, query={"refresh": "true"}).status == 201
    other = HttpClient(start_proxy(config).serving.url)
    state = _wait_for(lambda: other.get("/_ml/anomaly_detectors/broken/_stats").json()["jobs"][0]["state"], "failed")
    assert state == "failed"
    alone = other.post("/_ml/anomaly_detectors/broken/_close")
    assert (alone.status, alone.json()["error"]["reason"]) == (
        409,
        "cannot close job [broken] because it failed, use force close",
    )
    together = other.post("/_ml/anomaly_detectors/_all/_close")
    assert (together.status, together.json()["error"]["reason"]) == (
        409,
        "one or more jobs have state failed, use force close",
    )
    kept = other.delete("/_ml/anomaly_detectors/broken")
    assert kept.json()["error"]["reason"] == "Cannot delete job [broken] because the job is failed"
    assert other.post("/_ml/anomaly_detectors/_all/_close", query={"force": "true"}).json() == {"closed": True}
    for job_id in ("broken", "sound"):
        assert other.delete(f"/_ml/anomaly_detectors/{job_id}").json() == {"acknowledged": True}


def test_a_deletion_that_was_cut_short_is_finished_after_a_restart(config, start_proxy, cluster_client):
    former = start_proxy(config)
    client = HttpClient(former.serving.url)
    put(client, "half-gone")
    blocked = {"deleting": True, "blocked": {"reason": "delete", "task_id": "node:1"}}
    path = f"/{former.config.indices.config}/_doc/anomaly_detector-half-gone"
    document = cluster_client.get(path).json()["_source"]
    document["job"] |= blocked
    assert cluster_client.put(path, json_body=document, query={"refresh": "true"}).status == 200
    shown = client.get("/_ml/anomaly_detectors/half-gone").json()["jobs"][0]
    assert (shown["deleting"], shown["blocked"]["reason"]) == (True, "delete")
    assert client.get("/_ml/anomaly_detectors/_stats").json()["count"] == 0
    former.stop()
    client = HttpClient(start_proxy(config).serving.url)
    gone = _wait_for(lambda: client.get("/_ml/anomaly_detectors/half-gone").status, 404)
    assert gone == 404


def test_a_job_that_is_being_reset_does_not_open(config, client, cluster_client, no_jobs):
    put(client, "blocked")
    path = f"/{config.indices.config}/_doc/anomaly_detector-blocked"
    document = cluster_client.get(path).json()["_source"]
    document["job"]["blocked"] = {"reason": "revert", "task_id": "node:1"}
    assert cluster_client.put(path, json_body=document, query={"refresh": "true"}).status == 200
    opened = client.post("/_ml/anomaly_detectors/blocked/_open")
    assert (opened.status, opened.json()["error"]["reason"]) == (
        409,
        "Cannot open job [blocked] because it is executing [revert]",
    )
    reset = client.post("/_ml/anomaly_detectors/blocked/_reset")
    assert (reset.status, reset.json()["error"]["reason"]) == (
        409,
        "cannot reset job while it is blocked with [revert]",
    )


def _wait_for(look: Callable[[], object], wanted: object, seconds: float = 20) -> object:
    deadline = time.monotonic() + seconds
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


# ---- contention


def test_of_many_that_create_one_job_one_succeeds(client, no_jobs):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.put("/_ml/anomaly_detectors/wanted", json_body=JOB), range(8)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 7


def test_updates_at_the_same_time_are_all_kept(client, no_jobs):
    put(client, "updated")
    fields = ["renormalization_window_days", "results_retention_days", "system_annotations_retention_days"]
    with ThreadPoolExecutor(3) as pool:
        path = "/_ml/anomaly_detectors/updated/_update"
        answers = list(pool.map(lambda field: client.post(path, json_body={field: 7}), fields))
    assert [answer.status for answer in answers] == [200, 200, 200]
    shown = client.get("/_ml/anomaly_detectors/updated").json()["jobs"][0]
    assert [shown[field] for field in fields] == [7, 7, 7]


def test_deletions_of_one_job_share_their_outcome(client, no_jobs):
    put(client, "unwanted")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.delete("/_ml/anomaly_detectors/unwanted"), range(4)))
    assert {answer.status for answer in answers} <= {200, 404}
    assert 200 in {answer.status for answer in answers}
    assert client.get("/_ml/anomaly_detectors").json()["count"] == 0


# ---- many jobs


def many_jobs(cluster_client: HttpClient, config: Config, count: int) -> None:
    """Stores jobs as the proxy does, without asking it ten thousand times."""
    lines = []
    for number in range(count):
        job_id = f"many-{number:05d}"
        job = new_job(JOB | {"groups": ["many"]}, Creation(job_id, 1, None))
        lines.append({"index": {"_index": config.indices.config, "_id": f"anomaly_detector-{job_id}"}})
        lines.append({"type": "job", "job_id": job_id, "groups": ["many"], "job": job})
        lines.append({"index": {"_index": config.indices.results_prefix + "shared", "_id": f"{job_id}_data_counts"}})
        lines.append({"job_id": job_id, "processed_record_count": number, "input_record_count": number, "log_time": 1})
    for start in range(0, len(lines), 8000):
        stored = cluster_client.post("/_bulk", ndjson=lines[start : start + 8000])
        assert not stored.json()["errors"], stored.text[:500]
    cluster_client.post("/_refresh", query={"expand_wildcards": "all"})


def requests_served(cluster_client: HttpClient) -> int:
    """How many requests the cluster has answered, those for this number and those that renew leases left out."""
    nodes = cluster_client.get("/_nodes/stats/http").json()["nodes"]
    routes = [(name, route) for node in nodes.values() for name, route in node["http"]["routes"].items()]
    return sum(
        route["requests"]["count"] for name, route in routes if not name.startswith(("/_nodes", "/{index}/_doc"))
    )


@pytest.fixture
def emptied(cluster_client: HttpClient) -> Iterator[None]:
    """Leaves no job behind, without deleting ten thousand of them one by one."""
    delete_own_indices(cluster_client)
    yield
    delete_own_indices(cluster_client)


def test_ten_thousand_jobs_cost_no_more_requests_than_one(config, emptied, start_proxy, cluster_client):
    proxy = start_proxy(config)
    client = HttpClient(proxy.serving.url)
    put(client, "first")
    paths = ["/_ml/anomaly_detectors", "/_ml/anomaly_detectors/_stats", "/_ml/anomaly_detectors/many*,fir*"]
    paths.append("/_cat/ml/anomaly_detectors")

    def cost(path: str) -> int:
        before = requests_served(cluster_client)
        assert client.get(path).status == 200
        return requests_served(cluster_client) - before

    few = {path: min(cost(path) for _ in range(3)) for path in paths}
    many_jobs(cluster_client, proxy.config, 9_999)
    for path, least in few.items():
        # Pages of a thousand would be ten requests more. The proxy has some of its own in the seconds that this takes.
        assert any(cost(path) < least + 10 for _ in range(3)), path
    listed = json.loads(client.get(paths[0]).body)
    assert (listed["count"], len(listed["jobs"])) == (10_000, 10_000)
    stats = json.loads(client.get("/_ml/anomaly_detectors/many/_stats").body)
    assert [job["data_counts"]["processed_record_count"] for job in stats["jobs"]] == list(range(9_999))
    for path in paths:
        started = time.process_time()
        client.get(path)
        assert time.process_time() - started < 2, path


# ---- the official client


UPDATE = {
    "description": "An updated job",
    "detectors": {"detector_index": 0, "description": "An updated detector description"},
    "groups": ["kibana_sample_data", "kibana_sample_web_logs"],
    "model_plot_config": {"enabled": True},
    "renormalization_window_days": 30,
    "background_persist_interval": "2h",
    "model_snapshot_retention_days": 7,
    "results_retention_days": 60,
}


@pytest.mark.filterwarnings("ignore::elasticsearch.ElasticsearchWarning")
@pytest.mark.filterwarnings("ignore:This API is private:Warning")
def test_the_documented_update_runs_with_the_official_client(es: Elasticsearch, no_jobs):
    created = es.ml.put_job(job_id="low_request_rate", **JOB)
    assert created["job_type"] == "anomaly_detector"
    updated = es.ml.update_job(job_id="low_request_rate", **UPDATE)
    assert updated["analysis_config"]["detectors"][0]["detector_description"] == "An updated detector description"
    assert updated["groups"] == UPDATE["groups"]
    assert es.ml.get_jobs(job_id="kibana_sample_*")["count"] == 1
    assert es.ml.get_job_stats(job_id="low_request_rate")["jobs"][0]["state"] == "closed"
    assert es.ml.validate(**JOB)["acknowledged"] is True
    assert es.ml.validate_detector(detector={"function": "count"})["acknowledged"] is True
    assert es.ml.info()["upgrade_mode"] is False
    assert "low_request_rate" in es.cat.ml_jobs(h="id")
    assert es.ml.reset_job(job_id="low_request_rate")["acknowledged"] is True
    with pytest.raises(BadRequestError):
        es.ml.put_job(job_id="low_request_rate", **JOB)
    with pytest.raises(NotFoundError):
        es.ml.delete_job(job_id="nope", force=True)
    assert es.ml.delete_job(job_id="low_request_rate")["acknowledged"] is True
