"""What the pass-through costs: the same calls to the cluster itself, through the proxy, and with an nginx before it.

`python -m bench.passthrough [--elasticsearch URL] [--proxy URL] [--rounds N]`; what is not given is started here.
Rounds alternate between them, so that a cluster that warms up or merges favours none; medians of one run count.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from urllib.error import URLError
from urllib.parse import urlsplit

import uvloop

from bench.load import Load, Measured, measure
from proxy.nginx_process import NginxProblem, find_nginx

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
    with ExitStack() as started:
        direct = started.enter_context(cluster_at(args.elasticsearch))
        addresses = {"direct": direct, "proxied": started.enter_context(proxy_at(args.proxy, direct))}
        try:
            find_nginx()
            addresses["nginx"] = started.enter_context(proxy_at(None, direct, "--nginx"))
        except NginxProblem as problem:
            print(f"nginx is left out: {problem}")
        uvloop.run(compare(addresses, rounds=args.rounds))


async def compare(addresses: Mapping[str, str], *, rounds: int) -> None:
    """Measures every load at all addresses, of which the first is the cluster's own, and prints the table."""
    direct, *others = addresses
    await asyncio.to_thread(fill_index, addresses[direct])
    ratios = "".join(f" {name:>9} {'ratio':>6}" for name in others)
    print(f"{'pass-through':28} {direct:>9}{ratios}   p99 ms" + "".join(f" {name:>8}" for name in addresses))
    try:
        for load in loads():
            print(row(load, await alternate(load, list(addresses.values()), rounds=rounds)), flush=True)
    finally:
        await asyncio.to_thread(call, addresses[direct], "DELETE", f"/{INDEX},{INDEX}-bulk?ignore_unavailable=true")


def row(load: Load, measured: Sequence[Sequence[Measured]]) -> str:
    rate, *rates = [statistics.median(one.per_second for one in rounds) for rounds in measured]
    p99s = [statistics.median(one.p99_ms for one in rounds) for rounds in measured]
    digits = 0 if rate >= 100 else 2
    ratios = "".join(f" {other:7.{digits}f}/s {other / rate:6.2f}" for other in rates)
    return f"{load.title:28} {rate:7.{digits}f}/s{ratios}         " + "".join(f" {p99:8.1f}" for p99 in p99s)


async def alternate(load: Load, urls: Sequence[str], *, rounds: int) -> list[list[Measured]]:
    measured: list[list[Measured]] = [[] for _ in urls]
    for number in range(rounds + 1):
        for url, results in zip(urls, measured, strict=True):
            await asyncio.to_thread(recreate_bulk_index, urls[0])
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
def proxy_at(url: str | None, cluster: str, *options: str) -> Iterator[str]:
    """The given proxy, or one before the cluster for this run, as a process of its own with these options."""
    if url is not None:
        yield url
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "proxy", "serve", "--elasticsearch", cluster, "--port", str(port), *options]
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
