"""A store of the test's own on the real cluster: indices under names that nothing else uses."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from proxy.config import Config
from proxy.resources import resource_dir
from proxy.store.client import ClusterClient
from proxy.store.names import Names
from proxy.store.setup import Indices
from tests.http_client import HttpClient

PREFIX = "lanewatch-test-store"


@pytest.fixture
def names(config: Config, cluster_client: HttpClient) -> Names:
    """Names whose indices do not exist yet."""
    own = Names(
        replace(
            config.indices,
            config=f"{PREFIX}-config",
            journal=f"{PREFIX}-journal",
            results_prefix=f".ml-{PREFIX}-results-",
            state=f".ml-{PREFIX}-state-000001",
            state_write_alias=f".ml-{PREFIX}-state-write",
            annotations=f".ml-{PREFIX}-annotations-000001",
            annotations_read_alias=f".ml-{PREFIX}-annotations-read",
            annotations_write_alias=f".ml-{PREFIX}-annotations-write",
            notifications=f".ml-{PREFIX}-notifications-000002",
            alerting=f"{PREFIX}-alerting",
            alerts=f"{PREFIX}-alerts-000001",
            alerts_alias=f"{PREFIX}-alerts",
            deliveries=f"{PREFIX}-deliveries",
        )
    )
    rows = cluster_client.get(
        f"/_cat/indices/{PREFIX}-*,.ml-{PREFIX}-*", query={"expand_wildcards": "all", "format": "json", "h": "index"}
    )
    found = [row["index"] for row in rows.json()]
    if found:
        assert cluster_client.delete("/" + ",".join(found)).status == 200
    return own


@pytest.fixture
async def store_client(loop: asyncio.AbstractEventLoop, config: Config) -> AsyncIterator[ClusterClient]:
    client = ClusterClient(config.elasticsearch)
    yield client
    await client.close()


@pytest.fixture
def indices(store_client: ClusterClient, names: Names) -> Indices:
    return Indices(store_client, names)


@pytest.fixture
def make_index(cluster_client: HttpClient) -> Callable[[str, str, str], None]:
    """Makes one index with a mapping and an alias of the product, which is quicker than making all of them."""

    def make(index: str, mapping: str, alias: str) -> None:
        definition = json.loads((resource_dir("mappings") / f"{mapping}.json").read_bytes())
        body = {
            "mappings": definition["mappings"],
            "settings": {"number_of_replicas": 0, "hidden": True},
            "aliases": {alias: {"is_hidden": True}},
        }
        made = cluster_client.put(f"/{index}", json_body=body)
        assert made.status == 200, made.text

    return make
