"""Performs what the plan of one run asks for, until it says stop. All decisions are the plan's.

The run's progress is kept with the job's model, whose handle may be given an older one when the model had to be loaded
anew; the plan then simply goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from proxy.errors import MlError
from proxy.runtime import job_states
from proxy.runtime.datafeeds.actions import (
    Action,
    AnalysisFailed,
    Annotate,
    CheckDelayedData,
    Done,
    ExtractionFailed,
    Notify,
    Outcome,
    PersistModel,
    Search,
    SkipTime,
    Stop,
    WaitUntil,
)
from proxy.runtime.datafeeds.after import after
from proxy.runtime.datafeeds.begin import JobData, begin
from proxy.runtime.datafeeds.frequency import together_ms
from proxy.runtime.datafeeds.plan import next_action
from proxy.runtime.datafeeds.progress import Progress, asked_to_stop
from proxy.runtime.datafeeds.settings import Settings, settings_of
from proxy.runtime.live_job import LiveJob
from proxy.runtime.notices import Notices
from proxy.runtime.place.commands import FeedRun
from proxy.runtime.place.contract import PlaceLost
from proxy.store import DatafeedTask, StoredDatafeed
from proxy.store.annotations import Annotations

_NOT_OPEN = Stop("job_is_not_open", close_job=False)


class Jobs(Protocol):
    """What a run needs of the owner of the jobs."""

    notices: Notices

    def state(self, job_id: str) -> job_states.State: ...

    def live(self, job_id: str) -> LiveJob | None:
        """The job's model where it is open."""
        ...

    def step(self, job_id: str, action: job_states.Action) -> AbstractAsyncContextManager[LiveJob]:
        """An open job for one step, in turn."""
        ...

    async def opened(self, job_id: str, is_wanted: Callable[[], bool]) -> LiveJob | None:
        """Waits while a job is opening, and for room as long as it ``is_wanted``; None where it is not open then."""
        ...

    async def persist(self, job_id: str) -> None:
        """Stores the model of an open job as a snapshot; nothing happens where the cluster does not take it."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in milliseconds, an open job's model is saved, and a run looks for delayed data."""

    save_every_ms: int
    check_every_ms: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runs share. ``ready`` waits while no datafeed may search."""

    jobs: Jobs
    annotations: Annotations
    clock: Callable[[], int]
    ready: Callable[[], Any]
    pace: Pace


class Runner:
    """One run of a started datafeed."""

    def __init__(
        self, around: Surroundings, task: DatafeedTask, stored: StoredDatafeed, job: Mapping[str, Any]
    ) -> None:
        self.task = task
        self._around = around
        self._jobs = around.jobs
        self._run = FeedRun(task.run_ms, stored.config, stored.api_key)
        settings = settings_of(stored.config, job["analysis_config"]["bucket_span"], task.start_ms, task.end_ms)
        self._settings: Settings = replace(settings, check_every_ms=around.pace.check_every_ms)
        self._closes_job: bool | None = task.closes_job if task.is_stopping else None
        self._woken = asyncio.Event()
        self._untold: list[Notify] = []
        self._telling: asyncio.Task[None] | None = None
        self.searching: Search | None = None

    @property
    def is_stopping(self) -> bool:
        return self._closes_job is not None

    @property
    def is_in_real_time(self) -> bool:
        live = self._jobs.live(self.task.job_id)
        return live is not None and live.progress is not None and live.progress.phase == "real_time"

    async def ask_to_stop(self, *, closes_job: bool) -> None:
        """Ends the run soon; a search that is waited for is let go of."""
        self._closes_job = closes_job
        self._woken.set()
        live = self._jobs.live(self.task.job_id)
        if live is not None:
            await live.cut_feed()

    async def run(self) -> Stop:
        """How the run ended."""
        live = await self._jobs.opened(self.task.job_id, lambda: not self.is_stopping)
        while live is not None:
            progress = self._progress(live)
            action = next_action(self._settings, progress, self._around.clock())
            if isinstance(action, Stop):
                await self._have_told()
                return action
            outcome = await self._perform(live, progress, action)
            reached = self._reached(live, progress, action)
            if outcome is not None and reached is not None:
                live.progress = after(self._settings, reached, action, outcome, self._around.clock())
            live = self._jobs.live(self.task.job_id)
        return Stop("requested", close_job=True) if self._closes_job else _NOT_OPEN

    def _progress(self, live: LiveJob) -> Progress:
        if live.progress is None or live.progress.run_ms != self.task.run_ms:
            live.progress = begin(self._settings, _data_of(live), self.task.run_ms)
        if self._closes_job is not None:
            live.progress = asked_to_stop(live.progress, close_job=self._closes_job)
        return live.progress

    def _reached(self, live: LiveJob, progress: Progress, action: Action) -> Progress | None:
        """What the outcome is about; None where the model was loaded anew meanwhile, and with it an older progress."""
        if isinstance(action, Search | SkipTime):
            return live.progress
        return progress if live.progress is progress else None

    async def _perform(self, live: LiveJob, progress: Progress, action: Action) -> Outcome | None:
        match action:
            case Search() | SkipTime():
                return await self._feed(progress, action)
            case CheckDelayedData():
                return await self._check(live, action)
            case Annotate():
                await self._annotate(action)
            case Notify():
                self._tell(action)
            case PersistModel():
                await self._jobs.persist(self.task.job_id)
            case WaitUntil():
                await self._have_told()
                await self._wait(action.at_ms)
            case Stop():
                raise AssertionError("the loop ends before")
        return Done()

    async def _feed(self, progress: Progress, action: Search | SkipTime) -> Outcome | None:
        await self._around.ready()
        self.searching = action if isinstance(action, Search) else None
        try:
            async with self._jobs.step(self.task.job_id, "flush") as live:
                return await live.feed(self._run, progress, action, self._around.pace.save_every_ms)
        except MlError as error:
            # Nothing of the range was taken that the progress does not tell.
            is_open = self._jobs.live(self.task.job_id) is not None
            return ExtractionFailed(error.reason) if is_open else AnalysisFailed(error.reason, is_job_open=False)
        finally:
            self.searching = None

    async def _check(self, live: LiveJob, action: CheckDelayedData) -> Outcome:
        try:
            return await live.check_feed(self._run, action)
        except PlaceLost as lost:
            return ExtractionFailed(str(lost))

    async def _annotate(self, action: Annotate) -> None:
        span_ms, now_ms = (action.start_ms, action.end_ms), self._around.clock()
        try:
            await self._around.annotations.delayed_data(
                self.task.job_id, action.run_ms, span_ms, action.text, now_ms=now_ms
            )
        except MlError as error:
            text = f"An annotation about delayed data could not be stored: {error.reason}"
            await self._jobs.notices.write(self.task.job_id, "warning", text)

    def _tell(self, notice: Notify) -> None:
        """Lets users know, in the order of what happened; no search waits for that."""
        self._untold.append(notice)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        while self._untold:
            notice = self._untold.pop(0)
            await self._jobs.notices.write(self.task.job_id, notice.level, notice.text)

    async def _have_told(self) -> None:
        """Waits until all is written that there was to tell."""
        if self._telling is not None:
            await self._telling

    async def _wait(self, until_ms: int) -> None:
        pause_s = max(0.0, (together_ms(until_ms, self._settings.frequency_ms) - self._around.clock()) / 1000)
        # ``wait_for`` would swallow a cancellation that comes together with the waking.
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._woken.wait()


def _data_of(live: LiveJob) -> JobData:
    status = live.status
    if status is None:
        return JobData()
    counts = status.data_counts
    return JobData(
        status.last_finalized_bucket_end_ms,
        counts.get("latest_record_timestamp"),
        counts.get("processed_record_count", 0),
    )
