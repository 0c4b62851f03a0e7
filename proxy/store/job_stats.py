"""The statistics that jobs have written about themselves, read for many jobs at once.

One request whatever the number of jobs. Jobs that run have newer figures; those are the runtime's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from proxy.errors import MlError, unavailable
from proxy.store.client import ClusterClient, Json
from proxy.store.jobs import MAX_JOBS, StoredJob
from proxy.store.names import Names

ByJob = dict[str, dict[str, Json]]


@dataclass(frozen=True, slots=True)
class StoredStats:
    """The latest statistics by job id; jobs that never ran are absent."""

    data_counts: ByJob = field(default_factory=dict)
    model_sizes: ByJob = field(default_factory=dict)
    timings: ByJob = field(default_factory=dict)
    forecasts: ByJob = field(default_factory=dict)


class JobStats:
    def __init__(self, client: ClusterClient, names: Names) -> None:
        self._client = client
        self._names = names

    async def read(self, jobs: Sequence[StoredJob]) -> StoredStats:
        if not jobs:
            return StoredStats()
        indices = sorted({self._names.results(job.config["results_index_name"]) for job in jobs})
        # Without alternatives an absent index is an error, with a wildcard it is no result.
        header = {"index": [f"{index}*" for index in indices], "ignore_unavailable": True, "expand_wildcards": "all"}
        concerned = {"terms": {"job_id": [job.job_id for job in jobs]}}
        searches = [_data_counts(concerned), _sizes(concerned), _timings(concerned), _forecasts(concerned)]
        lines = b"".join(orjson.dumps(header) + b"\n" + orjson.dumps(search) + b"\n" for search in searches)
        answer = await self._client.request("POST", "/_msearch", body=lines, retry=True)
        for each in answer["responses"]:
            if "error" in each:
                raise _refusal(each)
        counts, sizes, timings, forecasts = answer["responses"]
        return StoredStats(
            _sources_by_job(counts), _sources_by_job(sizes), _sources_by_job(timings), _forecast_stats(forecasts)
        )


def _refusal(response: Mapping[str, Json]) -> MlError:
    return unavailable(f"the cluster could not read the statistics of jobs: {response['error']['reason']}")


def _newest(concerned: Json, *conditions: Json, unless: Sequence[Json] = ()) -> Json:
    """The newest document of a kind for each job."""
    return {
        "size": MAX_JOBS,
        "query": {"bool": {"filter": [concerned, *conditions], "must_not": list(unless)}},
        "collapse": {"field": "job_id"},
        "sort": [{"log_time": {"order": "desc", "unmapped_type": "date"}}],
        "track_total_hits": False,
    }


def _data_counts(concerned: Json) -> Json:
    """They alone have no result type."""
    return _newest(
        concerned, {"exists": {"field": "input_record_count"}}, unless=[{"exists": {"field": "result_type"}}]
    )


def _sizes(concerned: Json) -> Json:
    return _newest(concerned, {"term": {"result_type": "model_size_stats"}})


def _timings(concerned: Json) -> Json:
    return _newest(concerned, {"term": {"result_type": "timing_stats"}})


_FORECAST_FIGURES = {
    "memory_bytes": "forecast_memory_bytes",
    "records": "processed_record_count",
    "processing_time_ms": "processing_time_ms",
}


def _forecasts(concerned: Json) -> Json:
    figures = {name: {"stats": {"field": source}} for name, source in _FORECAST_FIGURES.items()}
    statuses = {"status": {"terms": {"field": "forecast_status", "size": 10}}}
    return {
        "size": 0,
        "query": {"bool": {"filter": [concerned, {"term": {"result_type": "model_forecast_request_stats"}}]}},
        "aggs": {"jobs": {"terms": {"field": "job_id", "size": MAX_JOBS}, "aggs": figures | statuses}},
        "track_total_hits": False,
    }


def _sources_by_job(response: Mapping[str, Json]) -> ByJob:
    sources = (hit["_source"] for hit in response["hits"]["hits"])
    return {source["job_id"]: source for source in sources}


def _forecast_stats(response: Mapping[str, Json]) -> ByJob:
    jobs = response.get("aggregations", {"jobs": {"buckets": []}})["jobs"]["buckets"]
    return {job["key"]: _forecast_summary(job) for job in jobs}


def _forecast_summary(job: Mapping[str, Json]) -> dict[str, Json]:
    figures = {
        name: {
            "total": float(job[name]["sum"] or 0.0),
            "min": float(job[name]["min"] or 0.0),
            "avg": float(job[name]["avg"] or 0.0),
            "max": float(job[name]["max"] or 0.0),
        }
        for name in _FORECAST_FIGURES
    }
    status = {bucket["key"]: bucket["doc_count"] for bucket in job["status"]["buckets"]}
    return {"total": job["doc_count"], "forecasted_jobs": 1, **figures, "status": status}
