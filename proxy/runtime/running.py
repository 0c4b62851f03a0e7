"""The models that run: brought up from what is stored, ended, and failed where a step broke them.

Everything here is done by whoever holds the job's turn; when, is decided by ``openings``, ``closing`` and ``steps``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from proxy.errors import MlError
from proxy.job_config.analysis import term_fields
from proxy.runtime.capacity import limit_of
from proxy.runtime.core import Core
from proxy.runtime.job_inputs import check_filters_exist, gather_inputs
from proxy.runtime.live_job import LiveJob
from proxy.runtime.place.commands import Discard
from proxy.runtime.place.contract import PlaceLost
from proxy.runtime.turns import Turn
from proxy.store.job_tasks import JobTask
from proxy.store.jobs import StoredJob
from proxy.units import iso

_log = logging.getLogger(__name__)


class Running:
    """Moves jobs between having a model in the place and having none."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def bring_up(self, turn: Turn, task: JobTask, stored: StoredJob) -> None:
        """From ``opening`` to ``opened``."""
        self._core.turns.require(turn)
        job_id, config = turn.job_id, stored.config
        self._core.entries.limit(job_id, limit_of(stored))
        fields = term_fields(config["analysis_config"])
        ensured = self._core.store.indices.ensure_results(job_id, config["results_index_name"], fields)
        inputs, _ = await asyncio.gather(gather_inputs(self._core.store, config), ensured)
        check_filters_exist(inputs)
        live = LiveJob(self._core.place, self._core.store.journal, self._core.clock, task, inputs)
        live.heard = lambda job_id: self._core.listeners.finished(job_id)
        live.weighed = self._core.entries.weigh
        await live.load()
        self._core.notices.later(job_id, "info", _loading(live))
        live.task = task if task.state != "opening" else await self._core.store.tasks.change(task, "opened")
        entry = self._core.entries.move(job_id, "opened", "its model is there")
        entry.task, entry.live = live.task, live
        self._core.entries.weigh(job_id)

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
        stored = await self._core.store.jobs.get(turn.job_id)
        claim = await self._core.store.tasks.get(turn.job_id)
        if claim is None:
            self._core.entries.move(turn.job_id, "closed", "its claim is gone")
            return
        task = await self._core.store.tasks.change(claim, "opening")
        self._core.entries.move(turn.job_id, "opening", "there are data for it").task = task
        try:
            await self.bring_up(turn, task, stored)
        except BaseException as error:
            await self.fail(turn, str(error) or type(error).__name__)
            raise

    async def fail(self, turn: Turn, reason: str) -> None:
        """To ``failed``, also where the cluster cannot be told: it is told by the next opening, or a restart tries."""
        self._core.turns.require(turn)
        entry = self._core.entries.move(turn.job_id, "failed", reason)
        entry.live = None
        try:
            current = await self._core.store.tasks.get(turn.job_id)
            if current is not None:
                entry.task = await self._core.store.tasks.change(current, "failed", reason=reason)
        except MlError as error:
            _log.warning("the failure of job [%s] could not be stored: %s", turn.job_id, error.reason)
        await self._core.notices.write(turn.job_id, "error", f"Job failed: {reason}")
        await self.unload(turn.job_id)

    async def unload(self, job_id: str) -> None:
        """Ends a model without saving it; one whose process is lost is gone already."""
        try:
            await self._core.place.call(job_id, Discard())
        except PlaceLost:
            _log.info("the model of job [%s] is gone with its process", job_id)


def _loading(live: LiveJob) -> str:
    latest_ms = live.status.data_counts.get("latest_record_timestamp") if live.status else None
    snapshot_id = live.inputs.configuration.get("model_snapshot_id", "N/A")
    return (
        f"Loading model snapshot [{snapshot_id}], "
        f"job latest_record_timestamp [{'N/A' if latest_ms is None else iso(latest_ms)}]"
    )
