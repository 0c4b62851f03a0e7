"""A job that writes every kind of result, and its input. What it wrote is looked at in ``test_written_*``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from tests.answer_check import check_hits
from tests.http_client import HttpClient

JOB_ID = "written"
INDEX = ".ml-anomalies-custom-written"
ALIAS = f".ml-anomalies-{JOB_ID}"
SPAN_MS = 3_600_000
START_MS = 1_700_000_000_000 // SPAN_MS * SPAN_MS
HOURS = 260
WILD_HOUR = 250
WILD_MS = START_MS + WILD_HOUR * SPAN_MS
JOB: dict[str, Any] = {
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [
            {
                "function": "mean",
                "field_name": "took",
                "by_field_name": "airline",
                "partition_field_name": "dc",
                "use_null": True,
            },
            {"function": "count", "by_field_name": "action", "over_field_name": "user"},
            {"function": "lat_long", "field_name": "place"},
            {"function": "rare", "by_field_name": "mlcategory", "partition_field_name": "dc"},
        ],
        "influencers": ["dc", "airline", "user", "mlcategory", "host.name", "description"],
        "categorization_field_name": "message",
        "per_partition_categorization": {"enabled": True},
    },
    "data_description": {"time_field": "time"},
    "model_plot_config": {"enabled": True},
    "results_index_name": "written",
}
_MESSAGES = ("Node {} started in zone", "Connection from host {} closed", "Disk usage above {} percent")
_PANIC = "Kernel panic not syncing fatal exception"


def records(first: int, last: int) -> Iterator[dict[str, Any]]:
    """Twenty records an hour; one hour in which the west is slow, far away and panics, and one user is busy."""
    for hour in range(first, last):
        for part in range(20):
            chance = (hour * 7919 + part * 104_729) % 1009
            is_wild = hour == WILD_HOUR and part % 2 == 1
            yield {
                "time": START_MS + hour * SPAN_MS + part * 120_000,
                "took": 100 + chance % 13 + (500 if is_wild else 0),
                # Where null counts, it counts as an empty text.
                "airline": None if part % 5 == 0 else ("AAL", "BAW")[chance % 2],
                "dc": "west" if part % 2 else "east",
                "user": "mallory" if is_wild else f"user-{part % 8}",
                "action": "read" if part % 3 else "write",
                "host": {"name": f"h{part % 4}"},
                "description": "a name that results keep for themselves",
                "place": "10.5,-20.25" if is_wild else f"{40 + chance % 10 / 100},{-70 - chance % 7 / 100}",
                "message": _PANIC if is_wild and part < 4 else _MESSAGES[chance % 3].format(part),
            }


def run_job(client: HttpClient, job_id: str = JOB_ID, hours: int = HOURS) -> None:
    """The job, open, with all data but no flush."""
    client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})
    put = client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=JOB)
    assert put.status == 200, put.text
    assert client.post(f"/_ml/anomaly_detectors/{job_id}/_open").status == 200
    posted = client.post(f"/_ml/anomaly_detectors/{job_id}/_data", ndjson=records(0, hours))
    assert posted.status == 202, posted.text


def stored(cluster: HttpClient, result_type: str, index: str = ALIAS) -> list[tuple[str, dict[str, Any]]]:
    """Ids and sources of all documents of a type, in order of their time; all are as their schema says."""
    cluster.post(f"/{index}/_refresh")
    query = {"query": {"term": {"result_type": result_type}}, "size": 10_000, "sort": ["timestamp"]}
    answer = cluster.post(f"/{index}/_search", json_body=query)
    assert answer.status == 200, answer.text
    return check_hits(answer.json()["hits"]["hits"])


def forecast_done(cluster: HttpClient, forecast_id: str, index: str, *, within_s: float = 120) -> list[dict[str, Any]]:
    """A forecast's statistics as they were seen, one after the other, until it is finished or failed."""
    seen: list[dict[str, Any]] = []
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = stored(cluster, "model_forecast_request_stats", index)
        [stats] = [stats for _, stats in found if stats["forecast_id"] == forecast_id]
        seen.append(stats)
        if stats["forecast_status"] in ("finished", "failed"):
            return seen
        time.sleep(0.05)
    raise AssertionError(f"not done after {within_s} s: {seen[-1]}")


def keys(names: str, source: dict[str, Any]) -> list[str]:
    """Of documented names those that are there, a question mark behind those that need not be."""
    documented = names.split()
    missing = [name for name in documented if not name.endswith("?") and name not in source]
    assert not missing, missing
    return [name.rstrip("?") for name in documented if name.rstrip("?") in source]
