"""Asks the cluster for the parts of overall buckets, halving what it finds too large.

What to ask for is ``walk``'s matter; the questions themselves are built in ``queries``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from proxy.errors import MlError
from proxy.store.client import ClusterError
from proxy.store.overall import answers, queries
from proxy.store.overall.answers import Candidates, Cells
from proxy.store.overall.presence import Presence, read_presence
from proxy.store.overall.queries import Scope
from proxy.store.overall.request import OverallRequest
from proxy.store.overall.slices import Slice
from proxy.store.results.queries import Query

Search = Callable[[Query, str, bool], Awaitable[bytes]]
"""Runs a search body and answers in JSON what a filter path names; the flag says whether the cluster may cache that."""

Ranges = Sequence[tuple[int, int]]
Listed = Mapping[int, np.ndarray]
Part = TypeVar("Part")
Found = TypeVar("Found")

# Below the default of search.max_buckets (65,536) with room for the jobs' own buckets.
CELLS_PER_ANSWER = 60_000
# Up to so many buckets in a cell, on average, hits are cheaper than an aggregation.
MOST_BUCKETS_PER_CELL = 1.5


@dataclass(frozen=True, slots=True)
class Read:
    """What is known of some intervals; without ``presence`` the cells are all there are."""

    intervals: np.ndarray
    cells: Cells
    presence: Presence | None
    listed: Listed
    interim: np.ndarray


class Reader:
    """Reads for one request. Ranges and intervals are counted in its interval length."""

    def __init__(self, search: Search, request: OverallRequest, scope: Scope) -> None:
        self._search = search
        self._request = request
        self._scope = scope
        self._span_ms = request.interval_ms
        self._positions = {job_id: position for position, job_id in enumerate(request.job_ids)}
        self._range = queries.between(request.start_ms, request.end_ms)
        buckets_per_cell = sum(self._span_ms / span_ms for span_ms in request.spans_ms) / len(request.spans_ms)
        self._takes_hits = buckets_per_cell <= MOST_BUCKETS_PER_CELL
        self._presence: Presence | None = None
        self._presence_lock = asyncio.Lock()

    async def bounds(self, start: int | None = None) -> tuple[int, int] | None:
        """First and last interval, from ``start`` on, with a bucket that reaches the minimum score."""
        later = [] if start is None else queries.between(start * self._span_ms, None)
        query = queries.probe(self._scope, [*later, *self._range], self._request.minimum_score)
        found = await self._search(query, queries.PROBE_PATHS, True)
        return answers.read_bounds(answers.answer_of(found), self._span_ms)

    async def all_candidates(self, cut: float) -> Candidates | None:
        """None where the whole range holds more of them than one answer can."""
        try:
            found = await self._search(self._candidates(self._range, cut), queries.CANDIDATE_PATHS, True)
        except MlError as error:
            if _is_too_large(error):
                return None
            raise
        return await asyncio.to_thread(answers.read_candidates, [found], self._span_ms)

    async def candidates(self, start: int, stop: int, cut: float) -> Candidates:
        def query(low: int, high: int) -> Query:
            return self._candidates(self._times([(low, high)]), cut)

        found = await self._split(query, queries.CANDIDATE_PATHS, start, stop)
        return await asyncio.to_thread(answers.read_candidates, found, self._span_ms)

    def _candidates(self, times: list[Query], cut: float) -> Query:
        return queries.candidates(self._scope, times, self._request.minimum_score, self._span_ms, cut)

    async def above_zero(self, window: tuple[int, int] | None = None) -> int:
        """How many bucket documents score above zero, in all or in a window."""
        query = queries.above_zero_count(self._scope, self._times([window]) if window else self._range)
        return answers.read_total(await self._search(query, "hits.total.value", True))

    async def presence(self) -> Presence:
        """Asked once, however many wait for it."""
        request = self._request
        async with self._presence_lock:
            if self._presence is None:
                found = await self._search(queries.presence(self._scope, self._range), queries.PRESENCE_PATHS, True)
                self._presence = read_presence(
                    answers.answer_of(found), request.job_ids, request.spans_ms, self._span_ms
                )
            return self._presence

    async def listed(self, presence: Presence, ranges: Ranges) -> dict[int, np.ndarray]:
        """The occupied intervals of the jobs with gaps."""
        gapped = tuple(self._request.job_ids[job] for job in np.flatnonzero(presence.with_gaps))
        if not gapped:
            return {}
        scope = Scope(gapped, self._scope.exclude_interim, self._scope.jobs_elsewhere)

        def query(low: int, high: int) -> Query:
            return queries.occupied(scope, self._times([(low, high)]), self._span_ms)

        found: dict[int, list[np.ndarray]] = {}
        length = max(CELLS_PER_ANSWER // len(gapped), 1)
        for low, high in [(a, min(a + length, stop)) for start, stop in ranges for a in range(start, stop, length)]:
            for text in await self._split(query, queries.CELL_PATHS, low, high):
                occupied = await asyncio.to_thread(answers.read_occupied, text, self._positions, self._span_ms)
                for job, intervals in occupied.items():
                    found.setdefault(job, []).append(intervals)
        return {job: np.concatenate(parts) for job, parts in found.items()}

    @property
    def some_cells_per_answer(self) -> int:
        """How many cells of some scores an answer can hold."""
        return queries.HITS_PER_ANSWER if self._takes_hits else CELLS_PER_ANSWER

    async def cells(self, part: Slice, among: Query | None) -> list[tuple[Slice, Cells]]:
        """The highest scores of a slice, of all or only ``among`` some, as one answer or more."""
        found = await self._hits(part, among) if among is not None and self._takes_hits else None
        return await self._aggregated(part, among) if found is None else found

    async def _hits(self, part: Slice, among: Query) -> list[tuple[Slice, Cells]] | None:
        """None where they are too many, or refused: an index may have another limit or another mapping than ours."""
        try:
            text = await self._search(
                queries.scores(self._scope, self._times(part.ranges), among), queries.SCORE_PATHS, False
            )
        except ClusterError as error:
            if error.status != 400:
                raise
            self._takes_hits = False
            return None
        count, cells = await asyncio.to_thread(answers.read_scores, text, self._positions, self._span_ms)
        if count < queries.HITS_PER_ANSWER:
            return [(part, cells)]
        if len(part.intervals) < 2:
            return None
        return [found for half in part.cut(len(part.intervals) // 2) for found in await self.cells(half, among)]

    async def _aggregated(self, part: Slice, among: Query | None) -> list[tuple[Slice, Cells]]:
        query = queries.cells(self._scope, self._times(part.ranges), self._span_ms, among=among)
        try:
            text = await self._search(query, queries.CELL_PATHS, False)
        except MlError as error:
            if not _is_too_large(error) or len(part.intervals) < 2:
                raise
        else:
            return [(part, await asyncio.to_thread(answers.read_cells, text, self._positions, self._span_ms))]
        halves = part.cut(len(part.intervals) // 2)
        return [found for half in halves for found in await self._aggregated(half, among)]

    async def read(
        self, part: Slice, interim: Awaitable[np.ndarray], *, above_zero: bool, listed: Listed | None
    ) -> list[Read]:
        """All that the overall buckets of a slice depend on; with ``above_zero`` the zeros come from presence."""
        async with asyncio.TaskGroup() as group:
            cells = group.create_task(self.cells(part, queries.above_zero() if above_zero else None))
            presence = group.create_task(self.presence()) if above_zero else None
        known = presence.result() if presence else None
        if listed is None:
            listed = await self.listed(known, part.ranges) if known else {}
        interim_there = await interim
        return [Read(some.intervals, found, known, listed, interim_there) for some, found in cells.result()]

    async def interim(self, start: int, stop: int) -> np.ndarray:
        """The intervals from ``start`` up to ``stop`` that hold an interim bucket."""
        if self._request.exclude_interim:
            return np.empty(0, dtype=np.int64)

        def query(low: int, high: int) -> Query:
            return queries.interim(self._scope, self._times([(low, high)]), self._span_ms)

        found = await self._split(query, queries.TIME_PATHS, start, stop)
        return np.concatenate([answers.read_times(text, self._span_ms) for text in found])

    async def _split(self, build: Callable[[int, int], Query], paths: str, start: int, stop: int) -> list[bytes]:
        """The answers to a query over the intervals from ``start`` up to ``stop``, halved until they fit."""
        try:
            return [await self._search(build(start, stop), paths, True)]
        except MlError as error:
            if not _is_too_large(error) or stop - start < 2:
                raise
        middle = (start + stop) // 2
        return [*await self._split(build, paths, start, middle), *await self._split(build, paths, middle, stop)]

    def _times(self, ranges: Ranges) -> list[Query]:
        """Clauses for ranges of intervals, within what was asked for."""
        span = self._span_ms
        return [*queries.within([(start * span, stop * span) for start, stop in ranges]), *self._range]


async def ahead(parts: Iterable[Part], read: Callable[[Part], Awaitable[Found]]) -> AsyncGenerator[Found, None]:
    """What ``read`` makes of each part, in order; the next one is under way while the caller works on the last."""
    pending: asyncio.Future[Found] | None = None
    try:
        for part in parts:
            previous, pending = pending, asyncio.ensure_future(read(part))
            if previous is not None:
                yield await previous
        if pending is not None:
            yield await pending
    finally:
        if pending is not None:
            pending.cancel()


def _is_too_large(error: MlError) -> bool:
    return isinstance(error, ClusterError) and "too_many_buckets_exception" in str(error.body())
