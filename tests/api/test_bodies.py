"""Bodies of requests on our paths: the forms that are read, what is refused of them, and how much of each is taken."""

from __future__ import annotations

import gzip
import socket
import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from tests.api.test_dispatch import OURS, OURS_WITH_BODY, THEIRS, THEIRS_WITH_BODY, refusal
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until


def test_a_body_that_an_operation_does_not_read_is_refused_in_the_words_of_the_cluster(client, cluster_client):
    ours, theirs = (to.get(path, json_body={}) for to, path in ((client, OURS), (cluster_client, THEIRS)))
    assert ours.status == 400
    assert ours.text == theirs.text.replace(THEIRS, OURS)
    unknown = client.get(f"{OURS}?bogus", json_body={}).json()["error"]["reason"]
    assert "unrecognized parameter" in unknown, "parameters are looked at first"


def test_yaml_bodies_are_read_and_answered_in_yaml(client):
    body = yaml.safe_dump({"function": "count", "detector_description": "naïve"}, allow_unicode=True)
    answer = client.post(OURS_WITH_BODY, body=body, headers={"content-type": "application/yaml"})
    assert answer.text == "---\nacknowledged: true\n"
    refused = client.post(OURS_WITH_BODY, body="a: [", headers={"content-type": "application/yaml"})
    assert refused.status == 400
    assert yaml.safe_load(refused.text)["error"]["type"] == "x_content_parse_exception"


def test_an_alias_in_yaml_is_the_name_of_its_anchor_as_the_cluster_has_it(client, cluster_client):
    text = "a: &x [1, 2]\nb: *x\n"
    cluster_client.delete("/lanewatch-test-yaml")
    cluster_client.put("/lanewatch-test-yaml/_doc/1", body=text, headers={"content-type": "application/yaml"})
    mapped = cluster_client.get("/lanewatch-test-yaml/_mapping").json()["lanewatch-test-yaml"]["mappings"]["properties"]
    cluster_client.delete("/lanewatch-test-yaml")
    assert mapped["b"]["type"] == "text", "a text where a list of numbers was meant"
    body = "function: mean\nfield_name: f\ncustom_rules: &rules []\ndetector_description: *rules\n"
    accepted = client.post(OURS_WITH_BODY, body=body, headers={"content-type": "application/yaml"})
    assert accepted.status == 200, "a text where a list was meant"


def test_a_few_lines_of_yaml_do_not_become_gigabytes(client):
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    for text in ("\n".join(levels), "[" * 20_000, "a: 2020-13-45", "a: &a [*a]", "<<: 1"):
        refused = client.post(OURS_WITH_BODY, body=text, headers={"content-type": "application/yaml"})
        assert refused.status == 400, refused.text


def test_a_large_body_is_judged_as_a_small_one(client):
    padding = " " * 100_000
    fine = client.post(OURS_WITH_BODY, body='{"function":"count"' + padding + "}")
    wrong = client.post(OURS_WITH_BODY, body='{"function":"count","bogus":1' + padding + "}")
    assert (fine.status, wrong.status) == (200, 400)
    assert "[1:21] [detector] unknown field [bogus]" in wrong.json()["error"]["reason"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b'{"function":"count"}', mtime=0)),
        ("GZIP", gzip.compress(b'{"function":', mtime=0) + gzip.compress(b'"count"}', mtime=0)),
        ("x-gzip", gzip.compress(b'{"function":"count"}', mtime=0)),
        ("deflate", zlib.compress(b'{"function":"count"}')),
        ("br", b'{"function":"count"}'),
        ("identity", b'{"function":"count"}'),
    ],
)
def test_bodies_are_inflated_and_unknown_encodings_read_as_they_are(encoding, body, client):
    assert client.post(OURS_WITH_BODY, body=body, headers={"content-encoding": encoding}).status == 200


@pytest.mark.parametrize("body", [b'{"function":"count"}', gzip.compress(b'{"function":"count"}', mtime=0)[:-12]])
def test_a_broken_compressed_body_is_refused(body, client):
    refused = client.post(OURS_WITH_BODY, body=body, headers={"content-encoding": "gzip"})
    assert (refused.status, refused.json()["error"]["type"]) == (400, "illegal_argument_exception")


@pytest.fixture(scope="module")
def narrow(config) -> Iterator[HttpClient]:
    """A proxy that takes at most a megabyte at once, nested three deep."""
    from tests.conftest import BackgroundProxy

    limits = {"max_content_length": 1 << 20, "max_in_flight_length": 1 << 20, "max_depth": 3}
    proxy = BackgroundProxy(replace(config, server=replace(config.server, **limits)))
    yield HttpClient(proxy.start())
    proxy.stop()


@pytest.mark.scenario(13)
def test_a_body_that_swells_beyond_the_limit_is_refused(narrow):
    bomb = gzip.compress(b" " * (64 << 20))
    assert len(bomb) < 1 << 17
    refused = narrow.post(OURS_WITH_BODY, body=bomb, headers={"content-encoding": "gzip"})
    assert (refused.status, refused.json()["status"]) == (413, 413)
    assert "max_content_length" in refused.json()["error"]


@pytest.mark.scenario(13)
def test_an_announced_length_beyond_the_limit_is_refused_before_it_is_sent(narrow):
    host, port = narrow.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST {OURS_WITH_BODY} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {2 << 20}\r\n\r\n{{".encode())
        answer = b""
        while b"max_content_length" not in answer:
            answer += connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in answer, "what is left of the body must not be read as a request"


@pytest.mark.parametrize(("path", "length", "status"), [(OURS_WITH_BODY, 2 << 20, 413), ("/_ml/nowhere", 20, 400)])
def test_whoever_asks_first_whether_to_send_a_body_is_not_invited_to_send_what_is_refused(narrow, path, length, status):
    host, port = narrow.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
        answer = connection.recv(65536)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in answer


def test_whoever_asks_first_whether_to_send_a_body_is_invited_once(narrow):
    host, port = narrow.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = (
            f"POST {OURS_WITH_BODY} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\n"
        )
        connection.sendall(f"{head}Content-Length: 20\r\n\r\n".encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'{"function":"count"}')
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.scenario(13)
def test_a_body_that_nests_deeper_than_may_be_is_refused(narrow):
    assert "unknown field" in narrow.post(OURS_WITH_BODY, body='{"a":[[1]]}').json()["error"]["reason"]
    refused = narrow.post(OURS_WITH_BODY, body='{"a":[[[1]]]}')
    assert refused.status == 400
    assert "nesting depth (4) exceeds the maximum allowed (3)" in refused.json()["error"]["reason"]


@pytest.mark.scenario(10)
@pytest.mark.parametrize("leaves", [False, True], ids=["answered", "left"])
def test_bodies_beyond_what_may_be_held_at_once_are_told_429_until_others_are_answered(narrow, leaves):
    host, port = narrow.address.split(":")
    head = f"POST {OURS_WITH_BODY} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    small = '{"function":"count"}'
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: {1 << 20}\r\n\r\n".encode() + b" " * ((1 << 20) - 10))
        wait_until(lambda: narrow.post(OURS_WITH_BODY, body=small).status == 429, 10)
        refused = narrow.post(OURS_WITH_BODY, body=small)
        assert refused.json()["error"]["type"] == "circuit_breaking_exception"
        assert "max_in_flight_length" in refused.json()["error"]["reason"]
        assert int(refused.headers["retry-after"]) > 0
        if not leaves:
            connection.sendall(b" " * 10)
            assert b" 400 " in connection.recv(65536)
    wait_until(lambda: narrow.post(OURS_WITH_BODY, body=small).status == 200, 10)


def test_a_body_may_stand_in_the_query(client):
    told = {"source": '{"function":"count"}', "source_content_type": "application/json"}
    assert client.post(OURS_WITH_BODY, query=told).json() == {"acknowledged": True}
    for query in ({"source": "{}"}, {"source": "{}", "source_content_type": "text/plain"}):
        ours = client.post(OURS_WITH_BODY, query=query)
        assert refusal(ours) == refusal(client.post(THEIRS_WITH_BODY, query=query))
    elsewhere = client.get(OURS, query=told).json()["error"]["reason"]
    assert "unrecognized parameters: [source], [source_content_type]" in elsewhere


def test_configurations_have_a_limit_of_their_own(client):
    body = b'{"x":[' + b"1," * 3_000_000 + b"1]}"
    answer = client.post(OURS_WITH_BODY, body=body.decode())
    assert answer.status == 413
    assert "[server.max_configuration_length]" in answer.json()["error"]
    assert client.post(OURS_WITH_BODY, body=body[:2_000_000].decode() + "1]}").status == 400


def test_compressed_files_without_content_are_counted(client):
    headers = {"content-encoding": "gzip"}
    empty, full = gzip.compress(b"", mtime=0), gzip.compress(b'{"function":"count"}', mtime=0)
    few, many = (client.post(OURS_WITH_BODY, body=empty * n + full, headers=headers) for n in (1000, 1001))
    assert (few.status, many.status) == (200, 400)
    assert "compressed files in which there is nothing" in many.text


def test_yaml_is_for_what_people_write_by_hand(client):
    headers = {"content-type": "application/yaml"}
    answer = client.post(OURS_WITH_BODY, body="---\n" + "a: 1\n" * 60_000, headers=headers)
    assert (answer.status, "send a larger one as JSON" in answer.text) == (413, True)
