"""What passes through arrives as it was sent, in both directions."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from tests.api.wire import (
    OK,
    Conversation,
    ScriptedCluster,
    answering,
    ask,
    called_through,
    front_of,
    lines_of,
    status_of,
)


def exchange(request: bytes, answer: bytes = OK) -> tuple[bytes, bytes, bytes]:
    """Send one request through; returns the head and body that the cluster got and all that the caller got."""

    async def run() -> tuple[bytes, bytes, bytes]:
        async with answering(answer).listening() as cluster, front_of(cluster.port) as port:
            answered = await ask(port, request)
            return cluster.heads[0], cluster.bodies[0], answered

    return asyncio.run(run())


def get(target: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: proxy", "Connection: close", *headers, "", ""]).encode()


@pytest.mark.parametrize(
    "target",
    [
        "//x",
        "/a/./b/../c",
        "/%2e%2e/x",
        "/idx%2F1/_doc/a%20b",
        "/%5fml/info",
        "/_ml%2Finfo",
        "/_mlx/info",
        "/_search?",
        "/_search?q=a+b%20c&pretty&x=%zz",
        "/a?b#c",
        "/<logs-%7Bnow%2Fd%7D>,*,-x/_search",
    ],
)
def test_the_target_arrives_untouched(target):
    head, _, _ = exchange(get(target))
    assert head.split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


@pytest.mark.parametrize("target", ["/_ml", "/_ml?x", "/_ml/info", "/_xpack/ml/info", "/_cat/ml/anomaly_detectors"])
def test_machine_learning_does_not_pass_through(target):
    async def run() -> None:
        async with answering().listening() as cluster, front_of(cluster.port) as port:
            assert (await ask(port, get(target))).endswith(b"ours")
            assert not cluster.heads

    asyncio.run(run())


def test_headers_arrive_as_sent_and_none_is_added():
    sent = [
        "Authorization: ApiKey abc==",
        "X-Opaque-Id: 7",
        "accept: application/vnd.elasticsearch+json; compatible-with=8",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "Cookie: a=b; c=d",
        "X-Twice: one",
        "x-twice: two, three",
        "X-Umlaut: grün",
    ]
    head, _, _ = exchange(get("/", *sent))
    arrived = lines_of(head)
    assert arrived[0].startswith(b"host: 127.0.0.1:")
    assert arrived[1:] == lines_of(get("/", *sent))[2:]


def test_hop_by_hop_headers_stay_behind():
    sent = ["Keep-Alive: timeout=5", "TE: trailers", "Upgrade: h2c", "Proxy-Authorization: Basic eA==", "X-Kept: 1"]
    head, _, _ = exchange(get("/", *sent))
    assert [line.partition(b":")[0] for line in lines_of(head)] == [b"host", b"x-kept"]


def test_nominated_headers_stay_behind_but_never_those_that_say_who_calls():
    request = (
        b"GET / HTTP/1.1\r\nHost: proxy\r\nConnection: close, X-Hop, Authorization, es-security-runas-user\r\n"
        b"X-Hop: 1\r\nAuthorization: Basic eA==\r\nes-security-runas-user: low\r\n\r\n"
    )
    head, _, _ = exchange(request)
    assert lines_of(head)[1:] == [b"authorization: Basic eA==", b"es-security-runas-user: low"]


def test_the_answer_arrives_byte_by_byte_with_repeated_headers_apart():
    answer = (
        b"HTTP/1.1 201 Created\r\n"
        b'Warning: 299 Elasticsearch-8.19.8 "one, with a comma"\r\n'
        b'Warning: 299 Elasticsearch-8.19.8 "two"\r\n'
        b"X-elastic-product: Elasticsearch\r\n"
        b"content-type: application/vnd.elasticsearch+json;compatible-with=8\r\n"
        b"X-Latin: gr\xfcn\r\n"
        b"content-length: 4\r\n\r\n"
        b"\x00\xff{}"
    )
    _, _, answered = exchange(b"GET /x HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n", answer)
    assert answered == answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_every_method_may_carry_a_body(method):
    body = b'{"query":{"match_all":{}}}'
    request = f"{method} /_search HTTP/1.1\r\nHost: p\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    head, arrived, answered = exchange(request.encode() + body)
    assert head.startswith(method.encode() + b" /_search ")
    assert arrived == body
    assert status_of(answered) == 200


def test_a_compressed_body_and_answer_stay_compressed():
    packed = gzip.compress(b'{"a":1}' * 100)
    answer = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b" % (len(packed), packed)
    request = (
        b"POST /_bulk HTTP/1.1\r\nHost: p\r\nConnection: close\r\nContent-Encoding: gzip\r\nAccept-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(packed), packed)
    )
    head, arrived, answered = exchange(request, answer)
    assert b"content-encoding: gzip" in lines_of(head)
    assert arrived == packed
    assert answered.endswith(b"\r\n\r\n" + packed)


def test_a_chunked_body_arrives_chunked():
    request = (
        b"POST /_bulk HTTP/1.1\r\nHost: p\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    head, arrived, _ = exchange(request)
    assert b"transfer-encoding: chunked" in lines_of(head)
    assert _unchunked(arrived) == b"abcde"


def test_a_chunked_answer_arrives_chunked():
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n"
    _, _, answered = exchange(get("/_cat/health"), answer)
    head, _, body = answered.partition(b"\r\n\r\n")
    assert lines_of(head).count(b"transfer-encoding: chunked") == 1
    assert _unchunked(body) == b"abcde"


def test_an_old_caller_gets_a_chunked_answer_until_the_connection_closes():
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
    _, _, answered = exchange(b"GET / HTTP/1.0\r\nHost: p\r\n\r\n", answer)
    assert b"chunked" not in answered
    assert answered.endswith(b"\r\n\r\nabcd")


def test_the_answer_to_head_keeps_its_length_and_has_no_body():
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 97\r\n\r\n"
    _, _, answered = exchange(b"HEAD /idx HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n", answer)
    assert b"content-length: 97" in lines_of(answered)
    assert answered.endswith(b"\r\n\r\n")


def test_a_connection_is_kept_for_the_next_request_on_both_sides():
    async def run() -> None:
        cluster = answering()
        async with called_through(cluster) as caller:
            for number in range(3):
                await caller.send(b"POST /%d HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}" % number)
                assert (await caller.answer())[1] == b"{}"
            assert (cluster.connections, len(cluster.heads)) == (1, 3)

    asyncio.run(run())


def test_pipelined_requests_are_answered_in_order():
    async def run() -> None:
        first, second = OK, OK.replace(b"{}", b"[]")
        async with called_through(answering(first, second)) as caller:
            await caller.send(b"GET /1 HTTP/1.1\r\nHost: p\r\n\r\nGET /2 HTTP/1.1\r\nHost: p\r\n\r\n")
            assert [(await caller.answer())[1] for _ in range(2)] == [b"{}", b"[]"]

    asyncio.run(run())


def test_a_large_body_streams_without_being_held():
    """The cluster reads nothing for a while: the pass-through must stop reading from the caller, too."""
    size = 100 * 2**20

    async def run() -> None:
        taken = 0
        may_read = asyncio.Event()

        async def script(talk: Conversation) -> None:
            nonlocal taken
            await talk.head()
            await may_read.wait()
            while taken < size:
                taken += len(await talk.reader.read(2**20))
            await talk.answer(OK)

        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(b"POST /_bulk HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\n" % size)
            sent = 0
            piece = bytes(2**20)
            while sent < size:
                try:
                    async with asyncio.timeout(0.5):
                        await caller.send(piece)
                except TimeoutError:
                    assert not may_read.is_set(), "stuck although the cluster reads"
                    may_read.set()
                    assert sent < 30 * 2**20  # what sockets and streams hold between the two ends
                    await caller.writer.drain()
                sent += len(piece)
            assert may_read.is_set()
            assert status_of(await caller.head()) == 200
            assert taken == size

    asyncio.run(run())


def test_a_large_answer_arrives_whole():
    body = bytes(range(256)) * 40_000
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    _, _, answered = exchange(get("/_search"), answer)
    assert answered.endswith(b"\r\n\r\n" + body)


def test_the_cluster_decides_on_expect_before_the_body_is_sent():
    async def run() -> None:
        async def script(talk: Conversation) -> None:
            assert b"expect: 100-continue" in lines_of(await talk.head())
            await talk.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert await talk.reader.readexactly(4) == b"body"
            await talk.answer(OK)

        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(b"PUT /x HTTP/1.1\r\nHost: p\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            assert await caller.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            await caller.send(b"body")
            assert (await caller.answer())[1] == b"{}"

    asyncio.run(run())


def test_a_refused_expectation_never_asks_for_the_body():
    refusal = b"HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 0\r\n\r\n"

    async def run() -> None:
        async def script(talk: Conversation) -> None:
            await talk.head()
            await talk.answer(refusal)
            assert await talk.is_closed_by_proxy()

        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(b"PUT /x HTTP/1.1\r\nHost: p\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
            head = await caller.head()
            assert status_of(head) == 413
            assert b"connection: close" in lines_of(head)

    asyncio.run(run())


GREETING_FACTS = {
    "/_nodes/_local": {
        "cluster_name": "flock",
        "nodes": {
            "n1": {
                "name": "hen",
                "version": "8.19.8",
                "build_flavor": "default",
                "build_type": "zip",
                "build_hash": "e34ace",
            }
        },
    },
    "/_cluster/state/version": {"cluster_uuid": "J9FR"},
}


def test_the_root_of_a_complete_cluster_passes_untouched():
    _, _, answered = exchange(get("/"), OK.replace(b"{}", b"[]"))
    assert answered.endswith(b"\r\n\r\n[]")


def test_a_root_that_the_cluster_lacks_is_made_of_its_node_s_facts():
    async def script(talk: Conversation) -> None:
        while True:
            head = await talk.head()
            assert b"authorization: Basic eA==" in lines_of(head)
            facts = GREETING_FACTS.get(head.split(b" ")[1].decode())
            status = "405 Method Not Allowed" if facts is None else "200 OK"
            body = json.dumps(facts or {"error": "no"})
            sent = "" if head.startswith(b"HEAD") else body
            await talk.answer(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n{sent}".encode())

    async def run() -> None:
        async with ScriptedCluster(script).listening() as cluster, front_of(cluster.port) as port:
            answered = await ask(port, get("/?pretty", "Authorization: Basic eA=="))
            assert b"x-elastic-product: Elasticsearch" in lines_of(answered)
            greeting = json.loads(answered.partition(b"\r\n\r\n")[2])
            assert greeting == {
                "name": "hen",
                "cluster_name": "flock",
                "cluster_uuid": "J9FR",
                "version": {
                    "number": "8.19.8",
                    "build_flavor": "default",
                    "build_type": "zip",
                    "build_hash": "e34ace",
                    "build_date": "unknown",
                    "build_snapshot": False,
                    "lucene_version": "9.12.2",
                    "minimum_wire_compatibility_version": "7.17.0",
                    "minimum_index_compatibility_version": "7.0.0",
                },
                "tagline": "You Know, for Search",
            }
            pong = await ask(
                port, b"HEAD / HTTP/1.1\r\nHost: p\r\nAuthorization: Basic eA==\r\nConnection: close\r\n\r\n"
            )
            assert status_of(pong) == 200

    asyncio.run(run())


def _unchunked(raw: bytes) -> bytes:
    body = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        body += raw[: int(size, 16)]
        raw = raw[int(size, 16) + 2 :]
    return body
