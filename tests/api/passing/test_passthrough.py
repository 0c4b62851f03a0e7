"""What passes through arrives as it was sent, in both directions: targets and headers."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.passing.wire import (
    answering,
    ask,
    called_through,
    exchange,
    front_of,
    get,
    lines_of,
    unchunked,
)


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
        "/_ml/trained_models",
        "/_ml/trained_models/mine/_infer?timeout=1s",
        "/_ml/data_frame/analytics/_stats",
        "/_xpack/ml/data_frame?x",
        "/_cat/ml/trained_models/mine",
        "/_cat/ml/data_frame/analytics",
        "/_search?",
        "/_search?q=a+b%20c&pretty&x=%zz",
        "/a?b#c",
        "/<logs-%7Bnow%2Fd%7D>,*,-x/_search",
    ],
)
def test_the_target_arrives_untouched(target):
    head, _, _ = exchange(get(target))
    assert head.split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


@pytest.mark.parametrize(
    "target",
    [
        "/_ml",
        "/_ml?x",
        "/_ml/info",
        "/_xpack/ml/info",
        "/_cat/ml/anomaly_detectors",
        "/_ml/trained_modelsx",
        "/_ml/info/data_frame",
    ],
)
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


@pytest.mark.scenario(19)
def test_hop_by_hop_headers_stay_behind():
    sent = ["Keep-Alive: timeout=5", "TE: trailers", "Upgrade: h2c", "Proxy-Authorization: Basic eA==", "X-Kept: 1"]
    head, _, _ = exchange(get("/", *sent))
    assert [line.partition(b":")[0] for line in lines_of(head)] == [b"host", b"x-kept"]


@pytest.mark.scenario(19)
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


def test_a_request_in_single_bytes_is_the_same_request():
    head = b"POST /_bulk?x HTTP/1.1\r\nHost: p\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    request = head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    async def run() -> None:
        cluster = answering()
        async with called_through(cluster) as caller:
            for pieces in ([request], [request[at : at + 1] for at in range(len(request))]):
                for piece in pieces:
                    await caller.send(piece)
                    await asyncio.sleep(0)
                await caller.answer()
            assert cluster.heads[0] == cluster.heads[1]
            assert [unchunked(body) for body in cluster.bodies] == [b"abcde", b"abcde"]

    asyncio.run(run())


def test_a_body_without_a_content_type_gets_none():
    head, _, _ = exchange(b"POST /x HTTP/1.1\r\nHost: p\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
    assert [line.partition(b":")[0] for line in lines_of(head)] == [b"host", b"content-length"]
