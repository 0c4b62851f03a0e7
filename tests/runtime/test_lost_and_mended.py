"""What somebody deleted of a job, or what an outage cut short, is mended or told; never passed over in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.errors import MlError, unavailable
from tests.http_client import HttpClient
from tests.runtime.test_cut_short_removals import Obstacle


@pytest.mark.scenario(9)
async def test_a_lost_read_alias_is_made_anew_by_opening(running: Callable, cluster_client: HttpClient) -> None:
    job = await running("without-alias")
    await job.post(0, 100)
    await job.supervisor.close(job.job_id)
    alias = job.store.names.read_alias(job.job_id)
    gone = await asyncio.to_thread(cluster_client.delete, f"/.ml-anomalies-*/_alias/{alias}")
    assert gone.status == 200, gone.text
    await job.supervisor.open(job.job_id)
    assert (await asyncio.to_thread(cluster_client.get, f"/_alias/{alias}")).status == 200
    status = job.supervisor.status(job.job_id)
    assert status.data_counts["processed_record_count"] > 0, "its counts are found through the alias"


async def test_a_job_whose_snapshot_is_nowhere_does_not_begin_anew_in_silence(running: Callable) -> None:
    job = await running("without-snapshot")
    await job.post(0, 100)
    await job.supervisor.close(job.job_id)
    await job.store.jobs.patch(job.job_id, {"model_snapshot_id": "1234567890"})
    with pytest.raises(MlError) as refused:
        await job.supervisor.open(job.job_id)
    assert refused.value.status == 409
    assert "model snapshot [1234567890] of job [without-snapshot]" in refused.value.reason
    assert job.supervisor.state(job.job_id) == "closed"
    assert await job.store.tasks.get(job.job_id) is None


async def test_an_opening_cut_short_by_an_outage_can_be_asked_for_again(running: Callable) -> None:
    job = await running("cut-opening")
    await job.supervisor.close(job.job_id)
    away = unavailable("the cluster is away")
    opens, takes_back = job.store.indices.ensure_results, job.store.tasks.take_back
    Obstacle(job.store.indices, "ensure_results", away)
    Obstacle(job.store.tasks, "take_back", away)
    with pytest.raises(MlError, match="the cluster is away"):
        await job.supervisor.open(job.job_id)
    assert await job.store.tasks.get(job.job_id) is not None, "its claim could not be taken back"
    job.store.indices.ensure_results, job.store.tasks.take_back = opens, takes_back
    assert await job.supervisor.open(job.job_id)
    assert job.supervisor.state(job.job_id) == "opened"


async def test_a_damaged_configuration_does_not_hide_the_others(
    running: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    job = await running("whole")
    path = f"/{job.store.names.config}/_doc/damaged"
    body = {"type": "job", "job_id": "damaged", "job": {"job_id": "damaged"}}
    await job.store.client.request("PUT", path, params={"refresh": True}, body=body)
    try:
        assert "whole" in [found.job_id for found in await job.store.jobs.resolve(None)]
    finally:
        await job.store.client.request("DELETE", path, params={"refresh": True})
    assert "document [damaged]" in caplog.text


async def test_indices_of_an_earlier_version_get_their_aliases_at_the_start(
    running: Callable, supervised: Callable, cluster_client: HttpClient
) -> None:
    job = await running("of-old")
    index, alias = job.store.names.config, job.store.names.config_alias
    removal = {"actions": [{"remove": {"index": index, "alias": alias}}]}
    removed = await asyncio.to_thread(cluster_client.post, "/_aliases", json_body=removal)
    assert removed.status == 200, removed.text
    job.supervisor, job.store = await supervised(job.clock)
    await job.supervisor.ready("of-old")
    assert (await job.store.jobs.get("of-old")).job_id == "of-old"
    assert job.supervisor.state("of-old") == "opened"
