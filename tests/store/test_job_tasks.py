"""Which jobs run: claims, changes and their losers."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors import MlError
from proxy.store.client import ClusterError
from proxy.store.job_tasks import JobTasks


@pytest.fixture
async def tasks(loop, store_client, names, make_index) -> JobTasks:
    make_index(names.config, "config", names.config_alias)
    return JobTasks(store_client, names)


async def test_a_claim_can_be_read_back(tasks):
    created = await tasks.create("one", opened_at=5)
    assert (created.job_id, created.state, created.opened_at, created.reason) == ("one", "opening", 5, None)
    assert await tasks.get("one") == created
    assert await tasks.get("two") is None


@pytest.mark.scenario(6)
async def test_of_many_claims_one_wins(tasks):
    claims = await asyncio.gather(*[tasks.create("one", opened_at=at) for at in range(8)], return_exceptions=True)
    refused = [claim for claim in claims if isinstance(claim, MlError)]
    assert len(refused) == 7
    error = refused[0]
    assert (error.type, error.status) == ("status_exception", 409)
    assert error.reason == "Cannot open job [one] because it has already been opened"
    assert error.caused_by.type == "resource_already_exists_exception"


@pytest.mark.scenario(5)
async def test_a_change_is_made_on_what_was_read(tasks):
    opening = await tasks.create("one", opened_at=5)
    opened = await tasks.change(opening, "opened")
    assert await tasks.get("one") == opened
    with pytest.raises(ClusterError) as caught:
        await tasks.change(opening, "failed", reason="late")
    assert caught.value.status == 409
    assert (await tasks.get("one")).state == "opened"


async def test_a_reason_is_kept(tasks):
    failed = await tasks.change(await tasks.create("one", opened_at=5), "failed", reason="it broke")
    assert (await tasks.get("one")).reason == "it broke"
    assert failed.epoch == 5


async def test_all_tasks_are_listed_in_order_at_once(tasks):
    for job_id in ("b", "a", "c"):
        await tasks.create(job_id, opened_at=1)
    assert [task.job_id for task in await tasks.all()] == ["a", "b", "c"]


async def test_removing_is_final_and_may_be_repeated(tasks):
    await tasks.create("one", opened_at=5)
    await tasks.remove("one")
    await tasks.remove("one")
    assert await tasks.get("one") is None
    assert (await tasks.create("one", opened_at=6)).epoch == 6


async def test_without_an_index_there_are_no_tasks(store_client, names):
    tasks = JobTasks(store_client, names)
    assert await tasks.all() == []
    assert await tasks.get("one") is None
    await tasks.remove("one")
