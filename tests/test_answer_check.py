"""The check of all answers that tests get: that it reads every form, and lets nothing wrong pass."""

from __future__ import annotations

import gzip
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import cbor2
import pytest
import yaml

from proxy.answer_schemas import faults_of
from proxy.api.smile import to_smile
from tests.answer_check import check_answer, check_hits, faults_in
from tests.http_client import HttpClient

TARGET = "/_ml/anomaly_detectors/x/_flush"
RIGHT = {"flushed": True, "last_finalized_bucket_end": 1}
WRONG = {"flushed": True, "last_finalized_bucket_end": "1"}
FORMS = {
    "application/json": lambda document: json.dumps(document).encode(),
    "application/vnd.elasticsearch+json;compatible-with=8": lambda document: json.dumps(document).encode(),
    "application/yaml": lambda document: yaml.safe_dump(document).encode(),
    "application/cbor": cbor2.dumps,
    "application/smile": to_smile,
}


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_form_is_read(kind, pack):
    check_answer("POST", TARGET, 200, {"content-type": kind}, pack(FORMS[kind](RIGHT)))
    with pytest.raises(AssertionError, match=r"\[ml.flush_job\] answered .*\n.*\"1\" is not of type"):
        check_answer("POST", TARGET, 200, {"content-type": kind}, pack(FORMS[kind](WRONG)))


@pytest.mark.parametrize("target", ["/_search", "/_ml/trained_models", "/_ml/anomaly_detectors/x/y/z"])
def test_what_is_no_operation_may_be_anything(target):
    check_answer("GET", target, 418, {"content-type": "text/html"}, b"")


@pytest.mark.parametrize(
    ("method", "target", "status", "kind", "body"),
    [
        ("POST", TARGET, 200, "text/html", b"<p>"),
        ("POST", TARGET, 200, "text/plain", b"flushed"),
        ("POST", TARGET, 201, "application/json", b'{"flushed": true}'),
        ("POST", TARGET, 200, "application/json", b'{"flushed": false}'),
        ("POST", TARGET, 409, "application/json", b'{"error": {"reason": "closed"}, "status": 409}'),
        ("POST", f"{TARGET}?filter_path=flushed", 200, "application/json", b'{"flush": true}'),
        ("GET", "/s/space/api/alerting/rules/_find", 200, "application/json", b'{"page": 1, "per_page": 1}'),
        ("DELETE", "/api/alerting/rule/x", 204, "application/json", b"{}"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(method, target, status, kind, body):
    with pytest.raises(AssertionError):
        check_answer(method, target, status, {"content-type": kind}, body)


@pytest.mark.parametrize(
    ("target", "kind", "body"),
    [
        (f"{TARGET}?filter_path=last*", "application/json", b'{"last_finalized_bucket_end": 1}'),
        (f"{TARGET}?filter_path=nothing", "application/json", b"{}"),
    ],
)
def test_a_part_of_an_answer_need_not_be_whole(target, kind, body):
    check_answer("POST", target, 200, {"content-type": kind}, body)


def test_the_client_of_the_tests_looks_at_all_that_it_gets():
    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"count": 0}')

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        client = HttpClient(f"http://127.0.0.1:{server.server_port}")
        assert client.get("/_search").json() == {"count": 0}
        with pytest.raises(AssertionError, match='"jobs" is a required property'):
            client.get("/_ml/anomaly_detectors")
        server.shutdown()


def test_documents_are_looked_at_by_their_index():
    note = {"job_id": "x", "message": "Job created", "level": "info", "timestamp": 1, "node_name": "n",
            "job_type": "anomaly_detector"}  # fmt: skip
    hit = {"_index": ".ml-notifications-000002", "_id": "1", "_source": note}
    assert check_hits([hit]) == [("1", note)]
    with pytest.raises(AssertionError, match="notification"):
        check_hits([{**hit, "_source": {**note, "level": "loud"}}])


@pytest.mark.parametrize("body", [RIGHT, WRONG, {}, [], None, {"flushed": True, "more": 1}])
def test_both_validators_agree(body):
    assert bool(faults_of("ml.flush_job", 200, body)) == bool(faults_in("ml.flush_job", 200, body))
