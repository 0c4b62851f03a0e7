"""Results beyond the window of an index: counted exactly, listed up to the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http_client import HttpClient

PATH = "/_ml/anomaly_detectors/plenty"
TOTAL = 10_050


@pytest.fixture(scope="module")
def plenty(client: HttpClient, cluster_client: HttpClient) -> Iterator[HttpClient]:
    client.delete(PATH, query={"force": "true"})
    analysis = {"bucket_span": "1h", "detectors": [{"function": "count"}]}
    assert client.put(PATH, json_body={"analysis_config": analysis, "data_description": {}}).status == 200

    def rows() -> Iterator[dict[str, object]]:
        for number in range(TOTAL):
            yield {"index": {"_id": f"plenty_record_{number}"}}
            yield {"job_id": "plenty", "result_type": "record", "timestamp": 3_600_000, "record_score": number / TOTAL}

    answer = cluster_client.post("/.ml-anomalies-plenty/_bulk", ndjson=rows(), query={"refresh": "true"})
    assert answer.json()["errors"] is False
    yield client
    client.delete(PATH, query={"force": "true"})


def test_the_count_is_exact_however_short_the_page(plenty: HttpClient) -> None:
    page = plenty.get(f"{PATH}/results/records", query={"size": 1}).json()
    assert (page["count"], len(page["records"])) == (TOTAL, 1)
    assert plenty.get(f"{PATH}/results/records", query={"size": 0}).json() == {"count": TOTAL, "records": []}


def test_a_page_may_fill_the_window(plenty: HttpClient) -> None:
    page = plenty.get(f"{PATH}/results/records", query={"from": 10, "size": 9_990}).json()
    assert page["count"] == TOTAL
    scores = [record["record_score"] for record in page["records"]]
    assert scores == [number / TOTAL for number in range(TOTAL - 11, 49, -1)]


@pytest.mark.parametrize("query", [{"from": 10_000, "size": 1}, {"size": 10_001}, {"from": 1, "size": 10_000}])
def test_a_page_beyond_the_window_is_refused(plenty: HttpClient, query: dict[str, int]) -> None:
    refused = plenty.get(f"{PATH}/results/records", query=query)
    assert refused.status == 400
    error = refused.json()["error"]
    assert error["type"] == "search_phase_execution_exception"
    total = query.get("from", 0) + query["size"]
    assert f"must be less than or equal to: [10000] but was [{total}]" in error["root_cause"][0]["reason"]
