"""Opens, feeds and closes jobs: the one owner of everything that runs.

What a job does, it does in its ``place``, of which ``live_job`` is the handle; taking jobs up after a start is
``restoring``'s matter, deleting and resetting are ``removals``'; requests come from handlers.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from proxy.config import Config
from proxy.errors import MlError, status_error
from proxy.job_config.analysis import term_fields
from proxy.runtime.background_persist import BackgroundPersist
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.job_inputs import gather_inputs
from proxy.runtime.live_job import LiveJob
from proxy.runtime.notices import Notices
from proxy.runtime.place.commands import Discard
from proxy.runtime.place.contract import Place, PlaceLost, StepTimedOut
from proxy.runtime.place.places import Places
from proxy.runtime.place.process import ProcessPlace
from proxy.runtime.place.summary import Status
from proxy.runtime.removals import Removals
from proxy.runtime.restoring import Restoring
from proxy.runtime.tasks import Tasks
from proxy.runtime.turns import Turns
from proxy.store import Store
from proxy.store.job_tasks import JobTask
from proxy.units import iso

_log = logging.getLogger(__name__)
_TICK_S = 5.0


class Supervisor:
    """All jobs that run here. Changes to one job are made in turn."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], int], place: Place | None = None) -> None:
        """``place`` is where models live; child processes by default."""
        self._store = store
        self._config = config
        self._clock = clock
        self._place = place or Places([ProcessPlace(config) for _ in range(config.runtime.workers)])
        self._tasks = Tasks()
        self._turns = Turns()
        self.notices = Notices(store.notifications, clock, self._tasks)
        self._restoring = Restoring(store.tasks, self._restore, self._fail)
        self.removals = Removals(store, self, self._tasks)
        self._live: dict[str, LiveJob] = {}
        self.background = BackgroundPersist(store, clock, self.turn, self.notices, self._live)
        self._failed: dict[str, JobTask] = {}
        self._changing: dict[str, str] = {}
        self._waiting: dict[str, JobTask] = {}

    # ---- the process

    async def start(self) -> None:
        """Begins to take up the jobs that were open; requests are answered meanwhile."""
        self._tasks.spawn(self._take_up(), "take up jobs")
        self._tasks.spawn(self._keep_up(), "keep jobs up")
        self._tasks.spawn(self.background.run(), "persist models")

    async def stop(self) -> None:
        """Saves every open job, within the time that a stop may take; what is not saved is in the journal."""
        await self._tasks.stop()
        try:
            async with asyncio.timeout(self._config.server.shutdown_timeout):
                # All at once: a job whose turn does not come keeps no other from being saved.
                await asyncio.gather(*(self._save_in_turn(live) for live in list(self._live.values())))
        except TimeoutError:
            _log.warning("stopping without saving all models; the next start reads the journal instead")
        await self._place.close()

    async def _take_up(self) -> None:
        await self._restoring.run()
        for job in await self._store.jobs.resolve(None):
            await self.removals.take_up(job)

    async def _restore(self, job_id: str) -> None:
        async with self.turn(job_id):
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
            await self._bring_up(task, stored.config)
        if task.state == "closing":
            self._tasks.spawn(self._close_in_turn(job_id), f"finish closing [{job_id}]")

    async def _keep_up(self) -> None:
        """Sends what waits and saves models that changed, at a steady beat."""
        interval_ms = int(self._config.runtime.checkpoint_interval * 1000)
        while True:
            await asyncio.sleep(_TICK_S)
            await self._open_waiting()
            for live in list(self._live.values()):
                turn = self.turn(live.job_id)
                if turn.locked():
                    continue
                self._tasks.spawn(self._beat(live, interval_ms), f"keep up job [{live.job_id}]")

    async def _beat(self, live: LiveJob, save_every_ms: int) -> None:
        async with self.turn(live.job_id):
            if self._live.get(live.job_id) is not live:
                return
            try:
                async with self._guarded(live):
                    await live.beat(save_every_ms)
            except MlError as error:
                _log.warning("job [%s] could not be kept up: %s", live.job_id, error)
            await self.notices.report(live)

    async def _save_in_turn(self, live: LiveJob) -> None:
        """The journal still holds everything where saving fails."""
        async with self.turn(live.job_id):
            try:
                await live.save()
            except (MlError, PlaceLost, StepTimedOut) as error:
                _log.warning("job [%s] could not be saved: %s", live.job_id, error)

    # ---- what others ask

    def turn(self, job_id: str) -> asyncio.Lock:
        """Held while a job is changed, by whoever changes it."""
        return self._turns.turn(job_id)

    def state(self, job_id: str) -> str:
        """``opening``, ``opened``, ``closing``, ``failed`` or ``closed``."""
        if job_id in self._changing:
            return self._changing[job_id]
        if job_id in self._live:
            return "opened"
        if job_id in self._restoring.pending():
            return "opening"
        if job_id in self._waiting:
            return "opening"
        return "failed" if job_id in self._failed else "closed"

    def task(self, job_id: str) -> JobTask | None:
        if job_id in self._live:
            return self._live[job_id].task
        return self._failed.get(job_id)

    def is_waiting(self, job_id: str) -> bool:
        """Whether a job that shall be open waits for room."""
        return job_id in self._waiting

    def is_full(self) -> bool:
        """Whether as many jobs are open as the settings allow."""
        opened = {*self._live, *self._changing, *self._restoring.pending()}
        return len(opened) >= self._config.ml.max_open_jobs

    def status(self, job_id: str) -> Status | None:
        """What a job that runs here has counted so far."""
        live = self._live.get(job_id)
        return live.status if live else None

    def running(self) -> list[str]:
        """Jobs that are not closed."""
        return sorted({*self._live, *self._failed, *self._changing, *self._waiting, *self._restoring.pending()})

    async def ready(self, job_id: str) -> None:
        """Waits until a job that ran before a restart has been taken up.

        Raises:
            MlError: 503 where that does not happen in time.
        """
        await self._restoring.ready(job_id)

    # ---- opening and closing

    async def open(self, job_id: str) -> bool:
        """Opens a closed job; False where it has to wait for room first.

        Raises:
            MlError: 404 unknown, 409 open already or blocked.
        """
        await self.ready(job_id)
        removal = self.removals.running(job_id)
        if removal is not None:
            raise _executing(job_id, removal.kind)
        async with self.turn(job_id):
            stored = await self._store.jobs.get(job_id)
            if stored.blocked_by is not None:
                raise _executing(job_id, stored.blocked_by)
            is_full = self.is_full()
            task = await self._store.tasks.create(job_id, opened_at=self._clock())
            if is_full:
                self._waiting[job_id] = task
                return False
            facts = await self._store.client.facts()
            self.notices.later(job_id, "info", f"Opening job on node [{facts.node['name']}]")
            try:
                await self._bring_up(task, stored.config)
            except BaseException:
                await self._unload(job_id)
                await self._store.tasks.remove(job_id)
                raise
            if "finished_time" in stored.config:
                await self._store.jobs.patch(job_id, {"finished_time": None})
        return True

    async def _open_waiting(self) -> None:
        """Opens jobs that wait, earliest first, while there is room."""
        for job_id in list(self._waiting):
            if self.is_full():
                return
            async with self.turn(job_id):
                task = self._waiting.pop(job_id, None)
                if task is None:
                    continue
                try:
                    stored = await self._store.jobs.patch(job_id, {"finished_time": None})
                    await self._bring_up(task, stored.config)
                except (MlError, PlaceLost, StepTimedOut) as error:
                    await self._fail(task, str(error))

    async def _bring_up(self, task: JobTask, config: dict[str, Any]) -> None:
        job_id = task.job_id
        inputs = await gather_inputs(self._store.names, config)
        live = LiveJob(self._place, self._store.journal, self._clock, task, inputs)
        with self._during(job_id, "opening"):
            await self._store.indices.ensure_results(
                job_id, config["results_index_name"], term_fields(config["analysis_config"])
            )
            await live.load()
            self.notices.later(job_id, "info", _loading(live))
            live.task = task if task.state != "opening" else await self._store.tasks.change(task, "opened")
            self._live[job_id] = live
            self._failed.pop(job_id, None)

    @contextmanager
    def _during(self, job_id: str, state: str) -> Iterator[None]:
        """A job's passing state, for as long as the block runs."""
        self._changing[job_id] = state
        try:
            yield
        finally:
            self._changing.pop(job_id, None)

    def close(self, job_id: str, *, force: bool = False) -> asyncio.Task[object]:
        """Closes a job; it goes on even if nobody awaits its end any more.

        With ``force`` the job ends even where its model or its last results cannot be written; the journal keeps
        what they would have told.
        """
        return self._tasks.spawn(self._close_in_turn(job_id, force=force), f"close [{job_id}]")

    async def _close_in_turn(self, job_id: str, *, force: bool = False) -> None:
        await self.ready(job_id)
        async with self.turn(job_id):
            if job_id in self._failed:
                await self._store.tasks.remove(job_id)
                self._failed.pop(job_id)
            if self._waiting.pop(job_id, None) is not None:
                await self._store.tasks.remove(job_id)
            live = self._live.get(job_id)
            if live is not None:
                self.notices.later(job_id, "info", "Job is closing (forced)" if force else "Job is closing")
                with self._during(job_id, "closing"):
                    await self._shut(live, force=force)
        await self._open_waiting()

    async def _shut(self, live: LiveJob, *, force: bool) -> None:
        job_id = live.job_id
        live.task = await self._store.tasks.change(live.task, "closing")
        try:
            snapshot_id = await live.close()
        except (MlError, PlaceLost, StepTimedOut) as error:
            if not force:
                raise
            _log.warning("job [%s] closes without its last results: %s", job_id, error)
            snapshot_id = None
        changes: dict[str, Any] = {"finished_time": self._clock()}
        if snapshot_id is not None:
            changes["model_snapshot_id"] = snapshot_id
            self.notices.later(job_id, "info", f"Job model snapshot with id [{snapshot_id}] stored")
        await self._store.jobs.patch(job_id, changes)
        # Without a snapshot the journal is the only place that holds new data; the next opening replays it.
        if snapshot_id is not None or live.is_untouched:
            await self._store.journal.clear(job_id)
        await self._store.tasks.remove(job_id)
        await self._unload(job_id)

    async def discard(self, job_id: str) -> None:
        """Ends a running job without saving anything; for whoever holds its turn."""
        await self._unload(job_id)
        self._failed.pop(job_id, None)
        self._waiting.pop(job_id, None)
        await self._store.tasks.remove(job_id)

    async def _unload(self, job_id: str) -> None:
        self._live.pop(job_id, None)
        try:
            await self._place.call(job_id, Discard())
        except PlaceLost:
            _log.info("the model of job [%s] is gone with its process", job_id)

    async def _fail(self, task: JobTask, reason: str) -> None:
        current = await self._store.tasks.get(task.job_id)
        if current is not None:
            self._failed[task.job_id] = await self._store.tasks.change(current, "failed", reason=reason)
        await self.notices.write(task.job_id, "error", f"Job failed: {reason}")
        await self._unload(task.job_id)

    # ---- feeding

    async def post(
        self, job_id: str, content: AsyncIterator[bytes], replaces: tuple[int, int] | None = None
    ) -> dict[str, Any]:
        """Analyses posted records; a failed job is taken up again first.

        ``replaces`` is a range of epoch seconds whose records, where their buckets are still open, are forgotten.

        Raises:
            MlError: 409 where the job is not open.
        """
        await self.ready(job_id)
        if self.state(job_id) in ("closed", "closing"):
            raise _not_open(job_id)
        # Read before the turn is taken: a slow sender must not hold up others.
        body = b"".join([chunk async for chunk in content])
        async with self._step(job_id, revive=True) as live:
            return await live.post(body, replaces)

    async def flush(self, job_id: str, options: Mapping[str, Any]) -> Status:
        async with self._step(job_id) as live:
            return await live.flush(options)

    async def forecast(self, job_id: str, *, duration_ms: int, expires_in_ms: int, max_model_memory: int) -> str:
        """Forecasts an open job; returns the forecast's id.

        Raises:
            MlError: 409 where the job is not open, 400 where its model cannot be carried on.
        """
        forecast_id = base64.urlsafe_b64encode(os.urandom(15)).decode()
        async with self._step(job_id) as live:
            await live.forecast(ForecastOrder(forecast_id, duration_ms, expires_in_ms, max_model_memory))
        return forecast_id

    async def update(self, job_id: str) -> None:
        """Tells a running job what it works with from now on."""
        async with self.turn(job_id):
            live = self._live.get(job_id)
            if live is not None:
                stored = await self._store.jobs.get(job_id)
                inputs = await gather_inputs(self._store.names, stored.config)
                async with self._guarded(live):
                    await live.update(inputs)

    @asynccontextmanager
    async def _step(self, job_id: str, *, revive: bool = False) -> AsyncIterator[LiveJob]:
        """An open job for one step, in turn."""
        await self.ready(job_id)
        async with self.turn(job_id):
            if revive and job_id in self._failed:
                await self._revive(self._failed[job_id])
            live = self._live.get(job_id)
            if live is None:
                raise _not_open(job_id)
            async with self._guarded(live):
                yield live
            await self.notices.report(live)

    @asynccontextmanager
    async def _guarded(self, live: LiveJob) -> AsyncIterator[None]:
        """A step that breaks the model fails the job."""
        try:
            yield
        except (MlError, asyncio.CancelledError):
            raise
        except Exception as error:
            _log.exception("job [%s] failed", live.job_id)
            await self._fail(live.task, f"{type(error).__name__}: {error}")
            raise MlError("exception", f"[{live.job_id}] Unexpected death of autodetect: {error}", 500) from error

    async def _revive(self, failed: JobTask) -> None:
        stored = await self._store.jobs.get(failed.job_id)
        task = await self._store.tasks.change(failed, "opening")
        try:
            await self._bring_up(task, stored.config)
        except Exception as error:
            await self._fail(task, str(error))
            raise


def _not_open(job_id: str) -> MlError:
    return status_error(f"Cannot perform requested action because job [{job_id}] is not open", 409)


def _loading(live: LiveJob) -> str:
    latest_ms = live.status.data_counts.get("latest_record_timestamp") if live.status else None
    snapshot_id = live.inputs.configuration.get("model_snapshot_id", "N/A")
    return (
        f"Loading model snapshot [{snapshot_id}], "
        f"job latest_record_timestamp [{'N/A' if latest_ms is None else iso(latest_ms)}]"
    )


def _executing(job_id: str, what: str) -> MlError:
    return status_error(f"Cannot open job [{job_id}] because it is executing [{what}]", 409)
