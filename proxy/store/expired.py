"""Results, forecasts and annotations that a job need not keep any longer: finding and deleting them.

How long they are to be kept is decided in ``runtime.upkeep``; what belongs to no job at all is found in ``orphans``.
"""

from __future__ import annotations

from proxy.store.client import ClusterClient, Json
from proxy.store.names import Names
from proxy.store.removal import Pace, all_of, of_job, remove_matching
from proxy.store.results.document_table import to_time
from proxy.store.results.queries import Page, Query, buckets
from proxy.store.results.queries import ResultFilter as Wanted
from proxy.store.results.read import Results

_SYSTEM_AUTHOR = "_xpack"
# Forecasts have an expiry of their own; what is known of sizes and categories stays as long as the job.
_RESULTS_THAT_AGE = ["record", "bucket", "bucket_influencer", "influencer", "model_plot", "categorizer_stats"]
_POINTS_FIRST = ["model_forecast", "model_forecast_request_stats"]
_NAMED_AT_ONCE = 1_000


class Expired:
    """Of one job after the other; asking again finishes what was cut short."""

    def __init__(self, client: ClusterClient, names: Names, results: Results) -> None:
        self._client = client
        self._names = names
        self._results = results

    async def newest_bucket_ms(self, job_id: str) -> int | None:
        """When the job's newest final bucket began; None where it has none."""
        query = buckets(Wanted(exclude_interim=True), sort="timestamp", desc=True, page=Page(0, 1))
        found = await self._results.find(job_id, query)
        return to_time(found.hits[0].source["timestamp"]) if found.hits else None

    async def remove_results(self, job_id: str, before_ms: int, pace: Pace) -> int:
        """Returns how many there were."""
        query = all_of(of_job(job_id), {"terms": {"result_type": _RESULTS_THAT_AGE}}, _earlier(before_ms))
        return await remove_matching(self._client, self._names.read_alias(job_id), query, pace=pace)

    async def remove_system_annotations(self, job_id: str, before_ms: int, pace: Pace) -> int:
        """What users wrote stays."""
        query = all_of(of_job(job_id), {"term": {"create_username": _SYSTEM_AUTHOR}}, _earlier(before_ms))
        return await remove_matching(self._client, self._names.indices.annotations_read_alias, query, pace=pace)

    async def remove_forecasts(self, job_id: str, now_ms: int, pace: Pace) -> int:
        """Those whose time is over, their points first; returns how many."""
        query = all_of(
            of_job(job_id),
            {"term": {"result_type": _POINTS_FIRST[-1]}},
            {"range": {"forecast_expiry_timestamp": {"lt": now_ms, "format": "epoch_millis"}}},
        )
        alias = self._names.read_alias(job_id)
        hits = await self._client.search_all(alias, query, source=["forecast_id"])
        ids: list[Json] = [hit["_source"]["forecast_id"] for hit in hits]
        for start in range(0, len(ids), _NAMED_AT_ONCE):
            named: Query = {"terms": {"forecast_id": ids[start : start + _NAMED_AT_ONCE]}}
            for result_type in _POINTS_FIRST:
                of_type: Query = {"term": {"result_type": result_type}}
                await remove_matching(self._client, alias, all_of(of_job(job_id), of_type, named), pace=pace)
        return len(ids)


def _earlier(before_ms: int) -> Query:
    return {"range": {"timestamp": {"lt": before_ms, "format": "epoch_millis"}}}
