"""What the pass-through costs: the same calls to the cluster itself and through the proxy, as ratios of one run.

`python -m bench.passthrough [--elasticsearch URL] [--proxy URL] [--rounds N]`; what is not given is started here.
Rounds alternate between the two, so that a cluster that warms up or merges favours neither; medians count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.error import URLError
from urllib.parse import urlsplit

import uvloop

from bench.load import Load, Measured, measure

INDEX = "bench-passthrough"
DOCUMENTS = 20_000
BULK_BYTES = 5_000_000
START_TIMEOUT_S = 60
WARM_UP_S = 1.0


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.passthrough", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="a proxy before that cluster; otherwise one is started")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement (default 5)")
    args = parser.parse_args(argv)
    with cluster_at(args.elasticsearch) as direct, proxy_at(args.proxy, direct) as through:
        uvloop.run(compare(direct, through, rounds=args.rounds))


async def compare(direct: str, through: str, *, rounds: int) -> None:
    """Measure every load at both addresses and print the table."""
    await asyncio.to_thread(fill_index, direct)
    print(f"{'pass-through':28} {'direct':>9} {'proxied':>9} {'ratio':>6}   {'p99 ms direct':>13} {'proxied':>8}")
    try:
        for load in loads():
            at_cluster, at_proxy = await alternate(load, direct, through, rounds=rounds)
            print(row(load, at_cluster, at_proxy), flush=True)
    finally:
        await asyncio.to_thread(call, direct, "DELETE", f"/{INDEX},{INDEX}-bulk?ignore_unavailable=true")


def row(load: Load, direct: Sequence[Measured], through: Sequence[Measured]) -> str:
    rates = [statistics.median(one.per_second for one in rounds) for rounds in (direct, through)]
    p99s = [statistics.median(one.p99_ms for one in rounds) for rounds in (direct, through)]
    digits = 0 if rates[0] >= 100 else 2
    return (
        f"{load.title:28} {rates[0]:7.{digits}f}/s {rates[1]:7.{digits}f}/s {rates[1] / rates[0]:6.2f}"
        f"   {p99s[0]:13.1f} {p99s[1]:8.1f}"
    )


async def alternate(load: Load, direct: str, through: str, *, rounds: int) -> tuple[list[Measured], list[Measured]]:
    measured: tuple[list[Measured], list[Measured]] = ([], [])
    for number in range(rounds + 1):
        for url, results in zip((direct, through), measured, strict=True):
            await asyncio.to_thread(recreate_bulk_index, direct)
            where = urlsplit(url)
            result = await measure(load if number else load.lasting(WARM_UP_S), where.hostname, where.port)
            if number:  # the first round warms both up
                results.append(result)
    return measured


def loads() -> list[Load]:
    search = {"size": 3, "query": {"bool": {"filter": [{"term": {"kind": "k7"}}]}}}
    return [
        Load("_cluster/health, 16 callers", http("GET", "/_cluster/health"), connections=16, seconds=2.0),
        Load("_cluster/health, 1 caller", http("GET", "/_cluster/health"), connections=1, seconds=1.0),
        Load("_search, 16 callers", http("POST", f"/{INDEX}/_search", json.dumps(search)), connections=16, seconds=2.0),
        Load("bulk of 5 MB, 2 callers", http("POST", f"/{INDEX}-bulk/_bulk", bulk_body()), connections=2, seconds=4.0),
    ]


def http(method: str, target: str, body: str = "") -> bytes:
    framing = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n{body}".encode()


def documents(count: int) -> Iterator[str]:
    source = random.Random(1)
    for number in range(count):
        document = {
            "@timestamp": 1_577_836_800_000 + number * 1000,
            "kind": f"k{source.randrange(50)}",
            "value": source.randrange(1000),
            "text": " ".join(f"word{source.randrange(10_000)}" for _ in range(8)),
        }
        yield '{"index":{}}\n' + json.dumps(document) + "\n"


def bulk_body() -> str:
    rows: list[str] = []
    size = 0
    for line in documents(10**6):
        rows.append(line)
        size += len(line)
        if size >= BULK_BYTES:
            break
    return "".join(rows)


def fill_index(cluster: str) -> None:
    call(cluster, "DELETE", f"/{INDEX},{INDEX}-bulk?ignore_unavailable=true")
    create_index(cluster, INDEX)
    call(cluster, "POST", f"/{INDEX}/_bulk?refresh=true", "".join(documents(DOCUMENTS)))


def recreate_bulk_index(cluster: str) -> None:
    """Each round of bulks begins with the same index, an empty one."""
    call(cluster, "DELETE", f"/{INDEX}-bulk?ignore_unavailable=true")
    create_index(cluster, f"{INDEX}-bulk")


def create_index(cluster: str, name: str) -> None:
    properties = {"@timestamp": {"type": "date"}, "kind": {"type": "keyword"}, "value": {"type": "integer"}}
    settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "30s"}
    body = {"settings": settings, "mappings": {"properties": {**properties, "text": {"type": "text"}}}}
    call(cluster, "PUT", f"/{name}", json.dumps(body))


def call(url: str, method: str, target: str, body: str | None = None) -> bytes:
    request = urllib.request.Request(url.rstrip("/") + target, body.encode() if body else None, method=method)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=120) as response:
        return response.read()


@contextmanager
def cluster_at(url: str | None) -> Iterator[str]:
    """The given cluster, or a local one for this run."""
    if url is not None:
        yield url
        return
    from proxy.cluster.node import start_node
    from proxy.config_loading import load_config

    with start_node(load_config(environ={}).cluster, report=print) as node:
        yield node.url


@contextmanager
def proxy_at(url: str | None, cluster: str) -> Iterator[str]:
    """The given proxy, or one before the cluster for this run, as a process of its own."""
    if url is not None:
        yield url
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "proxy", "serve", "--elasticsearch", cluster, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Raises RuntimeError if the process ends or does not answer in time."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            call(url, "GET", "/_cluster/health")
        except URLError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no proxy at [{url}]")


if __name__ == "__main__":
    main()
