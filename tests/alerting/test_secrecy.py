"""A secret that was given to a connector is used, and is to be found nowhere: no answer, no index, no log."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.alerting.messages import KEY
from tests.http_client import HttpClient

SECRET = "hunter2-in-the-clear"


class Telltale(BaseHTTPRequestHandler):
    """A receiver that tells what it was given."""

    def do_POST(self):
        self.server.seen.append(dict(self.headers))
        said = json.dumps(dict(self.headers)).encode()
        self.send_response(self.server.answers.pop(0))
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *args):
        pass


@pytest.fixture
def telltale():
    server = HTTPServer(("127.0.0.1", 0), Telltale)
    server.seen, server.answers = [], [403, 200]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_secret_is_used_and_found_nowhere(config, start_proxy, cluster_client, caplog, telltale):
    caplog.set_level(logging.DEBUG)
    own = replace(config, alerting=replace(config.alerting, secrets_key=KEY))
    proxy = start_proxy(own)
    client = HttpClient(proxy.serving.url)
    url = f"http://127.0.0.1:{telltale.server_port}/"
    client.delete("/api/actions/connector/secretive")
    made = client.post(
        "/api/actions/connector/secretive",
        json_body={
            "name": "Secretive",
            "connector_type_id": ".webhook",
            "config": {"url": url},
            "secrets": {"user": "me", "password": SECRET, "secretHeaders": {"X-Token": SECRET}},
        },
    )
    assert made.status == 200, made.text
    tried = client.post("/api/actions/connector/secretive/_execute", json_body={"params": {}})
    assert telltale.seen[0]["X-Token"] == SECRET
    assert "status [403]" in tried.json()["service_message"]
    accepted = client.post("/api/actions/connector/secretive/_execute", json_body={"params": {}})
    assert "********" in accepted.json()["data"]
    wrong = client.post(
        "/api/actions/connector/secretive/_execute", json_body={"params": {"body": 1, "password": SECRET}}
    )
    answers = [
        made.text, tried.text, accepted.text, wrong.text, client.get("/api/actions/connectors").text,
        client.get("/api/actions/connector/secretive").text,
    ]  # fmt: skip
    cluster_client.post("/_refresh?expand_wildcards=all")
    stored = cluster_client.get("/lanewatch-*,.ml-*/_search?size=10000&expand_wildcards=all").text
    assert "Secretive" in stored
    written = "\n".join(record.getMessage() for record in caplog.records)
    for text in (*answers, stored, written):
        assert SECRET not in text
    assert client.delete("/api/actions/connector/secretive").status == 204
