"""What many datafeeds in real time cost: the share of one core that they keep busy, and what they ask of the cluster.

`python -m bench.real_time_jobs [--elasticsearch URL] [--jobs N] [--minutes M]`; the proxy is always started here,
because its processes must do nothing else. Each job has one series with buckets of one minute and reads its own
documents out of one index, ten a minute. It is measured with documents in every minute, and then with none in any.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.data import call
from bench.datafeeds import ask
from bench.many_jobs import AT_ONCE, children
from bench.passthrough import cluster_at, proxy_at
from bench.places import told
from bench.process import Process, process_at

INDEX = "bench-real-time"
MINUTE_MS = 60_000
A_MINUTE = 10
PAST_MINUTES = 4
# Until all datafeeds have left their lookback behind, and until the last documents are older than their delay.
SETTLE_S = 100
# Delays differ, as the default ones do, but are shorter.
LEAST_DELAY_S = 10
BULK = 10_000
MESSAGES = ("place_messages", "place_message_bytes", "finished_buckets")
PROPERTIES = {"time": {"type": "date"}, "job": {"type": "integer"}, "took": {"type": "double"}}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.real_time_jobs", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="not used: the proxy must do nothing else")
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--minutes", type=int, default=1, help="of each measurement (default 1)")
    args = parser.parse_args(argv)
    with cluster_at(args.elasticsearch) as direct, proxy_at(None, direct) as through:
        compare(direct, through, args.jobs, args.minutes)


@dataclass(frozen=True, slots=True)
class Spent:
    """Until now: seconds, those of processors, requests that the cluster has had by what they are for, and messages."""

    at_s: float
    proxy_s: float
    models_s: float
    requests: Mapping[str, int]
    messages: Mapping[str, float]

    @classmethod
    def of(cls, proxy: Process, through: str, cluster: str) -> Spent:
        models_s = sum(child.cpu_s() for child in children(proxy))
        return cls(time.perf_counter(), proxy.cpu_s(), models_s, routes(cluster), told(through))


def compare(direct: str, through: str, jobs: int, minutes: int) -> None:
    proxy = process_at(through)
    if proxy is None:
        raise SystemExit("the proxy's process cannot be looked into")
    call(direct, "DELETE", f"/{INDEX}?ignore_unavailable=true")
    make_index(direct)
    try:
        each(lambda number: ask(f"{through}{path(number)}", "PUT", config(number)), jobs)
        each(lambda number: ask(f"{through}{path(number)}/_open", "POST"), jobs)
        # Documents of the future are there already: a search reads no further than its delay allows.
        fill(direct, jobs, PAST_MINUTES + 1 + SETTLE_S // 60 + minutes)
        now_ms = time.time_ns() // 1_000_000
        start = f"_start?start={now_ms - PAST_MINUTES * MINUTE_MS}"
        each(lambda number: ask(f"{through}/_ml/datafeeds/bench-real-time-{number}/{start}", "POST"), jobs)
        time.sleep(SETTLE_S)
        print(f"{jobs} jobs in real time, buckets of one minute, {minutes} minutes measured")
        measure("with documents in every minute", proxy, (through, direct), jobs, minutes)
        time.sleep(SETTLE_S)
        measure("without any documents", proxy, (through, direct), jobs, minutes)
    finally:
        each(lambda number: call(through, "DELETE", f"{path(number)}?force=true", may_fail=True), jobs)
        call(direct, "DELETE", f"/{INDEX}")


def measure(title: str, proxy: Process, urls: tuple[str, str], jobs: int, minutes: int) -> None:
    """Prints what so many minutes cost; ``urls`` are the proxy's and the cluster's."""
    before = Spent.of(proxy, *urls)
    time.sleep(60 * minutes)
    after = Spent.of(proxy, *urls)
    took_s = after.at_s - before.at_s
    parts_s = (after.proxy_s - before.proxy_s, after.models_s - before.models_s)
    each_ms = 1000 * sum(parts_s) * 60 / took_s / jobs
    print(f"{title}:")
    print(f"{'  share of one core':40} {100 * sum(parts_s) / took_s:7.1f} %")
    print(
        f"{'    of it the proxy, its models':40} {100 * parts_s[0] / took_s:7.1f} % {100 * parts_s[1] / took_s:6.1f} %"
    )
    print(f"{'  processor time of a job and minute':40} {each_ms:7.1f} ms")
    grown = {name: count - before.requests.get(name, 0) for name, count in after.requests.items()}
    rate = sum(grown.values()) * 60 / took_s
    by_route = ", ".join(f"{name} {count * 60 / took_s:.0f}" for name, count in sorted(grown.items()) if count)
    print(f"{'  requests to the cluster a minute':40} {rate:7.0f}   ({by_route})", flush=True)
    grown_by = {name: count - before.messages[name] for name, count in after.messages.items()}
    messages, size, buckets = (grown_by[name] * 60 / took_s / jobs for name in MESSAGES)
    shown = f"{messages:7.2f} messages of {size:.0f} bytes in all, {buckets:.2f} buckets"
    print(f"{'  of a job and minute':40} {shown}", flush=True)


def routes(cluster: str) -> dict[str, int]:
    """Requests that the cluster's nodes have answered, by their route."""
    counted: dict[str, int] = {}
    for node in ask(f"{cluster}/_nodes/stats/http")["nodes"].values():
        for route, found in node["http"].get("routes", {}).items():
            if not route.startswith("/_nodes"):
                counted[route] = counted.get(route, 0) + found["requests"]["count"]
    return counted


def each(work: Callable[[int], object], jobs: int) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(jobs)))


def path(number: int) -> str:
    return f"/_ml/anomaly_detectors/bench-real-time-{number}"


def config(number: int) -> dict[str, object]:
    return {
        "analysis_config": {"bucket_span": "1m", "detectors": [{"function": "mean", "field_name": "took"}]},
        "data_description": {"time_field": "time"},
        "analysis_limits": {"model_memory_limit": "12mb"},
        "results_index_name": "bench-real-time",
        "datafeed_config": {
            "datafeed_id": f"bench-real-time-{number}",
            "indices": [INDEX],
            "query": {"term": {"job": number}},
            "query_delay": f"{LEAST_DELAY_S * 1000 + number * 7919 % MINUTE_MS}ms",
        },
    }


def make_index(cluster: str) -> None:
    settings = {"number_of_replicas": 0, "number_of_shards": 1}
    body = {"settings": settings, "mappings": {"properties": PROPERTIES}}
    call(cluster, "PUT", f"/{INDEX}", json.dumps(body).encode())


def fill(cluster: str, jobs: int, minutes: int, a_minute: int = A_MINUTE) -> None:
    """Documents of so many minutes, from a few minutes ago on."""
    first_ms = time.time_ns() // 1_000_000 - PAST_MINUTES * MINUTE_MS
    step_ms = MINUTE_MS // a_minute
    lines: list[str] = []
    for moment in range(minutes * a_minute):
        for job in range(jobs):
            row = {"time": first_ms + moment * step_ms, "job": job, "took": 100 + (moment * 7919 + job) % 101 / 10}
            lines.append('{"index":{}}\n' + json.dumps(row) + "\n")
    for start in range(0, len(lines), BULK):
        body = "".join(lines[start : start + BULK]).encode()
        call(cluster, "POST", f"/{INDEX}/_bulk", body, "application/x-ndjson")
    call(cluster, "POST", f"/{INDEX}/_refresh")


if __name__ == "__main__":
    main()
