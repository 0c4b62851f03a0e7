"""What a lookback costs: from starting a datafeed to its closed job, against the bare paged search and aggregation.

`python -m bench.datafeeds [--elasticsearch URL] [--proxy URL] [--documents N] [--rounds N]`. The job is a mean by host,
so the figure contains reading, analysing and writing results; the bare searches are those of ``bench.extraction``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvloop

from bench import extraction, passthrough
from bench.data import call
from bench.extraction import BUCKETS, INDEX, START_MS, STEP_MS
from proxy.config_loading import load_config
from proxy.store.client import ClusterClient

JOB_ID = "bench-lookback"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.datafeeds", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="a proxy before that cluster; otherwise one is started")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args(argv)
    with (
        passthrough.cluster_at(args.elasticsearch) as direct,
        passthrough.proxy_at(args.proxy, direct) as through,
    ):
        extraction.fill(direct, args.documents)
        try:
            uvloop.run(compare(direct, through, args.documents, args.rounds))
        finally:
            call(direct, "DELETE", f"/{INDEX}")


async def compare(direct: str, through: str, documents: int, rounds: int) -> None:
    client = ClusterClient(load_config(environ={}, overrides={"elasticsearch": {"hosts": [direct]}}).elasticsearch)
    end_ms = START_MS + documents * STEP_MS
    interval_ms = documents * STEP_MS // BUCKETS
    aggregations = extraction.aggregations(interval_ms)
    first_ms = -(-START_MS // interval_ms) * interval_ms
    plain, aggregated = extraction.source_of(1000, None), extraction.source_of(1000, aggregations)
    by_host = {"function": "mean", "field_name": "took", "partition_field_name": "host"}
    overall = {"function": "mean", "field_name": "took"}
    single = Lookback({"bucket_span": "1m", "detectors": [by_host]}, None)
    summed = Lookback(
        {"bucket_span": f"{interval_ms}ms", "detectors": [overall], "summary_count_field_name": "doc_count"},
        aggregations,
    )
    try:
        print(f"a lookback over {documents:,} documents, one job")
        await alternate(lambda: extraction.bare_pages(client, plain, end_ms), single, through, end_ms, rounds)
        print(f"the same as {BUCKETS:,} buckets")
        bare = partial(extraction.bare_aggregation, client, aggregated, first_ms, end_ms)
        await alternate(bare, summed, through, end_ms, rounds)
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class Lookback:
    """A job's analysis and the aggregations of its datafeed."""

    analysis: Mapping[str, object]
    aggregations: object

    def seconds(self, url: str, end_ms: int) -> tuple[int, float]:
        """Records that the job was given, and the time from the start of its datafeed to its end."""
        datafeed = {"indices": [INDEX], "delayed_data_check_config": {"enabled": False}}
        if self.aggregations is not None:
            datafeed["aggregations"] = self.aggregations
        config = {"analysis_config": self.analysis, "data_description": {"time_field": "time"},
                  "datafeed_config": datafeed}  # fmt: skip
        job = f"{url}/_ml/anomaly_detectors/{JOB_ID}"
        ask(f"{job}?force=true", "DELETE")
        ask(job, "PUT", config)
        ask(f"{job}/_open", "POST")
        started = time.perf_counter()
        ask(f"{url}/_ml/datafeeds/{JOB_ID}/_start?end={end_ms}", "POST")
        while ask(f"{url}/_ml/datafeeds/{JOB_ID}/_stats")["datafeeds"][0]["state"] != "stopped":
            time.sleep(0.05)
        took_s = time.perf_counter() - started
        counts = ask(f"{job}/_stats")["jobs"][0]["data_counts"]
        ask(f"{job}?force=true", "DELETE")
        return counts["processed_record_count"], took_s


async def alternate(bare: Callable[[], Awaitable[int]], lookback: Lookback, url: str, end_ms: int, rounds: int) -> None:
    """Prints both rates by their medians, and their ratio."""
    rates: dict[str, list[float]] = {"bare search": [], "datafeed": []}
    for number in range(rounds + 1):
        started = time.perf_counter()
        count = await bare()
        rate = count / (time.perf_counter() - started)
        fed, took_s = await asyncio.to_thread(lookback.seconds, url, end_ms)
        if number:  # the first round warms all up
            rates["bare search"].append(rate)
            rates["datafeed"].append(fed / took_s)
    bare_rate = statistics.median(rates["bare search"])
    for title, found in rates.items():
        rate = statistics.median(found)
        print(f"{title:28} {rate:10,.0f}/s {rate / bare_rate:6.2f}", flush=True)


def ask(url: str, method: str = "GET", body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if method == "DELETE":
            return None
        raise SystemExit(f"{method} {url} answered {error.status}: {error.read()[:500].decode()}") from error


if __name__ == "__main__":
    main()
