"""Counting of empty and sparse buckets, as data_counts reports them."""

from collections import deque

import numpy as np

from proxy.engine.results import Results

_WINDOW = 10
# A bucket with e^-2 of the usual records is sparse.
_SPARSE_BY = 2.0


class BucketDiagnostics:
    """Remembers the sizes of the last ten buckets."""

    def __init__(self) -> None:
        self._recent: deque[int] = deque(maxlen=_WINDOW)

    def observe(self, time: int, count: int, out: Results) -> None:
        """Adds one finished bucket to the counters of `out`."""
        out.bucket_count += 1
        if count == 0:
            out.empty_bucket_count += 1
            out.latest_empty_bucket_ms = time * 1000
        elif self._recent and np.log(count) - np.mean(np.log(self._recent)) < -_SPARSE_BY:
            out.sparse_bucket_count += 1
            out.latest_sparse_bucket_ms = time * 1000
        if count:
            self._recent.append(count)

    def state(self) -> list[int]:
        """The remembered sizes."""
        return list(self._recent)

    def restore(self, sizes: list[int]) -> None:
        """Takes over remembered sizes."""
        self._recent = deque(sizes, _WINDOW)
