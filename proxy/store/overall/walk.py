"""Walks the range of overall buckets window by window and decides which cells have to be read.

Reading is ``reader``'s matter, the arithmetic ``reduce``'s; what passes goes to ``kept``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from math import ceil

import numpy as np

from proxy.errors import MlError
from proxy.store.overall import queries
from proxy.store.overall.answers import Candidates, Cells
from proxy.store.overall.kept import Kept
from proxy.store.overall.pruning import bounds, cut_for
from proxy.store.overall.reader import CELLS_PER_ANSWER, Listed, Read, Reader, ahead
from proxy.store.overall.reduce import OverallBuckets, filled_within_chunks, grid_of, joined, overall
from proxy.store.overall.request import OverallRequest
from proxy.store.overall.slices import Slice, runs, slices, windows

# Whole multiple of a chunk (see reduce), and few enough for one answer that lists intervals.
INTERVALS_PER_WINDOW = 50_000
# Up to here reading every cell is as quick as finding out which ones need reading.
FEW_CELLS = 20_000
# What it costs to ask around one hole between intervals, as so many cells read. Beyond that the holes are read too.
CELLS_PER_RANGE = 15
# Keeps each of the arrays that a slice is reduced in at 1 MB.
_GRID_CELLS_PER_BLOCK = 125_000
# Reading the high scores first must save several times what it costs.
_PRUNING_GAIN = 3
# Doubles do not add up exactly: a bound this far below the minimum may still be an average that reaches it.
_ROUNDING = 1e-9


class Walk:
    """One request's way through the range."""

    def __init__(self, reader: Reader, request: OverallRequest, kept: Kept) -> None:
        self._reader = reader
        self._request = request
        self._jobs = len(request.job_ids)
        self._kept = kept

    async def strong_intervals(self) -> None:
        """Keeps what reaches a minimum score above zero."""
        top_n = min(self._request.top_n, self._jobs)
        cut = max(cut_for(self._request.minimum_score, top_n), 0.0) if top_n > 1 else 0.0
        candidates = await self._reader.all_candidates(cut)
        if candidates is not None:
            await self._add_candidates(candidates, cut)
            return
        found = await self._reader.bounds()
        while found is not None:
            start, last = found
            stop = min(start + INTERVALS_PER_WINDOW, last + 1)
            await self._add_candidates(await self._reader.candidates(start, stop, cut), cut)
            # Years may lie between two windows that hold anything.
            found = await self._reader.bounds(stop) if stop <= last else None

    async def _add_candidates(self, candidates: Candidates, cut: float) -> None:
        intervals = candidates.intervals
        if min(self._request.top_n, self._jobs) == 1:
            # The highest score is the average, so every candidate passes.
            self._kept.announce(intervals)
        elif cut > 0:
            intervals = await self._pruned(candidates, cut)
        await self._add(intervals, candidates.above_zero, candidates.window)

    async def all_intervals(self) -> None:
        """Keeps everything, for no average is below zero."""
        presence, above_zero = await asyncio.gather(self._reader.presence(), self._reader.above_zero())
        if not presence.has_data:
            return
        origin, last = presence.bounds()
        is_cut = last + 1 - origin > INTERVALS_PER_WINDOW
        for start, stop in windows(origin, last, INTERVALS_PER_WINDOW):
            listed = await self._reader.listed(presence, [(start, stop)])
            intervals = filled_within_chunks(presence.union(start, stop, listed), origin)
            if len(intervals) == 0:
                continue
            self._kept.announce(intervals)
            there = await self._reader.above_zero((start, stop)) if is_cut else above_zero
            await self._add(intervals, there, stop - start, listed)

    async def _pruned(self, candidates: Candidates, cut: float) -> np.ndarray:
        """The candidates that may still pass once all scores from ``cut`` are known."""
        intervals = candidates.intervals
        every_cell = len(intervals) * self._jobs
        sparse = self._is_sparse(candidates.above_zero, candidates.window)
        needed = min(candidates.above_zero, every_cell) if sparse else every_cell
        if every_cell <= FEW_CELLS or candidates.near * _PRUNING_GAIN > needed:
            return intervals
        presence = await self._reader.presence()
        top_n, least = self._request.top_n, self._request.minimum_score * (1 - _ROUNDING)
        kept: list[np.ndarray] = []
        parts = self._sparse_slices(intervals, candidates.near, candidates.window)
        async with aclosing(ahead(parts, lambda part: self._reader.cells(part, queries.at_least(cut)))) as found:
            async for answers in found:
                for part, cells in answers:
                    highest = bounds(part.intervals, cells, presence, cut=cut, top_n=top_n)
                    kept.append(part.intervals[highest >= least])
        return np.concatenate(kept)

    async def _add(self, intervals: np.ndarray, above_zero: int, window: int, listed: Listed | None = None) -> None:
        """Reads and keeps ``intervals``, in a window of that many with ``above_zero`` scores above zero."""
        if len(intervals) == 0:
            return
        sparse = len(intervals) * self._jobs > FEW_CELLS and self._is_sparse(above_zero, window)
        parts = self._sparse_slices(intervals, above_zero, window) if sparse else self._dense_slices(intervals)
        try:
            async with asyncio.TaskGroup() as group:
                interim = group.create_task(self._reader.interim(int(intervals[0]), int(intervals[-1]) + 1))
                reads = ahead(parts, lambda part: self._reader.read(part, interim, above_zero=sparse, listed=listed))
                async with aclosing(reads):
                    async for answers in reads:
                        for read in answers:
                            self._kept.add(await asyncio.to_thread(self._reduced, read))
        except* MlError as errors:
            raise _first_of(errors) from None

    def _is_sparse(self, above_zero: int, window: int) -> bool:
        return above_zero * 2 < window * self._jobs

    def _dense_slices(self, intervals: np.ndarray) -> Iterator[Slice]:
        return slices(intervals, runs(intervals), max(CELLS_PER_ANSWER // self._jobs, 1))

    def _sparse_slices(self, intervals: np.ndarray, cells: int, window: int) -> Iterator[Slice]:
        """Slices of ``intervals``, where ``cells`` cells are spread over a window of that many intervals."""
        ranges = runs(intervals)
        inside = cells * min(len(intervals) / max(window, 1), 1.0)
        if len(ranges) * CELLS_PER_RANGE > cells - inside:
            ranges, inside = [(int(intervals[0]), int(intervals[-1]) + 1)], cells
        # Cells are never spread quite evenly.
        answers = ceil(inside / (self._reader.some_cells_per_answer * 0.9))
        return slices(intervals, ranges, ceil(len(intervals) / max(answers, 1)))

    def _reduced(self, read: Read) -> OverallBuckets:
        """Block by block, so that memory is no matter of the length of the slice."""
        cells = read.cells.in_order()
        rows = max(_GRID_CELLS_PER_BLOCK // self._jobs, 1)
        blocks = [read.intervals[start : start + rows] for start in range(0, len(read.intervals), rows)]
        return joined(
            [self._reduced_block(block, cells.between(int(block[0]), int(block[-1])), read) for block in blocks],
            self._jobs,
        )

    def _reduced_block(self, intervals: np.ndarray, cells: Cells, read: Read) -> OverallBuckets:
        present = read.presence.grid(intervals, read.listed) if read.presence else None
        return overall(
            intervals,
            grid_of(intervals, cells, present, self._jobs),
            read.interim,
            interval_ms=self._request.interval_ms,
            top_n=self._request.top_n,
            minimum_score=self._request.minimum_score,
        )


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error, however deep the groups are that lead to it."""
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
