"""Opens and closes jobs: the one owner of everything that runs.

What a state allows is told by ``job_states``, the jobs that run are kept in ``job_entries``, their models are brought
up and ended by ``running``, shut by ``closing``. What a job does, it does in its ``place``; ``live_job`` is the handle.
Posting, flushing, forecasting and updating are ``steps``; taking jobs up after a start is ``restoring``'s matter,
deleting, resetting and reverting are ``removals``'; requests come from handlers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

from proxy.config import Config
from proxy.errors import MlError
from proxy.runtime import job_states
from proxy.runtime.background_persist import BackgroundPersist
from proxy.runtime.capacity import AWAITING_NODE, Capacity, limit_of
from proxy.runtime.closing import Closing
from proxy.runtime.datafeeds.feeds import Feeds
from proxy.runtime.datafeeds.runner import Pace
from proxy.runtime.draining import Draining
from proxy.runtime.input_changes import InputChanges
from proxy.runtime.job_entries import Entries, OpenJobs
from proxy.runtime.job_states import Action, Asked, BlockedState, ShownState, State
from proxy.runtime.listeners import Listeners
from proxy.runtime.live_job import LiveJob
from proxy.runtime.notices import Notices
from proxy.runtime.own_indices import OwnIndices
from proxy.runtime.place.commands import CutShort
from proxy.runtime.place.contract import Place, PlaceLost, StepTimedOut, Vitals
from proxy.runtime.place.making import make_places
from proxy.runtime.place.places import Places
from proxy.runtime.place.summary import Status
from proxy.runtime.place.wire import Traffic
from proxy.runtime.removals import Removals
from proxy.runtime.restoring import Restoring
from proxy.runtime.running import Running
from proxy.runtime.steps import Steps
from proxy.runtime.tasks import Tasks, attempt, until_done
from proxy.runtime.turns import Turn, Turns
from proxy.runtime.upkeep.upkeep import Upkeep
from proxy.store import Store
from proxy.store.job_tasks import JobTask
from proxy.store.jobs import StoredJob

_log = logging.getLogger(__name__)
_TICK_S = 5.0
_RETRY_S = 2.0
_LOOK_EVERY_S = 0.5
# Usual steps end before that, also where force is used.
_PATIENCE_S = 2.0


class Supervisor:
    """All jobs that run here. Changes to one job are made in turn."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], int], place: Place | None = None) -> None:
        """``place`` is where models live; child processes by default."""
        self._store = store
        self._config = config
        self._clock = clock
        self.traffic = Traffic()
        client = store.client
        self.places = (
            Places({"own": place}) if place else make_places(config, client.on_call, self.traffic, client.fence.term)
        )
        self._place: Place = self.places
        self._tasks = Tasks()
        self._turns = Turns()
        self._entries = Entries(clock)
        # Of openings that failed together with the cluster.
        self._left_claims: dict[str, JobTask] = {}
        self.capacity = Capacity.of(config.ml)
        self.notices = Notices(store.notifications, clock, self._tasks)
        self.listeners = Listeners()
        self._running = Running(
            store, self._place, self._entries, self._turns, self.notices, listeners=self.listeners, clock=clock
        )
        self._closing = Closing(store, self._running, self._entries, self._turns, self.notices, clock=clock)
        self._restoring = Restoring(store.tasks, self._entries, self._restore, self._fail_in_turn)
        self.steps = Steps(
            store,
            self._running,
            self._entries,
            self._turns,
            self.notices,
            ready=self._restoring.ready,
            max_waiting=config.runtime.max_waiting_requests,
        )
        self.removals = Removals(store, self, self._tasks, clock)
        self.input_changes = InputChanges(store, self, self._tasks)
        self.upkeep = Upkeep(store, self.notices, clock)
        self.background = BackgroundPersist(store, clock, self.turn, self.notices, OpenJobs(self._entries))
        self._own_indices = OwnIndices(store, self._turns, lives=self._entries.lives, end_unclaimed=self._end_unclaimed)
        pace = Pace(self._save_every_ms, int(config.ml.delayed_data_check_freq * 1000))
        self.draining = Draining(self.places, self._entries, self._turns, self._running, self._tasks)
        self.datafeeds = Feeds(store, self, self._tasks, clock, pace)

    @property
    def _save_every_ms(self) -> int:
        return int(self._config.runtime.checkpoint_interval * 1000)

    # ---- the process

    async def start(self) -> None:
        """Begins to take up the jobs that were open; requests are answered meanwhile."""
        self._tasks.spawn(self._take_up(), "take up jobs")
        self._tasks.repeat(self._keep_up, "keep jobs up", every_s=_TICK_S)
        self._tasks.repeat(self._own_indices.look, "look after our indices", every_s=_TICK_S)
        self._tasks.repeat(self.draining.look, "drain places", every_s=_TICK_S)
        self._tasks.spawn(self.background.run(), "persist models")
        self._tasks.spawn(self.upkeep.nightly(), "nightly upkeep")
        self._tasks.spawn(self.datafeeds.take_up(), "take up datafeeds")
        self._tasks.repeat(self.datafeeds.look_for_upgrade_mode, "look for upgrade mode", every_s=_TICK_S)

    async def stop(self) -> None:
        """Saves every open job, within the time that a stop may take; what is not saved is in the journal."""
        await self._tasks.stop()
        await self.steps.stop()
        try:
            async with asyncio.timeout(self._config.server.shutdown_timeout / 2):
                # All at once: a job whose turn does not come keeps no other from being saved.
                await asyncio.gather(*(self._save_in_turn(live) for live in self._entries.lives()))
        except TimeoutError:
            _log.warning("stopping without saving all models; the next start reads the journal instead")
        await self._place.close()

    async def abandon(self) -> None:
        """Gives up every open job as it is: another process has it by now."""
        await self._tasks.stop()
        await self.steps.stop()
        await self._place.close()

    async def _take_up(self) -> None:
        await until_done(self._store.indices.ensure_aliases, "look for aliases", every_s=_RETRY_S)
        await self._restoring.run()
        await until_done(self._take_up_removals, "take up removals", every_s=_RETRY_S)

    async def _take_up_removals(self) -> None:
        for job in await self._store.jobs.resolve(None):
            await self.removals.take_up(job)

    async def _restore(self, job_id: str) -> None:
        async with self.turn(job_id, "restore") as turn:
            entry, task = self._entries.get(job_id), await self._store.tasks.get(job_id)
            if entry is None or entry.state != "opening":
                return
            stored = None if task is None else await self._store.jobs.find(job_id)
            if task is None or stored is None:
                await self._store.tasks.remove(job_id)
                self._entries.move(job_id, "closed", "its claim or its configuration is gone")
                return
            if task.state == "opening" and not self.has_room(stored):
                self._entries.wait(job_id, task, limit_of(stored))
                return
            await self._running.bring_up(turn, task, stored)
        if task.state == "closing":
            self._tasks.spawn(self._close_in_turn(job_id), f"finish closing [{job_id}]")

    async def _keep_up(self) -> None:
        """Finishes what was left undone, opens jobs for which there is room, looks after those that need it."""
        await attempt(self.removals.retry_unfinished, "finish removals")
        await attempt(self._open_waiting, "open jobs that wait")
        for task in list(self._left_claims.values()):
            await attempt(partial(self._take_back, task), f"take back the claim on job [{task.job_id}]")
        for live in self._entries.lives():
            if live.needs_beat(self._save_every_ms) and self._turns.holder(live.job_id) is None:
                # Beside each other: a job whose step takes long holds up no other.
                self._tasks.spawn(self._tend(live), f"keep up job [{live.job_id}]")

    async def _tend(self, live: LiveJob) -> None:
        async with self.turn(live.job_id, "keep up") as turn:
            if self._entries.live(live.job_id) is not live:
                return
            try:
                async with self._running.guarded(turn):
                    await live.beat(self._save_every_ms)
            except MlError as error:
                _log.warning("job [%s] could not be kept up: %s", live.job_id, error)
            await self.notices.report(live)

    async def end_feed(self, job_id: str) -> bool:
        """Saves what a datafeed has brought to a job that is open; False where some of it was lost before.

        Raises:
            MlError, PlaceLost: it could not be saved.
        """
        async with self.turn(job_id, "end feed"):
            live = self._entries.live(job_id)
            return True if live is None else await live.end_feed()

    async def forget_feed(self, job_id: str) -> None:
        """Forgets the statistics of the datafeed of a job, where that is open."""
        live = self._entries.live(job_id)
        if live is not None:
            await live.forget_feed()

    def step(self, job_id: str, action: Action) -> AbstractAsyncContextManager[LiveJob]:
        """See ``steps.Steps.take``."""
        return self.steps.take(job_id, action)

    async def persist(self, job_id: str) -> None:
        """Stores the model of an open job as a snapshot, where the cluster takes it."""
        await self.background.persist(job_id)

    async def _save_in_turn(self, live: LiveJob) -> None:
        """The journal still holds everything where saving fails."""
        async with self.turn(live.job_id, "stop"):
            try:
                await live.save()
            except (MlError, PlaceLost, StepTimedOut) as error:
                _log.warning("job [%s] could not be saved: %s", live.job_id, error)

    # ---- what others ask

    def turn(self, job_id: str, purpose: str) -> AbstractAsyncContextManager[Turn]:
        """Held while a job is changed, by whoever changes it."""
        return self._turns.take(job_id, purpose)

    @asynccontextmanager
    async def turn_by_force(self, job_id: str, purpose: str) -> AsyncIterator[Turn]:
        """See ``removals.Runtime``."""
        cutting = self._tasks.repeat(partial(self._cut_short, job_id), f"cut [{job_id}] short", every_s=_PATIENCE_S)
        try:
            async with self.turn(job_id, purpose) as turn:
                cutting.cancel()
                yield turn
        finally:
            cutting.cancel()

    async def _cut_short(self, job_id: str) -> None:
        with suppress(PlaceLost):
            await self._place.call(job_id, CutShort())

    def state(self, job_id: str) -> State:
        return self._entries.state(job_id)

    def shown(self, job_id: str) -> ShownState:
        """The state that clients are told."""
        return job_states.STATES[self._entries.state(job_id)].shown

    def check(self, action: Action, job: StoredJob, *, snapshot_id: str = "", force: bool = False) -> None:
        """
        Raises:
            MlError: 409 where the job's state does not allow the action.
        """
        state = job_states.with_block(self.state(job.job_id), job.blocked_by)
        job_states.check(action, Asked(job.job_id, state, snapshot_id), force=force)

    def task(self, job_id: str) -> JobTask | None:
        """The claim of a job that runs or has failed."""
        entry = self._entries.get(job_id)
        return None if entry is None else entry.task

    def has_room(self, job: StoredJob) -> bool:
        """Whether the settings and the machine allow one more job to be open."""
        return self.capacity.has_room(limit_of(job), self._entries.needs(beside=job.job_id))

    def live(self, job_id: str) -> LiveJob | None:
        """The model of a job that is open here."""
        return self._entries.live(job_id)

    async def opened(self, job_id: str, is_wanted: Callable[[], bool]) -> LiveJob | None:
        """Waits while a job is opening, and for room as long as it ``is_wanted``; None where it is not open then."""
        while True:
            with suppress(MlError):
                await self.ready(job_id)
                state = self.state(job_id)
                if state != "opening" and (state != "waiting" or not is_wanted()):
                    return self.live(job_id)
            await asyncio.sleep(_LOOK_EVERY_S)

    def status(self, job_id: str) -> Status | None:
        """What a job that runs here has counted so far."""
        live = self._entries.live(job_id)
        return live.status if live else None

    def running(self) -> list[str]:
        """Jobs that are not closed."""
        return [job_id for job_id in self._entries.ids() if self.shown(job_id) != "closed"]

    def vitals(self) -> Vitals:
        """How the processes are in which models live."""
        return self._place.vitals()

    @property
    def waiting_steps(self) -> int:
        """How many steps wait for another step of the same job to end."""
        return self._turns.waiting

    @property
    def has_taken_up(self) -> bool:
        """Whether every job that was open has been reached after a start."""
        return self._restoring.has_ended

    async def ready(self, job_id: str) -> None:
        """Waits until a job that ran before a restart has been taken up.

        Raises:
            MlError: 503 where that does not happen in time.
        """
        await self._restoring.ready(job_id)

    # ---- opening

    async def open(self, job_id: str) -> bool:
        """Opens a closed job; False where it has to wait for room first.

        Raises:
            MlError: 404 unknown, 409 open already or blocked.
        """
        await self.ready(job_id)
        if self.state(job_id) in job_states.BLOCKED:
            job_states.check("open", Asked(job_id, self.state(job_id)))
        async with self.turn(job_id, "open") as turn:
            stored = await self._store.jobs.get(job_id)
            self.check("open", stored)
            has_room = self.has_room(stored)
            if job_id in self._left_claims:
                await self._take_back(self._left_claims[job_id])
            task = await self._store.tasks.create(job_id, opened_at=self._clock())
            if not has_room:
                self._entries.wait(job_id, task, limit_of(stored))
                self.notices.later(job_id, "warning", f"No node found to open job. Reasons [{AWAITING_NODE}]")
                return False
            facts = await self._store.client.facts()
            self.notices.later(job_id, "info", f"Opening job on node [{facts.node['name']}]")
            self._entries.move(job_id, "opening", "it was asked for").task = task
            try:
                await self._running.bring_up(turn, task, stored)
            except BaseException:
                await self._running.unload(job_id)
                self._entries.move(job_id, "closed", "it could not be opened")
                self._left_claims[job_id] = task
                await attempt(partial(self._take_back, task), f"take back the claim on job [{job_id}]")
                raise
            if "finished_time" in stored.config:
                await self._store.jobs.patch(job_id, {"finished_time": None})
        return True

    async def _take_back(self, task: JobTask) -> None:
        await self._store.tasks.take_back(task)
        self._left_claims.pop(task.job_id, None)

    async def _open_waiting(self) -> None:
        """Opens jobs that wait, earliest first, while there is room."""
        for entry in self._entries.waiting():
            if not self.capacity.has_room(entry.memory_limit, self._entries.needs(beside=entry.job_id)):
                continue
            async with self.turn(entry.job_id, "open") as turn:
                if entry.state == "waiting" and entry.task is not None:
                    self._entries.move(entry.job_id, "opening", "there is room")
                    await self._open_or_fail(turn, entry.task)

    async def _open_or_fail(self, turn: Turn, task: JobTask) -> None:
        try:
            stored = await self._store.jobs.patch(turn.job_id, {"finished_time": None})
            await self._running.bring_up(turn, task, stored)
        except Exception as error:
            _log.exception("job [%s], which had waited for room, could not be opened", turn.job_id)
            await self._running.fail(turn, str(error))

    # ---- closing and failing

    def close(self, job_id: str, *, force: bool = False) -> asyncio.Task[object]:
        """Closes a job; it goes on even if nobody awaits its end any more.

        With ``force`` the job ends even where its model or its last results cannot be written; the journal keeps
        what they would have told.
        """
        return self._tasks.spawn(self._close_in_turn(job_id, force=force), f"close [{job_id}]")

    async def _close_in_turn(self, job_id: str, *, force: bool = False) -> None:
        await self.ready(job_id)
        await self.datafeeds.stop_of_job(job_id, force=force)
        takes = self.turn_by_force if force else self.turn
        async with takes(job_id, "close") as turn:
            entry = self._entries.get(job_id)
            if entry is not None and entry.state in ("failed", "waiting"):
                await self._store.tasks.remove(job_id)
                self._entries.move(job_id, "closed", "it was asked for")
            elif entry is not None and entry.live is not None:
                self.notices.later(job_id, "info", "Job is closing (forced)" if force else "Job is closing")
                await self._closing.shut(turn, entry.live, force=force)
        await self._open_waiting()

    @asynccontextmanager
    async def blocked(self, turn: Turn, state: BlockedState) -> AsyncIterator[None]:
        """See ``removals.Runtime``."""
        self._turns.require(turn)
        entry = self._entries.move(turn.job_id, state, turn.purpose)
        entry.live = entry.task = None
        try:
            if state == "deleting":
                await self._running.unload(turn.job_id)
                await self._store.tasks.remove(turn.job_id)
            yield
        finally:
            self._entries.move(turn.job_id, "closed", f"{turn.purpose} has ended")

    async def _end_unclaimed(self, job_id: str) -> None:
        """Ends a job that is open here, and not in the cluster: somebody has deleted all configurations and claims."""
        if await self._store.tasks.get(job_id) is not None:
            return
        await self.datafeeds.stop_of_job(job_id, force=True)
        async with self.turn(job_id, "end") as turn:
            if self.live(job_id) is not None and await self._store.tasks.get(job_id) is None:
                reason = "its configuration and its claim have been deleted from the cluster"
                await self._running.fail(turn, reason)
                self._entries.move(job_id, "closed", reason)

    async def _fail_in_turn(self, job_id: str, reason: str) -> None:
        async with self.turn(job_id, "restore") as turn:
            if self.state(job_id) == "opening":
                await self._running.fail(turn, reason)
