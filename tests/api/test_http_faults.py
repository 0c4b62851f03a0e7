"""Faulty requests, faulty clusters and callers who leave: what the pass-through must never do."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from proxy.api import front, passthrough
from tests.api.wire import (
    OK,
    Conversation,
    ScriptedCluster,
    answering,
    ask,
    called_through,
    calling,
    free_port,
    front_of,
    lines_of,
    status_of,
)

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: p\r\n\r\n"

REFUSED = {
    "length and coding": b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n" + SMUGGLED,
    "two lengths": b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde" + SMUGGLED,
    "one length twice": b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd" + SMUGGLED,
    "signed length": b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: +2\r\n\r\nab" + SMUGGLED,
    "unknown coding": b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two codings": b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding twice": b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n" + SMUGGLED,
    "two codings for machine learning": b"POST /_ml/x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: identity, chunked\r\n"
    b"\r\n0\r\n\r\n" + SMUGGLED,
    "folded header": b"GET /x HTTP/1.1\r\nHost: p\r\nX-A: b\r\n c\r\n\r\n" + SMUGGLED,
    "bare line feeds": b"GET /x HTTP/1.1\nHost: p\n\n" + SMUGGLED,
    "no host": b"GET /x HTTP/1.1\r\n\r\n" + SMUGGLED,
    "absolute target": b"GET http://elsewhere/x HTTP/1.1\r\nHost: p\r\n\r\n" + SMUGGLED,
    "connect": b"CONNECT elsewhere:80 HTTP/1.1\r\nHost: p\r\n\r\n" + SMUGGLED,
    "space before the colon": b"GET /x HTTP/1.1\r\nHost: p\r\nContent-Length : 3\r\n\r\nabc" + SMUGGLED,
    "bad chunk size": b"POST /x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n"
    + SMUGGLED,
    "control character in the target": b"GET /x\x01y HTTP/1.1\r\nHost: p\r\n\r\n" + SMUGGLED,
    "header that is no UTF-8": b"GET /x HTTP/1.1\r\nHost: p\r\nX-A: gr\xfcn\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED.keys())
def test_what_servers_read_differently_is_refused_and_ends_the_connection(request_bytes):
    async def run() -> None:
        cluster = answering()
        async with called_through(cluster) as caller:
            await caller.send(request_bytes)
            answered = await caller.rest()
            assert status_of(answered) == 400
            assert error_of(answered)["type"] == "illegal_argument_exception"
            assert answered.count(b"HTTP/1.1 ") + answered.count(b"HTTP/1.0 ") == 1
            assert not any(b"/smuggled" in head for head in cluster.heads)
            assert not cluster.bodies

    asyncio.run(run())


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /x HTTP/1.1\r\nHost: p\r\nConnection: close\r\nX-Big: %b\r\n\r\n" % (b"t" * 17_000),
        b"GET /x HTTP/1.1\r\nHost: p\r\nConnection: close\r\n%b\r\n" % (b"X-Many: 1\r\n" * 140),
        b"GET /%b HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n" % (b"l" * 8_600),
    ],
    ids=["long header", "many headers", "long line"],
)
def test_the_cluster_decides_how_large_a_head_may_be(request_bytes):
    async def run() -> None:
        cluster = answering()
        async with called_through(cluster) as caller:
            await caller.send(request_bytes)
            assert status_of(await caller.rest()) == 200
            assert len(cluster.heads[0]) > len(request_bytes) - 40

    asyncio.run(run())


def get(path: str = "/x", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n".encode()


def error_of(answer: bytes) -> dict:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-elastic-product: Elasticsearch" in lines_of(head)
    parsed = json.loads(body)
    assert parsed["status"] == status_of(answer)
    assert parsed["error"]["root_cause"][0]["reason"] == parsed["error"]["reason"]
    return parsed["error"]


def test_no_cluster_is_503_and_it_works_again_once_the_cluster_is_back():
    async def run() -> None:
        cluster_port = free_port()
        async with front_of(cluster_port) as port:
            answered = await ask(port, get())
            assert status_of(answered) == 503
            assert f"127.0.0.1:{cluster_port}" in error_of(answered)["reason"]
            async with answering().listening(cluster_port):
                assert status_of(await ask(port, get())) == 200

    asyncio.run(run())


def test_no_cluster_is_503_with_a_body_under_way():
    async def run() -> None:
        async with front_of(free_port()) as port, calling(port) as caller:
            await caller.send(b"POST /_bulk HTTP/1.1\r\nHost: p\r\nContent-Length: 1000000\r\n\r\n" + bytes(500_000))
            answered = await caller.answer()
            assert status_of(answered[0]) == 503
            assert b"connection: close" in lines_of(answered[0])

    asyncio.run(run())


async def hang_up(talk: Conversation) -> None:
    """A cluster that is killed after it got a request."""
    await talk.head()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_a_write_that_got_no_answer_is_502_and_never_repeated(method):
    async def run() -> None:
        cluster = ScriptedCluster(hang_up)
        async with cluster.listening(), front_of(cluster.port) as port:
            answered = await ask(port, get("/idx", method))
            assert status_of(answered) == 502
            error_of(answered)
            assert cluster.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "path", "times"),
    [
        ("GET", "/x", 2),
        ("HEAD", "/x", 2),
        ("POST", "/a,b/_search?size=1", 2),
        ("POST", "/_msearch", 2),
        ("GET", "/_search/scroll", 1),
        ("POST", "/a/_async_search", 1),
        ("POST", "/a/_doc", 1),
    ],
)
def test_a_read_that_got_no_answer_is_sent_once_more(method, path, times):
    async def run() -> None:
        cluster = ScriptedCluster(hang_up)
        async with cluster.listening(), front_of(cluster.port) as port:
            assert status_of(await ask(port, get(path, method))) == 502
            assert cluster.connections == times

    asyncio.run(run())


def test_a_search_on_a_connection_that_the_cluster_just_closed_succeeds():
    """As it happens with pooled connections: the cluster closes in the very moment of the next request."""
    plays = 0

    async def script(talk: Conversation) -> None:
        nonlocal plays
        plays += 1
        await talk.head()
        await talk.answer(OK)
        if plays == 1:
            await talk.head()
            await talk.reader.readexactly(2)  # takes the second request, and dies

    async def run() -> None:
        async with called_through(ScriptedCluster(script)) as caller:
            for _ in range(2):
                await caller.send(b"POST /_search HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}")
                assert status_of((await caller.answer())[0]) == 200

    asyncio.run(run())


def test_another_node_is_asked_only_if_the_first_takes_no_connection():
    async def run() -> None:
        alive, dying = answering(), ScriptedCluster(hang_up)
        async with alive.listening(), dying.listening():
            async with front_of(free_port(), alive.port) as port:
                for _ in range(4):
                    assert status_of(await ask(port, get("/x", "POST"))) == 200
            assert len(alive.heads) == 4
            async with front_of(dying.port, dying.port) as port:
                assert status_of(await ask(port, get("/x", "POST"))) == 502
            assert dying.connections == 1

    asyncio.run(run())


@pytest.mark.parametrize("status", [b"400 Bad Request", b"413 Request Entity Too Large"])
@pytest.mark.parametrize(
    "framing", [b"content-length: 2\r\n\r\n{}", b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
)
def test_a_connection_on_which_the_cluster_may_be_lost_is_not_used_again(status, framing):
    """Elasticsearch ignores a connection for ever after a head that it could not read."""

    async def script(talk: Conversation) -> None:
        await talk.head()
        await talk.answer(b"HTTP/1.1 %b\r\n%b" % (status, framing))
        await talk.is_closed_by_proxy()

    async def run() -> None:
        cluster = ScriptedCluster(script)
        async with cluster.listening(), front_of(cluster.port) as port:
            for times in (1, 2):
                assert status_of(await ask(port, get())) == int(status[:3])
                assert cluster.connections == times

    asyncio.run(run())


def test_an_answer_without_a_request_reaches_no_caller():
    async def script(talk: Conversation) -> None:
        while True:
            await talk.head()
            await talk.answer(OK)
            if len(conversations) == 0:
                conversations.append(talk)

    conversations: list[Conversation] = []

    async def run() -> None:
        cluster = ScriptedCluster(script)
        async with cluster.listening(), front_of(cluster.port) as port:
            await ask(port, get())
            await conversations[0].answer(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray")
            await asyncio.sleep(0.05)
            for _ in range(2):
                answered = await ask(port, get())
                assert answered.endswith(b"{}")
            assert cluster.connections == 2

    asyncio.run(run())


def test_an_unknown_expectation_is_refused_before_the_cluster_takes_the_body_for_a_request():
    async def run() -> None:
        cluster = answering()
        async with called_through(cluster) as caller:
            body = b"GET /smuggled HTTP/1.1\r\nHost: p\r\n\r\n"
            head = b"POST /x HTTP/1.1\r\nHost: p\r\nExpect: luck\r\nContent-Length: %d\r\n\r\n" % len(body)
            await caller.send(head + body)
            assert status_of(await caller.rest()) == 417
            assert not cluster.heads

    asyncio.run(run())


def test_nodes_take_turns():
    async def run() -> None:
        one, two = answering(), answering()
        async with one.listening(), two.listening(), front_of(one.port, two.port) as port:
            for _ in range(6):
                await ask(port, get())
            assert (len(one.heads), len(two.heads)) == (3, 3)

    asyncio.run(run())


def test_a_cluster_slower_than_the_response_timeout_is_504():
    async def run() -> None:
        async def script(talk: Conversation) -> None:
            await talk.head()
            assert await talk.is_closed_by_proxy()

        cluster = ScriptedCluster(script)
        async with cluster.listening(), front_of(cluster.port, response_timeout=0.2) as port:
            answered = await ask(port, get())
            assert status_of(answered) == 504
            assert "[0.2s]" in error_of(answered)["reason"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"], ids=["garbage", "short"]
)
def test_an_answer_that_cannot_be_relayed_whole_is_502(answer):
    async def script(talk: Conversation) -> None:
        await talk.head()
        await talk.answer(answer)

    async def run() -> None:
        cluster = ScriptedCluster(script)
        async with cluster.listening(), front_of(cluster.port) as port:
            assert status_of(await ask(port, get())) == 502

    asyncio.run(run())


def test_a_part_of_a_long_answer_is_never_taken_for_the_whole():
    async def script(talk: Conversation) -> None:
        await talk.head()
        await talk.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n")

    async def run() -> None:
        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(get())
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await caller.reader.readuntil(b"0\r\n\r\n")

    asyncio.run(run())


def test_a_body_that_is_only_announced_can_be_refused_already():
    async def script(talk: Conversation) -> None:
        await talk.head()
        await talk.answer(b"HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 0\r\n\r\n")
        await talk.is_closed_by_proxy()

    async def run() -> None:
        for framing in (b"Content-Length: 200000000", b"Transfer-Encoding: chunked"):
            async with called_through(ScriptedCluster(script)) as caller:
                await caller.send(b"POST /_bulk HTTP/1.1\r\nHost: p\r\n%b\r\n\r\n" % framing)
                assert status_of(await caller.head()) == 413

    asyncio.run(run())


def test_an_early_answer_arrives_while_the_body_is_under_way_and_ends_both_connections():
    async def run() -> None:
        closed = asyncio.Event()

        async def script(talk: Conversation) -> None:
            await talk.head()
            await talk.answer(b"HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 2\r\n\r\n{}")
            if await talk.is_closed_by_proxy():
                closed.set()

        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(b"POST /_bulk HTTP/1.1\r\nHost: p\r\nContent-Length: 900000\r\n\r\n" + bytes(400_000))
            head, body = await caller.answer()
            assert (status_of(head), body) == (413, b"{}")
            assert b"connection: close" in lines_of(head)
            caller.writer.write_eof()
            assert await caller.rest() == b""
            async with asyncio.timeout(5):
                await closed.wait()

    asyncio.run(run())


@pytest.mark.parametrize("has_begun", [False, True], ids=["before the answer", "within the answer"])
def test_a_caller_who_leaves_ends_the_request_in_the_cluster(has_begun):
    async def run() -> None:
        waiting, closed = asyncio.Event(), asyncio.Event()

        async def script(talk: Conversation) -> None:
            await talk.head()
            if has_begun:
                await talk.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
            waiting.set()
            if await talk.is_closed_by_proxy():
                closed.set()

        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(get())
            await waiting.wait()
            caller.writer.close()
            async with asyncio.timeout(2):
                await closed.wait()

    asyncio.run(run())


def test_a_caller_who_leaves_within_the_body_ends_the_request_in_the_cluster():
    async def run() -> None:
        began, closed = asyncio.Event(), asyncio.Event()

        async def script(talk: Conversation) -> None:
            await talk.head()
            began.set()
            if await talk.is_closed_by_proxy():
                closed.set()

        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(b"POST /_bulk HTTP/1.1\r\nHost: p\r\nContent-Length: 900000\r\n\r\n" + bytes(300_000))
            await began.wait()
            caller.writer.close()
            async with asyncio.timeout(2):
                await closed.wait()

    asyncio.run(run())


def test_a_head_that_never_ends_loses_its_connection(monkeypatch):
    monkeypatch.setattr(front, "HEAD_TIMEOUT_S", 0.1)
    monkeypatch.setattr(front, "_SWEEP_S", 0.05)

    async def run() -> None:
        async with called_through(answering()) as caller:
            await caller.send(b"GET /x HTTP/1.1\r\nHost: p\r\nX-Slow: ")
            assert await caller.rest() == b""

    asyncio.run(run())


def test_an_idle_connection_and_a_slow_answer_are_no_slow_heads(monkeypatch):
    monkeypatch.setattr(front, "HEAD_TIMEOUT_S", 0.1)
    monkeypatch.setattr(front, "_SWEEP_S", 0.05)

    async def script(talk: Conversation) -> None:
        while True:
            await talk.head()
            await asyncio.sleep(0.3)
            await talk.answer(OK)

    async def run() -> None:
        async with called_through(ScriptedCluster(script)) as caller:
            for _ in range(2):
                await asyncio.sleep(0.3)
                await caller.send(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
                assert status_of((await caller.answer())[0]) == 200

    asyncio.run(run())


def test_a_body_that_stops_is_408(monkeypatch):
    monkeypatch.setattr(passthrough, "BODY_IDLE_S", 0.1)

    async def run() -> None:
        for length in (1000, 1_000_000):
            async with called_through(ScriptedCluster(hang_up_later)) as caller:
                await caller.send(b"POST /x HTTP/1.1\r\nHost: p\r\nContent-Length: %d\r\n\r\nabc" % length)
                head, _ = await caller.answer()
                assert status_of(head) == 408
                assert b"connection: close" in lines_of(head)

    asyncio.run(run())


async def hang_up_later(talk: Conversation) -> None:
    await talk.head()
    await talk.is_closed_by_proxy()


def test_the_c_parser_of_aiohttp_is_in_use():
    """The pure Python one reads some of the faults above differently."""
    from aiohttp import http_parser

    assert re.fullmatch(r"aiohttp\._http_parser", http_parser.HttpRequestParser.__module__)
