"""The border to the cluster: what its answers and failures become."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from proxy.errors import MlError
from proxy.store.client import ClusterClient, ClusterError, opaque_id, quote_expression

INDEX = "lanewatch-test-store-client"


@asynccontextmanager
async def answering(*answers: tuple[int, object]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives these answers in turn, the last one for ever; None closes without an answer."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await head_of(reader):
            heads.append(head)
            status, body = answers[min(len(heads), len(answers)) - 1]
            if body is None:
                break
            text = json.dumps(body).encode()
            writer.write(
                f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-elastic-product: Elasticsearch\r\n"
                f"content-length: {len(text)}\r\n\r\n".encode()
                + text
            )
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """Empty where the connection ends instead."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    length = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(length[0]) if length else 0)
    return head


@asynccontextmanager
async def client_of(config, url: str, **changes: object) -> AsyncIterator[ClusterClient]:
    client = ClusterClient(replace(config.elasticsearch, hosts=(url,), **changes))
    try:
        yield client
    finally:
        await client.close()


async def test_a_refusal_keeps_the_clusters_words(loop, store_client):
    with pytest.raises(ClusterError) as caught:
        await store_client.request("GET", "/lanewatch-test-no-such-index/_search")
    error = caught.value
    assert (error.status, error.type) == (404, "index_not_found_exception")
    assert error.body()["error"]["index"] == "lanewatch-test-no-such-index"


async def test_what_cannot_be_reached_is_503_and_says_where(loop, config):
    async with client_of(config, "http://127.0.0.1:1") as client:
        with pytest.raises(MlError) as caught:
            await client.request("GET", "/")
    assert caught.value.status == 503
    assert caught.value.reason == "cannot reach the cluster at [http://127.0.0.1:1], is it running?"


async def test_what_answers_too_late_is_504(loop, config):
    has_ended = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        has_ended.set()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with client_of(config, url, request_timeout=0.2) as client:
            with pytest.raises(MlError) as caught:
                await client.request("GET", "/")
        await has_ended.wait()
    assert (caught.value.status, caught.value.type) == (504, "receive_timeout_transport_exception")


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_what_may_be_repeated_is_repeated(loop, config, status):
    async with answering((status, {}), (200, {"done": True})) as (url, heads), client_of(config, url) as client:
        assert await client.request("POST", "/_bulk", body=b"{}\n", retry=True) == {"done": True}
        assert len(heads) == 2


async def test_what_was_rejected_has_not_been_done_and_is_repeated_whatever_it_is(loop, config):
    async with answering((429, {}), (200, {"done": True})) as (url, heads), client_of(config, url) as client:
        assert await client.request("PUT", "/x", body={}) == {"done": True}
        assert len(heads) == 2


async def test_what_may_not_be_repeated_is_sent_once(loop, config):
    busy = {"error": "busy", "status": 503}
    async with answering((503, busy), (200, {})) as (url, heads), client_of(config, url) as client:
        with pytest.raises(ClusterError) as caught:
            await client.request("POST", "/x", body={})
        assert (caught.value.status, len(heads)) == (503, 1)


async def test_a_lost_connection_is_tried_again_only_where_it_may_be(loop, config):
    async with answering((0, None), (200, {"done": True})) as (url, _), client_of(config, url) as client:
        assert await client.request("GET", "/", retry=True) == {"done": True}


async def test_requests_carry_our_identity_and_the_callers_id(loop, config):
    ours = {"username": "proxy", "password": "p"}
    async with answering((200, {})) as (url, heads), client_of(config, url, **ours) as client:
        opaque_id.set("caller-7")
        await client.request("GET", "/a", params={"flag": True, "n": 3, "list": "a,b*"})
        opaque_id.set(None)
        await client.ask_as_caller("GET", "/b", None, {"Authorization": "ApiKey theirs"})
    first, second = (head.decode().lower() for head in heads)
    assert first.startswith("get /a?flag=true&n=3&list=a,b* http/1.1")
    assert "authorization: basic chjvehk6ca==" in first
    assert "x-opaque-id: caller-7" in first
    assert "authorization: apikey theirs" in second
    assert "basic" not in second, "ours is never lent to a caller"
    assert "x-opaque-id" not in second


async def test_every_hit_is_found_page_by_page(loop, store_client, cluster_client):
    cluster_client.delete(f"/{INDEX}")
    lines = "".join(f'{{"index":{{"_id":"{n}"}}}}\n{{"n":{n}}}\n' for n in range(23))
    assert cluster_client.post(f"/{INDEX}/_bulk?refresh=true", body=lines).status == 200
    for page in (1, 5, 23, 100):
        hits = await store_client.search_all(INDEX, {"match_all": {}}, sort=["n"], page=page)
        assert [hit["_source"]["n"] for hit in hits] == list(range(23))
    assert await store_client.search_all(INDEX, {"term": {"n": 99}}) == []
    assert await store_client.search_all(INDEX + "-none", {"match_all": {}}) == []
    cluster_client.delete(f"/{INDEX}")


async def test_a_listing_survives_that_its_point_in_time_cannot_be_closed(loop, config):
    hit = {"_id": "a", "sort": [1]}
    whole, rest = {"hits": {"hits": [hit]}}, {"pit_id": "p", "hits": {"hits": []}}
    found = {"pit_id": "p"} | whole
    busy = {"error": "busy", "status": 503}
    async with (
        answering((200, whole), (200, {"id": "p"}), (200, found), (200, rest), (503, busy)) as (url, heads),
        client_of(config, url) as client,
    ):
        assert await client.search_all("any", {"match_all": {}}, page=1) == [hit]
        assert heads[-1].startswith(b"DELETE /_pit")


async def test_bulk_tells_which_items_failed(loop, store_client, cluster_client):
    cluster_client.delete(f"/{INDEX}")
    lines = f'{{"create":{{"_index":"{INDEX}","_id":"a"}}}}\n{{}}\n'.encode()
    assert await store_client.bulk(lines) == []
    (failed,) = await store_client.bulk(lines)
    assert (failed["status"], failed["error"]["type"]) == (409, "version_conflict_engine_exception")
    cluster_client.delete(f"/{INDEX}")


async def test_facts_are_those_of_the_cluster(loop, store_client, cluster_client):
    facts = await store_client.facts()
    assert facts.cluster_name == cluster_client.get("/_cluster/health").json()["cluster_name"]
    assert facts.version.startswith(f"{facts.major}.")


def test_an_expression_is_one_part_of_a_path():
    assert quote_expression(".ml-a*,b/c d") == ".ml-a*,b%2Fc%20d"
    assert quote_expression("a,..,b") == "a,..,b"


@pytest.mark.parametrize("name", [".", ".."])
def test_an_expression_is_no_way_up(name):
    with pytest.raises(MlError) as refused:
        quote_expression(name)
    assert refused.value.status == 400


async def test_another_node_is_asked_where_one_is_dead_whatever_the_request_is(loop, config):
    async with answering((200, {"done": True})) as (url, heads):
        settings = replace(config.elasticsearch, hosts=("http://127.0.0.1:1", url))
        client = ClusterClient(settings)
        for _ in range(8):
            assert await client.request("POST", "/x", body={}) == {"done": True}
        await client.close()
    assert len(heads) == 8


async def test_a_connection_that_was_lost_is_not_taken_for_one_that_never_was(loop, config):
    async with answering((0, None)) as (first, heads), answering((0, None)) as (second, others):
        client = ClusterClient(replace(config.elasticsearch, hosts=(first, second)))
        with pytest.raises(MlError) as caught:
            await client.request("POST", "/x", body={})
        await client.close()
    assert (caught.value.status, len(heads) + len(others)) == (503, 1), "it may have been carried out"


async def test_what_is_no_elasticsearch_is_told(loop, config):
    async with answering((200, {})) as (url, _), client_of(config, url) as client:
        for asked in (client.facts(), client.bulk(b"{}\n")):
            with pytest.raises(MlError) as caught:
                await asked
            assert caught.value.status == 502
            assert "does not answer as Elasticsearch does" in caught.value.reason


async def test_our_own_identity_refused_is_no_fault_of_the_caller_and_is_not_tried_on(loop, config):
    refusal = {"error": {"type": "security_exception", "reason": "unable to authenticate user [proxy]"}, "status": 401}
    async with answering((401, refusal)) as (url, heads), client_of(config, url) as client:
        for _ in range(3):
            with pytest.raises(MlError) as caught:
                await client.request("GET", "/x")
            assert caught.value.status == 503
            assert "check [elasticsearch.username]" in caught.value.reason
            assert "proxy" not in caught.value.reason
        assert len(heads) == 1, "a realm may lock the account of somebody who goes on trying"
        with pytest.raises(ClusterError) as theirs:
            await client.acting_as({"authorization": "ApiKey theirs"}).request("GET", "/x")
        assert theirs.value.status == 401


async def test_a_right_that_our_own_identity_lacks_is_no_fault_of_the_caller(loop, config):
    refusal = {"error": {"type": "security_exception", "reason": "action [x] is unauthorized"}, "status": 403}
    async with answering((403, refusal), (200, {})) as (url, _), client_of(config, url) as client:
        with pytest.raises(MlError) as caught:
            await client.request("GET", "/x")
        assert (caught.value.status, "lacks rights" in caught.value.reason) == (503, True)
        assert await client.request("GET", "/y") == {}, "what it may do goes on"
