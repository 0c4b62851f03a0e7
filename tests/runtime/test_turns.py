"""Turns at a job: one holder at a time, in the order of asking, each known by its purpose."""

from __future__ import annotations

import asyncio

import pytest

from proxy.runtime.turns import Turns


async def test_turns_come_in_the_order_of_asking() -> None:
    turns, order = Turns(), []

    async def step(purpose: str) -> None:
        async with turns.take("j", purpose):
            order.append(purpose)
            await asyncio.sleep(0)

    await asyncio.gather(*(step(purpose) for purpose in "abc"))
    assert order == ["a", "b", "c"]


async def test_the_holder_is_known_while_it_holds() -> None:
    turns = Turns()
    assert turns.holder("j") is None
    async with turns.take("j", "close") as turn:
        assert turns.holder("j") is turn
        assert (turn.job_id, turn.purpose) == ("j", "close")
        assert turns.holder("other") is None
        turns.require(turn)
    assert turns.holder("j") is None
    with pytest.raises(RuntimeError, match=r"the turn of job \[j\] for \[close\] is over"):
        turns.require(turn)


async def test_who_asks_twice_is_told_instead_of_waiting_for_itself() -> None:
    turns = Turns()
    async with turns.take("j", "close"):
        with pytest.raises(RuntimeError, match=r"asks for the turn of job \[j\], held by its own \[close\]"):
            async with turns.take("j", "post"):
                pass
        async with turns.take("other", "post"):
            pass


async def test_a_failure_and_a_cancelled_wait_pass_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="broken"):
        async with turns.take("j", "fail"):
            raise ValueError("broken")

    async def waits() -> None:
        async with turns.take("j", "wait"):
            pass

    async with turns.take("j", "hold"):
        waiting = asyncio.create_task(waits())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(1), turns.take("j", "next"):
        pass
