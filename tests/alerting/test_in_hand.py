"""Who ends alerts waits for those who judge, but only for those who began before."""

from __future__ import annotations

import asyncio

from proxy.alerting.in_hand import InHand


async def test_what_is_in_hand_is_waited_for_and_nothing_else() -> None:
    in_hand, seen = InHand(), []

    async def end(**what: str) -> None:
        await in_hand.done(**what)
        seen.append(what)

    async with asyncio.timeout(5):
        with in_hand.on("r", "a"):
            await end(rule_id="other")
            await end(job_id="b")
            waiting = asyncio.gather(end(rule_id="r"), end(job_id="a"))
            await asyncio.sleep(0)
            with in_hand.on("r", "b"):
                pass
            await asyncio.sleep(0)
            assert seen == [{"rule_id": "other"}, {"job_id": "b"}]
        with in_hand.on("r", "a"):
            await waiting
    assert seen[2:] == [{"rule_id": "r"}, {"job_id": "a"}]


async def test_a_judgement_that_fails_is_over_as_well() -> None:
    in_hand = InHand()
    try:
        with in_hand.on("r", "a"):
            raise ValueError
    except ValueError:
        await asyncio.wait_for(in_hand.done(rule_id="r"), 5)
