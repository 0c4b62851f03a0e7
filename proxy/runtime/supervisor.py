"""The one owner of everything that runs: what others ask of jobs and have done to them.

What a state allows is told by ``job_states``. Jobs are opened in ``openings``, kept up in ``tending``, shut in
``closing``; posting, flushing, forecasting and updating are ``steps``; which jobs a start takes up is ``restoring``'s
matter, deleting, resetting and reverting are ``removals``'. What a job does, it does in its ``place``; ``live_job`` is
the handle. Here these parts are put together, and what concerns several of them is done; requests come from handlers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

from proxy.config import Config
from proxy.errors import MlError, status_error
from proxy.runtime import job_states
from proxy.runtime.background_persist import BackgroundPersist
from proxy.runtime.closing import Closing
from proxy.runtime.core import Core
from proxy.runtime.datafeeds.feeds import Feeds
from proxy.runtime.datafeeds.runner import Pace
from proxy.runtime.draining import Draining
from proxy.runtime.input_changes import InputChanges
from proxy.runtime.job_entries import OpenJobs
from proxy.runtime.job_states import Action, Asked, BlockedState, ShownState, State
from proxy.runtime.live_job import LiveJob
from proxy.runtime.openings import Openings
from proxy.runtime.own_indices import OwnIndices
from proxy.runtime.place.contract import Place, Vitals
from proxy.runtime.place.making import make_places
from proxy.runtime.place.places import Places
from proxy.runtime.place.summary import Status
from proxy.runtime.place.wire import Traffic
from proxy.runtime.removals import Removals
from proxy.runtime.restoring import Restoring
from proxy.runtime.running import Running
from proxy.runtime.steps import Steps
from proxy.runtime.tasks import attempt, until_done
from proxy.runtime.tending import Tending
from proxy.runtime.turns import Turn
from proxy.runtime.upkeep.upkeep import Upkeep
from proxy.store import Store
from proxy.store.job_tasks import JobTask
from proxy.store.jobs import StoredJob

_log = logging.getLogger(__name__)
_TICK_S = 5.0
_RETRY_S = 2.0
_LOOK_EVERY_S = 0.5


class Supervisor:
    """All jobs that run here. Changes to one job are made in turn."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], int], place: Place | None = None) -> None:
        """``place`` is where models live; child processes by default."""
        self._store = store
        self._config = config
        self.traffic = Traffic()
        client = store.client
        self.places = (
            Places({"own": place}) if place else make_places(config, client.on_call, self.traffic, client.fence.term)
        )
        self._core = core = Core.of(store, config, clock, self.places)
        self.capacity, self.notices, self.listeners = core.capacity, core.notices, core.listeners
        running = Running(core)
        self._openings = Openings(core, running)
        self._closing = Closing(core, running)
        self._tending = Tending(core, running)
        self._restoring = Restoring(
            store.tasks, core.entries, self._restore, self._openings.give_up, self.notices.moved
        )
        self._own_indices = OwnIndices(core, self._end_unclaimed)
        self.steps = Steps(core, running, ready=self._restoring.ready)
        self.draining = Draining(core, running, self.places)
        self.removals = Removals(store, self, core.tasks, clock)
        self.input_changes = InputChanges(store, self, core.tasks)
        self.upkeep = Upkeep(store, self.notices, clock)
        self.background = BackgroundPersist(store, clock, self.turn, self.notices, OpenJobs(core.entries))
        pace = Pace(self._tending.save_every_ms, int(config.ml.delayed_data_check_freq * 1000))
        self.datafeeds = Feeds(store, self, core.tasks, clock, pace)

    # ---- the process

    async def start(self, taken_from: str | None = None) -> None:
        """Begins to take up the jobs that were open, ``taken_from`` another node if that had them.

        Requests are answered meanwhile.
        """
        tasks = self._core.tasks
        tasks.spawn(self._take_up(taken_from), "take up jobs")
        tasks.repeat(self._keep_up, "keep jobs up", every_s=_TICK_S)
        tasks.repeat(self._own_indices.look, "look after our indices", every_s=_TICK_S)
        tasks.repeat(self.draining.look, "drain places", every_s=_TICK_S)
        tasks.spawn(self.background.run(), "persist models")
        tasks.spawn(self.upkeep.nightly(), "nightly upkeep")
        tasks.spawn(self.datafeeds.take_up(), "take up datafeeds")
        tasks.repeat(self.datafeeds.look_for_upgrade_mode, "look for upgrade mode", every_s=_TICK_S)

    async def stop(self) -> None:
        """Saves every open job, within the time that a stop may take; what is not saved is in the journal."""
        await self._core.tasks.stop()
        await self.steps.stop()
        try:
            async with asyncio.timeout(self._config.server.shutdown_timeout / 2):
                await self._tending.save_all()
        except TimeoutError:
            _log.warning("stopping without saving all models; the next start reads the journal instead")
        await self.places.close()

    async def abandon(self) -> None:
        """Gives up every open job as it is: another process has it by now."""
        await self._core.tasks.stop()
        await self.steps.stop()
        await self.places.close()

    async def _take_up(self, taken_from: str | None) -> None:
        await until_done(self._store.indices.ensure_aliases, "look for aliases", every_s=_RETRY_S)
        await until_done(self.draining.load, "look for drained places", every_s=_RETRY_S)
        await self._restoring.run(taken_from)
        await until_done(self._take_up_removals, "take up removals", every_s=_RETRY_S)

    async def _take_up_removals(self) -> None:
        for job in await self._store.jobs.resolve(None):
            await self.removals.take_up(job)

    async def _restore(self, job_id: str) -> None:
        if await self._openings.restore(job_id):
            self._core.tasks.spawn(self._close(job_id), f"finish closing [{job_id}]")

    async def _keep_up(self) -> None:
        """Finishes what was left undone, opens jobs for which there is room, looks after those that need it."""
        await attempt(self.removals.retry_unfinished, "finish removals")
        await attempt(self._openings.open_waiting, "open jobs that wait")
        await self._openings.take_back_claims()
        self._tending.look()

    # ---- what others ask

    def turn(self, job_id: str, purpose: str) -> AbstractAsyncContextManager[Turn]:
        """See ``core.Core.turn``."""
        return self._core.turn(job_id, purpose)

    def turn_by_force(self, job_id: str, purpose: str) -> AbstractAsyncContextManager[Turn]:
        """See ``core.Core.turn_by_force``."""
        return self._core.turn_by_force(job_id, purpose)

    def state(self, job_id: str) -> State:
        return self._core.entries.state(job_id)

    def shown(self, job_id: str) -> ShownState:
        """The state that clients are told."""
        return job_states.STATES[self.state(job_id)].shown

    def check(self, action: Action, job: StoredJob, *, snapshot_id: str = "", force: bool = False) -> None:
        """
        Raises:
            MlError: 409 where the job's state does not allow the action.
        """
        state = job_states.with_block(self.state(job.job_id), job.blocked_by)
        job_states.check(action, Asked(job.job_id, state, snapshot_id), force=force)

    def task(self, job_id: str) -> JobTask | None:
        """The claim of a job that runs or has failed."""
        entry = self._core.entries.get(job_id)
        return None if entry is None else entry.task

    def live(self, job_id: str) -> LiveJob | None:
        """The model of a job that is open here."""
        return self._core.entries.live(job_id)

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
        live = self.live(job_id)
        return live.status if live else None

    def running(self) -> list[str]:
        """Jobs that are not closed."""
        return [job_id for job_id in self._core.entries.ids() if self.shown(job_id) != "closed"]

    def vitals(self) -> Vitals:
        """How the processes are in which models live."""
        return self.places.vitals()

    @property
    def waiting_steps(self) -> int:
        """How many steps wait for another step of the same job to end."""
        return self._core.turns.waiting

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

    # ---- what is done to jobs

    async def open(self, job_id: str) -> bool:
        """Opens a closed job; False where it has to wait for room first.

        Raises:
            MlError: 404 unknown, 409 open already or blocked, 429 where there is no room and it is not to wait for it.
        """
        await self.ready(job_id)
        if self.state(job_id) in job_states.BLOCKED:
            job_states.check("open", Asked(job_id, self.state(job_id)))
        return await self._openings.open(job_id, self._check_opening)

    def _check_opening(self, job: StoredJob) -> None:
        self.check("open", job)
        if not self._core.has_room(job) and not job.config.get("allow_lazy_open", False):
            raise status_error("Could not open job because no ML nodes with sufficient capacity were found", 429)

    def close(self, job_id: str, *, force: bool = False) -> asyncio.Task[object]:
        """Closes a job (see ``closing.Closing.close``); it goes on even if nobody awaits its end any more."""
        return self._core.tasks.spawn(self._close(job_id, force=force), f"close [{job_id}]")

    async def _close(self, job_id: str, *, force: bool = False) -> None:
        await self.ready(job_id)
        await self.datafeeds.stop_of_job(job_id, force=force)
        await self._closing.close(job_id, force=force)
        await attempt(self._openings.open_waiting, "open jobs that wait")

    def blocked(self, turn: Turn, state: BlockedState) -> AbstractAsyncContextManager[None]:
        """See ``closing.Closing.blocked``."""
        return self._closing.blocked(turn, state)

    async def _end_unclaimed(self, job_id: str) -> None:
        if await self._store.tasks.get(job_id) is None:
            await self.datafeeds.stop_of_job(job_id, force=True)
            await self._closing.end_unclaimed(job_id)

    def step(self, job_id: str, action: Action) -> AbstractAsyncContextManager[LiveJob]:
        """See ``steps.Steps.take``."""
        return self.steps.take(job_id, action)

    async def end_feed(self, job_id: str) -> bool:
        """See ``tending.Tending.end_feed``."""
        return await self._tending.end_feed(job_id)

    async def forget_feed(self, job_id: str) -> None:
        """Forgets the statistics of the datafeed of a job, where that is open."""
        live = self.live(job_id)
        if live is not None:
            await live.forget_feed()

    async def persist(self, job_id: str) -> None:
        """Stores the model of an open job as a snapshot, where the cluster takes it."""
        await self.background.persist(job_id)
