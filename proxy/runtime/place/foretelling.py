"""The forecasts of one job, made one after the other on copies of its model, beside all that the job does meanwhile.

Each is worked out and written bit by bit where models compute, so that no job's data wait for more than one bit. A job
that closes waits for its forecasts for a while; what is not done by then, or when the job is discarded, has failed.
What a lost place has left unfinished is failed by the next opening.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

from proxy.engine import ForecastRefused
from proxy.engine.results import Document
from proxy.errors import MlError, status_error
from proxy.runtime import forecasting
from proxy.runtime.forecasting import KILLED, ForecastOrder, Making, Stage
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.place.model import JobModel
from proxy.runtime.place.outbox import Outbox
from proxy.runtime.tasks import Tasks, attempt
from proxy.store import Store

Given = ParamSpec("Given")
Made = TypeVar("Made")

MOST_WAITING = 3
QUEUE_FULL = "Forecast cannot be executed due to queue limit. Please wait for requests to finish and try again"
# How long a closing job waits for what is being made.
PATIENCE_S = 20.0
_RETRY_S = 1.0
# How long a cancelled forecast waits for what it has sent last; beyond, the order in which things arrive is open.
_IN_FLIGHT_S = 5.0


class Host(Protocol):
    """The job as its forecasts see it: ``place.job.PlacedJob``."""

    @property
    def store(self) -> Store: ...

    @property
    def inputs(self) -> JobInputs: ...

    @property
    def model(self) -> JobModel: ...

    async def do(
        self, entry: int | None, step: Callable[Given, Made], *args: Given.args, **kwargs: Given.kwargs
    ) -> Made: ...


class Foretelling:
    """Of one open job. ``begin`` checks and schedules; the rest goes on beside the job's other steps."""

    def __init__(self, job: Host) -> None:
        self._job = job
        self._waiting: deque[Making] = deque()
        self._current: Making | None = None
        self._tasks = Tasks()
        self._working: asyncio.Task[object] | None = None
        self._sends = Tasks()
        self._sending: asyncio.Task[object] | None = None

    async def begin(self, order: ForecastOrder, now_ms: int) -> None:
        """Schedules a forecast; its statistics are searchable afterwards.

        Raises:
            MlError: 400 where the model cannot be carried on, or too many forecasts wait.
        """
        outbox, making, refusal = self._outbox(), Making(order, now_ms, None), None
        try:
            if len(self._waiting) >= MOST_WAITING:
                raise ForecastRefused(QUEUE_FULL)
            making = Making(order, now_ms, await self._job.do(None, self._job.model.forecast, order))
        except ForecastRefused as error:
            refusal = str(error)
        await self._tell(outbox, making, "scheduled" if refusal is None else "failed", [refusal] if refusal else [])
        await self._job.store.results_write.refresh(self._job_id)
        if refusal is not None:
            raise status_error(f"Cannot run forecast: {refusal}", 400)
        self._waiting.append(making)
        if self._working is None or self._working.done():
            self._working = self._tasks.spawn(self._work(), f"forecasts of {self._job_id}")

    async def settle(self) -> None:
        """Waits for what is being made; what takes too long has failed."""
        if self._working is not None:
            await asyncio.wait([self._working], timeout=PATIENCE_S)
            await self.cancel()

    async def stop(self) -> None:
        """Ends the work; nobody is told."""
        await self._tasks.stop()
        await self._sends.stop()

    async def cancel(self) -> None:
        """Ends all that is not done, as failed."""
        await self._tasks.stop()
        if self._sending is not None:
            # What is on its way to the cluster must not arrive behind what is said below.
            await asyncio.wait([self._sending], timeout=_IN_FLIGHT_S)
        await self.stop()
        left = [*([self._current] if self._current else []), *self._waiting]
        self._current = None
        self._waiting.clear()
        with suppress(MlError):
            for making in left:
                lines = forecasting.stats_line(self._alias, self._job_id, making, "failed", [KILLED])
                # Not by the outbox: that would make the index of a deleted job anew.
                await self._job.store.results_write.write(lines)

    # ---- making

    async def _work(self) -> None:
        while self._waiting:
            self._current = self._waiting.popleft()
            await attempt(partial(self._make, self._current), f"forecast of {self._job_id}")
            self._current = None

    async def _make(self, making: Making) -> None:
        """Writes all of a forecast, or why it failed."""
        outbox, messages = self._outbox(), making.forecast.messages if making.forecast else []
        stage: Stage = "finished"
        try:
            await self._tell(outbox, making, "started", messages)
            making = await self._write_points(outbox, making)
        except Exception as error:
            stage, messages = "failed", [f"{type(error).__name__}: {error}"]
        await self._tell(outbox, making, stage, messages)
        await self._job.store.results_write.refresh(self._job_id)

    async def _write_points(self, outbox: Outbox, making: Making) -> Making:
        """How it is when all points are written."""
        assert making.forecast is not None
        documents = making.forecast.documents()
        while True:
            lines, count, took_s = await self._job.do(None, self._next, documents, making.order)
            making = replace(making, written=making.written + count, took_s=making.took_s + took_s)
            self._current = making
            if lines is None:
                return making
            if lines:
                outbox.put(lines)
                await self._tell(outbox, making, "started")

    def _next(self, documents: Iterator[list[Document]], order: ForecastOrder) -> tuple[list[bytes] | None, int, float]:
        """(bulk lines of the next points, None behind the last; their number; seconds taken)."""
        began, points = time.perf_counter(), next(documents, None)
        lines = None if points is None else forecasting.point_lines(self._alias, self._job_id, order, points)
        return lines, len(points or ()), time.perf_counter() - began

    async def _tell(self, outbox: Outbox, making: Making, stage: Stage, messages: list[str] | None = None) -> None:
        """Writes what waits and how far it is; waits for a cluster that takes nothing."""
        outbox.put(forecasting.stats_line(self._alias, self._job_id, making, stage, messages or []))
        while True:
            self._sending = self._sends.spawn(outbox.try_send(), f"forecast of {self._job_id}")
            await asyncio.shield(self._sending)
            if outbox.is_empty():
                return
            await asyncio.sleep(_RETRY_S)

    def _outbox(self) -> Outbox:
        return Outbox(self._job.store, self._job.inputs)

    @property
    def _job_id(self) -> str:
        return self._job.inputs.job_id

    @property
    def _alias(self) -> str:
        return self._job.inputs.write_alias
