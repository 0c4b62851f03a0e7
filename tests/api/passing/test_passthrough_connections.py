"""Connections on both sides of the pass-through: kept, shared, encrypted, ended."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from aiohttp import web

from proxy.api.passing import upstream
from tests.api.passing.wire import (
    OK,
    Conversation,
    ScriptedCluster,
    answering,
    ask,
    called_through,
    calling,
    free_port,
    front_of,
    get,
    lines_of,
    make_front,
    status_of,
)


def test_a_connection_is_kept_for_the_next_request_on_both_sides():
    async def run() -> None:
        cluster = answering()
        async with called_through(cluster) as caller:
            for number in range(3):
                await caller.send(b"POST /%d HTTP/1.1\r\nHost: p\r\nContent-Length: 2\r\n\r\n{}" % number)
                assert (await caller.answer())[1] == b"{}"
            assert (cluster.connections, len(cluster.heads)) == (1, 3)

    asyncio.run(run())


@pytest.mark.scenario(16)
def test_a_write_after_the_cluster_closed_an_idle_connection_takes_a_new_one():
    async def script(talk: Conversation) -> None:
        await talk.head()
        await talk.answer(OK)

    async def run() -> None:
        cluster = ScriptedCluster(script)
        async with called_through(cluster) as caller:
            for _ in range(3):
                await caller.send(b"POST /_doc HTTP/1.1\r\nHost: p\r\n\r\n")
                assert status_of((await caller.answer())[0]) == 200
                await asyncio.sleep(0.02)
            assert cluster.connections == 3

    asyncio.run(run())


def test_pipelined_requests_are_answered_in_order():
    async def run() -> None:
        first, second = OK, OK.replace(b"{}", b"[]")
        async with called_through(answering(first, second)) as caller:
            await caller.send(b"GET /1 HTTP/1.1\r\nHost: p\r\n\r\nGET /2 HTTP/1.1\r\nHost: p\r\n\r\n")
            assert [(await caller.answer())[1] for _ in range(2)] == [b"{}", b"[]"]

    asyncio.run(run())


def test_a_node_s_path_is_put_before_and_its_credentials_are_not_lent_to_callers():
    async def run() -> None:
        async with answering().listening() as cluster:
            front = make_front(f"http://proxy:secret@127.0.0.1:{cluster.port}/es/")
            port = await front.start("127.0.0.1", 0)
            await ask(port, get("/_search?q=1"))
            await front.close()
            assert cluster.heads[0].startswith(b"GET /es/_search?q=1 HTTP/1.1\r\n")
            assert b"authorization" not in cluster.heads[0].lower()

    asyncio.run(run())


def test_requests_in_flight_are_answered_when_the_proxy_stops():
    async def run() -> None:
        arrived = asyncio.Event()

        async def script(talk: Conversation) -> None:
            await talk.head()
            arrived.set()
            await asyncio.sleep(0.2)
            await talk.answer(OK)

        async with ScriptedCluster(script).listening() as cluster:
            front = make_front(f"http://127.0.0.1:{cluster.port}")
            port = await front.start("127.0.0.1", 0, shutdown_timeout=5)
            passing = asyncio.create_task(ask(port, get("/x")))
            await arrived.wait()
            await front.close()
            assert status_of(await passing) == 200
            with pytest.raises(ConnectionError):
                await ask(port, get("/x"))

    asyncio.run(run())


def test_a_call_that_swallows_its_cancellations_does_not_keep_the_proxy_from_stopping(monkeypatch):
    monkeypatch.setattr("proxy.api.front._CANCEL_AGAIN_S", 0.05)
    may_end, swallowed = asyncio.Event(), []

    async def stubborn(request: web.Request) -> web.Response:
        while not may_end.is_set():
            try:
                await may_end.wait()
            except asyncio.CancelledError:
                swallowed.append(request.path)
        return web.Response()

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/_ml/slow", stubborn)
        front = make_front(f"http://127.0.0.1:{free_port()}", app=app)
        port = await front.start("127.0.0.1", 0, shutdown_timeout=0.05)
        async with calling(port) as caller:
            await caller.send(get("/_ml/slow"))
            await asyncio.sleep(0.1)
            async with asyncio.timeout(5):
                await front.close()
        assert len(swallowed) >= 3
        may_end.set()

    asyncio.run(run())


@pytest.mark.parametrize(("shutdown_timeout", "finishes"), [(5.0, True), (0.05, False)])
def test_what_a_caller_began_before_leaving_gets_the_time_to_end_when_the_proxy_stops(shutdown_timeout, finishes):
    async def run() -> None:
        began, finished = asyncio.Event(), asyncio.Event()

        async def change_something(request: web.Request) -> web.Response:
            began.set()
            await asyncio.sleep(0.3)
            finished.set()
            return web.Response()

        app = web.Application()
        app.router.add_get("/_ml/x", change_something)
        front = make_front(f"http://127.0.0.1:{free_port()}", app=app)
        port = await front.start("127.0.0.1", 0, shutdown_timeout=shutdown_timeout)
        async with calling(port) as caller:
            await caller.send(get("/_ml/x"))
            await began.wait()
        await front.close()
        assert finished.is_set() == finishes

    asyncio.run(run())


def test_a_cookie_of_the_cluster_is_its_caller_s_alone():
    async def run() -> None:
        answer = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: sid=secret; Path=/\r\n\r\n")
        async with answering(answer).listening() as cluster:
            front = make_front(f"http://localhost:{cluster.port}")
            port = await front.start("127.0.0.1", 0)
            assert b"set-cookie: sid=secret; Path=/" in lines_of(await ask(port, get()))
            await ask(port, get())
            await front.close()
            assert len(cluster.heads) == 2
            assert not any(b"secret" in head for head in cluster.heads)

    asyncio.run(run())


def test_a_cluster_behind_tls_is_trusted_by_its_certificate_only(tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate(certificate, key)

    async def run() -> None:
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        served.load_cert_chain(certificate, key)
        async with answering().listening(tls=served) as cluster:
            host = f"https://127.0.0.1:{cluster.port}"
            trusting = ssl.create_default_context(cafile=certificate)
            for context, status in ((trusting, 200), (False, 200), (True, 503)):
                front = make_front(host, ssl_context=context)
                port = await front.start("127.0.0.1", 0)
                assert status_of(await ask(port, get("/x"))) == status
                await front.close()

    asyncio.run(run())


def make_certificate(certificate: Path, key: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=cluster"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names], check=True, capture_output=True)


def test_a_node_that_refused_rests_before_it_is_asked_again(monkeypatch):
    monkeypatch.setattr(upstream, "REST_AFTER_REFUSAL_S", 0.3)

    async def run() -> None:
        alive, revived = answering(), answering()
        async with alive.listening():
            revived_port = free_port()
            async with front_of(revived_port, alive.port) as port:
                await ask(port, get())
                async with revived.listening(revived_port):
                    for _ in range(4):
                        await ask(port, get())
                    assert (len(alive.heads), len(revived.heads)) == (5, 0)
                    await asyncio.sleep(0.4)
                    for _ in range(4):
                        await ask(port, get())
                    assert (len(alive.heads), len(revived.heads)) == (7, 2)

    asyncio.run(run())


def test_nodes_take_turns():
    async def run() -> None:
        one, two = answering(), answering()
        async with one.listening(), two.listening(), front_of(one.port, two.port) as port:
            for _ in range(6):
                await ask(port, get())
            assert (len(one.heads), len(two.heads)) == (3, 3)

    asyncio.run(run())


def test_another_node_is_asked_only_if_the_first_takes_no_connection():
    async def run() -> None:
        alive, dying = answering(), ScriptedCluster(hang_up)
        async with alive.listening(), dying.listening():
            async with front_of(free_port(), alive.port) as port:
                for _ in range(4):
                    assert status_of(await ask(port, get(method="POST"))) == 200
            assert len(alive.heads) == 4
            async with front_of(dying.port, dying.port) as port:
                assert status_of(await ask(port, get(method="POST"))) == 502
            assert dying.connections == 1

    asyncio.run(run())


async def hang_up(talk: Conversation) -> None:
    """A cluster that is killed after it got a request."""
    await talk.head()


@pytest.mark.scenario(16)
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
                assert status_of(await ask(port, get(method="POST"))) == int(status[:3])
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
