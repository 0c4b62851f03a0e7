"""Overall buckets of many jobs: reads as little of their results as an exact answer allows.

With a minimum score, only intervals where some bucket reaches it can pass, because an average never exceeds its
maximum; the cluster lists those first. Of what is left, cells that score zero are rebuilt from each job's presence
instead of being read, unless there are few cells or most score above zero. Everything is cut into slices that stay
below the cluster's limit on buckets per answer; the next slice is requested while the last is reduced.

``walk`` decides what to read, ``reader`` reads it; ``queries``, ``slices``,
``presence``, ``pruning`` and ``reduce`` are pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.store.overall.kept import Kept
from proxy.store.overall.queries import Scope
from proxy.store.overall.reader import Reader, Search
from proxy.store.overall.reduce import OverallBuckets
from proxy.store.overall.request import OverallRequest
from proxy.store.overall.walk import Walk


async def overall_buckets(
    search: Search, request: OverallRequest, jobs_elsewhere: Mapping[str, tuple[str, ...]] | None = None
) -> OverallBuckets:
    """The overall buckets of a request, in time order. ``jobs_elsewhere``: see ``Scope``.

    Raises:
        MlError: status_exception for more than 10,000 of them, or what the cluster refuses.
    """
    kept = Kept(request)
    scope = Scope(request.job_ids, request.exclude_interim, jobs_elsewhere)
    walk = Walk(Reader(search, request, scope), request, kept)
    if request.minimum_score > 0:
        await walk.strong_intervals()
    else:
        await walk.all_intervals()
    return kept.rows()
