"""Overall buckets: several jobs' buckets combined, and their JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate
from typing import Any

import numpy as np
import orjson

from proxy.api.call import Call
from proxy.api.render import Prepared, to_json
from proxy.api.rules.overall_buckets import bucket_span_ms_of, overall_request, time_of, top_n_of
from proxy.api.services import Services
from proxy.store import OverallBuckets, OverallRequest
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

    Put together from texts made once per job: ten thousand rows of a hundred jobs would be a million dictionaries
    otherwise, and most of their scores are zero.
    """
    jobs = _JobTexts.of(request.job_ids)
    span = b',"bucket_span":%d,"overall_score":' % _span_s(request)
    above_rows, above_jobs = np.nonzero(found.job_scores > 0)
    bounds = np.searchsorted(above_rows, np.arange(len(found) + 1)).tolist()
    above_texts = _double_texts(found.job_scores[above_rows, above_jobs])
    which_jobs = above_jobs.tolist()
    present = ~np.isnan(found.job_scores)
    complete = present.all(axis=1).tolist()
    text = BytesIO()  # it hands out what was written to it without another copy
    text.write(b'{"count":%d,"overall_buckets":[' % len(found))
    columns = zip(found.timestamps_ms.tolist(), _double_texts(found.scores), found.is_interim.tolist(), strict=True)
    for row, (timestamp, score, is_interim) in enumerate(columns):
        readable = b'"timestamp_string":"%b",' % iso(timestamp).encode() if human else b""
        head = b'{%b"timestamp":%d%b%b,"jobs":[' % (readable, timestamp, span, score)
        pieces = [b"," if row else b"", head]
        cells = slice(bounds[row], bounds[row + 1])
        above = zip(which_jobs[cells], above_texts[cells], strict=True)
        if complete[row]:
            jobs.add_all(pieces, above)
        else:
            jobs.add_some(pieces, dict(above), np.flatnonzero(present[row]).tolist())
        pieces.append(b'],"is_interim":%b,"result_type":"overall_bucket"}' % (b"true" if is_interim else b"false"))
        text.write(b"".join(pieces))
    text.write(b"]}")
    return text.getvalue()


@dataclass(frozen=True, slots=True)
class _JobTexts:
    """What stands before each job's score, and a ``row`` of zeros for all jobs, with where each zero is in it."""

    heads: list[bytes]
    row: bytes
    zeros_at: list[int]

    @staticmethod
    def of(job_ids: Sequence[str]) -> _JobTexts:
        heads = [b'{"job_id":%b,"max_anomaly_score":' % to_json(job_id) for job_id in job_ids]
        zeros = [head + _ZERO + b"}," for head in heads]
        ends = accumulate(map(len, zeros))
        return _JobTexts(heads, b"".join(zeros)[:-1], [end - len(_ZERO) - 2 for end in ends])

    def add_all(self, pieces: list[bytes], above: Iterable[tuple[int, bytes]]) -> None:
        """All jobs, those in ``above`` with their scores: what lies between two of them is copied as one piece."""
        position = 0
        for job, score in above:
            zero_at = self.zeros_at[job]
            pieces += (self.row[position:zero_at], score)
            position = zero_at + len(_ZERO)
        pieces.append(self.row[position:])

    def add_some(self, pieces: list[bytes], above: Mapping[int, bytes], present: Sequence[int]) -> None:
        pieces.append(b",".join(self.heads[job] + above.get(job, _ZERO) + b"}" for job in present))


_ZERO = b"0.0"


def _double_texts(values: np.ndarray) -> list[bytes]:
    """The doubles in Java's form: those that Python writes alike are written together."""
    if len(values) == 0:
        return []
    texts = orjson.dumps(values.tolist())[1:-1].split(b",")
    for place in np.flatnonzero((values != 0) & (values < 1e-3) | (values >= 1e7)).tolist():
        texts[place] = java_double(float(values[place])).encode()
    return texts


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
