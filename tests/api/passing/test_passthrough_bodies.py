"""Bodies pass through as they were sent, in both directions, and are never held whole."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from tests.api.passing.wire import (
    OK,
    Conversation,
    ScriptedCluster,
    called_through,
    exchange,
    get,
    lines_of,
    status_of,
    unchunked,
)


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
    assert unchunked(arrived) == b"abcde"


def test_a_chunked_answer_arrives_chunked():
    answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n"
    _, _, answered = exchange(get("/_cat/health"), answer)
    head, _, body = answered.partition(b"\r\n\r\n")
    assert lines_of(head).count(b"transfer-encoding: chunked") == 1
    assert unchunked(body) == b"abcde"


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
