"""Notifications as they are stored."""

from __future__ import annotations

import asyncio

import pytest

from proxy.store.notifications import Notifications

LONGEST = 8191


async def never() -> None:
    raise AssertionError("the index is there")


@pytest.mark.parametrize(
    ("message", "stored"),
    [
        ("x" * LONGEST, "x" * LONGEST),
        ("x" * (LONGEST + 1), "x" * (LONGEST - len("... (truncated)")) + "... (truncated)"),
    ],
    ids=["the longest", "one more"],
)
async def test_a_message_is_cut_where_its_field_ends(
    loop, store_client, cluster_client, names, make_index, message, stored
):
    make_index(names.indices.notifications, "notifications", names.notifications_write_alias)
    await Notifications(store_client, names, never).write("job", "info", message, 1000)
    cluster_client.post(f"/{names.indices.notifications}/_refresh")
    [hit] = cluster_client.get(f"/{names.indices.notifications}/_search").json()["hits"]["hits"]
    node_name = hit["_source"].pop("node_name")
    assert node_name
    assert hit["_source"] == {
        "job_id": "job", "message": stored, "level": "info", "timestamp": 1000, "job_type": "anomaly_detector",
    }  # fmt: skip


async def test_messages_that_come_together_are_all_written(loop, store_client, cluster_client, names, make_index):
    make_index(names.indices.notifications, "notifications", names.notifications_write_alias)
    notifications = Notifications(store_client, names, never)
    await asyncio.gather(*(notifications.write(f"job-{number}", "info", "told", number) for number in range(200)))
    cluster_client.post(f"/{names.indices.notifications}/_refresh")
    hits = cluster_client.get(f"/{names.indices.notifications}/_search", query={"size": "500"}).json()["hits"]["hits"]
    assert sorted(hit["_source"]["timestamp"] for hit in hits) == list(range(200))
