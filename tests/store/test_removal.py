"""Deleting by query: all of it, or an error."""

from __future__ import annotations

import pytest

from proxy.errors import MlError
from proxy.store.removal import of_job, remove_matching

INDEX = "lanewatch-test-store-removal"


@pytest.fixture
def documents(cluster_client):
    cluster_client.delete(f"/{INDEX}")
    mapping = {"mappings": {"properties": {"job_id": {"type": "keyword"}}}}
    assert cluster_client.put(f"/{INDEX}", json_body=mapping).status == 200
    rows = [row for n in range(30) for row in ({"index": {}}, {"job_id": "even" if n % 2 == 0 else "odd"})]
    assert cluster_client.post(f"/{INDEX}/_bulk?refresh=true", ndjson=rows).status == 200
    yield lambda: cluster_client.get(f"/{INDEX}/_count").json()["count"]
    cluster_client.delete(f"/{INDEX}")


async def test_what_matches_goes_and_the_rest_stays(loop, store_client, documents):
    assert await remove_matching(store_client, INDEX, of_job("even")) == 15
    assert documents() == 15
    assert await remove_matching(store_client, INDEX, of_job("even")) == 0
    assert await remove_matching(store_client, INDEX + "-none", of_job("odd")) == 0


async def test_what_the_cluster_refuses_to_delete_is_an_error(loop, store_client, documents, cluster_client):
    blocked = cluster_client.put(f"/{INDEX}/_block/write")
    assert blocked.status == 200
    with pytest.raises(MlError) as refused:
        await remove_matching(store_client, INDEX, of_job("odd"))
    assert refused.value.status == 503
    assert refused.value.reason.startswith("the cluster did not delete [15] documents: index [lanewatch-test-store")
    assert documents() == 30
