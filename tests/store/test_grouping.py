"""Requests that go together: who waits, who goes alone, and what becomes of failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from proxy.errors import unavailable
from proxy.store.grouping import Grouped


class Cluster:
    """Answers with the length of what is asked, when it is let; refuses everything that holds an ``x``."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.may_answer = asyncio.Event()

    async def perform(self, asked: Sequence[str]) -> Sequence[int | None]:
        self.requests.append(list(asked))
        await self.may_answer.wait()
        if "odd" in asked:
            raise KeyError("items")
        if "fail" in asked:
            raise unavailable("the cluster is away")
        return [None if "x" in text else len(text) for text in asked]


async def answers_to(cluster: Cluster, *asked: str) -> list[int | None]:
    group = Grouped(cluster.perform)
    asking = [asyncio.ensure_future(group.ask(asked[0]))]
    await asyncio.sleep(0.01)
    asking += [asyncio.ensure_future(group.ask(text)) for text in asked[1:]]
    await asyncio.sleep(0.01)
    cluster.may_answer.set()
    return await asyncio.gather(*asking)


async def test_the_first_goes_at_once_and_the_others_go_together() -> None:
    cluster = Cluster()
    assert await answers_to(cluster, "a", "bb", "ccc") == [1, 2, 3]
    assert cluster.requests == [["a"], ["bb", "ccc"]]


async def test_what_cannot_be_answered_in_company_is_to_be_asked_alone() -> None:
    assert await answers_to(Cluster(), "a", "bx", "cc") == [1, None, 2]


async def test_a_request_that_fails_leaves_each_to_itself_and_the_next_ones_are_answered() -> None:
    cluster = Cluster()
    assert await answers_to(cluster, "fail", "bb") == [None, 2]
    group = Grouped(cluster.perform)
    assert [await group.ask("fail"), await group.ask("ccc")] == [None, 3]


async def test_an_answer_that_cannot_be_read_leaves_nobody_waiting() -> None:
    assert await answers_to(Cluster(), "odd", "bb") == [None, 2]


async def test_so_many_go_together_and_no_more() -> None:
    cluster = Cluster()
    await answers_to(cluster, "a", *("b" * 100))
    assert [len(request) for request in cluster.requests] == [1, 64, 36]


async def test_one_that_no_longer_waits_holds_up_nobody() -> None:
    cluster = Cluster()
    group = Grouped(cluster.perform)
    leaving, staying = asyncio.ensure_future(group.ask("a")), asyncio.ensure_future(group.ask("bb"))
    await asyncio.sleep(0.01)
    leaving.cancel()
    cluster.may_answer.set()
    assert await staying == 2
