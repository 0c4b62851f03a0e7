"""A store with indices of its own on the real cluster, and an outbox that sends from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from proxy.alerting.delivery.outbox import Outbox
from proxy.config import Config
from proxy.runtime.tasks import until_done
from proxy.store import Store
from proxy.store.alerting.connectors import Connector
from tests.alerting.receiver import Receiver, receiving
from tests.http_client import HttpClient

PREFIX = "lanewatch-test-outbox"


@pytest.fixture
def own_config(config: Config, cluster_client: HttpClient) -> Config:
    """Settings whose indices do not exist yet."""
    rows = cluster_client.get(
        f"/_cat/indices/{PREFIX}-*", query={"expand_wildcards": "all", "format": "json", "h": "index"}
    )
    if found := [row["index"] for row in rows.json()]:
        assert cluster_client.delete("/" + ",".join(found)).status == 200
    indices = replace(
        config.indices,
        alerting=f"{PREFIX}-alerting",
        alerts=f"{PREFIX}-alerts-000001",
        alerts_alias=f"{PREFIX}-alerts",
        deliveries=f"{PREFIX}-deliveries",
        notifications=f"{PREFIX}-notifications-000002",
    )
    return replace(config, indices=indices, alerting=replace(config.alerting, send_timeout=1.0))


@pytest.fixture
async def store(loop: asyncio.AbstractEventLoop, own_config: Config) -> AsyncIterator[Store]:
    store = Store(own_config)
    yield store
    await store.close()


@pytest.fixture
async def receiver(loop: asyncio.AbstractEventLoop) -> AsyncIterator[Receiver]:
    async with receiving() as started:
        yield started


@pytest.fixture
def failures() -> list[tuple[str, str]]:
    """What the outbox told of messages that it gave up."""
    return []


@pytest.fixture
async def outbox(store: Store, own_config: Config, failures: list[tuple[str, str]]) -> AsyncIterator[Outbox]:
    async def on_failure(rule_id: str, reason: str) -> None:
        failures.append((rule_id, reason))

    outbox = Outbox(store, own_config, epoch_ms, on_failure)
    await outbox.start()
    yield outbox
    await outbox.stop()


def epoch_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def connect(store: Store) -> Callable[..., Awaitable[None]]:
    """Stores a connector."""

    async def create(connector_id: str, kind: str, config: Any, secrets: Any = None) -> None:
        assert await store.connectors.create(Connector(connector_id, connector_id, kind, config, secrets or {}))

    return create


async def counts_become(store: Store, wanted: dict[str, int], timeout_s: float = 20) -> None:
    found: dict[str, int] = {}

    async def counted() -> bool:
        found.clear()
        found.update(await store.deliveries.counts())
        return found == wanted

    try:
        await asyncio.wait_for(until_done(counted, "wait for messages", every_s=0.1), timeout_s)
    except TimeoutError:
        pytest.fail(f"{found} did not become {wanted}")
