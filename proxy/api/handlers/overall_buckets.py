"""Overall buckets: several jobs' buckets combined, and their JSON."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from proxy.api.call import Call
from proxy.api.render import Prepared, to_json
from proxy.api.rules.overall_buckets import bucket_span_ms_of, overall_request, time_of, top_n_of
from proxy.api.services import Services
from proxy.store.overall_reduce import OverallBuckets
from proxy.store.overall_request import OverallRequest
from proxy.units import iso, java_double


async def get_overall_buckets(call: Call, services: Services) -> Prepared:
    now_ms = services.clock()
    top_n, bucket_span_ms = top_n_of(call), bucket_span_ms_of(call)
    start_ms, end_ms = time_of(call, "start", now_ms), time_of(call, "end", now_ms)
    jobs = await services.store.jobs.resolve(call.path["job_id"], call.option("allow_no_match", True))
    if not jobs:
        return Prepared(to_json(_EMPTY), lambda: _EMPTY)
    request = overall_request(
        [job.config for job in jobs],
        top_n=top_n,
        bucket_span_ms=bucket_span_ms,
        minimum_score=call.option("overall_score", 0.0),
        exclude_interim=call.option("exclude_interim", False),
        start_ms=start_ms,
        end_ms=end_ms,
    )
    found = await services.store.results.overall_buckets(request)
    text = await asyncio.to_thread(encoded, found, request, human=call.human)
    return Prepared(text, lambda: documents(found, request, human=call.human))


_EMPTY: dict[str, Any] = {"count": 0, "overall_buckets": []}


def encoded(found: OverallBuckets, request: OverallRequest, *, human: bool) -> bytes:
    """The answer as JSON.

    Written row by row from texts made once per job: ten thousand rows of a hundred jobs would be a million
    dictionaries otherwise, and most of their scores are zero.
    """
    heads = [f'{{"job_id":{to_json(job_id).decode()},"max_anomaly_score":' for job_id in request.job_ids]
    zeros = [f"{head}0.0}}" for head in heads]
    span = f'"bucket_span":{_span_s(request)},"overall_score":'
    above_rows, above_jobs = np.nonzero(found.job_scores > 0)
    above_scores = found.job_scores[above_rows, above_jobs].tolist()
    bounds = np.searchsorted(above_rows, np.arange(len(found) + 1)).tolist()
    above_jobs = above_jobs.tolist()
    present = ~np.isnan(found.job_scores)
    complete = present.all(axis=1).tolist()
    rows = []
    for row, (timestamp, score, is_interim) in enumerate(_columns(found)):
        jobs = zeros.copy()
        for cell in range(bounds[row], bounds[row + 1]):
            job = above_jobs[cell]
            jobs[job] = f"{heads[job]}{java_double(above_scores[cell])}}}"
        if not complete[row]:
            jobs = [jobs[job] for job in np.flatnonzero(present[row]).tolist()]
        readable = f'"timestamp_string":"{iso(timestamp)}",' if human else ""
        rows.append(
            f'{{{readable}"timestamp":{timestamp},{span}{java_double(score)},"jobs":[{",".join(jobs)}],'
            f'"is_interim":{"true" if is_interim else "false"},"result_type":"overall_bucket"}}'
        )
    return f'{{"count":{len(found)},"overall_buckets":[{",".join(rows)}]}}'.encode()


def documents(found: OverallBuckets, request: OverallRequest, *, human: bool) -> dict[str, Any]:
    """The answer as a document, for every form but compact JSON."""
    rows = []
    for row, (timestamp, score, is_interim) in enumerate(_columns(found)):
        scores = found.job_scores[row].tolist()
        jobs = [
            {"job_id": job_id, "max_anomaly_score": value}
            for job_id, value in zip(request.job_ids, scores, strict=True)
            if value == value
        ]
        readable = {"timestamp_string": iso(timestamp)} if human else {}
        rows.append(
            {
                **readable,
                "timestamp": timestamp,
                "bucket_span": _span_s(request),
                "overall_score": score,
                "jobs": jobs,
                "is_interim": is_interim,
                "result_type": "overall_bucket",
            }
        )
    return {"count": len(found), "overall_buckets": rows}


def _columns(found: OverallBuckets) -> zip[tuple[int, float, bool]]:
    return zip(found.timestamps_ms.tolist(), found.scores.tolist(), found.is_interim.tolist(), strict=True)


def _span_s(request: OverallRequest) -> int:
    return (request.merge_ms or request.interval_ms) // 1000
