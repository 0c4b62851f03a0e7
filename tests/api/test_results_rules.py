"""Rules of overall buckets and forecasts that are pure functions, and the two forms of one answer."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from proxy.api.handlers.overall_buckets import documents, encoded
from proxy.api.render import to_json
from proxy.api.rules.forecast import ForecastRequest, memory_within_job
from proxy.api.rules.overall_buckets import overall_request
from proxy.errors import MlError
from proxy.store.overall.reduce import OverallBuckets
from proxy.store.overall.request import OverallRequest

MB = 1024 * 1024


def job(job_id: str, span: str) -> dict[str, Any]:
    return {"job_id": job_id, "analysis_config": {"bucket_span": span}}


def request(*jobs: dict[str, Any], **options: Any) -> OverallRequest:
    defaults = {
        "top_n": 1,
        "bucket_span_ms": None,
        "minimum_score": 0.0,
        "exclude_interim": False,
        "start_ms": None,
        "end_ms": None,
    }
    return overall_request(jobs, **defaults | options)


def test_the_longest_span_of_the_jobs_is_the_interval() -> None:
    made = request(job("b", "30m"), job("a", "1h"))
    assert (made.interval_ms, made.merge_ms) == (3_600_000, None)
    assert (made.job_ids, made.spans_ms) == (("a", "b"), (3_600_000, 1_800_000))


@pytest.mark.parametrize(
    ("top_n", "jobs", "expected"),
    [(1, 2, (7_200_000, None)), (2, 1, (7_200_000, None)), (2, 2, (3_600_000, 7_200_000))],
)
def test_a_longer_span_needs_a_second_stage_only_for_an_average(
    top_n: int, jobs: int, expected: tuple[int, int | None]
) -> None:
    made = request(*(job(f"j{number}", "1h") for number in range(jobs)), top_n=top_n, bucket_span_ms=7_200_000)
    assert (made.interval_ms, made.merge_ms) == expected


def test_the_jobs_own_span_needs_no_second_stage() -> None:
    assert request(job("a", "1h"), job("b", "1h"), top_n=2, bucket_span_ms=3_600_000).merge_ms is None


def test_a_span_below_the_longest_is_refused_as_the_job_writes_it() -> None:
    with pytest.raises(MlError) as refused:
        request(job("a", "60m"), job("b", "3600s"), bucket_span_ms=1)
    assert refused.value.reason == "Param [bucket_span] must be greater or equal to the max bucket_span [60m]"


@pytest.mark.parametrize(("time", "start", "end"), [(0, 0, 0), (1, 3_600_000, 0), (-1, 0, -3_600_000)])
def test_times_are_rounded_inwards_on_both_sides_of_the_epoch(time: int, start: int, end: int) -> None:
    made = request(job("a", "1h"), start_ms=time, end_ms=time)
    assert (made.start_ms, made.end_ms) == (start, end)


@pytest.mark.parametrize("human", [False, True])
def test_the_fast_text_says_what_the_document_says(human: bool) -> None:
    asked = request(job("a", "1h"), job('q"uote', "1h"), job("c", "1h"))
    found = OverallBuckets(
        np.array([0, 3_600_000, 7_200_000]),
        np.array([1e-5, 0.0, 12345678.5]),
        np.array([[1e-5, 0.0, np.nan], [np.nan, np.nan, np.nan], [0.25, 12345678.5, 3.0]]),
        np.array([True, False, False]),
    )
    text = encoded(found, asked, human=human)
    assert text == to_json(documents(found, asked, human=human))
    assert json.loads(text)["count"] == 3
    assert b'"max_anomaly_score":1.0E-5}' in text


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, 20 * MB), ("1gb", 20 * MB), ("51mb", 20 * MB), ("50mb", 20 * MB - 1), ("10mb", 4 * MB - 1)],
)
def test_a_forecast_gets_less_than_two_fifths_of_the_jobs_memory(limit: str | None, expected: int) -> None:
    config = {"analysis_limits": {"model_memory_limit": limit}} if limit else {}
    allowed, warning = memory_within_job(ForecastRequest(), config)
    assert allowed == expected
    assert (warning is not None) == (expected != 20 * MB)
