"""A job that is open here: what its owner knows of it, and the steps that move it on.

The model itself is elsewhere, behind ``JobHost``. Every step is: journal, analyse, write results. A step that was
journalled is never lost; results that the cluster does not take yet are kept and sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from proxy.errors import MlError, status_error
from proxy.job_config.analysis import term_fields
from proxy.runtime import worker
from proxy.runtime.documents import index_lines, rewrite_lines
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.host import HostLost, JobHost
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.model_size import is_worth_reporting, memory_message, size_document
from proxy.runtime.opening import beginning_of
from proxy.runtime.rescoring import Rescoring
from proxy.runtime.worker import Outcome, Status
from proxy.store import Store
from proxy.store.job_tasks import JobTask
from proxy.store.journal import Saved
from proxy.store.results import ids as result_ids
from proxy.store.results.write import IndexGone

Answer = TypeVar("Answer")
# Beyond this the journal would take longer to replay than a saved model takes to load.
_MAX_JOURNAL_BYTES = 16 * 1024 * 1024
# What may wait for a cluster that takes nothing, before new data are refused.
_MAX_UNSENT_BYTES = 64 * 1024 * 1024
# Few enough to be read without holding up the loop.
_RESCORED_AT_ONCE = 500
_DATA, _FLUSH = b"d", b"f"
# As far can quick snapshots have run ahead of the clock; ids beyond were given by others and mean no time.
_SNAPSHOTS_AHEAD_S = 60


@dataclass(slots=True)
class LiveJob:
    """An open job. ``sequence`` is the number of its next journal entry.

    ``persisted_at`` is when its model was last on its way into a snapshot, ``persisted_result_ms`` the last bucket that
    the snapshot in force knows; None where that is not known. A job that ``is_untouched`` has learnt nothing since.
    """

    store: Store
    host: JobHost
    clock: Callable[[], int]
    task: JobTask
    inputs: JobInputs
    status: Status | None = None
    last_counts: dict[str, Any] = field(default_factory=dict)
    sequence: int = 0
    journal_bytes: int = 0
    saved_at: int = 0
    persisted_at: int = 0
    persisted_result_ms: int | None = None
    snapshot_seconds: int = 0
    is_untouched: bool = False
    unsent: list[bytes] = field(default_factory=list)
    rescoring: Rescoring = field(default_factory=Rescoring)
    refused: list[str] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    reported_size: dict[str, Any] | None = None

    @property
    def job_id(self) -> str:
        return self.inputs.job_id

    async def load(self) -> None:
        """Brings the model to the host, and up to what was journalled."""
        start = await beginning_of(self.store, self.job_id, self.inputs.configuration.get("model_snapshot_id"))
        # Whatever is interim goes with the next bucket, also where the model does not remember it.
        interim = await self.store.results_write.interim_ids(self.job_id)
        self.status = await self.host.call(
            self.job_id, worker.open_job, self.inputs, start.model, start.counts, interim
        )
        self.sequence = start.sequence
        self.saved_at = self.clock()
        self.is_untouched = not start.is_interrupted
        if not self.persisted_at:
            self.persisted_at = max(self.task.opened_at, self._second_of_snapshot(self.saved_at // 1000) * 1000)
            self.persisted_result_ms = None if start.is_interrupted else self.status.latest_result_ms
        for number, entry in start.entries:
            await self._replay(entry)
            self.sequence = number + 1
            self.journal_bytes += len(entry)

    async def _replay(self, entry: bytes) -> None:
        kind, content = entry[:1], entry[1:]
        if kind == _DATA:
            outcome = await self.host.call(self.job_id, worker.replay_data, content, self.clock())
        else:
            outcome = await self.host.call(self.job_id, worker.flush, orjson.loads(content), self.clock())
        await self._deliver(outcome)

    async def post(self, body: bytes, replaces: tuple[int, int] | None = None) -> dict[str, Any]:
        """Analyses records; returns the counts of this request. ``replaces``: see ``Ingested``.

        Raises:
            MlError: parse_exception for malformed data, 429 and 503 where nothing was taken.
        """
        self._refuse_when_full()
        reading = await self.call(worker.read, body, replaces)
        try:
            await self._journal(_DATA + reading.entry)
        except BaseException:
            await self.call(worker.forget, reading.token)
            raise
        try:
            return await self._analyse(reading.token)
        except HostLost:
            return await self._replayed_counts()
        except MlError:
            raise
        except Exception:
            await self._withdraw_last()
            raise

    async def _analyse(self, token: int) -> dict[str, Any]:
        """Slice by slice, so that the calls of other jobs in the same process come in between."""
        while True:
            outcome = await self.host.call(self.job_id, worker.analyse, token, self.clock())
            await self._deliver(outcome)
            if outcome.is_done:
                return outcome.counts

    async def _replayed_counts(self) -> dict[str, Any]:
        """Loads the model anew; what was journalled last is analysed by that."""
        try:
            await self.load()
        except HostLost:
            await self._withdraw_last()
            raise
        return self.last_counts

    async def _withdraw_last(self) -> None:
        """Data that the model cannot take must not be offered to it again at every opening."""
        await self.store.journal.withdraw(self.job_id, self.sequence - 1)

    async def call(self, function: Callable[..., Answer], *arguments: object) -> Answer:
        """Runs a function where the model is; a model that was lost is loaded anew first."""
        try:
            return await self.host.call(self.job_id, function, *arguments)
        except HostLost:
            await self.load()
            return await self.host.call(self.job_id, function, *arguments)

    async def flush(self, options: Mapping[str, Any]) -> Status:
        """Moves time on or shows interim results; what it wrote is searchable afterwards."""
        if options.get("advance_to") is not None or options.get("skip_to") is not None:
            await self._journal(_FLUSH + orjson.dumps({**options, "calc_interim": False}))
        outcome = await self.call(worker.flush, dict(options), self.clock())
        await self._deliver(outcome)
        await self.send_unsent()
        await self.store.results_write.refresh(self.job_id)
        await self.store.results_write.refresh_annotations()
        return outcome.status

    async def forecast(self, order: ForecastOrder) -> None:
        """Writes a forecast; it is searchable afterwards.

        Raises:
            MlError: 400 where the model cannot be carried on.
        """
        lines, refusal = await self.call(worker.forecast, order, self.clock())
        self.unsent += lines
        await self.send_unsent()
        await self.store.results_write.refresh(self.job_id)
        if refusal is not None:
            raise status_error(f"Cannot run forecast: {refusal}", 400)

    async def _journal(self, entry: bytes) -> None:
        self.is_untouched = False
        self.sequence = await self.store.journal.append(self.job_id, self.sequence, entry)
        self.journal_bytes += len(entry)

    def _refuse_when_full(self) -> None:
        if sum(map(len, self.unsent)) > _MAX_UNSENT_BYTES:
            raise MlError(
                "es_rejected_execution_exception",
                f"job [{self.job_id}] has results that the cluster does not take, retry when it does",
                429,
                headers={"Retry-After": "10"},
            )

    async def _deliver(self, outcome: Outcome) -> None:
        self.status, self.last_counts = outcome.status, outcome.counts
        counts = result_ids.data_counts(self.job_id)
        self.unsent += outcome.lines
        self.unsent += index_lines(self.inputs.write_alias, iter([(counts, outcome.status.data_counts)]))
        self._report_size(outcome.status)
        self.rescoring.add(outcome.rescoring)
        await self.try_send()

    async def try_send(self) -> None:
        """Sends what waits; results of journalled data may wait on."""
        try:
            await self.send_unsent()
        except MlError as error:
            if error.status < 500 and error.status != 429:
                raise

    async def send_unsent(self) -> None:
        """Sends what waits.

        Raises:
            MlError: 503 where the cluster does not take it; it goes on waiting.
        """
        if self.unsent:
            self.refused += await self._write(self.unsent)
            self.unsent = []
        if ids := self.rescoring.ids():
            await self._rescore(ids)

    async def _write(self, lines: list[bytes]) -> list[str]:
        try:
            return await self.store.results_write.write(lines)
        except IndexGone:
            config = self.inputs.configuration
            await self.store.indices.ensure_results(
                self.job_id, config["results_index_name"], term_fields(config["analysis_config"])
            )
            self.messages.append(("warning", "The job's results index was gone; it has been made anew"))
            return await self.store.results_write.write(lines)

    async def _rescore(self, ids: list[str]) -> None:
        """Brings new scores to earlier results."""
        for start in range(0, len(ids), _RESCORED_AT_ONCE):
            results = await self.store.results_write.stored(self.job_id, ids[start : start + _RESCORED_AT_ONCE])
            rescored = ((result, self.rescoring.rescored(result.id, result.source)) for result in results)
            lines = await asyncio.to_thread(rewrite_lines, self.inputs.write_alias, rescored)
            self.refused += await self._write(lines)
        self.rescoring = Rescoring()

    def _report_size(self, status: Status) -> None:
        size = status.model_size
        if not is_worth_reporting(self.reported_size, size):
            return
        message = memory_message(self.reported_size, size)
        if message is not None:
            self.messages.append(message)
        self.reported_size = size
        now_ms = self.clock()
        document = size_document(self.job_id, status, now_ms)
        self.unsent += index_lines(
            self.inputs.write_alias, iter([(result_ids.model_size_stats(self.job_id, now_ms), document)])
        )

    def wants_saving(self, interval_ms: int) -> bool:
        """Whether replaying the journal would by now cost more than saving the model."""
        is_due = self.journal_bytes > 0 and self.clock() - self.saved_at >= interval_ms
        return not self.unsent and (is_due or self.journal_bytes > _MAX_JOURNAL_BYTES)

    async def save(self) -> bytes:
        """Saves the model, and with it all that was journalled so far; returns it."""
        await self.send_unsent()
        # A lost model is not loaded just to be saved: the journal has all that it knew.
        model = await self.host.call(self.job_id, worker.save, self.sequence)
        await self.store.journal.save_model(self.job_id, Saved(self.sequence, model))
        self.sequence += 1
        self.journal_bytes = 0
        self.saved_at = self.clock()
        return model

    def new_snapshot_id(self, now_ms: int) -> str:
        """Its second; the next free one where a snapshot was made in the same."""
        now = now_ms // 1000
        self.snapshot_seconds = max(now, 1 + max(self.snapshot_seconds, self._second_of_snapshot(now)))
        return str(self.snapshot_seconds)

    def _second_of_snapshot(self, now: int) -> int:
        """When the snapshot in force was made, by its id; 0 where that tells no such time."""
        in_force = str(self.inputs.configuration.get("model_snapshot_id", ""))
        return int(in_force) if in_force.isdigit() and int(in_force) - now < _SNAPSHOTS_AHEAD_S else 0
