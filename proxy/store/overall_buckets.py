"""Overall buckets: walks the time range of many jobs and reads as little of it as an exact answer allows.

With a minimum score, only intervals where some bucket reaches it can pass, because an average never exceeds its
maximum; the cluster lists those first. Of what is left, cells that score zero are rebuilt from each job's presence
instead of being read, unless there are few cells or most score above zero. Everything is cut into slices that stay
below the cluster's limit on buckets per answer; the next slice is requested while the last is reduced.

The queries are in ``overall_queries``, the arithmetic in ``overall_reduce``; neither does I/O.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from proxy.errors import MlError, status_error
from proxy.store import overall_queries as queries
from proxy.store.client import ClusterError
from proxy.store.overall_presence import Presence, read_presence
from proxy.store.overall_queries import Answer, Cells, Scope
from proxy.store.overall_reduce import OverallBuckets, filled_within_chunks, grid_of, joined, merged, overall, runs
from proxy.store.result_queries import Query

Search = Callable[[Query, str, bool], Awaitable[Answer]]
"""Runs a search body and keeps what a filter path names; the flag says whether the cluster may cache the answer."""

MOST_RESULTS = 10_000
# Below the default of search.max_buckets (65,536) with room for the jobs' own buckets.
_CELLS_PER_ANSWER = 60_000
# Whole multiple of a chunk (see overall_reduce), and few enough for one answer that lists intervals.
_INTERVALS_PER_WINDOW = 50_000
# Up to here reading every cell is as quick as finding out which ones need reading.
_FEW_CELLS = 20_000
# A query's clauses are limited (1024 in the smallest cluster), and each costs.
_RANGES_PER_QUERY = 500
# Beyond this, asking around the holes between intervals costs more than reading the few cells in them.
_MOST_RANGES = 1000
_GRID_CELLS_PER_SLICE = 2_000_000


@dataclass(frozen=True, slots=True)
class OverallRequest:
    """What to compute. Jobs in ascending order of id; ``start_ms`` and ``end_ms`` are multiples of ``interval_ms``.

    ``merge_ms``: the span into which intervals are merged after filtering, if it differs from ``interval_ms``.
    """

    job_ids: tuple[str, ...]
    spans_ms: tuple[int, ...]
    interval_ms: int
    top_n: int = 1
    minimum_score: float = 0.0
    merge_ms: int | None = None
    exclude_interim: bool = False
    start_ms: int | None = None
    end_ms: int | None = None


async def overall_buckets(
    search: Search, request: OverallRequest, strangers: Mapping[str, tuple[str, ...]] | None = None
) -> OverallBuckets:
    """The overall buckets of a request, in time order.

    Raises:
        MlError: status_exception for more than 10,000 of them, or what the cluster refuses.
    """
    walk = _Walk(search, request, Scope(request.job_ids, request.exclude_interim, strangers))
    if request.minimum_score > 0:
        await walk.strong_intervals()
    else:
        await walk.all_intervals()
    return walk.kept.rows()


class _Kept:
    """The rows so far, merged where asked for."""

    def __init__(self, request: OverallRequest) -> None:
        self._request = request
        self._parts: list[OverallBuckets] = []
        self._count = 0

    def add(self, rows: OverallBuckets) -> None:
        if self._request.merge_ms is not None:
            rows = merged(joined([*self._reopened(), rows], len(self._request.job_ids)), self._request.merge_ms)
        self._parts.append(rows)
        self._count += len(rows)
        _check_count(self._count)

    def announce(self, intervals: np.ndarray) -> None:
        """Refuses intervals, all of which are sure to be kept, before anything is read for them."""
        merge_ms = self._request.merge_ms
        spans = intervals if merge_ms is None else np.unique(intervals * self._request.interval_ms // merge_ms)
        _check_count(self._count + len(spans) - (1 if merge_ms is not None and self._count else 0))

    def rows(self) -> OverallBuckets:
        return joined(self._parts, len(self._request.job_ids))

    def _reopened(self) -> list[OverallBuckets]:
        """The last row, which may go on in the next ones."""
        if not self._count:
            return []
        while len(self._parts[-1]) == 0:
            self._parts.pop()
        last = self._parts.pop()
        self._parts.append(last.take(slice(0, -1)))
        self._count -= 1
        return [last.take(slice(-1, None))]


def _check_count(count: int) -> None:
    if count > MOST_RESULTS:
        raise status_error(
            f"Unable to return more than [{MOST_RESULTS}] results; "
            "please use parameters [start] and [end] to limit the time range",
            400,
        )


@dataclass(frozen=True, slots=True)
class _Slice:
    """Intervals to read at once, and the half-open ranges of intervals to ask for."""

    intervals: np.ndarray
    ranges: tuple[tuple[int, int], ...]

    def cut(self, position: int) -> tuple[_Slice, _Slice]:
        """The first ``position`` intervals, and the others."""
        at = int(self.intervals[position])
        low = tuple((start, min(stop, at)) for start, stop in self.ranges if start < at)
        high = tuple((max(start, at), stop) for start, stop in self.ranges if stop > at)
        return _Slice(self.intervals[:position], low), _Slice(self.intervals[position:], high)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the cluster answered for a slice; without ``present`` the cells are all there are."""

    intervals: np.ndarray
    cells: Cells
    present: Presence | None
    listed: Mapping[int, np.ndarray]
    interim: np.ndarray


class _Walk:
    def __init__(self, search: Search, request: OverallRequest, scope: Scope) -> None:
        self._search = search
        self._request = request
        self._scope = scope
        self._jobs = len(request.job_ids)
        self._positions = {job_id: position for position, job_id in enumerate(request.job_ids)}
        self._range = queries.between(request.start_ms, request.end_ms)
        self._presence: Presence | None = None
        self._presence_lock = asyncio.Lock()
        self.kept = _Kept(request)

    async def strong_intervals(self) -> None:
        request = self._request
        query = queries.probe(self._scope, self._range, request.minimum_score)
        found = (await self._search(query, queries.PROBE_PATHS, True)).get("aggregations", {})
        if found.get("first", {}).get("value") is None:
            return
        first, last = (int(found[name]["value"]) // request.interval_ms for name in ("first", "last"))
        for start, stop in _windows(first, last):
            answers = await self._split(
                lambda low, high: queries.candidates(
                    self._scope, self._times([(low, high)]), request.minimum_score, request.interval_ms
                ),
                queries.CANDIDATE_PATHS,
                start,
                stop,
            )
            parts = [queries.read_candidates(answer, request.interval_ms) for answer in answers]
            intervals = np.concatenate([part[0] for part in parts])
            if request.top_n == 1 or self._jobs == 1:
                self.kept.announce(intervals)
            await self._add(intervals, sum(part[1] for part in parts), stop - start)

    async def all_intervals(self) -> None:
        presence = await self._known_presence()
        if not presence.has_data:
            return
        origin, last = presence.bounds()
        for start, stop in _windows(origin, last):
            listed = await self._listed(presence, [(start, stop)])
            intervals = filled_within_chunks(presence.union(start, stop, listed), origin)
            self.kept.announce(intervals)
            query = queries.above_zero_count(self._scope, self._times([(start, stop)]))
            above_zero = queries.read_total(await self._search(query, "hits.total.value", True))
            await self._add(intervals, above_zero, stop - start)

    async def _add(self, intervals: np.ndarray, above_zero: int, window: int) -> None:
        """Reads and keeps ``intervals``, in a window of that many with ``above_zero`` scores above zero."""
        if len(intervals) == 0:
            return
        sparse = len(intervals) * self._jobs > _FEW_CELLS and above_zero * 2 < window * self._jobs
        slices = self._sparse_slices(intervals, above_zero) if sparse else self._dense_slices(intervals)
        async for read in self._pipelined(slices, sparse=sparse):
            self.kept.add(await asyncio.to_thread(self._reduced, read))

    def _dense_slices(self, intervals: np.ndarray) -> Iterator[_Slice]:
        return _cut(intervals, runs(intervals), max(_CELLS_PER_ANSWER // self._jobs, 1))

    def _sparse_slices(self, intervals: np.ndarray, above_zero: int) -> Iterator[_Slice]:
        ranges = runs(intervals)
        if len(ranges) > _MOST_RANGES:
            ranges = [(int(intervals[0]), int(intervals[-1]) + 1)]
        share = min(_CELLS_PER_ANSWER * 0.8 / max(above_zero, 1), 1.0)
        most = min(int(len(intervals) * share), _GRID_CELLS_PER_SLICE // self._jobs)
        return _cut(intervals, ranges, max(most, 1))

    async def _pipelined(self, slices: Iterator[_Slice], *, sparse: bool) -> AsyncIterator[_Read]:
        """The answers for the slices in order, the next one under way while the caller works on the last."""
        pending: asyncio.Task[list[_Read]] | None = None
        try:
            for part in slices:
                task = asyncio.create_task(self._read(part, sparse=sparse))
                previous, pending = pending, task
                for read in await previous if previous else ():
                    yield read
            for read in await pending if pending else ():
                yield read
        finally:
            if pending is not None:
                pending.cancel()

    async def _read(self, part: _Slice, *, sparse: bool) -> list[_Read]:
        """One answer, or more where the cluster finds it too large."""
        times, interval_ms = self._times(part.ranges), self._request.interval_ms
        query = queries.cells(self._scope, times, interval_ms, above_zero=sparse)
        try:
            async with asyncio.TaskGroup() as group:
                cells = group.create_task(self._search(query, queries.CELL_PATHS, False))
                interim = group.create_task(self._interim(times))
                presence = group.create_task(self._known_presence()) if sparse else None
        except* MlError as errors:
            error = errors.exceptions[0]
            if not _is_too_large(error) or len(part.intervals) < 2:
                raise error from None
        else:
            known = presence.result() if presence else None
            listed = await self._listed(known, part.ranges) if known else {}
            found = queries.read_cells(cells.result(), self._positions, interval_ms)
            return [_Read(part.intervals, found, known, listed, interim.result())]
        return [read for half in part.cut(len(part.intervals) // 2) for read in await self._read(half, sparse=sparse)]

    async def _interim(self, times: list[Query]) -> np.ndarray:
        interval_ms = self._request.interval_ms
        if self._request.exclude_interim:
            return np.empty(0, dtype=np.int64)
        answer = await self._search(queries.interim(self._scope, times, interval_ms), queries.TIME_PATHS, True)
        return queries.read_times(answer, interval_ms)

    async def _known_presence(self) -> Presence:
        request = self._request
        async with self._presence_lock:
            if self._presence is None:
                answer = await self._search(queries.presence(self._scope, self._range), queries.PRESENCE_PATHS, True)
                self._presence = read_presence(answer, request.job_ids, request.spans_ms, request.interval_ms)
            return self._presence

    async def _listed(self, presence: Presence, ranges: list[tuple[int, int]]) -> dict[int, np.ndarray]:
        """The occupied intervals of the jobs with gaps."""
        gapped = [self._request.job_ids[job] for job in np.flatnonzero(presence.with_gaps)]
        if not gapped:
            return {}
        scope = Scope(tuple(gapped), self._scope.exclude_interim, self._scope.strangers)
        found: dict[int, list[np.ndarray]] = {}
        length = max(_CELLS_PER_ANSWER // len(gapped), 1)
        for low, high in [(a, min(a + length, stop)) for start, stop in ranges for a in range(start, stop, length)]:
            answers = await self._split(
                lambda a, b: queries.occupied(scope, self._times([(a, b)]), self._request.interval_ms),
                queries.CELL_PATHS,
                low,
                high,
            )
            for answer in answers:
                for job, intervals in queries.read_occupied(answer, self._positions, self._request.interval_ms).items():
                    found.setdefault(job, []).append(intervals)
        return {job: np.concatenate(parts) for job, parts in found.items()}

    async def _split(self, build: Callable[[int, int], Query], paths: str, start: int, stop: int) -> list[Answer]:
        """The answers to a query over the intervals from ``start`` up to ``stop``, halved until they fit."""
        try:
            return [await self._search(build(start, stop), paths, True)]
        except MlError as error:
            if not _is_too_large(error) or stop - start < 2:
                raise
        middle = (start + stop) // 2
        return [*await self._split(build, paths, start, middle), *await self._split(build, paths, middle, stop)]

    def _times(self, ranges: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> list[Query]:
        """Clauses for ranges of intervals, within what was asked for."""
        span = self._request.interval_ms
        return [*queries.within([(start * span, stop * span) for start, stop in ranges]), *self._range]

    def _reduced(self, read: _Read) -> OverallBuckets:
        request = self._request
        present = read.present.grid(read.intervals, read.listed) if read.present else None
        grid = grid_of(read.intervals, read.cells, present, self._jobs)
        return overall(
            read.intervals,
            grid,
            read.interim,
            interval_ms=request.interval_ms,
            top_n=request.top_n,
            minimum_score=request.minimum_score,
        )


def _windows(first: int, last: int) -> Iterator[tuple[int, int]]:
    for start in range(first, last + 1, _INTERVALS_PER_WINDOW):
        yield start, min(start + _INTERVALS_PER_WINDOW, last + 1)


def _cut(intervals: np.ndarray, ranges: list[tuple[int, int]], most: int) -> Iterator[_Slice]:
    """Slices of at most ``most`` intervals and ``_RANGES_PER_QUERY`` ranges."""
    for position in range(0, len(ranges), _RANGES_PER_QUERY):
        some = ranges[position : position + _RANGES_PER_QUERY]
        inside = intervals[(intervals >= some[0][0]) & (intervals < some[-1][1])]
        whole = _Slice(inside, tuple(some))
        while len(whole.intervals) > most:
            part, whole = whole.cut(most)
            yield part
        yield whole


def _is_too_large(error: Exception) -> bool:
    return isinstance(error, ClusterError) and "too_many_buckets_exception" in str(error.body())
