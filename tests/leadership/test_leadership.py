"""Candidates for one lease on a real cluster: one leads, and another one after it, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from proxy.config import Config
from proxy.store.fence import lease_index
from tests.http_client import HttpClient
from tests.leadership.conftest import QUICK, Candidate, until
from tests.store.conftest import names

__all__ = ["names"]
Make = Callable[[], Candidate]


async def test_one_of_several_leads_and_the_others_know_who(candidate: Make) -> None:
    three = [candidate() for _ in range(3)]
    await asyncio.gather(*(each.start() for each in three))
    await until(lambda: all(each.leadership.leader is not None for each in three))
    leading = [each for each in three if each.leadership.leads]
    assert len(leading) == 1
    assert {each.leadership.leader.node_id for each in three} == {leading[0].leadership.me.node_id}
    assert [each.may_write() for each in three] == [each is leading[0] for each in three]
    assert sorted(each.diary.entries for each in three) == [[], [], ["began"]]
    await until(lambda: len(leading[0].leadership.proxies()) == 3)
    assert [each["role"] for each in leading[0].leadership.proxies()] == ["leader", "follower", "follower"]


async def test_a_lease_that_is_given_back_is_taken_at_once(candidate: Make) -> None:
    first, second = candidate(), candidate()
    await first.start()
    await until(lambda: first.leadership.leads)
    await second.start()
    await until(lambda: second.leadership.leader is not None)
    await first.leadership.stop()
    await until(lambda: second.leadership.leads, within_s=QUICK.expires_s)
    assert (first.diary.former, second.diary.former) == (None, first.leadership.me)


async def test_a_lease_is_given_back_whose_last_renewal_was_cut_off(candidate: Make) -> None:
    first, second = candidate(), candidate()
    await first.start()
    await until(lambda: first.leadership.leads)
    held = first.leadership._held
    assert held is not None
    # As if the answer to a renewal that was carried out had been cut off by the stop.
    version = await first.leadership._leases.write(first.leadership.me, held.epoch, held.version)
    assert version is not None
    await first.leadership.stop()
    await second.start()
    await until(lambda: second.leadership.leads, within_s=QUICK.expires_s / 2)


async def test_who_does_not_renew_stops_writing_before_another_leads_and_then_follows(
    candidate: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = candidate(), candidate()
    await first.start()
    await until(lambda: first.leadership.leads)
    await second.start()
    await until(lambda: second.leadership.leader is not None)
    cut_off = asyncio.Event()
    perform = first.client.request

    async def request(*args: object, **options: object) -> object:
        if not cut_off.is_set():
            return await perform(*args, **options)
        return await asyncio.sleep(3600)

    monkeypatch.setattr(first.client, "request", request)
    cut_off.set()
    while not second.leadership.leads:
        # Never both, at any moment.
        assert not (first.may_write() and second.may_write())
        await asyncio.sleep(0.01)
    assert not first.may_write()
    assert first.diary.entries == ["began"], "it has not heard of another one yet"
    cut_off.clear()
    await until(lambda: first.diary.entries == ["began", "ended"])
    assert first.leadership.leader == second.leadership.me
    await second.leadership.stop()
    await until(lambda: first.leadership.leads)
    assert first.diary.entries == ["began", "ended", "began"]


async def test_a_leader_whose_lease_somebody_deletes_goes_on_in_its_term(
    candidate: Make, cluster_client: HttpClient
) -> None:
    only = candidate()
    await only.start()
    await until(only.may_write)
    await only.store.indices.ensure_own()
    term = only.store.client.fence.term
    assert cluster_client.delete(f"/{lease_index(only.store.names.config)}").status == 200
    await asyncio.sleep(QUICK.renew_every_s)
    await until(only.may_write)
    await only.store.notifications.write("a", "info", "written afterwards", 1)
    assert (only.store.client.fence.term, only.diary.entries) == (term, ["began"])


async def test_a_write_that_is_refused_makes_the_leader_look_at_its_lease(
    candidate: Make, cluster_client: HttpClient
) -> None:
    only = candidate()
    await only.start()
    await until(only.may_write)
    await only.store.indices.ensure_own()
    cluster_client.delete(f"/{lease_index(only.store.names.config)},{only.store.names.indices.notifications}")
    # The index of the lease is gone as well, on which every change of aliases depends.
    await only.store.notifications.write("a", "info", "made anew", 1)
    assert only.diary.entries == ["began"]


async def test_a_disk_that_is_nearly_full_does_not_end_a_term(
    candidate: Make, settings: Config, cluster_client: HttpClient
) -> None:
    first, second = candidate(), candidate()
    await first.start()
    await until(lambda: first.leadership.leads)
    await second.start()
    block = {"index.blocks.read_only_allow_delete": True}
    await asyncio.to_thread(cluster_client.put, f"/{lease_index(settings.indices.config)}/_settings", json_body=block)
    await asyncio.sleep(2 * QUICK.expires_s)
    assert first.leadership.leads
    assert first.may_write()
    assert first.diary.entries == ["began"]
