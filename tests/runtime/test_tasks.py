"""Work in the background."""

from __future__ import annotations

import asyncio
import contextvars
import logging

from proxy.runtime.tasks import Tasks

CALLER: contextvars.ContextVar[str | None] = contextvars.ContextVar("caller", default=None)


async def test_a_failure_is_logged_with_the_name_of_the_task(caplog):
    async def fails() -> None:
        raise RuntimeError("broken")

    tasks = Tasks()
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([tasks.spawn(fails(), "tidy up")])
    assert "background task [tidy up] failed" in caplog.text
    assert "RuntimeError: broken" in caplog.text


async def test_stopping_ends_what_still_runs_quietly(caplog):
    ended = asyncio.Event()

    async def runs() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    tasks = Tasks()
    task = tasks.spawn(runs(), "wait")
    await asyncio.sleep(0)
    await tasks.stop()
    assert ended.is_set()
    assert task.cancelled()
    assert caplog.text == ""


async def test_what_a_request_left_behind_does_not_go_along():
    async def caller() -> str | None:
        return CALLER.get()

    CALLER.set("somebody")
    assert await Tasks().spawn(caller(), "ask") is None
    assert await caller() == "somebody"
