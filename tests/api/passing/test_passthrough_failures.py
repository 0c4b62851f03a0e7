"""Clusters that fail and callers who leave, before, within and after an answer."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.passing.wire import (
    Conversation,
    ScriptedCluster,
    answering,
    ask,
    called_through,
    calling,
    error_of,
    free_port,
    front_of,
    get,
    lines_of,
    status_of,
)


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
            answered = await ask(port, get("/idx", method=method))
            assert status_of(answered) == 502
            error_of(answered)
            assert cluster.connections == 1

    asyncio.run(run())


@pytest.mark.scenario(16)
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
            assert status_of(await ask(port, get(path, method=method))) == 502
            assert cluster.connections == times

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


def test_an_old_caller_who_knows_the_end_by_the_connection_sees_a_part_as_a_reset():
    async def script(talk: Conversation) -> None:
        await talk.head()
        await talk.answer(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n")

    async def run() -> None:
        async with called_through(ScriptedCluster(script)) as caller:
            await caller.send(b"GET /x HTTP/1.0\r\nHost: p\r\n\r\n")
            with pytest.raises(ConnectionError):
                await caller.rest()

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


@pytest.mark.scenario(12)
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


@pytest.mark.scenario(15)
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


@pytest.mark.scenario(15)
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
