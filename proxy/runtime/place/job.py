"""A job where its model lives: each step is journalled, analysed, and its results are written.

A step that was journalled is never lost; results that the cluster does not take yet are kept in the ``outbox`` and
sent again. How the model itself is kept is ``saving``'s matter; when, the supervisor's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import orjson

from proxy.errors import MlError, status_error
from proxy.runtime.batch_codec import decode_batch
from proxy.runtime.datafeeds.progress import Progress, from_saved, to_saved
from proxy.runtime.documents import index_lines
from proxy.runtime.forecasting import cut_short_lines
from proxy.runtime.ingest import Ingested
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.model_size import is_worth_reporting, memory_message, size_document
from proxy.runtime.opening import beginning_of
from proxy.runtime.place.contract import Hear, hear_nothing, results_wait
from proxy.runtime.place.fed_source import FedSource
from proxy.runtime.place.foretelling import Foretelling
from proxy.runtime.place.hands import Hands
from proxy.runtime.place.model import JobModel, Outcome
from proxy.runtime.place.outbox import Outbox
from proxy.runtime.place.summary import FinishedBucket, Level, Notice, Status, Summary, Unsaved
from proxy.store import Store
from proxy.store.results import ids as result_ids

Given = ParamSpec("Given")
Made = TypeVar("Made")
_DATA, _FLUSH = b"d", b"f"
_RETRY_S = 1.0
# Beyond this the journal would take longer to replay than a saved model takes to load.
_MAX_JOURNAL_BYTES = 16 * 1024 * 1024
# So many rows are read again in about a second.
_MANY_ROWS = 10_000
_PATIENCE = 12
# Each visit to the thread in which models compute costs messages to and fro: short steps share one.
_FEW_S = 0.05


class PlacedJob:
    """An open job. ``sequence`` is the number of its next journal entry, ``journal_bytes`` what the journal holds.

    ``is_untouched``: it has learnt nothing since its snapshot in force. ``hear`` gets a summary of each step.
    ``progress`` is how far the model has read the source of its datafeed, ``unsaved_rows`` what it was given from there
    since it was saved, ``feeding`` what is open of that source. ``has_other_counts``: its data counts are others than
    those of the model that an opening would begin from, as after a revert.
    ``foretelling`` makes its forecasts.
    """

    def __init__(self, store: Store, hands: Hands, inputs: JobInputs) -> None:
        self.store = store
        self.inputs = inputs
        self.outbox = Outbox(store, inputs)
        self.hear: Hear = hear_nothing
        self.sequence = 0
        self.journal_bytes = 0
        self.saved_at = 0
        self.snapshot_second = 0
        self.copies: dict[str, bytes] = {}
        self.is_untouched = True
        self.progress: Progress | None = None
        self.feeding: FedSource | None = None
        self.foretelling = Foretelling(self)
        self.unsaved_rows = 0
        self.has_other_counts = False
        # While what was journalled is done again, the counts are lower than those that were told already.
        self._is_behind = False
        self._is_stepping = False
        self._is_cut = False
        self._hands = hands
        self._model: JobModel | None = None
        self._status: Status | None = None
        self._post_id = ""
        self._counts: dict[str, Any] = {}
        self._notices: list[Notice] = []
        self._buckets: list[FinishedBucket] = []
        self._reported_size: Mapping[str, Any] | None = None

    @property
    def job_id(self) -> str:
        return self.inputs.job_id

    @property
    def unsaved(self) -> Unsaved | None:
        """What the model has learnt since it was saved.

        Few rows that a source can bring again are worth more patience.
        """
        if self.journal_bytes == 0 and self.unsaved_rows == 0:
            return None
        if self.journal_bytes > _MAX_JOURNAL_BYTES:
            return Unsaved(self.saved_at, 0)
        is_much = self.journal_bytes > 0 or self.unsaved_rows >= _MANY_ROWS
        return Unsaved(self.saved_at, 1 if is_much else _PATIENCE)

    @property
    def status(self) -> Status:
        assert self._status is not None, "load() comes first"
        return self._status

    def packed_progress(self) -> dict[str, Any] | None:
        return None if self.progress is None else to_saved(self.progress)

    @property
    def model(self) -> JobModel:
        assert self._model is not None, "load() comes first"
        return self._model

    async def do(
        self, entry: int | None, step: Callable[Given, Made], *args: Given.args, **kwargs: Given.kwargs
    ) -> Made:
        """Runs a step where models compute; ``entry`` is the journal entry that it is about."""
        return await self._hands.do(self.job_id, entry, step, *args, **kwargs)

    def summary(self, **more: Any) -> Summary:
        """How the job is now; buckets and notices are told once."""
        notices, buckets = [*self._notices, *self.outbox.told()], tuple(self._buckets)
        self._notices, self._buckets = [], []
        return Summary(
            status=None if self._is_behind else self._status,
            counts=self._counts,
            buckets=buckets,
            notices=tuple(notices),
            post_id=self._post_id,
            is_untouched=self.is_untouched,
            has_unsent=not self.outbox.is_empty(),
            is_full=self.outbox.is_full(),
            unsaved=self.unsaved,
            progress=self.progress,
            **more,
        )

    def tell(self, level: Level, text: str) -> None:
        """Lets users know with the next summary."""
        self._notices.append(Notice(level, text))

    async def leave(self) -> None:
        """Ends what goes on beside its steps."""
        if self.feeding is not None:
            await self.feeding.let_go()
        await self.outbox.settle()

    # ---- opening

    async def load(self, now_ms: int) -> None:
        """Brings the model up to what was journalled."""
        left = await self.store.left_behind.read(self.job_id)
        snapshot_id = self.inputs.configuration.get("model_snapshot_id")
        start = await beginning_of(self.store, self.job_id, snapshot_id, left.journal)
        await self._fail_forecasts(left.unfinished_forecasts)
        # Whatever is interim goes with the next bucket, also where the model does not remember it.
        self._model = await self.do(None, JobModel, self.inputs, start.model, start.counts, left.interim_ids)
        saved_progress = self.model.saved_progress
        self.progress = None if saved_progress is None else from_saved(saved_progress)
        self._status = await self.do(None, self.model.status)
        self.sequence = start.sequence
        self.saved_at = now_ms
        self.is_untouched = not start.is_interrupted
        self.has_other_counts = self.model.has_other_counts
        self._is_behind = True
        for number, entry in start.entries:
            await self._replay(number, entry, now_ms)
            self.sequence = number + 1
            self.journal_bytes += len(entry)
        self._is_behind = False
        if start.entries:
            await self.send()

    async def _fail_forecasts(self, unfinished: Sequence[Mapping[str, Any]]) -> None:
        """What a lost process has left unfinished nobody makes any more."""
        if unfinished:
            self.outbox.put(cut_short_lines(self.inputs.write_alias, self.job_id, unfinished))
            await self.outbox.try_send()
            await self.store.results_write.refresh(self.job_id)

    async def _replay(self, number: int, entry: bytes, now_ms: int) -> None:
        kind, content = entry[:1], entry[1:]
        if kind == _DATA:
            ingested = await self.do(number, decode_batch, content)
            self._post_id = ingested.post_id
            await self._advance(number, self.model.analysing(ingested, now_ms))
        else:
            await self._advance(number, self.model.flushing(orjson.loads(content), now_ms))

    # ---- steps

    async def post(self, body: bytes, replaces: tuple[int, int] | None, post_id: str, now_ms: int) -> None:
        """Analyses records; the counts of the next summary are those of this request.

        Raises:
            MlError: parse_exception for malformed data, 429 and 503 where nothing was taken, 422 for a key that came
                with other data before.
            JournalGone: nothing was taken; it may be offered again once the model is saved in a new journal.
        """
        answered = self.model.answered_posts.find(post_id)
        if answered is not None:
            self._counts = dict(answered)
            return
        if self.outbox.is_full():
            raise results_wait(self.job_id)
        ingested, entry = await self.do(None, self.model.read, body, replaces, post_id)
        number = await self.journal(_DATA + entry)
        self._post_id = post_id
        try:
            await self._advance(number, self.model.analysing(ingested, now_ms))
        except MlError:
            raise
        except Exception:
            # Data that the model cannot take must not be offered to it again at every opening.
            await self.store.journal.set_aside(self.job_id, number)
            raise

    async def flush(self, options: Mapping[str, Any], now_ms: int) -> None:
        number = None
        if options.get("advance_to") is not None or options.get("skip_to") is not None:
            number = await self.journal(_FLUSH + orjson.dumps({**options, "calc_interim": False}))
        await self._advance(number, self.model.flushing(options, now_ms))
        await self.outbox.send()
        await self.store.results_write.refresh(self.job_id)
        await self.store.results_write.refresh_annotations()

    async def learn(self, ingested: Ingested, now_ms: int) -> None:
        """Analyses records that can be read again; their results wait to be sent."""
        self.is_untouched = False
        self.unsaved_rows += len(ingested.batch.time)
        await self._advance(None, self.model.analysing(ingested, now_ms), sends=False)

    async def move_on(self, options: Mapping[str, Any], now_ms: int) -> None:
        """Flushes what a datafeed has brought, which is not journalled either; ``options``: see ``commands.Flush``.

        What that finds waits to be sent.
        """
        self.is_untouched = False
        await self._advance(None, self.model.flushing(options, now_ms), sends=False)

    async def learn_last(self, ingested: Ingested, options: Mapping[str, Any], progress: Progress, now_ms: int) -> None:
        """As ``learn`` up to a progress and then ``move_on``, in one go."""
        self.is_untouched = False
        self.unsaved_rows += len(ingested.batch.time)

        def steps() -> Iterator[Outcome]:
            yield from self.model.analysing(ingested, now_ms)
            self.progress = progress
            yield from self.model.flushing(options, now_ms)

        await self._advance(None, steps(), sends=False)

    async def update(self, inputs: JobInputs) -> None:
        self.inputs = self.outbox.inputs = inputs
        await self.do(None, self.model.update, inputs)

    async def journal(self, entry: bytes) -> int:
        """The number of the entry."""
        self.is_untouched = False
        number = self.sequence
        self.sequence = await self.store.journal.append(self.job_id, number, entry)
        self.journal_bytes += len(entry)
        return number

    async def _advance(self, entry: int | None, steps: Iterator[Outcome], *, sends: bool = True) -> None:
        """A few steps at a time, so that those of other jobs in the same place come in between.

        Raises:
            MlError: 409 where it was cut short.
        """
        self._is_stepping = True
        try:
            await self._take(entry, steps, sends=sends)
        finally:
            self._is_stepping = self._is_cut = False

    async def _take(self, entry: int | None, steps: Iterator[Outcome], *, sends: bool) -> None:
        has_more = True
        while has_more:
            if self._is_cut:
                await self._give_up(entry)
            outcomes, has_more = await self.do(entry, _few, steps)
            for outcome in outcomes:
                self._status, self._counts = outcome.status, outcome.counts
                self.outbox.put(outcome.lines, outcome.rescoring)
                self._report_size(outcome.status)
                self._buckets += outcome.buckets
                if outcome.skipped_buckets:
                    self.tell("warning", _skipped(outcome.skipped_buckets))
            if sends:
                await self.send()
                self.hear(self.summary())
            else:
                self.outbox.send_beside()
            while self.outbox.is_full():
                # One request can finish years of buckets: more than memory holds while the cluster takes nothing.
                if self._is_cut:
                    await self._give_up(entry)
                await asyncio.sleep(_RETRY_S)
                await self.outbox.try_send()

    def cut_short(self) -> None:
        """Has the step that is going on end soon."""
        self._is_cut = self._is_stepping

    async def _give_up(self, entry: int | None) -> None:
        await self.do(entry, self.model.give_up_rest)
        self._status = await self.do(None, self.model.status)
        if entry is not None:
            await self.store.journal.set_aside(self.job_id, entry)
        raise status_error(f"[{self.job_id}] is closed or deleted by force: what was asked of it was not finished", 409)

    async def send(self) -> None:
        """Writes what steps have found, with the counts up to now; what the cluster does not take waits on."""
        if not self._is_behind:
            counts = (result_ids.data_counts(self.job_id), self.status.data_counts)
            self.outbox.put(index_lines(self.inputs.write_alias, iter([counts])))
        await self.outbox.try_send()

    def _report_size(self, status: Status) -> None:
        size = status.model_size
        if not is_worth_reporting(self._reported_size, size):
            return
        message = memory_message(self._reported_size, size)
        if message is not None:
            self._notices.append(Notice(*message))
        self._reported_size = size
        log_time = status.data_counts["log_time"]
        document = size_document(self.job_id, status, log_time)
        sized = (result_ids.model_size_stats(self.job_id, log_time), document)
        self.outbox.put(index_lines(self.inputs.write_alias, iter([sized])))


def _few(steps: Iterator[Outcome]) -> tuple[list[Outcome], bool]:
    """The outcomes of steps that take a moment together, and whether there may be more of them."""
    outcomes, until = [], time.perf_counter() + _FEW_S
    for outcome in steps:
        outcomes.append(outcome)
        if time.perf_counter() > until:
            return outcomes, True
    return outcomes, False


def _skipped(count: int) -> str:
    return f"Time moved on so far that [{count}] empty buckets were skipped; look for records with a wrong timestamp"
