"""Work in the background."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from contextlib import suppress

from proxy.errors import MlError, unavailable
from proxy.runtime.tasks import Tasks, until_done

CALLER: contextvars.ContextVar[str | None] = contextvars.ContextVar("caller", default=None)


async def test_a_failure_is_logged_with_the_name_of_the_task(caplog):
    async def fails() -> None:
        raise RuntimeError("broken")

    tasks = Tasks()
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([tasks.spawn(fails(), "tidy up")])
    assert "background task [tidy up] failed" in caplog.text
    assert "RuntimeError: broken" in caplog.text


async def test_what_the_cluster_refuses_a_task_is_told_without_a_trace(caplog):
    async def fails() -> None:
        raise unavailable("the cluster is away")

    await asyncio.wait([Tasks().spawn(fails(), "close")])
    assert "background task [close] ended with [503]: the cluster is away" in caplog.text
    assert "Traceback" not in caplog.text


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


async def test_stopping_ends_a_task_that_has_swallowed_its_cancellation(monkeypatch):
    monkeypatch.setattr("proxy.runtime.tasks._CANCEL_AGAIN_S", 0.05)

    async def runs() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    tasks = Tasks()
    task = tasks.spawn(runs(), "wait")
    await asyncio.sleep(0)
    await asyncio.wait_for(tasks.stop(), 10)
    assert task.cancelled()


async def test_what_a_request_left_behind_does_not_go_along():
    async def caller() -> str | None:
        return CALLER.get()

    CALLER.set("somebody")
    assert await Tasks().spawn(caller(), "ask") is None
    assert await caller() == "somebody"


async def test_what_is_repeated_outlives_single_failures(caplog):
    errors = [unavailable("not now"), MlError("status_exception", "never", 400), RuntimeError("broken")]
    done = asyncio.Event()

    async def step() -> None:
        if errors:
            raise errors.pop(0)
        done.set()

    tasks = Tasks()
    tasks.repeat(step, "beat", every_s=0.001)
    await asyncio.wait_for(done.wait(), 5)
    await tasks.stop()
    assert "[beat] goes on after [503]: not now" in caplog.text
    assert "[beat] goes on after [400]: never" in caplog.text
    assert "RuntimeError: broken" in caplog.text
    assert [record.exc_info is None for record in caplog.records] == [True, True, False], (
        "what is expected has no trace"
    )


async def test_a_step_is_taken_until_it_says_that_all_is_done(caplog):
    answers = [False, True, True]

    async def step() -> bool:
        if len(answers) == 2:
            answers.pop(0)
            raise unavailable("not now")
        return answers.pop(0)

    await until_done(step, "take up", every_s=0.001)
    assert answers == []
    assert "[take up] goes on after [503]" in caplog.text
