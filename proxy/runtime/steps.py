"""What clients and datafeeds do with an open job: post, flush, forecast, update. Each is one step, taken in turn."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from proxy.errors import MlError
from proxy.runtime import job_states
from proxy.runtime.abandoned_posts import AbandonedPosts, Counts
from proxy.runtime.answered_posts import Range, keyed_post_id
from proxy.runtime.core import Core
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.job_inputs import gather_inputs
from proxy.runtime.job_states import Action, Asked
from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.contract import results_wait
from proxy.runtime.place.summary import Status
from proxy.runtime.running import Running


@dataclass(frozen=True, slots=True)
class Posting:
    """What came with posted records.

    ``replaces`` is a range of epoch seconds whose records, where their buckets are still open, are forgotten; ``key``
    the caller's name for this request; ``is_gone`` whether the caller has left.
    """

    replaces: Range = None
    key: str = ""
    is_gone: Callable[[], bool] = lambda: False


class Steps:
    """Steps of all jobs; ``ready`` waits until a job has been taken up after a restart."""

    def __init__(self, core: Core, running: Running, *, ready: Callable[[str], Awaitable[None]]) -> None:
        self._core = core
        self._running = running
        self._ready = ready
        self._max_waiting = core.config.runtime.max_waiting_requests
        self._abandoned = AbandonedPosts()

    async def post(self, job_id: str, content: AsyncIterator[bytes], how: Posting = Posting()) -> Counts:
        """Analyses posted records, once however often they are repeated; a failed job is taken up again first.

        Raises:
            MlError: 409 where the job is not open, 422 where the key came with other data before; 429 before any of
                ``content`` is read, where too many results or requests wait already.
        """
        await self._ready(job_id)
        job_states.check("post", Asked(job_id, self._core.entries.state(job_id)))
        live = self._core.entries.live(job_id)
        if live is not None and live.is_full:
            raise results_wait(job_id)
        self._refuse_beyond(job_id)
        # Read before the turn is taken: a slow sender must not hold up others.
        body = b"".join([chunk async for chunk in content])
        if how.key:
            post_id = await asyncio.to_thread(keyed_post_id, how.key, body, how.replaces)
            return await self._post(job_id, body, how.replaces, post_id)
        work = partial(self._post, job_id, body, how.replaces, secrets.token_hex(8))
        return await self._abandoned.once(job_id, body, how.is_gone, work)

    async def stop(self) -> None:
        """Ends the posts in progress; what was journalled of them is not lost."""
        await self._abandoned.stop()

    async def _post(self, job_id: str, body: bytes, replaces: Range, post_id: str) -> Counts:
        self._refuse_beyond(job_id)
        async with self.take(job_id, "post") as live:
            return await live.post(body, replaces, post_id)

    async def flush(self, job_id: str, options: Mapping[str, Any]) -> Status:
        """
        Raises:
            MlError: 409 where the job is not open, 429 where too many requests wait for it.
        """
        self._refuse_beyond(job_id)
        async with self.take(job_id, "flush") as live:
            return await live.flush(options)

    async def forecast(self, job_id: str, *, duration_ms: int, expires_in_ms: int, max_model_memory: int) -> str:
        """Has a forecast of an open job scheduled; returns its id.

        Raises:
            MlError: 409 where the job is not open, 400 where its model cannot be carried on, 429 where too many
                requests wait for it.
        """
        self._refuse_beyond(job_id)
        forecast_id = base64.urlsafe_b64encode(os.urandom(15)).decode()
        async with self.take(job_id, "forecast") as live:
            await live.forecast(ForecastOrder(forecast_id, duration_ms, expires_in_ms, max_model_memory))
        return forecast_id

    async def update(self, job_id: str) -> bool:
        """Tells a running job what it works with from now on; False where it is not open."""
        async with self._core.turn(job_id, "update") as turn:
            live = self._core.entries.live(job_id)
            if live is None:
                return False
            stored = await self._core.store.jobs.get(job_id)
            inputs = await gather_inputs(self._core.store, stored.config)
            async with self._running.guarded(turn):
                await live.update(inputs)
        return True

    def _refuse_beyond(self, job_id: str) -> None:
        if (waiting := self._core.turns.waiting_for(job_id)) >= self._max_waiting:
            raise MlError(
                "es_rejected_execution_exception",
                f"[{waiting}] requests wait for job [{job_id}] already, retry later or raise "
                "[runtime.max_waiting_requests]",
                429,
                headers={"Retry-After": "1"},
            )

    @asynccontextmanager
    async def take(self, job_id: str, action: Action) -> AsyncIterator[LiveJob]:
        """An open job for one step, in turn."""
        await self._ready(job_id)
        async with self._core.turn(job_id, action) as turn:
            job_states.check(action, Asked(job_id, self._core.entries.state(job_id)))
            if self._core.entries.state(job_id) == "failed":
                await self._running.revive(turn)
            live = self._core.entries.live(job_id)
            if live is None:
                raise job_states.not_open(job_id)
            async with self._running.guarded(turn):
                yield live
            await self._core.notices.report(live)
