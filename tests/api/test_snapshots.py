"""A job's life with its snapshots: what may be done to which when, and that going back really goes back."""

from __future__ import annotations

import base64
import json
import struct
import time
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from proxy.engine import state
from proxy.runtime.saved_model import MIN_VERSION, pack
from tests.http_client import HttpClient
from tests.runtime.test_restart import START_MS, close, make_job, post, results

JOB_ID = "travelled"
PATH = f"/_ml/anomaly_detectors/{JOB_ID}"
HOUR_MS = 3_600_000


@pytest.fixture
def snapshots(client: HttpClient) -> Iterator[tuple[str, str]]:
    """A closed job that was closed after 100 hours and again after 200: the ids of the two snapshots."""
    make_job(client, JOB_ID)
    post(client, JOB_ID, 0, 100)
    close(client, JOB_ID)
    earlier = active(client)
    open_again(client)
    post(client, JOB_ID, 100, 200)
    close(client, JOB_ID)
    yield earlier, active(client)
    client.delete(PATH, query={"force": "true"})


def active(client: HttpClient) -> str:
    return client.get(PATH).json()["jobs"][0]["model_snapshot_id"]


def open_again(client: HttpClient) -> None:
    assert client.post(f"{PATH}/_open").status == 200


def revert(client: HttpClient, snapshot_id: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{PATH}/model_snapshots/{snapshot_id}/_revert", json_body=body)
    assert answer.status == 200, answer.text
    return answer.json()["model"]


def upgrade(client: HttpClient, snapshot_id: str) -> tuple[int, str]:
    answer = client.post(f"{PATH}/model_snapshots/{snapshot_id}/_upgrade", query={"wait_for_completion": "true"})
    return answer.status, answer.json()["error"]["reason"]


def test_after_going_back_the_same_data_give_the_same_results(client: HttpClient, snapshots: tuple[str, str]) -> None:
    before = results(client, JOB_ID)
    model = revert(client, snapshots[0], delete_intervening_results=True)
    assert model["latest_result_time_stamp"] == START_MS + 98 * HOUR_MS
    assert active(client) == snapshots[0]
    kept = results(client, JOB_ID)
    assert max(bucket["timestamp"] for bucket in kept["buckets"]) == START_MS + 98 * HOUR_MS
    counts = client.get(f"{PATH}/_stats").json()["jobs"][0]["data_counts"]
    assert counts["latest_record_timestamp"] == model["latest_record_time_stamp"]
    open_again(client)
    post(client, JOB_ID, 100, 200)
    close(client, JOB_ID)
    assert results(client, JOB_ID) == before


def test_without_deleting_later_results_stay_until_they_are_overwritten(
    client: HttpClient, snapshots: tuple[str, str]
) -> None:
    before = results(client, JOB_ID)
    revert(client, snapshots[0])
    assert results(client, JOB_ID) == before
    open_again(client)
    post(client, JOB_ID, 100, 200)
    close(client, JOB_ID)
    assert results(client, JOB_ID) == before


def test_the_model_in_force_is_not_deleted_and_others_go_with_their_state(
    client: HttpClient, cluster_client: HttpClient, snapshots: tuple[str, str]
) -> None:
    earlier, latest = snapshots
    refused = client.delete(f"{PATH}/model_snapshots/{latest}")
    assert refused.status == 400
    assert refused.json()["error"]["reason"] == (
        f"Model snapshot '{latest}' is the active snapshot for job '{JOB_ID}', so cannot be deleted"
    )
    assert states(cluster_client, earlier) == 1
    assert client.delete(f"{PATH}/model_snapshots/{earlier}").json() == {"acknowledged": True}
    assert (states(cluster_client, earlier), states(cluster_client, latest)) == (0, 1)
    assert [each["snapshot_id"] for each in client.get(f"{PATH}/model_snapshots").json()["model_snapshots"]] == [latest]
    open_again(client)
    assert client.delete(f"{PATH}/model_snapshots/{latest}").status == 400


def states(cluster: HttpClient, snapshot_id: str) -> int:
    query = {"query": {"ids": {"values": [f"{JOB_ID}_model_state_{snapshot_id}#1"]}}}
    return cluster.post("/.ml-state*/_search", json_body=query).json()["hits"]["total"]["value"]


def test_opening_and_closing_alone_makes_no_snapshot(client: HttpClient, snapshots: tuple[str, str]) -> None:
    open_again(client)
    client.post(f"{PATH}/_flush", query={"calc_interim": "true"})
    close(client, JOB_ID)
    assert active(client) == snapshots[1]
    assert client.get(f"{PATH}/model_snapshots").json()["count"] == 2
    open_again(client)
    post(client, JOB_ID, 200, 201)
    close(client, JOB_ID)
    assert client.get(f"{PATH}/model_snapshots").json()["count"] == 3


def test_upgrading_says_why_there_is_nothing_to_upgrade(client: HttpClient, snapshots: tuple[str, str]) -> None:
    earlier, latest = snapshots
    for snapshot_id in snapshots:
        status, reason = upgrade(client, snapshot_id)
        assert status == 409
        assert reason.startswith(
            f"Cannot upgrade job [{JOB_ID}] snapshot [{snapshot_id}] as it is already compatible with current version "
        )
    open_again(client)
    status, reason = upgrade(client, latest)
    assert status == 409
    assert reason == (
        f"Cannot upgrade snapshot [{latest}] for job [{JOB_ID}] as it is the current primary job snapshot "
        "and the job's state is [opened]"
    )
    assert "already compatible" in upgrade(client, earlier)[1]


def test_a_snapshot_of_a_newer_version_is_refused_with_the_way_on(
    client: HttpClient, cluster_client: HttpClient, snapshots: tuple[str, str]
) -> None:
    latest = snapshots[1]
    change(cluster_client, ".ml-anomalies-shared", f"{JOB_ID}_model_snapshot_{latest}", {"min_version": "8.10.0"})
    refused = client.post(f"{PATH}/_open")
    assert refused.status == 400
    assert refused.json()["error"]["reason"] == (
        f"[{JOB_ID}] job model snapshot [{latest}] has min version [8.10.0], which is newer than [{MIN_VERSION}], "
        "please upgrade Lanewatch, revert to an older model snapshot or reset the job"
    )
    status, reason = upgrade(client, latest)
    assert (status, "cannot be read before Lanewatch is upgraded" in reason) == (409, True)
    revert(client, snapshots[0])
    open_again(client)
    close(client, JOB_ID)


@pytest.mark.parametrize(("difference", "way"), [(1, ", upgrade Lanewatch to go on with it"), (-1, "")])
def test_a_model_of_another_engine_is_refused_whatever_its_snapshot_says(
    client: HttpClient, cluster_client: HttpClient, snapshots: tuple[str, str], difference: int, way: str
) -> None:
    latest, version = snapshots[1], state.VERSION + difference
    head = json.dumps({"version": version, "tree": {}}).encode()
    other = pack({"counts": {}}, state.MAGIC + zlib.compress(struct.pack("<Q", len(head)) + head))
    stored = {"model": base64.b64encode(other).decode()}
    change(cluster_client, ".ml-state-write", f"{JOB_ID}_model_state_{latest}#1", stored)
    status, reason = upgrade(client, latest)
    told = f"engine state has version [{version}], this engine reads [{state.VERSION}]{way}"
    assert status == 409
    assert f"as its model cannot be read here: {told}; delete the snapshot, or revert to another one" in reason
    refused = client.post(f"{PATH}/_open")
    assert refused.status == 400
    assert told in refused.json()["error"]["reason"]


def change(cluster: HttpClient, index: str, document_id: str, changes: dict[str, str]) -> None:
    path = f"/{index}/_update/{quote(document_id, safe='')}"
    answer = cluster.post(path, json_body={"doc": changes}, query={"refresh": "true"})
    assert answer.status == 200, answer.text


def test_a_blocked_job_is_not_reverted(
    client: HttpClient, cluster_client: HttpClient, snapshots: tuple[str, str]
) -> None:
    path = f"/lanewatch-config/_update/anomaly_detector-{JOB_ID}"
    blocked = {"doc": {"job": {"blocked": {"reason": "reset"}}}}
    assert cluster_client.post(path, json_body=blocked, query={"refresh": "true"}).status == 200
    refused = client.post(f"{PATH}/model_snapshots/{snapshots[0]}/_revert")
    assert refused.status == 409
    assert refused.json()["error"]["reason"] == (
        f"cannot revert job [{JOB_ID}] to snapshot [{snapshots[0]}] while it is blocked with [reset]"
    )
    assert active(client) == snapshots[1]


def test_what_is_done_to_snapshots_is_told(
    client: HttpClient, cluster_client: HttpClient, snapshots: tuple[str, str]
) -> None:
    earlier, latest = snapshots
    client.post(f"{PATH}/model_snapshots/{earlier}/_update", json_body={"description": "the good old one"})
    revert(client, earlier)
    client.delete(f"{PATH}/model_snapshots/{latest}")
    expected = {"Job model snapshot reverted to 'the good old one'", f"Model snapshot [{latest}]"}
    query = {"query": {"term": {"job_id": JOB_ID}}, "size": 1000}
    deadline = time.monotonic() + 10
    told: set[str] = set()
    while not expected <= told and time.monotonic() < deadline:
        cluster_client.post("/.ml-notifications*/_refresh")
        found = cluster_client.post("/.ml-notifications-000002/_search", json_body=query).json()["hits"]["hits"]
        told = {hit["_source"]["message"].partition(" with description")[0] for hit in found}
    assert expected <= told
