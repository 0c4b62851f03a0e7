"""What every kind of place promises: the same tests for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
import pytest

from proxy.config import Config
from proxy.errors import MlError, unavailable
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.job_inputs import JobInputs, gather_inputs
from proxy.runtime.place import job, outbox
from proxy.runtime.place.commands import Close, Discard, Flush, Forecast, Open, Post, Report, Save
from proxy.runtime.place.contract import JobNotLoaded, Place, Vitals
from proxy.runtime.place.places import Places
from proxy.runtime.place.process import ProcessPlace
from proxy.runtime.place.summary import Summary
from proxy.runtime.place.wire import Traffic
from proxy.runtime.place.worker import LocalPlace
from proxy.store import Store
from proxy.store.calls import ClusterCall
from proxy.store.client import ClusterClient
from proxy.store.names import Names
from proxy.store.results.write import ResultsWriter
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.place.ray_session import on_ray
from tests.runtime.supervised import NOW_MS
from tests.runtime.test_restart import JOB, SPAN_MS, START_MS, records

JOB_ID = "placed"
YEAR_S = 365 * 86_400


@pytest.fixture
async def store(loop: asyncio.AbstractEventLoop, config: Config) -> AsyncIterator[Store]:
    store = Store(config)
    yield store
    await store.close()


@pytest.fixture(params=["local", "process", "processes", "ray"])
async def place(request: pytest.FixtureRequest, config: Config, store: Store) -> AsyncIterator[Place]:
    kinds: dict[str, Callable[[], Place]] = {
        "local": lambda: LocalPlace(store),
        "process": lambda: ProcessPlace(config),
        "processes": lambda: Places({"one": ProcessPlace(config), "two": ProcessPlace(config)}),
        "ray": lambda: on_ray(config),
    }
    if request.param == "ray":
        request.getfixturevalue("ray_session")
    place = kinds[request.param]()
    yield place
    await place.close()


@pytest.fixture
async def inputs(store: Store, client: HttpClient) -> AsyncIterator[JobInputs]:
    path = f"/_ml/anomaly_detectors/{JOB_ID}"
    await asyncio.to_thread(client.delete, path, query={"force": "true"})
    put = await asyncio.to_thread(client.put, path, json_body=JOB)
    assert put.status == 200, put.text
    yield await gather_inputs(store, (await store.jobs.get(JOB_ID)).config)
    await store.journal.clear(JOB_ID)
    await asyncio.to_thread(client.delete, path, query={"force": "true"})


def post(rows: list[dict[str, Any]], post_id: str = "first", now_ms: int = NOW_MS) -> Post:
    return Post(b"\n".join(map(orjson.dumps, rows)), None, post_id, now_ms)


async def written(store: Store, kind: str) -> list[dict[str, Any]]:
    await store.results_write.refresh(JOB_ID)
    query = {"term": {"result_type": kind}}
    hits = await store.client.search_all(store.names.read_alias(JOB_ID), query, sort=["timestamp"])
    return [hit["_source"] for hit in hits]


async def test_a_place_tells_how_its_processes_are_and_what_they_ask_of_the_cluster(
    config: Config, store: Store, inputs: JobInputs
) -> None:
    calls: list[ClusterCall] = []
    traffic = Traffic()
    place = Places({str(n): ProcessPlace(config, calls.append, traffic) for n in range(2)})
    assert place.vitals() == LocalPlace(store).vitals() == Vitals()
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    await place.call(JOB_ID, post(records(0, 20)))
    vitals = place.vitals()
    assert (vitals.processes, vitals.starts) == (1, 1)
    assert vitals.memory_bytes > 2**20
    # What a step has asked for is told behind its answer.
    await asyncio.to_thread(wait_until, lambda: ("_bulk", "200") in {(call.kind, call.outcome) for call in calls}, 10)
    assert all(0 < call.seconds < 60 for call in calls)
    assert (traffic.messages["sent", "Open"], traffic.messages["received", "Answer"], traffic.buckets) == (1, 2, 19)
    assert 2000 < traffic.bytes["sent", "Post"] < sum(traffic.bytes.values())
    await place.close()
    assert place.vitals() == Vitals(0, 1, 0)


async def test_a_place_does_what_a_job_does_and_tells_of_it(place: Place, store: Store, inputs: JobInputs) -> None:
    opened = await place.call(JOB_ID, Open(inputs, NOW_MS))
    assert (opened.is_untouched, opened.post_id, opened.buckets) == (True, "", ())
    heard: list[Summary] = []
    posted = await place.call(JOB_ID, post(records(0, 160)), heard.append)
    assert posted.counts["processed_record_count"] == 160 * 12
    assert (posted.post_id, posted.is_untouched, posted.has_unsent) == ("first", False, False)
    assert posted.status is not None
    assert posted.status.data_counts["processed_record_count"] == 160 * 12
    told = [bucket for summary in heard for bucket in summary.buckets]
    stored = await written(store, "bucket")
    assert [bucket.timestamp_ms for bucket in told] == [START_MS + hour * SPAN_MS for hour in range(159)]
    assert [(b.timestamp_ms, b.anomaly_score, b.event_count, b.is_interim) for b in told] == [
        (b["timestamp"], b["initial_anomaly_score"], b["event_count"], b["is_interim"]) for b in stored
    ]
    assert max(bucket.anomaly_score for bucket in told) > 0


async def test_what_was_journalled_is_done_by_the_next_opening(place: Place, store: Store, inputs: JobInputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    await place.call(JOB_ID, post(records(0, 20)))
    await place.call(JOB_ID, Save(NOW_MS))
    await place.call(JOB_ID, post(records(20, 30), "second"))
    await place.call(JOB_ID, Discard())
    with pytest.raises(JobNotLoaded):
        await place.call(JOB_ID, Report())
    heard: list[Summary] = []
    opened = await place.call(JOB_ID, Open(inputs, NOW_MS), heard.append)
    assert (opened.post_id, opened.counts["processed_record_count"]) == ("second", 120)
    assert opened.status is not None
    assert opened.status.data_counts["processed_record_count"] == 360
    assert heard, "a step that is done again is told of again"


async def test_a_closing_job_leaves_a_snapshot_and_then_none(place: Place, store: Store, inputs: JobInputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    assert (await place.call(JOB_ID, Close(NOW_MS))).snapshot_id is None
    await place.call(JOB_ID, post(records(0, 20)))
    closed = await place.call(JOB_ID, Close(NOW_MS))
    assert closed.snapshot_id == str(NOW_MS // 1000)
    assert await store.snapshots.get(JOB_ID, closed.snapshot_id) is not None


async def test_errors_arrive_as_what_they_are(place: Place, inputs: JobInputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    with pytest.raises(MlError) as refused:
        await place.call(JOB_ID, Post(b"{x}\n" * 200, None, "garbled", NOW_MS))
    assert (refused.value.type, refused.value.status) == ("parse_exception", 400)
    assert (await place.call(JOB_ID, Report())).post_id == ""


async def test_commands_of_one_job_come_in_turn(place: Place, inputs: JobInputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    posts = (place.call(JOB_ID, post(records(hour, hour + 1), str(hour))) for hour in range(10))
    answers = await asyncio.gather(*posts)
    assert [answer.post_id for answer in answers] == [str(hour) for hour in range(10)]
    last = answers[-1].status
    assert last is not None
    assert last.data_counts["processed_record_count"] == 120
    assert last.data_counts["out_of_order_timestamp_count"] == 0


async def test_years_of_empty_buckets_come_by_many_steps(place: Place, inputs: JobInputs) -> None:
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    await place.call(JOB_ID, post(records(0, 2)))
    heard: list[Summary] = []
    far = START_MS // 1000 + YEAR_S
    flushing = asyncio.ensure_future(place.call(JOB_ID, Flush({"advance_to": far}, NOW_MS), heard.append))
    flushed = await flushing
    counts = [len(summary.buckets) for summary in heard]
    assert sum(counts) == YEAR_S // 3600 - 1
    assert len(counts) > 3
    assert max(counts) < sum(counts) * 0.9
    assert flushed.status is not None
    assert flushed.status.last_finalized_bucket_end_ms == far * 1000


class Refusing(ResultsWriter):
    """Takes no results until it is told to."""

    takes = False

    async def write(self, lines: Sequence[bytes]) -> list[str]:
        if not self.takes:
            raise unavailable("the cluster takes nothing")
        return await super().write(lines)


class Forbidding(Refusing):
    """As a cluster that has taken our right to write away."""

    async def write(self, lines: Sequence[bytes]) -> list[str]:
        if not self.takes:
            raise MlError("security_exception", "action [indices:data/write/bulk] is unauthorized", 403)
        return await super().write(lines)


async def test_data_that_are_journalled_are_taken_even_if_their_results_are_refused(
    store: Store, inputs: JobInputs
) -> None:
    store.results_write = writer = Forbidding(store.client, store.names)
    place = LocalPlace(store)
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    heard = list[Summary]()
    taken = await place.call(JOB_ID, post(records(0, 160)), heard.append)
    assert taken.counts["processed_record_count"] == len(records(0, 160))
    assert taken.has_unsent
    told = [n for summary in [*heard, taken] for n in summary.notices if "refuses the job's results" in n.text]
    assert len(told) == 1, "once, however many steps there were"
    writer.takes = True
    assert not (await place.call(JOB_ID, Flush({}, NOW_MS))).has_unsent
    assert len(await written(store, "bucket")) == 159
    await place.close()


async def test_results_that_the_cluster_does_not_take_hold_up_the_next_steps(
    monkeypatch: pytest.MonkeyPatch, store: Store, inputs: JobInputs
) -> None:
    monkeypatch.setattr(outbox, "_MAX_BYTES", 10_000)
    monkeypatch.setattr(job, "_RETRY_S", 0.01)
    store.results_write = writer = Refusing(store.client, store.names)
    place, heard = LocalPlace(store), list[Summary]()
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    has_begun = asyncio.Event()

    def hear(summary: Summary) -> None:
        heard.append(summary)
        has_begun.set()

    posting = asyncio.create_task(place.call(JOB_ID, post(records(0, 160)), hear))
    await asyncio.wait_for(has_begun.wait(), 20)
    await asyncio.sleep(0.3)
    assert [(len(summary.buckets), summary.has_unsent) for summary in heard] == [(64, True)]
    writer.takes = True
    assert not (await posting).has_unsent
    assert len(await written(store, "bucket")) == 159
    await place.close()


class Late(ResultsWriter):
    """Requests that say that a forecast has started are on their way until they may arrive, whoever still waits."""

    def __init__(self, client: ClusterClient, names: Names) -> None:
        super().__init__(client, names)
        self.is_sent, self.may_arrive = asyncio.Event(), asyncio.Event()

    async def write(self, lines: Sequence[bytes]) -> list[str]:
        if not any(b'"started"' in line for line in lines):
            return await super().write(lines)
        return await asyncio.shield(asyncio.ensure_future(self._arrive(lines)))

    async def _arrive(self, lines: Sequence[bytes]) -> list[str]:
        self.is_sent.set()
        await self.may_arrive.wait()
        return await super().write(lines)


async def test_what_is_on_its_way_of_a_forecast_that_ends_does_not_arrive_last(store: Store, inputs: JobInputs) -> None:
    store.results_write = writer = Late(store.client, store.names)
    place = LocalPlace(store)
    await place.call(JOB_ID, Open(inputs, NOW_MS))
    await place.call(JOB_ID, post(records(0, 160)))
    await place.call(JOB_ID, Forecast(ForecastOrder("cut-short", 86_400_000, 0, 2**25), NOW_MS))
    await asyncio.wait_for(writer.is_sent.wait(), 20)
    asyncio.get_running_loop().call_later(0.2, writer.may_arrive.set)
    await place.call(JOB_ID, Discard())
    await asyncio.sleep(0.5)
    (stats,) = await written(store, "model_forecast_request_stats")
    assert stats["forecast_status"] == "failed"
    await place.close()
