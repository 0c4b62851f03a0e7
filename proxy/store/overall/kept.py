"""The overall buckets found so far: merged into longer spans where asked for, and never more than may be returned."""

from __future__ import annotations

import numpy as np

from proxy.errors import status_error
from proxy.store.overall.reduce import OverallBuckets, joined, merged
from proxy.store.overall.request import OverallRequest

MOST_RESULTS = 10_000


class Kept:
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
