"""What a job has written and the cluster has not taken yet: bulk lines, and new scores for earlier results."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from proxy.errors import MlError
from proxy.job_config.analysis import term_fields
from proxy.runtime.documents import index_action, rewrite_lines
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.place.summary import Notice
from proxy.runtime.rescoring import Rescoring
from proxy.store import Store
from proxy.store.gone import IndexGone
from proxy.store.results.write import ResultsBlocked

# What may wait for a cluster that takes nothing, before new data are refused.
_MAX_BYTES = 64 * 1024 * 1024
# What is worth a request while a model computes on.
_WORTH_SENDING_BYTES = 256 * 1024
# Few enough to be read without holding up the loop.
_RESCORED_AT_ONCE = 500


class Outbox:
    """Of one job. Whatever is put in here goes on waiting until it is sent."""

    def __init__(self, store: Store, inputs: JobInputs) -> None:
        self._store = store
        self.inputs = inputs
        self._lines: list[bytes] = []
        self._size = 0
        self._turn = asyncio.Lock()
        self._beside: asyncio.Task[None] | None = None
        self._rescoring = Rescoring()
        self._notices: list[Notice] = []
        self._trouble: str | None = None

    def put(self, lines: Sequence[bytes], rescoring: Rescoring | None = None) -> None:
        self._lines += lines
        self._size += sum(map(len, lines))
        if rescoring is not None:
            self._rescoring.add(rescoring)

    def take_out(self, index: str, document_id: str) -> None:
        """Whatever waits to become this document."""
        action = index_action(index, document_id)
        self._lines = [line for line in self._lines if not line.startswith(action)]
        self._size = sum(map(len, self._lines))

    def is_empty(self) -> bool:
        return not (self._lines or self._rescoring.ids() or self._turn.locked())

    def is_full(self) -> bool:
        return self._size > _MAX_BYTES

    def told(self) -> list[Notice]:
        """What is to be said of the sending since the last time."""
        notices, self._notices = self._notices, []
        return notices

    async def try_send(self) -> None:
        """Sends what waits; results of data that are taken for good may wait on, whatever the cluster says."""
        await self.settle()
        await self._try()

    async def _try(self) -> None:
        try:
            await self._send()
        except MlError as error:
            self._say_once(error)
        else:
            if self._trouble is not None:
                self._notices.append(Notice("info", "The cluster takes the job's results again"))
            self._trouble = None

    def _say_once(self, error: MlError) -> None:
        """A cluster that is away is no news of this job; one that refuses is, until it takes something again."""
        is_refusal = isinstance(error, ResultsBlocked) or (error.status < 500 and error.status != 429)
        if is_refusal and error.reason != self._trouble:
            self._trouble = error.reason
            self._notices.append(Notice("error", f"The cluster refuses the job's results, which wait: {error.reason}"))

    def send_beside(self) -> None:
        """Begins to send what waits, where that is worth a request, while more is being found."""
        if self._size >= _WORTH_SENDING_BYTES and (self._beside is None or self._beside.done()):
            self._beside = asyncio.create_task(self._try())

    async def settle(self) -> None:
        """Waits for what is sent beside."""
        if self._beside is not None:
            beside, self._beside = self._beside, None
            await beside

    async def send(self) -> None:
        """Sends what waits.

        Raises:
            MlError: 503 where the cluster does not take it; it goes on waiting.
        """
        await self.settle()
        await self._send()

    async def _send(self) -> None:
        async with self._turn:
            while self._lines:
                await self._send_lines()
            if self._rescoring.ids():
                await self._send_scores()

    async def _send_lines(self) -> None:
        lines, size = self._lines, self._size
        self._lines, self._size = [], 0
        try:
            await self._write(lines)
        except BaseException:
            self._lines, self._size = [*lines, *self._lines], size + self._size
            raise

    async def _send_scores(self) -> None:
        rescoring, self._rescoring = self._rescoring, Rescoring()
        try:
            await self._rescore(rescoring)
        except BaseException:
            rescoring.add(self._rescoring)
            self._rescoring = rescoring
            raise

    async def _write(self, lines: Sequence[bytes]) -> None:
        try:
            refused = await self._store.results_write.write(lines)
        except IndexGone:
            await self._make_anew()
            refused = await self._store.results_write.write(lines)
        if refused:
            self._notices.append(Notice("error", f"[{len(refused)}] results could not be stored: {refused[0]}"))

    async def _make_anew(self) -> None:
        """Makes the indices that the lines go to, as far as they are gone."""
        config, indices = self.inputs.configuration, self._store.indices
        if made := await indices.ensure_own():
            self._notices.append(Notice("warning", f"Indices were gone and have been made anew: [{', '.join(made)}]"))
        fields = term_fields(config["analysis_config"])
        if await indices.ensure_results(self.inputs.job_id, config["results_index_name"], fields):
            self._notices.append(Notice("warning", "The job's results index was gone; it has been made anew"))

    async def _rescore(self, rescoring: Rescoring) -> None:
        """Brings new scores to earlier results."""
        ids = rescoring.ids()
        for start in range(0, len(ids), _RESCORED_AT_ONCE):
            results = await self._store.results_write.stored(self.inputs.job_id, ids[start : start + _RESCORED_AT_ONCE])
            rescored = ((result, rescoring.rescored(result.id, result.source)) for result in results)
            await self._write(await asyncio.to_thread(rewrite_lines, self.inputs.write_alias, rescored))
