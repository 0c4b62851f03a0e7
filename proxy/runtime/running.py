"""The models that run: brought up from what is stored, ended, and failed where a step broke them.

Everything here is done by whoever holds the job's turn. When it is done is decided by ``supervisor`` and ``steps``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from proxy.errors import MlError
from proxy.job_config.analysis import term_fields
from proxy.runtime.capacity import limit_of
from proxy.runtime.job_entries import Entries
from proxy.runtime.job_inputs import check_filters_exist, gather_inputs
from proxy.runtime.listeners import Listeners
from proxy.runtime.live_job import LiveJob
from proxy.runtime.notices import Notices
from proxy.runtime.place.commands import Discard
from proxy.runtime.place.contract import Place, PlaceLost
from proxy.runtime.turns import Turn, Turns
from proxy.store import Store
from proxy.store.job_tasks import JobTask
from proxy.store.jobs import StoredJob
from proxy.units import iso

_log = logging.getLogger(__name__)


class Running:
    """Moves jobs between having a model in the place and having none."""

    def __init__(
        self,
        store: Store,
        place: Place,
        entries: Entries,
        turns: Turns,
        notices: Notices,
        *,
        listeners: Listeners,
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._place = place
        self._entries = entries
        self._turns = turns
        self._notices = notices
        self._listeners = listeners
        self._clock = clock

    async def bring_up(self, turn: Turn, task: JobTask, stored: StoredJob) -> None:
        """From ``opening`` to ``opened``."""
        self._turns.require(turn)
        job_id, config = turn.job_id, stored.config
        self._entries.limit(job_id, limit_of(stored))
        inputs = await gather_inputs(self._store, config)
        check_filters_exist(inputs)
        live = LiveJob(self._place, self._store.journal, self._clock, task, inputs)
        live.heard = lambda job_id: self._listeners.finished(job_id)
        await self._store.indices.ensure_results(
            job_id, config["results_index_name"], term_fields(config["analysis_config"])
        )
        await live.load()
        self._notices.later(job_id, "info", _loading(live))
        live.task = task if task.state != "opening" else await self._store.tasks.change(task, "opened")
        entry = self._entries.move(job_id, "opened", "its model is there")
        entry.task, entry.live = live.task, live

    @asynccontextmanager
    async def guarded(self, turn: Turn) -> AsyncIterator[None]:
        """A step that breaks the model fails the job."""
        try:
            yield
        except (MlError, asyncio.CancelledError):
            raise
        except Exception as error:
            _log.exception("job [%s] failed", turn.job_id)
            await self.fail(turn, f"{type(error).__name__}: {error}")
            raise MlError("exception", f"[{turn.job_id}] Unexpected death of autodetect: {error}", 500) from error

    async def revive(self, turn: Turn) -> None:
        """From ``failed`` to ``opened``."""
        stored = await self._store.jobs.get(turn.job_id)
        claim = await self._store.tasks.get(turn.job_id)
        if claim is None:
            self._entries.move(turn.job_id, "closed", "its claim is gone")
            return
        task = await self._store.tasks.change(claim, "opening")
        self._entries.move(turn.job_id, "opening", "there are data for it").task = task
        try:
            await self.bring_up(turn, task, stored)
        except BaseException as error:
            await self.fail(turn, str(error) or type(error).__name__)
            raise

    async def fail(self, turn: Turn, reason: str) -> None:
        """To ``failed``, also where the cluster cannot be told: it is told by the next opening, or a restart tries."""
        self._turns.require(turn)
        entry = self._entries.move(turn.job_id, "failed", reason)
        entry.live = None
        try:
            current = await self._store.tasks.get(turn.job_id)
            if current is not None:
                entry.task = await self._store.tasks.change(current, "failed", reason=reason)
        except MlError as error:
            _log.warning("the failure of job [%s] could not be stored: %s", turn.job_id, error.reason)
        await self._notices.write(turn.job_id, "error", f"Job failed: {reason}")
        await self.unload(turn.job_id)

    async def unload(self, job_id: str) -> None:
        """Ends a model without saving it; one whose process is lost is gone already."""
        try:
            await self._place.call(job_id, Discard())
        except PlaceLost:
            _log.info("the model of job [%s] is gone with its process", job_id)


def _loading(live: LiveJob) -> str:
    latest_ms = live.status.data_counts.get("latest_record_timestamp") if live.status else None
    snapshot_id = live.inputs.configuration.get("model_snapshot_id", "N/A")
    return (
        f"Loading model snapshot [{snapshot_id}], "
        f"job latest_record_timestamp [{'N/A' if latest_ms is None else iso(latest_ms)}]"
    )
