"""What overall buckets are asked for, once options and jobs are settled. How it is found is in ``walk``."""

from __future__ import annotations

from dataclasses import dataclass


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
