"""Opens, feeds, closes and restores jobs: the one owner of everything that runs.

What a step does to a job is ``live_job``'s matter, what closing writes is ``closing``'s; requests come from handlers.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from proxy.config import Config
from proxy.errors import MlError, status_error, unavailable
from proxy.runtime import worker
from proxy.runtime.closing import write_snapshot
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.host import HostLost, JobHost, ProcessHost
from proxy.runtime.live_job import LiveJob
from proxy.runtime.removals import Removals
from proxy.runtime.tasks import Tasks
from proxy.runtime.worker import Setup, Status
from proxy.store import Store
from proxy.store.job_tasks import JobTask

_log = logging.getLogger(__name__)
_TICK_S = 5.0
_RESTORE_RETRY_S = 2.0
# How long a request waits for a job that is being taken up again after a restart.
_RESTORE_WAIT_S = 60.0


class Supervisor:
    """All jobs that run here. Changes to one job are made in turn."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], int]) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._host: JobHost | None = None
        self._tasks = Tasks()
        self.removals = Removals(store, self, self._tasks)
        self._live: dict[str, LiveJob] = {}
        self._failed: dict[str, JobTask] = {}
        self._changing: dict[str, str] = {}
        self._is_listed = asyncio.Event()
        self._pending: dict[str, asyncio.Event] = {}

    # ---- the process

    async def start(self) -> None:
        """Begins to take up the jobs that were open; requests are answered meanwhile."""
        self._tasks.spawn(self._restore_all(), "restore jobs")
        self._tasks.spawn(self._keep_up(), "keep jobs up")

    async def stop(self) -> None:
        """Saves every open job; they are taken up again at the next start."""
        await self._tasks.stop()
        for live in list(self._live.values()):
            async with live.lock:
                await self._save_quietly(live)
        if self._host is not None:
            await asyncio.to_thread(self._host.close)

    def _hosts(self) -> JobHost:
        # Made at first need: a proxy without open jobs needs no further process.
        if self._host is None:
            self._host = ProcessHost(self._config.runtime.workers)
        return self._host

    async def _restore_all(self) -> None:
        tasks = await self._list_tasks()
        self._pending = {task.job_id: asyncio.Event() for task in tasks}
        self._is_listed.set()
        for task in tasks:
            await self._restore_patiently(task)
            self._pending.pop(task.job_id).set()
        for job in await self._store.jobs.resolve(None):
            await self.removals.take_up(job)

    async def _list_tasks(self) -> list[JobTask]:
        while True:
            try:
                return await self._store.tasks.all()
            except MlError as error:
                _log.info("cannot take up jobs yet: %s", error.reason)
                await asyncio.sleep(_RESTORE_RETRY_S)

    async def _restore_patiently(self, task: JobTask) -> None:
        """One job that cannot be taken up must not keep the others from it."""
        while True:
            try:
                await self._restore(task.job_id)
                return
            except MlError as error:
                if error.status <= 500:
                    await self._fail(task, error.reason)
                    return
                _log.info("job [%s] cannot be taken up yet: %s", task.job_id, error.reason)
                await asyncio.sleep(_RESTORE_RETRY_S)
            except Exception as error:
                _log.exception("job [%s] cannot be taken up", task.job_id)
                await self._fail(task, f"{type(error).__name__}: {error}")
                return

    async def _restore(self, job_id: str) -> None:
        task = await self._store.tasks.get(job_id)
        if task is None or job_id in self._live:
            return
        if task.state == "failed":
            self._failed[job_id] = task
            return
        try:
            stored = await self._store.jobs.get(job_id)
        except MlError as error:
            if error.status != 404:
                raise
            await self._store.tasks.remove(job_id)
            return
        await self._bring_up(task, stored.config, is_restart=True)
        if task.state == "closing":
            self._tasks.spawn(self.close(job_id), f"finish closing [{job_id}]")

    async def _keep_up(self) -> None:
        """Sends what waits and saves models that changed, at a steady beat."""
        while True:
            await asyncio.sleep(_TICK_S)
            for live in list(self._live.values()):
                if live.lock.locked():
                    continue
                async with live.lock:
                    await live.try_send()
                    await self._report(live)
                    if live.wants_saving(int(self._config.runtime.checkpoint_interval * 1000)):
                        await self._save_quietly(live)

    async def _save_quietly(self, live: LiveJob) -> None:
        """The journal still holds everything where saving fails."""
        try:
            if live.journal_bytes:
                await live.save()
        except (MlError, HostLost) as error:
            _log.warning("job [%s] could not be saved: %s", live.job_id, error)

    async def _report(self, live: LiveJob) -> None:
        """Turns what happened to a job into notifications."""
        if live.refused:
            count, first = len(live.refused), live.refused[0]
            live.refused = []
            live.messages.append(("error", f"[{count}] results could not be stored: {first}"))
        messages, live.messages = live.messages, []
        for level, text in messages:
            await self.audit(live.job_id, level, text)

    # ---- what others ask

    def state(self, job_id: str) -> str:
        """``opening``, ``opened``, ``closing``, ``failed`` or ``closed``."""
        if job_id in self._changing:
            return self._changing[job_id]
        if job_id in self._live:
            return "opened"
        if job_id in self._pending:
            return "opening"
        return "failed" if job_id in self._failed else "closed"

    def task(self, job_id: str) -> JobTask | None:
        if job_id in self._live:
            return self._live[job_id].task
        return self._failed.get(job_id)

    def status(self, job_id: str) -> Status | None:
        """What a job that runs here has counted so far."""
        live = self._live.get(job_id)
        return live.status if live else None

    def running(self) -> list[str]:
        """Jobs that are not closed."""
        return sorted({*self._live, *self._failed, *self._changing, *self._pending})

    async def ready(self, job_id: str) -> None:
        """Waits until a job that ran before a restart has been taken up.

        Raises:
            MlError: 503 where that does not happen in time.
        """
        try:
            async with asyncio.timeout(_RESTORE_WAIT_S):
                await self._is_listed.wait()
                if job_id in self._pending:
                    await self._pending[job_id].wait()
        except TimeoutError as error:
            raise unavailable(f"job [{job_id}] is still being taken up after a restart, retry in a moment") from error

    def audit_later(self, job_id: str, level: str, message: str) -> None:
        """Writes a notification without making the caller wait."""
        self._tasks.spawn(self.audit(job_id, level, message), f"notification on [{job_id}]")

    async def audit(self, job_id: str, level: str, message: str) -> None:
        try:
            await self._store.notifications.write(job_id, level, message, self._clock())
        except MlError as error:
            _log.warning("notification [%s] on job [%s] was not stored: %s", message, job_id, error.reason)

    # ---- opening and closing

    async def open(self, job_id: str) -> None:
        """Opens a closed job.

        Raises:
            MlError: 404 unknown, 409 open already or blocked.
        """
        await self.ready(job_id)
        stored = await self._store.jobs.get(job_id)
        blocked = stored.config.get("blocked")
        if blocked:
            raise status_error(f"Cannot open job [{job_id}] because it is executing [{blocked['reason']}]", 409)
        task = await self._store.tasks.create(job_id, opened_at=self._clock())
        facts = await self._store.client.facts()
        self.audit_later(job_id, "info", f"Opening job on node [{facts.node['name']}]")
        try:
            await self._bring_up(task, stored.config, is_restart=False)
        except BaseException:
            await self._store.tasks.remove(job_id)
            raise
        if "finished_time" in stored.config:
            await self._store.jobs.patch(job_id, {"finished_time": None})

    async def _bring_up(self, task: JobTask, config: dict[str, Any], *, is_restart: bool) -> None:
        job_id = task.job_id
        names = self._store.names
        setup = Setup(job_id, config, names.write_alias(job_id), names.indices.annotations_write_alias)
        live = LiveJob(self._store, self._hosts(), self._clock, task, setup)
        with self._during(job_id, "opening"):
            await live.load(is_restart=is_restart)
            live.task = task if task.state != "opening" else await self._store.tasks.change(task, "opened")
            self._live[job_id] = live
            self._failed.pop(job_id, None)

    def _during(self, job_id: str, state: str) -> _Changing:
        return _Changing(self._changing, job_id, state)

    async def close(self, job_id: str, *, force: bool = False) -> None:
        """Closes a job, saving its model unless ``force``; nothing happens where it is closed already."""
        await self.ready(job_id)
        if job_id in self._failed:
            await self._store.tasks.remove(job_id)
            self._failed.pop(job_id, None)
            return
        live = self._live.get(job_id)
        if live is None:
            return
        self.audit_later(job_id, "info", "Job is closing (forced)" if force else "Job is closing")
        with self._during(job_id, "closing"):
            async with live.lock:
                if self._live.get(job_id) is live:
                    await self._shut(live, force=force)

    async def _shut(self, live: LiveJob, *, force: bool) -> None:
        live.task = await self._store.tasks.change(live.task, "closing")
        changes: dict[str, Any] = {"finished_time": self._clock()}
        try:
            await live.send_unsent()
            snapshot_id = await write_snapshot(live, self._store, self._clock())
        except HostLost:
            if not force:
                raise
            snapshot_id = None
        if snapshot_id is not None:
            changes["model_snapshot_id"] = snapshot_id
            self.audit_later(live.job_id, "info", f"Job model snapshot with id [{snapshot_id}] stored")
        await self._store.jobs.patch(live.job_id, changes)
        # Without a snapshot the journal is the only place that holds the data; the next opening replays it.
        if snapshot_id is not None:
            await self._store.journal.clear(live.job_id)
        await self._store.results_write.refresh(live.job_id)
        await self._store.tasks.remove(live.job_id)
        await live.host.call(live.job_id, worker.close_job)
        self._live.pop(live.job_id, None)

    async def _fail(self, task: JobTask, reason: str) -> None:
        current = await self._store.tasks.get(task.job_id)
        live = self._live.pop(task.job_id, None)
        if current is not None:
            self._failed[task.job_id] = await self._store.tasks.change(current, "failed", reason=reason)
        await self.audit(task.job_id, "error", f"Job failed: {reason}")
        if live is not None:
            try:
                await live.host.call(task.job_id, worker.close_job)
            except HostLost:
                _log.info("the model of failed job [%s] is gone with its process", task.job_id)

    # ---- feeding

    async def post(
        self, job_id: str, content: AsyncIterator[bytes], replaces: tuple[int, int] | None = None
    ) -> dict[str, Any]:
        """Analyses posted records; a failed job is taken up again first.

        ``replaces`` is a range of epoch seconds whose records, where their buckets are still open, are forgotten.

        Raises:
            MlError: 409 where the job is not open.
        """
        async with self._open_job(job_id) as live:
            body = b"".join([chunk async for chunk in content])
            return await live.post(body, replaces)

    async def flush(self, job_id: str, options: Mapping[str, Any]) -> Status:
        async with self._open_job(job_id, revive=False) as live:
            return await live.flush(options)

    async def forecast(self, job_id: str, *, duration_ms: int, expires_in_ms: int, max_model_memory: int) -> str:
        """Forecasts an open job; returns the forecast's id.

        Raises:
            MlError: 409 where the job is not open, 400 where its model cannot be carried on.
        """
        forecast_id = base64.urlsafe_b64encode(os.urandom(15)).decode()
        async with self._open_job(job_id, revive=False) as live:
            await live.forecast(ForecastOrder(forecast_id, duration_ms, expires_in_ms, max_model_memory))
        return forecast_id

    async def update(self, job_id: str, config: dict[str, Any]) -> None:
        """Tells a running job its new configuration."""
        if job_id in self._live:
            async with self._open_job(job_id) as live:
                await live.call(worker.update, config)

    @asynccontextmanager
    async def _open_job(self, job_id: str, *, revive: bool = True) -> AsyncIterator[LiveJob]:
        """The job for one step, exclusively; a step that breaks the model fails the job."""
        await self.ready(job_id)
        failed = self._failed.get(job_id)
        if failed is not None and revive:
            await self._revive(failed)
        live = self._live.get(job_id)
        if live is None:
            raise status_error(f"Cannot perform requested action because job [{job_id}] is not open", 409)
        async with live.lock:
            if self._live.get(job_id) is not live:
                raise status_error(f"Cannot perform requested action because job [{job_id}] is not open", 409)
            try:
                yield live
            except (MlError, asyncio.CancelledError):
                raise
            except Exception as error:
                _log.exception("job [%s] failed", job_id)
                await self._fail(live.task, f"{type(error).__name__}: {error}")
                raise MlError("exception", f"[{job_id}] Unexpected death of autodetect: {error}", 500) from error
            await self._report(live)

    async def _revive(self, failed: JobTask) -> None:
        task = await self._store.tasks.change(failed, "opening")
        stored = await self._store.jobs.get(failed.job_id)
        self._failed.pop(failed.job_id, None)
        try:
            await self._bring_up(task, stored.config, is_restart=True)
        except Exception as error:
            await self._fail(task, str(error))
            raise


class _Changing:
    """A job's passing state, for as long as a block runs."""

    def __init__(self, states: dict[str, str], job_id: str, state: str) -> None:
        self._states, self._job_id, self._state = states, job_id, state

    def __enter__(self) -> None:
        self._states[self._job_id] = self._state

    def __exit__(self, *_: object) -> None:
        self._states.pop(self._job_id, None)
