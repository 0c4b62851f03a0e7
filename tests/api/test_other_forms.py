"""Bodies in CBOR and SMILE; what the cluster reads of ours and we of the cluster's is the measure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.api.other_forms import as_json, as_json_lines
from proxy.api.smile import documents_of, to_smile
from proxy.errors import MlError, PlainError
from tests.api.test_render import JSON, against_the_cluster
from tests.http_client import Answer, HttpClient

INDEX = "lanewatch-test-forms"
SMILE, CBOR = {"content-type": "application/smile"}, {"content-type": "application/cbor"}
JOB = "/_ml/anomaly_detectors/in-another-form"
CONFIGURATION = {
    "analysis_config": {"bucket_span": "15m", "detectors": [{"function": "count"}]},
    "data_description": {"time_field": "time", "time_format": "epoch_ms"},
    "description": "größer als gewöhnlich",
}
# Names and texts of every length at which the form changes, twice, so that the second may stand for the first.
LENGTHS = (*range(1, 3), *range(31, 36), *range(55, 67), 200)
LONG = [{letter * length: letter * length for length in LENGTHS for letter in "aé日"}] * 2
NUMBERS = [0, -1, 15, 16, -16, -17, 2**31 - 1, -(2**31), 2**31, 2**63 - 1, -(2**63), 0.1, -1e300, 5e-324]


@pytest.fixture(scope="module")
def cluster_reads(cluster_client: HttpClient) -> Iterator[Callable[[bytes], Answer]]:
    """Stores a document in SMILE and asks for it in JSON."""
    cluster_client.delete(f"/{INDEX}")
    assert cluster_client.put(f"/{INDEX}", json_body={"mappings": {"enabled": False}}).status == 200

    def read(body: bytes) -> Answer:
        stored = cluster_client.put(f"/{INDEX}/_doc/1", body=body, headers=SMILE)
        assert stored.status in (200, 201), stored.text
        return cluster_client.get(f"/{INDEX}/_source/1", headers={"accept": "application/json"})

    yield read
    cluster_client.delete(f"/{INDEX}")


@settings(against_the_cluster, max_examples=30)
@given(JSON)
def test_the_cluster_reads_what_we_write(cluster_reads: Callable[[bytes], Answer], document: object) -> None:
    assert cluster_reads(to_smile({"it": document})).json() == {"it": document}


def test_the_cluster_reads_texts_of_every_length(cluster_reads: Callable[[bytes], Answer]) -> None:
    document = {"it": [*LONG, *NUMBERS, "", {"": None}]}
    assert cluster_reads(to_smile(document)).json() == document


def test_we_read_what_the_cluster_writes(cluster_client: HttpClient) -> None:
    cluster_client.delete(f"/{INDEX}-kept")
    kept = {"_meta": {"it": [*LONG, *NUMBERS, True, False, None, "", [], {}]}}
    assert cluster_client.put(f"/{INDEX}-kept", json_body={"mappings": kept}).status == 200
    told = cluster_client.get(f"/{INDEX}-kept/_mapping", headers={"accept": "application/smile"})
    assert told.headers["content-type"] == "application/smile"
    (document,) = documents_of(told.body)
    assert document == {f"{INDEX}-kept": {"mappings": kept}}
    cluster_client.delete(f"/{INDEX}-kept")


@given(JSON | st.integers(-(2**200), 2**200))
def test_what_we_write_we_read(document: object) -> None:
    assert list(documents_of(to_smile(document))) == [document]


@given(st.lists(JSON, max_size=4), st.binary(max_size=30), st.integers(0, 100))
def test_no_bytes_do_more_than_be_refused(documents: list[object], noise: bytes, at: int) -> None:
    body = b"".join(map(to_smile, documents))
    for torn in (body[:at] + noise + body[at:], b":)\n\x03" + noise, noise):
        for form in ("smile", "cbor"):
            try:
                as_json_lines(torn, form)
            except MlError as error:
                assert (error.status, error.type) == (400, "x_content_parse_exception")


def test_a_small_body_does_not_become_a_huge_one() -> None:
    with pytest.raises(MlError, match="it repeats texts too often"):
        as_json(b":)\n\x03\xf8\x7f" + b"x" * 64 + b"\x01" * 300_000 + b"\xf9", "smile")
    with pytest.raises(PlainError, match=r"may have \[2097152\] bytes, send a larger one as JSON"):
        as_json(b":)\n\x00" + b" " * (2 << 20), "smile")
    referring = bytes.fromhex("82d81c81") + b"\x00" + bytes.fromhex("d81d00")
    assert json.loads(as_json(referring, "cbor")) == [[0], 0], "a reference is the number it is written with"


@pytest.mark.parametrize(("headers", "written"), [(SMILE, to_smile), (CBOR, cbor2.dumps)])
def test_a_job_comes_in_any_form_and_is_answered_in_it(
    client: HttpClient, headers: dict[str, str], written: Callable[[object], bytes]
) -> None:
    client.delete(JOB, query={"force": "true"})
    put = client.put(JOB, body=written(CONFIGURATION), headers=headers)
    assert (put.status, put.headers["content-type"]) == (200, headers["content-type"])
    asked = client.get(JOB).json()["jobs"][0]
    assert asked["description"] == CONFIGURATION["description"]
    wrong = client.put(
        f"{JOB}-2", body=written({"analysis_config": 1}), headers=headers | {"accept": "application/json"}
    )
    assert (wrong.status, wrong.json()["error"]["type"]) == (400, "x_content_parse_exception")
    torn = client.put(f"{JOB}-2", body=written(CONFIGURATION)[:-3], headers=headers | {"accept": "application/json"})
    assert f"the body is not {headers['content-type'].rpartition('/')[2].upper()}" in torn.json()["error"]["reason"]
    client.delete(JOB)


def test_records_come_as_smile_one_document_behind_another(client: HttpClient) -> None:
    client.delete(JOB, query={"force": "true"})
    assert client.put(JOB, json_body=CONFIGURATION).status == 200
    assert client.post(f"{JOB}/_open").status == 200
    body = b"".join(to_smile({"time": 1_700_000_000_000 + second * 1000, "n": 1.5}) for second in range(50))
    posted = client.post(f"{JOB}/_data", body=body, headers=SMILE | {"accept": "application/json"})
    assert (posted.status, posted.json()["processed_record_count"]) == (202, 50), posted.text
    torn = client.post(f"{JOB}/_data", body=body[:-1], headers=SMILE | {"accept": "application/json"})
    assert torn.status == 400
    assert client.get(f"{JOB}/_stats").json()["jobs"][0]["data_counts"]["processed_record_count"] == 50
    client.delete(JOB, query={"force": "true"})
