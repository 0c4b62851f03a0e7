"""Callers who leave in the middle, and requests that servers read differently, at a real Elasticsearch."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import hours_of_two_hosts, index, wait_until

pytestmark = pytest.mark.faults
Record = Callable[[str, object], None]
SOURCE = "source-searched-long"
SEARCHES = 20_000
CASES = 400
# What the proxy answers by itself to what it does not forward.
REFUSALS = {400, 408, 413, 414, 417, 431, 501, 505}


def raw(address: str, request: bytes, patience_s: float = 1.0) -> bytes:
    """All that comes back until the other side closes or says nothing for so long."""
    host, _, port = address.partition(":")
    answer = b""
    with socket.create_connection((host, int(port)), timeout=patience_s) as connection:
        try:
            connection.sendall(request)
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionError):
            pass
    return answer


@pytest.mark.scenario(15)
def test_a_search_whose_caller_has_left_is_cancelled_in_the_cluster(
    client: HttpClient, cluster_client: HttpClient, record_property: Record
) -> None:
    index(cluster_client, SOURCE, hours_of_two_hosts(200, 20))
    one = '{}\n{"size":0,"aggs":{"h":{"terms":{"field":"host"},"aggs":{"t":{"date_histogram":{"field":"time",'
    one += '"fixed_interval":"1h"},"aggs":{"m":{"percentiles":{"field":"took"}}}}}}}}\n'
    body = (one * SEARCHES).encode()
    path = f"/{SOURCE}/_msearch?max_concurrent_searches=1"
    head = f"POST {path} HTTP/1.1\r\nHost: p\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n"
    host, _, port = client.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n" + body)
        wait_until(lambda: searching(cluster_client) > 0, 20)
        time.sleep(1)
        assert searching(cluster_client) > 0, "the search is too short to say anything"
    left = time.monotonic()
    wait_until(lambda: searching(cluster_client) == 0, 5)
    record_property(
        "figures", f"a search of minutes was cancelled {time.monotonic() - left:.1f} s after its caller left"
    )
    cluster_client.delete(f"/{SOURCE}")


def searching(cluster_client: HttpClient) -> int:
    nodes = cluster_client.get("/_tasks", query={"actions": "indices:data/read/msearch"}).json()["nodes"]
    return sum(len(node["tasks"]) for node in nodes.values())


PIECES = (
    b"Content-Length: 4\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: +4\r\n",
    b"Content-Length: 0x4\r\n",
    b"Content-Length: 4, 4\r\n",
    b"Content-Length : 4\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: identity, chunked\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n",
    b" folded\r\n",
    b"X-A: b\r\n c\r\n",
    b"X-A: b\n",
    b"X-A\x00: b\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: keep-alive, X-A\r\n",
    b"Upgrade: h2c\r\n",
    b"Host: again\r\n",
)
BODIES = (
    b"",
    b"{}\r\n",
    b"0\r\n\r\n",
    b"4\r\n{}  \r\n0\r\n\r\n",
    b"0x4\r\n{}  \r\n0\r\n\r\n",
    b"4;a=b\r\n{}  \r\n0\r\n\r\n",
)
TARGETS = ("/_cluster/health", "/_ml/info", "//_ml/info", "/_ml/../_cluster/health", "/_cat/indices", "/%2e%2e/x")
SMUGGLED = b"GET /_smuggled HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n"


def any_request(chosen: random.Random) -> bytes:
    method = chosen.choice((b"GET", b"POST", b"PUT"))
    line = b"%b %b HTTP/1.1\r\n" % (method, chosen.choice(TARGETS).encode())
    headers = b"Host: p\r\n" + b"".join(chosen.sample(PIECES, chosen.randint(0, 3)))
    return line + headers + b"\r\n" + chosen.choice(BODIES) + SMUGGLED


@pytest.mark.scenario(11)
def test_whatever_is_sent_the_proxy_sees_no_more_requests_in_it_than_the_cluster(
    client: HttpClient, cluster_client: HttpClient, record_property: Record
) -> None:
    seed = random.randrange(2**32)
    chosen = random.Random(seed)
    requests = [any_request(chosen) for _ in range(CASES)]
    with ThreadPoolExecutor(16) as pool:
        through = list(pool.map(lambda request: statuses(raw(client.address, request)), requests))
        direct = list(pool.map(lambda request: statuses(raw(cluster_client.address, request)), requests))
    refused = [mine[:1] for mine in through if mine and mine[0] in REFUSALS]
    for request, mine, theirs in zip(requests, through, direct, strict=True):
        is_refusal = len(mine) <= 1 and (not mine or mine[0] in REFUSALS)
        assert is_refusal or len(mine) <= max(len(theirs), 1), f"seed {seed}: {request!r} {mine} {theirs}"
        assert not any(status >= 500 and status not in REFUSALS for status in mine), f"seed {seed}: {request!r} {mine}"
    assert client.get("/_cluster/health").status == 200
    record_property("figures", f"{CASES} random requests, {len(refused)} refused by the proxy itself, seed {seed}")


def statuses(answer: bytes) -> list[int]:
    """Of all answers but those that ask for more."""
    found = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:] if part[:3].isdigit()]
    return [status for status in found if status >= 200]
