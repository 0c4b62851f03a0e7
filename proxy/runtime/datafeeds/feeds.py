"""All datafeeds that are started here: starting and stopping them, and taking them up after a restart.

What one of them does is its ``runner``'s matter; that it is started is stored in ``store.datafeed_tasks``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from proxy.errors import MlError
from proxy.runtime.datafeeds.actions import Stop
from proxy.runtime.datafeeds.runner import Jobs, Pace, Runner, Surroundings
from proxy.runtime.live_job import LiveJob
from proxy.runtime.tasks import Tasks, attempt, until_done
from proxy.store import DatafeedTask, Store, StoredDatafeed, StoredJob

_log = logging.getLogger(__name__)
_RETRY_S = 2.0
# How soon a change of upgrade mode is noticed that another process has made.
_LOOK_EVERY_S = 5.0
# Taken up together: the cluster is asked for their configurations in one request.
_AT_ONCE = 32

State = Literal["stopped", "starting", "started", "stopping"]


class Owner(Jobs, Protocol):
    """What datafeeds need of the owner of the jobs."""

    def close(self, job_id: str, *, force: bool = False) -> asyncio.Task[object]: ...

    async def end_feed(self, job_id: str) -> bool: ...


@dataclass(slots=True)
class _Run:
    runner: Runner
    work: asyncio.Task[object] | None = None


class Feeds:
    """Runs by the id of their datafeed; a job has one at most."""

    def __init__(self, store: Store, jobs: Owner, tasks: Tasks, clock: Callable[[], int], pace: Pace) -> None:
        self._store = store
        self._jobs = jobs
        self._tasks = tasks
        self._clock = clock
        self._runs: dict[str, _Run] = {}
        self._feed_of: dict[str, str] = {}
        self._is_listed = asyncio.Event()
        self._may_search = asyncio.Event()
        self._may_search.set()
        self._around = Surroundings(jobs, store.annotations, clock, self._may_search.wait, pace)

    # ---- what others ask

    async def ready(self) -> None:
        """Waits until a restart knows what was started."""
        await self._is_listed.wait()

    def state(self, datafeed_id: str) -> State:
        run = self._runs.get(datafeed_id)
        if run is None:
            return "stopped"
        if run.runner.is_stopping:
            return "stopping"
        return "started" if self._jobs.live(run.runner.task.job_id) is not None else "starting"

    def runner(self, datafeed_id: str) -> Runner | None:
        """Of a datafeed that is started."""
        run = self._runs.get(datafeed_id)
        return None if run is None else run.runner

    def lags_ms(self) -> list[int]:
        """How far the latest record of each job whose datafeed runs in real time is behind the clock."""
        runners = [run.runner for run in self._runs.values() if run.runner.is_in_real_time]
        lives = [self._jobs.live(runner.task.job_id) for runner in runners]
        statuses = [live.status for live in lives if live is not None]
        latest = [status.data_counts.get("latest_record_timestamp") for status in statuses if status is not None]
        return [max(0, self._clock() - each) for each in latest if each is not None]

    def live(self, job_id: str) -> LiveJob | None:
        return self._jobs.live(job_id)

    # ---- starting

    async def start(self, task: DatafeedTask, stored: StoredDatafeed, job: StoredJob) -> None:
        """
        Raises:
            MlError: 409 where it is started already.
        """
        await self._store.datafeed_tasks.create(task)
        text = f"Starting datafeed [{task.datafeed_id}] on node [{self._jobs.notices.node}]"
        self._jobs.notices.later(task.job_id, "info", text)
        self._spawn(Runner(self._around, task, stored, job.config))

    def _spawn(self, runner: Runner) -> None:
        run = self._runs[runner.task.datafeed_id] = _Run(runner)
        self._feed_of[runner.task.job_id] = runner.task.datafeed_id
        run.work = self._tasks.spawn(self._perform(run), f"datafeed [{runner.task.datafeed_id}]")

    async def take_up(self) -> None:
        """Goes on with what a former process had started."""
        await until_done(self._take_up, "take up datafeeds", every_s=_RETRY_S)

    async def _take_up(self) -> None:
        tasks = iter(await self._store.datafeed_tasks.all())

        async def take_up_some() -> None:
            for task in tasks:
                if task.datafeed_id not in self._runs:
                    await self._take_up_one(task)

        await asyncio.gather(*(take_up_some() for _ in range(_AT_ONCE)))
        self._is_listed.set()

    async def _take_up_one(self, task: DatafeedTask) -> None:
        try:
            stored, job = await asyncio.gather(
                self._store.datafeeds.get(task.datafeed_id), self._store.jobs.get(task.job_id)
            )
        except MlError as error:
            if error.status != 404:
                raise
            await self._store.datafeed_tasks.remove(task.datafeed_id)
            return
        self._spawn(Runner(self._around, task, stored, job.config))

    async def look_for_upgrade_mode(self) -> None:
        """To be called every now and then: searches wait while the cluster is upgraded."""
        if self._runs:
            self.hold(on=await self._store.upgrade_mode.is_on())

    def hold(self, *, on: bool) -> None:
        """Lets searches wait, or go on."""
        if on:
            self._may_search.clear()
        else:
            self._may_search.set()

    # ---- running

    async def _perform(self, run: _Run) -> None:
        task = run.runner.task
        stop = await self._run_to_its_end(run.runner)
        # The next run begins behind what this one brought, so that must not be lost any more.
        while not await self._save_run(task.job_id) and not run.runner.is_stopping:
            stop = await self._run_to_its_end(run.runner)
        await self._forget(task.datafeed_id)
        if stop.close_job:
            self._jobs.close(task.job_id)

    async def _run_to_its_end(self, runner: Runner) -> Stop:
        task = runner.task
        try:
            return await runner.run()
        except Exception as error:
            _log.exception("datafeed [%s] ended by a fault", task.datafeed_id)
            await self._jobs.notices.write(task.job_id, "error", f"Datafeed [{task.datafeed_id}] failed: {error}")
            return Stop("requested", close_job=False)

    async def _save_run(self, job_id: str) -> bool:
        """Saves what a run brought; False where its model was lost before, so that it has to be read again."""
        is_kept = True

        async def save() -> None:
            nonlocal is_kept
            is_kept = await self._jobs.end_feed(job_id)

        await attempt(save, f"save job [{job_id}] behind its datafeed")
        return is_kept

    async def _forget(self, datafeed_id: str) -> None:
        remove = partial(self._store.datafeed_tasks.remove, datafeed_id)
        await until_done(remove, f"end datafeed [{datafeed_id}]", every_s=_RETRY_S)
        run = self._runs.pop(datafeed_id, None)
        if run is not None:
            self._feed_of.pop(run.runner.task.job_id, None)

    # ---- stopping

    async def stop(self, datafeed_id: str, *, force: bool = False, closes_job: bool = False) -> None:
        """Waits for the end of a run, if there is one; with ``force`` for nothing that it is at.

        Raises:
            MlError: 503 where the cluster cannot note it.
        """
        run = self._runs.get(datafeed_id)
        if run is None or run.work is None:
            return
        if not run.runner.is_stopping:
            await self._store.datafeed_tasks.ask_to_stop(run.runner.task, closes_job=closes_job)
            await run.runner.ask_to_stop(closes_job=closes_job)
        if force:
            run.work.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([run.work])
            await self._forget(datafeed_id)
            job_id = run.runner.task.job_id
            self._tasks.spawn(self._save_run(job_id), f"save job [{job_id}] behind its datafeed")
            return
        await asyncio.wait([run.work])

    async def stop_of_job(self, job_id: str, *, force: bool = False) -> None:
        """Ends whatever feeds a job."""
        await self.ready()
        datafeed_id = self._feed_of.get(job_id)
        if datafeed_id is not None and self._runs[datafeed_id].work is not asyncio.current_task():
            await self.stop(datafeed_id, force=force)
