"""Data that are posted again, by a caller who names the request or by a client whose connection was cut, count once."""

from __future__ import annotations

import os
import signal
import time

import pytest

from proxy.errors import MlError
from proxy.runtime.answered_posts import AnsweredPosts, keyed_post_id
from tests.http_client import Answer, HttpClient
from tests.runtime.test_contention import begin_post
from tests.runtime.test_restart import close, make_job, model_processes, records


def send(client: HttpClient, job_id: str, key: str | None, first: int, last: int) -> Answer:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"/_ml/anomaly_detectors/{job_id}/_data", ndjson=records(first, last), headers=headers)


def read(client: HttpClient, job_id: str) -> int:
    stats = client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"][0]
    return int(stats["data_counts"]["input_record_count"])


@pytest.mark.parametrize("between", ["nothing", "reopening", "kill"])
def test_a_request_with_a_key_is_counted_once(client: HttpClient, between: str) -> None:
    job_id = f"keyed-{between}"
    make_job(client, job_id)
    first = send(client, job_id, "nightly-1", 0, 5)
    assert first.status == 202
    if between == "reopening":
        close(client, job_id)
        assert client.post(f"/_ml/anomaly_detectors/{job_id}/_open").status == 200
    if between == "kill":
        for pid in model_processes():
            os.kill(pid, signal.SIGKILL)
    again = send(client, job_id, "nightly-1", 0, 5)
    # Data that are analysed again after a kill have come in at another time.
    moments = {"last_data_time": 0, "log_time": 0}
    assert again.status == 202
    assert {**again.json(), **moments} == {**first.json(), **moments}
    assert send(client, job_id, "nightly-2", 5, 8).status == 202
    assert read(client, job_id) == len(records(0, 8))
    client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})


def test_a_key_is_for_one_request(client: HttpClient) -> None:
    make_job(client, "keyed-twice")
    assert send(client, "keyed-twice", "mine", 0, 5).status == 202
    other = send(client, "keyed-twice", "mine", 5, 6)
    assert other.status == 422
    assert other.json()["error"]["reason"] == (
        "Idempotency-Key [mine] has been used for other data: every request needs a key of its own"
    )
    assert send(client, "keyed-twice", "k" * 256, 5, 6).status == 400
    assert read(client, "keyed-twice") == len(records(0, 5))
    client.delete("/_ml/anomaly_detectors/keyed-twice", query={"force": "true"})


def test_without_a_key_the_same_data_count_again(client: HttpClient) -> None:
    make_job(client, "unkeyed")
    for _ in range(2):
        assert send(client, "unkeyed", None, 0, 5).status == 202
    assert read(client, "unkeyed") == 2 * len(records(0, 5))
    client.delete("/_ml/anomaly_detectors/unkeyed", query={"force": "true"})


def test_a_client_that_repeats_after_a_cut_connection_is_counted_once(client: HttpClient) -> None:
    make_job(client, "cut")
    body = b"".join(b'{"time":%d,"host":"a","took":1}\n' % row["time"] for row in records(0, 150))
    connection = begin_post(client, "cut", len(body), body)
    connection.close()
    again = client.post("/_ml/anomaly_detectors/cut/_data", body=body, headers={"content-type": "application/x-ndjson"})
    assert again.status == 202
    assert again.json()["input_record_count"] == len(records(0, 150))
    time.sleep(0.5)
    assert read(client, "cut") == len(records(0, 150))
    client.delete("/_ml/anomaly_detectors/cut", query={"force": "true"})


def test_answers_are_remembered_by_key_and_the_oldest_forgotten() -> None:
    answers = AnsweredPosts()
    ids = [keyed_post_id(f"key#{number}", b"data", None) for number in range(101)]
    for number, post_id in enumerate(ids):
        answers.remember(post_id, {"input_record_count": number})
    answers.remember("without", {})
    assert answers.find(ids[0]) is None
    assert AnsweredPosts(answers.state()).find(ids[100]) == {"input_record_count": 100}
    assert answers.find("without") is None
    with pytest.raises(MlError, match="other data"):
        answers.find(keyed_post_id("key#100", b"data", (0, 60)))
