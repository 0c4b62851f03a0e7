"""From the options of overall buckets and the jobs they concern to what is to be computed, or the refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from proxy.api.call import Call
from proxy.errors import MlError, illegal_argument, status_error
from proxy.store import OverallRequest
from proxy.units import bad_query_date, parse_date_ms, parse_duration_ms

DEFAULT_JOB_SPAN = "5m"


def top_n_of(call: Call) -> int:
    top_n: int = call.option("top_n", 1)
    if top_n <= 0:
        # The option's name is spelt like this in Elasticsearch's text.
        raise _refusal(call, "top_n", illegal_argument(f"[topN] parameter must be positive, found [{top_n}]"))
    return top_n


def bucket_span_ms_of(call: Call) -> int | None:
    text = call.option("bucket_span")
    if text is None:
        return None
    try:
        return parse_duration_ms(text, "bucket_span")
    except MlError as error:
        raise _refusal(call, "bucket_span", error) from error


def time_of(call: Call, name: str, now_ms: int) -> int | None:
    text = call.option(name)
    if not text:
        return None
    try:
        return parse_date_ms(text, now_ms)
    except (ValueError, OverflowError) as error:
        raise _refusal(call, name, bad_query_date(name, text)) from error


def _refusal(call: Call, name: str, error: MlError) -> MlError:
    return error if call.body is None else call.body_error((name,), error, at="value")


def overall_request(
    jobs: Sequence[Mapping[str, Any]],
    *,
    top_n: int,
    bucket_span_ms: int | None,
    minimum_score: float,
    exclude_interim: bool,
    start_ms: int | None,
    end_ms: int | None,
) -> OverallRequest:
    """What to compute for ``jobs`` (configurations, at least one).

    Raises:
        MlError: 400 for a span below the largest of the jobs.
    """
    ordered = sorted(jobs, key=lambda job: job["job_id"])
    texts = [job["analysis_config"].get("bucket_span", DEFAULT_JOB_SPAN) for job in ordered]
    spans_ms = [parse_duration_ms(text, "bucket_span") for text in texts]
    interval_ms = max(spans_ms)
    if bucket_span_ms is not None and bucket_span_ms < interval_ms:
        largest = texts[spans_ms.index(interval_ms)]
        raise status_error(f"Param [bucket_span] must be greater or equal to the max bucket_span [{largest}]", 400)
    merge_ms = None
    if bucket_span_ms is not None and (top_n == 1 or len(ordered) == 1):
        # The highest of the highest is the same whichever is taken first, so there is no second stage.
        interval_ms = bucket_span_ms
    elif bucket_span_ms != interval_ms:
        merge_ms = bucket_span_ms
    return OverallRequest(
        job_ids=tuple(job["job_id"] for job in ordered),
        spans_ms=tuple(spans_ms),
        interval_ms=interval_ms,
        merge_ms=merge_ms,
        top_n=top_n,
        minimum_score=minimum_score,
        exclude_interim=exclude_interim,
        start_ms=None if start_ms is None else -(-start_ms // interval_ms) * interval_ms,
        end_ms=None if end_ms is None else end_ms // interval_ms * interval_ms,
    )
