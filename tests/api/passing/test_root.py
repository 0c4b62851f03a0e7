"""``GET /``: the cluster's own greeting, or ours where it has none."""

from __future__ import annotations

import asyncio
import json

from tests.api.passing.wire import (
    OK,
    Conversation,
    ScriptedCluster,
    ask,
    exchange,
    front_of,
    get,
    lines_of,
    status_of,
)

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
