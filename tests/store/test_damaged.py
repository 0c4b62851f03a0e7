"""Damaged documents that no operation shows: others are read on, and nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proxy.errors import MlError
from proxy.store.alerting.deliveries import Deliveries
from proxy.store.alerting.messages import Delivery
from proxy.store.alerting.progress import AlertProgress
from proxy.store.client import ClusterClient
from proxy.store.damaged import DamagedDocument
from proxy.store.datafeed_tasks import DatafeedTask, DatafeedTasks
from proxy.store.drained_places import DrainedPlaces
from proxy.store.fence import lease_alias, lease_index
from proxy.store.job_tasks import JobTasks
from proxy.store.lease import Leases, Peer
from proxy.store.maintenance import Maintenance
from proxy.store.model_state import ModelStates
from proxy.store.names import Names
from proxy.store.setup import Indices
from proxy.store.upgrade_mode import UpgradeMode
from tests.http_client import HttpClient
from tests.store.test_journal import readable

SIMPLE: list[Any] = ["damaged", 7, [], None]
DAMAGES: list[Any] = [*SIMPLE, {}]


def damage(cluster: HttpClient, index: str, id: str, *parts: str, by: Any) -> None:
    """Changes parts of a document; of others the cluster knows the type, and refuses what is of another."""
    path = f"/{index}/_doc/{id.replace('#', '%23')}"
    source = cluster.get(path).json()["_source"]
    assert set(parts) <= source.keys()
    answer = cluster.put(path, query={"refresh": "true"}, json_body=source | dict.fromkeys(parts, by))
    assert answer.status == 200, answer.text


@pytest.fixture
async def own(indices: Indices) -> None:
    await indices.ensure_own()


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("by", DAMAGES)
async def test_claims_on_jobs_and_runs_of_datafeeds(
    store_client: ClusterClient, names: Names, cluster_client: HttpClient, by: Any
) -> None:
    tasks, runs = JobTasks(store_client, names), DatafeedTasks(store_client, names)
    for name in ("bad", "good"):
        await tasks.create(name, opened_at=1)
        await runs.create(DatafeedTask(name, name, 1, 0, None))
    damage(cluster_client, names.config, "job_task-bad", "epoch", "opened_at", by="x" if by == 7 else by)
    damage(cluster_client, names.config, "datafeed_task-bad", "run", by=by)
    assert [task.job_id for task in await tasks.all()] == ["good"]
    assert [run.datafeed_id for run in await runs.all()] == ["good"]
    for again in (tasks.create("bad", opened_at=2), runs.create(DatafeedTask("bad", "bad", 2, 0, None))):
        with pytest.raises(DamagedDocument, match=r"document \[\w+_task-bad\] of \[.*\] is damaged"):
            await again


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("by", DAMAGES)
async def test_what_there_is_one_of_is_as_if_it_were_not_there(
    store_client: ClusterClient, names: Names, cluster_client: HttpClient, by: Any
) -> None:
    async def never() -> None:
        raise AssertionError

    drained = DrainedPlaces(store_client, names, never)
    mode, nights = UpgradeMode(store_client, names), Maintenance(store_client, names)
    await drained.write(["process-0"])
    await mode.set(True)
    await nights.finish(5)
    for id, part in (("drained_places", "places"), ("upgrade_mode", "enabled"), ("nightly_upkeep", "finished_at")):
        damage(cluster_client, names.config, id, part, by=by)
    assert await drained.read() == frozenset()
    assert not await mode.is_on()
    assert await nights.finished_ms() in (None, 7)
    await drained.write(["process-1"])
    assert await drained.read() == {"process-1"}


@pytest.mark.parametrize("by", DAMAGES)
async def test_a_damaged_lease_is_nobodys(
    store_client: ClusterClient, names: Names, cluster_client: HttpClient, make_index: Callable, by: Any
) -> None:
    index = lease_index(names.config)
    make_index(index, "lease", lease_alias(names.config))
    leases, peer = Leases(store_client, names.config), Peer("n", "name", "http://a:1", "")
    await leases.write(peer, 3, None)
    await leases.show(peer)
    damage(cluster_client, index, "lease", "epoch", "owner", "report", by=by)
    damage(cluster_client, index, "follower-n", "peer", by=by)
    lease = await leases.read()
    assert lease is not None
    assert (lease.owner, lease.last_owner) == (None, None)
    assert await leases.write(peer, 4, lease.version) is not None
    assert await leases.shown() == []


@pytest.mark.parametrize("by", SIMPLE)
async def test_acknowledged_data_are_not_passed_over(
    store_client: ClusterClient, names: Names, cluster_client: HttpClient, make_index: Callable, by: Any
) -> None:
    make_index(names.journal, "journal", names.journal_write_alias)
    journal = readable(store_client, names)
    for job_id in ("bad", "good"):
        await journal.append(job_id, 0, b"x")
    cluster_client.post(f"/{names.journal}/_refresh")
    found = cluster_client.get(f"/{names.journal}/_search", query={"q": "job_id:bad"})
    id = found.json()["hits"]["hits"][0]["_id"]
    damage(cluster_client, names.journal, id, "payload", by=by)
    with pytest.raises(DamagedDocument, match=r"document \[bad#entry#0#.*\] of \[.*\] is damaged"):
        await journal.read_all("bad")
    damage(cluster_client, names.journal, id, "payload", by="no base64")
    with pytest.raises(MlError, match="is damaged"):
        await journal.read_all("bad")
    assert await journal.read_all("good") == (None, [(0, b"x")])


@pytest.mark.usefixtures("own")
async def test_a_model_that_is_no_base64_is_none(
    store_client: ClusterClient, names: Names, indices: Indices, cluster_client: HttpClient
) -> None:
    models = ModelStates(store_client, names, indices.ensure_own)
    await models.write("bad", "1", b"model")
    for by in (*DAMAGES, "no base64!"):
        damage(cluster_client, names.indices.state, "bad_model_state_1#1", "model", by=by)
        assert await models.read("bad", "1", 1) is None


@pytest.mark.parametrize("by", SIMPLE)
async def test_progress_and_messages_of_alert_rules(
    store_client: ClusterClient, names: Names, cluster_client: HttpClient, make_index: Callable, by: Any
) -> None:
    async def never() -> None:
        raise AssertionError

    make_index(names.indices.alerting, "alerting", names.alerting_alias)
    make_index(names.indices.deliveries, "deliveries", names.deliveries_alias)
    progress, deliveries = AlertProgress(store_client, names), Deliveries(store_client, names, never)
    for rule_id in ("bad", "good"):
        await progress.move(await progress.find(rule_id, "job"), {"bucket_ms": 1})
        await deliveries.add([message(rule_id)])
    damage(cluster_client, names.indices.alerting, "progress-bad.job", "state", by=by)
    damage(cluster_client, names.indices.deliveries, "bad", "delivery", by=by)
    assert [each.rule_id for each in await progress.of_job("job")] == ["good"]
    with pytest.raises(DamagedDocument):
        await progress.find("bad", "job")
    due = await deliveries.due(10, 10)
    assert [each.delivery.rule_id for each in due.ready] == ["good"]


def message(rule_id: str) -> Delivery:
    return Delivery(rule_id, "alert", rule_id, "n", "a", "c", ".server-log", "active", 1, 1, {}, {}, {})
