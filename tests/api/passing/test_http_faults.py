"""Faulty requests: refused as the cluster should have refused them, or left to it."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest

from proxy.api import connections
from tests.api.passing.wire import (
    OK,
    Conversation,
    ScriptedCluster,
    answering,
    called_through,
    calling,
    error_of,
    get,
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


@pytest.mark.scenario(11)
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


@pytest.mark.scenario(11)
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


@pytest.mark.scenario(11)
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


@pytest.mark.scenario(13)
@pytest.mark.parametrize(
    ("lines", "limits"),
    [(["X-Long: " + "x" * 300], {"max_header_size": 256}), (["X-Many: 1"] * 20, {"max_headers": 10})],
    ids=["size of a header", "number of headers"],
)
def test_a_head_beyond_the_limits_is_refused_before_the_cluster_sees_it(lines, limits):
    async def run() -> None:
        cluster = answering()
        async with called_through(cluster, **limits) as caller:
            await caller.send(get("/x", *lines))
            assert status_of(await caller.rest()) == 400
            assert not cluster.heads

    asyncio.run(run())


@pytest.mark.scenario(10)
def test_a_head_that_never_ends_loses_its_connection(monkeypatch):
    monkeypatch.setattr(connections, "_SWEEP_S", 0.05)

    async def run() -> None:
        for requests_before in (0, 1):
            async with called_through(answering(), client_header_timeout=0.1) as caller:
                for _ in range(requests_before):
                    await caller.send(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
                    await caller.answer()
                await caller.send(b"GET /x HTTP/1.1\r\nHost: p\r\nX-Slow: ")
                assert await caller.rest() == b""

    asyncio.run(run())


def test_an_idle_connection_and_a_slow_answer_are_no_slow_heads(monkeypatch):
    monkeypatch.setattr(connections, "_SWEEP_S", 0.05)

    async def script(talk: Conversation) -> None:
        while True:
            await talk.head()
            await asyncio.sleep(0.3)
            await talk.answer(OK)

    async def run() -> None:
        async with called_through(ScriptedCluster(script), client_header_timeout=0.1) as caller:
            for _ in range(2):
                await asyncio.sleep(0.3)
                await caller.send(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
                assert status_of((await caller.answer())[0]) == 200

    asyncio.run(run())


def test_a_connection_that_never_asks_anything_is_closed(monkeypatch):
    monkeypatch.setattr(connections, "UNUSED_S", 0.1)
    monkeypatch.setattr(connections, "_SWEEP_S", 0.05)

    async def run() -> None:
        async with called_through(answering()) as caller:
            assert await asyncio.wait_for(caller.rest(), 10) == b""

    asyncio.run(run())


@pytest.mark.scenario(10)
def test_no_more_connections_are_held_than_there_may_be():
    async def run() -> None:
        async with called_through(answering(), max_connections=0) as caller:
            assert await asyncio.wait_for(caller.rest(), 10) == b""

    asyncio.run(run())


@pytest.mark.scenario(10)
def test_whoever_keeps_many_connections_idle_keeps_nobody_out(monkeypatch):
    monkeypatch.setattr(connections, "_SWEEP_S", 0.05)

    async def run() -> None:
        async with called_through(answering(), max_connections=10) as first:
            port = first.writer.get_extra_info("peername")[1]
            async with contextlib.AsyncExitStack() as others:
                kept = [first] + [await others.enter_async_context(calling(port)) for _ in range(9)]
                for each in kept:
                    await each.send(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
                    await each.answer()
                # The one that has been idle for longest makes room for another caller.
                assert await asyncio.wait_for(first.rest(), 10) == b""
                late = await others.enter_async_context(calling(port))
                for each in (*kept[2:], late):
                    await each.send(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
                    assert status_of((await each.answer())[0]) == 200

    asyncio.run(run())


@pytest.mark.scenario(10)
def test_a_reader_that_has_fallen_asleep_loses_its_connection(monkeypatch):
    monkeypatch.setattr(connections, "_SWEEP_S", 0.05)
    ended = []

    async def script(talk: Conversation) -> None:
        await talk.head()
        with contextlib.suppress(ConnectionError):
            await talk.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n" + bytes(90_000_000))
        await talk.is_closed_by_proxy()
        ended.append(True)

    async def run() -> None:
        async with called_through(ScriptedCluster(script), send_timeout=0.3) as caller:
            await caller.send(b"GET /x HTTP/1.1\r\nHost: p\r\n\r\n")
            # Nothing is read, so the answer fills every buffer on its way and stands still.
            for _ in range(400):
                await asyncio.sleep(0.05)
                if ended:
                    break
            assert ended

    asyncio.run(run())


@pytest.mark.scenario(10)
def test_a_body_that_stops_is_408():
    async def run() -> None:
        for length in (1000, 1_000_000):
            async with called_through(ScriptedCluster(hang_up_later), client_body_timeout=0.1) as caller:
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


OFFER = b"GET /offer HTTP/1.1\r\nHost: p\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
OFFER_WITH_BODY = (
    OFFER.replace(b"GET", b"POST").replace(b"Host: p\r\n", b"Host: p\r\nContent-Length: 4\r\n") + b"\r\n\r\n"
)
NEXT = b"GET /next HTTP/1.1\r\nHost: p\r\n\r\n"


@pytest.mark.parametrize("is_ours", [False, True])
@pytest.mark.parametrize("offer", [OFFER, b"\r\n\r\n" + OFFER, OFFER_WITH_BODY], ids=["", "empty lines", "body"])
def test_a_request_behind_one_that_offers_another_protocol_is_answered(offer, is_ours):
    async def run() -> None:
        sent = (offer + offer + NEXT).replace(b" /", b" /_ml/") if is_ours else offer + offer + NEXT
        cluster = answering()
        async with called_through(cluster) as caller:
            for _ in range(2):
                await caller.send(sent)
                for _ in range(3):
                    assert status_of((await caller.answer())[0]) == 200
            assert [b"/next " in head for head in cluster.heads] == ([] if is_ours else [False, False, True] * 2)

    asyncio.run(run())


@pytest.mark.parametrize("offer", [OFFER, OFFER_WITH_BODY], ids=["", "body"])
def test_a_request_that_offers_another_protocol_is_read_however_it_comes(offer):
    """In two pieces: all are answered, or the connection ends with the last answer, so that nobody waits."""

    async def run() -> None:
        sent = offer + NEXT
        for cut in range(1, len(sent)):
            cluster = answering()
            async with called_through(cluster) as caller:
                await caller.send(sent[:cut])
                await asyncio.sleep(0.001)
                await caller.send(sent[cut:])
                head, _ = await caller.answer()
                assert status_of(head) == 200
                if b"connection: close" in lines_of(head):
                    assert await caller.rest() == b""
                else:
                    assert status_of((await caller.answer())[0]) == 200
                    assert b"/next " in cluster.heads[1]

    asyncio.run(run())


@pytest.mark.parametrize("before", [NEXT, NEXT[:-9]], ids=["whole", "part"])
def test_a_request_that_offers_another_protocol_behind_others_ends_the_connection(before):
    async def run() -> None:
        async with called_through(answering()) as caller:
            await caller.send(NEXT + before)
            assert status_of((await caller.answer())[0]) == 200
            await caller.send(NEXT[len(before) :] + OFFER + NEXT)
            for _ in range(2):
                assert status_of((await caller.answer())[0]) == 200
            rest = await asyncio.wait_for(caller.rest(), 5)
            assert rest == b""

    asyncio.run(run())
