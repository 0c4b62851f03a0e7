"""Every kind of write of a former leader is refused by the cluster, and nothing of it lands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from proxy.config import Config
from proxy.errors import MlError
from proxy.runtime.documents import delete_lines, index_lines, rewrite_lines
from proxy.store import DatafeedTask, Store, TermFence
from proxy.store.alerting.alerts import AlertDocument
from proxy.store.calendars import Calendar
from proxy.store.client import ClusterClient
from proxy.store.epochs import Epochs, Superseded
from proxy.store.fence import NotLeading
from proxy.store.filters import Filter
from proxy.store.journal import Saved
from proxy.store.results.read import Hit
from tests.http_client import HttpClient
from tests.store.conftest import names

__all__ = ["names"]
JOB = {"job_id": "old", "results_index_name": "shared", "analysis_config": {"detectors": []}, "groups": []}
TASK = DatafeedTask("feed", "old", run_ms=1, start_ms=0, end_ms=None)
Write = Callable[["Former"], Awaitable[Any]]


class Former:
    """A leader of the first term, and what it has read before the second began."""

    def __init__(self, settings: Config) -> None:
        self.store = Store(settings, fence=TermFence(settings.indices.config, self.goes_on, "1-aaaaaaaa"))

    async def goes_on(self) -> bool:
        return False

    async def begin(self) -> None:
        """Writes a document of every kind."""
        store = self.store
        await store.indices.ensure_own()
        await store.indices.ensure_alerting()
        await store.indices.prepare_results("old", "shared", [])
        self.results, self.annotations, self.state = await store.indices.targets("old", "shared")
        self.job = await store.jobs.create(JOB)
        self.task = await store.tasks.create("old", opened_at=1)
        await store.datafeed_tasks.create(TASK)
        await store.filters.create(Filter("f", "", ("a",)))
        await store.journal.append("old", 0, b"entry")
        await store.model_states.write("old", "1", b"model")
        lines = [("old_bucket_1_1", {"job_id": "old", "result_type": "bucket", "timestamp": 5}),
                 ("old_datafeed_timing_stats", {"job_id": "old"}),
                 ("old_data_counts", {"job_id": "old"})]  # fmt: skip
        await store.results_write.write(index_lines(self.results, iter(lines)))
        (self.bucket,) = await store.results_write.stored("old", ["old_bucket_1_1"])
        self.index = settings_index = store.names.results("shared")
        self.hit = Hit(settings_index, "old_bucket_1_1", {"snapshot_id": "1", "snapshot_doc_count": 1})
        await store.upgrade_mode.set(enabled=False)
        await store.client.request("POST", f"/{store.names.config},{store.names.journal},{settings_index}/_refresh")

    def lines(self, document_id: str) -> list[bytes]:
        return index_lines(self.results, iter([(document_id, {"job_id": "old"})]))


WRITES: dict[str, Write] = {
    "a new job": lambda f: f.store.jobs.create({**JOB, "job_id": "new"}),
    "a changed job, of which nobody else has changed anything": lambda f: f.store.jobs.replace(f.job, {**JOB, "x": 1}),
    "a deleted job": lambda f: f.store.jobs.delete("old"),
    "a new claim": lambda f: f.store.tasks.create("other", opened_at=2),
    "a changed claim": lambda f: f.store.tasks.change(f.task, "opened"),
    "a claim that is given up": lambda f: f.store.tasks.remove("old"),
    "a started datafeed": lambda f: f.store.datafeed_tasks.create(DatafeedTask("b", "old", 2, 0, None)),
    "a datafeed that is asked to stop": lambda f: f.store.datafeed_tasks.ask_to_stop(TASK, closes_job=False),
    "a stopped datafeed": lambda f: f.store.datafeed_tasks.remove("feed"),
    "a new filter": lambda f: f.store.filters.create(Filter("g", "", ())),
    "a new calendar": lambda f: f.store.calendars.create(Calendar("c", (), "")),
    "upgrade mode": lambda f: f.store.upgrade_mode.set(enabled=True),
    "the end of the upkeep": lambda f: f.store.maintenance.finish(1),
    "a journal entry": lambda f: f.store.journal.append("old", 1, b"late"),
    "a saved model": lambda f: f.store.journal.save_model("old", Saved(2, b"late")),
    "a new result": lambda f: f.store.results_write.write(f.lines("old_bucket_2_1")),
    "a result that is overwritten": lambda f: f.store.results_write.write(f.lines("old_bucket_1_1")),
    "a rescored result": lambda f: f.store.results_write.write(
        rewrite_lines(f.results, iter([(f.bucket, {"job_id": "old", "anomaly_score": 9.0})]))
    ),
    "a result that is changed in part": lambda f: f.store.snapshots.update(f.hit, {"description": "late"}),
    "results of a period that are deleted": lambda f: f.store.snapshots.delete_results_after("old", -1),
    "counts that are turned back": lambda f: f.store.snapshots.turn_back_data_counts("old", 1),
    "sizes that are put back": lambda f: f.store.snapshots.restore_statistics("old", {"model_size_stats": {}}, 1),
    "the statistics of a datafeed": lambda f: f.store.datafeed_stats.remove("old"),
    "the state of a model": lambda f: f.store.model_states.write("old", "2", b"late"),
    "the state of a model that is deleted": lambda f: f.store.snapshots.delete_state("old", "1", 1),
    "an annotation": lambda f: f.store.annotations.delayed_data("old", 1, (0, 1), "late", now_ms=1),
    "a notification": lambda f: f.store.notifications.write("old", "info", "late", 1),
    "an alert": lambda f: f.store.alerts.write([AlertDocument("a", 1, {"kibana.alert.status": "active"})]),
    "an index that is made anew": lambda f: f.store.indices.prepare_results("new", "custom-late", []),
}
# What is done again where it was not done is not asked about.
UNSAID: dict[str, Write] = {
    "journal entries that are dropped": lambda f: f.store.journal.clear("old"),
    "a deleted result": lambda f: f.store.results_write.write(delete_lines(f.results, iter(["old_bucket_1_1"]))),
}


def documents(cluster_client: HttpClient, settings: Config) -> dict[str, Any]:
    """Every document of the test's indices with its number in the order of changes."""
    patterns = (
        f"{settings.indices.config}*,{settings.indices.journal}*,.ml-lanewatch-test-store-*,lanewatch-test-store-*"
    )
    options = {"expand_wildcards": "all", "ignore_unavailable": "true"}
    cluster_client.post(f"/{patterns}/_refresh", query=options)
    body = {"size": 1000, "seq_no_primary_term": True, "query": {"match_all": {}}}
    hits = cluster_client.post(f"/{patterns}/_search", json_body=body, query=options).json()["hits"]["hits"]
    return {f"{hit['_index']}/{hit['_id']}": (hit["_seq_no"], hit["_source"]) for hit in hits}


@pytest.fixture
async def former(loop: asyncio.AbstractEventLoop, settings: Config):
    client = ClusterClient(settings.elasticsearch)
    former = Former(settings)
    epochs = Epochs(client, former.store.names)
    await epochs.prepare()
    await epochs.begin("1-aaaaaaaa", 1)
    try:
        await former.begin()
        yield former, epochs
    finally:
        await former.store.close()
        await client.close()


async def test_nothing_that_a_former_leader_writes_lands(former, settings, cluster_client: HttpClient) -> None:
    old, epochs = former
    await epochs.begin("2-bbbbbbbb", 2)
    before = await asyncio.to_thread(documents, cluster_client, settings)
    assert len(before) > 8, "there must be something that could be changed"
    told: dict[str, object] = {}
    for kind, write in (WRITES | UNSAID).items():
        try:
            told[kind] = await write(old)
        except MlError as error:
            told[kind] = error
    assert await asyncio.to_thread(documents, cluster_client, settings) == before
    # Whoever asked for it is told to ask again, elsewhere.
    unrefused = {kind: answer for kind, answer in told.items() if getattr(answer, "status", 0) != 503}
    assert unrefused.keys() <= UNSAID.keys(), unrefused


async def test_the_same_writes_land_while_the_term_goes_on(former) -> None:
    old, _ = former
    order = [kind for kind in WRITES if "deleted job" not in kind]
    failed = {}
    for kind in order:
        try:
            await WRITES[kind](old)
        except MlError as error:
            failed[kind] = error
    assert not failed


async def test_no_term_begins_after_a_later_one(former) -> None:
    _, epochs = former
    await epochs.begin("2-bbbbbbbb", 2)
    with pytest.raises(Superseded):
        await epochs.begin("1-aaaaaaaa", 1)
    with pytest.raises(Superseded):
        await epochs.begin("2-cccccccc", 2)
    assert await epochs.latest() == 2


async def test_a_former_leader_cannot_give_itself_its_aliases_back(former) -> None:
    old, epochs = former
    await epochs.begin("2-bbbbbbbb", 2)
    with pytest.raises(NotLeading):
        await old.store.indices.ensure_own()


def test_who_does_not_lead_changes_nothing() -> None:
    async def never() -> bool:
        return False

    with pytest.raises(NotLeading):
        TermFence("base", never).check()
    with pytest.raises(NotLeading):
        TermFence("base", never, "1-aaaaaaaa", may_write=lambda: False).into("index")


async def test_an_index_that_is_read_only_keeps_nobody_from_leading(former, cluster_client: HttpClient) -> None:
    old, epochs = former
    path = f"/{old.index}/_settings"
    await asyncio.to_thread(cluster_client.put, path, json_body={"index.blocks.read_only": True})
    await epochs.begin("2-bbbbbbbb", 2)
    with pytest.raises(MlError):
        await old.store.jobs.create({**JOB, "job_id": "new"})
    await asyncio.to_thread(cluster_client.put, path, json_body={"index.blocks.read_only": None})
