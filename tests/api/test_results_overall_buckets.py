"""Overall buckets over HTTP and a real cluster agree with their definition, whatever the jobs and options."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http_client import HttpClient
from tests.store.overall import naive
from tests.store.overall.cases import MINUTE, SPANS_MIN, Case, cases_of, rounded
from tests.store.overall.naive import Bucket, Row

POOL = {f"twin-http-{minutes}-{letter}": minutes * MINUTE for minutes in SPANS_MIN for letter in "ab"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def jobs(client: HttpClient) -> Iterator[HttpClient]:
    """One job of each kind, made through the API; documents come and go with the cases."""
    for job_id, span in POOL.items():
        config = {
            "results_index_name": "twin-http",
            "analysis_config": {"bucket_span": f"{span // MINUTE}m", "detectors": [{"function": "count"}]},
            "data_description": {"time_field": "time"},
        }
        made = client.put(f"/_ml/anomaly_detectors/{job_id}", json_body=config)
        assert made.status == 200, made.text
    yield client
    for job_id in POOL:
        client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})


def fill(client: HttpClient, documents: list[Bucket], former: int) -> None:
    """Writes through each job's read alias, as a client would, in place of the ``former`` documents."""
    index = ".ml-anomalies-custom-twin-http"
    lines: list[object] = [{"delete": {"_index": index, "_id": str(number)}} for number in range(former)]
    for number, document in enumerate(documents):
        lines.append({"index": {"_index": f".ml-anomalies-{document.job_id}", "_id": str(number)}})
        source: dict[str, Any] = {"job_id": document.job_id, "result_type": "bucket", "anomaly_score": document.score}
        # Every other time is written as a date.
        source["timestamp"] = document.timestamp if number % 2 else iso(document.timestamp)
        if document.is_interim:
            source["is_interim"] = True
        lines.append(source)
    if lines:
        answer = client.post("/_bulk?refresh=true", ndjson=lines)
        assert answer.json()["errors"] is False, answer.text[:500]


def iso(epoch_ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=epoch_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@st.composite
def http_cases(draw: st.DrawFn) -> Case:
    chosen = draw(st.lists(st.sampled_from(sorted(POOL)), min_size=1, max_size=5, unique=True))
    return draw(cases_of({job_id: POOL[job_id] for job_id in chosen}))


def asked(client: HttpClient, spans: dict[str, int], options: dict[str, Any], *, in_body: bool) -> Any:
    given_options = {name: value for name, value in options.items() if value is not None}
    if "bucket_span" in given_options:
        given_options["bucket_span"] = f"{given_options['bucket_span']}ms"
    if "start" in given_options:
        given_options["start"] = iso(given_options["start"])
    if "end" in given_options:
        # Date math on a date: the same time, said in another way.
        given_options["end"] = iso(given_options["end"] - 60 * MINUTE) + "||+1h"
    path = f"/_ml/anomaly_detectors/{','.join(spans)}/results/overall_buckets"
    if in_body:
        return client.post(path, json_body=given_options)
    texts = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in given_options.items()}
    return client.get(path, query=texts)


def rows_of(answer: dict[str, Any]) -> list[Row]:
    assert answer["count"] == len(answer["overall_buckets"])
    return [
        Row(
            row["timestamp"],
            row["bucket_span"],
            row["overall_score"],
            tuple((job["job_id"], job["max_anomaly_score"]) for job in row["jobs"]),
            row["is_interim"],
        )
        for row in answer["overall_buckets"]
    ]


def test_any_jobs_agree_with_the_definition(jobs: HttpClient) -> None:
    written = 0

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(case=http_cases(), in_body=st.booleans())
    def check(case: Case, in_body: bool) -> None:
        nonlocal written
        spans, documents, options = case
        fill(jobs, documents, written)
        written = max(written, len(documents))
        answer = asked(jobs, spans, options, in_body=in_body)
        assert answer.status == 200, answer.text
        expected = naive.overall_buckets(spans, documents, **options)
        assert rounded(rows_of(answer.json())) == rounded(expected)

    check()
