"""What overall buckets cost: through the proxy, against the bare aggregations that could answer them.

`python -m bench.overall_buckets [--elasticsearch URL] [--proxy URL] [--jobs N] [--buckets N] [--rounds N]`

The cluster's request cache is emptied before each measurement. Every form is timed from request to decoded
answer, the product from request to the last byte; rounds alternate and medians count. Processor time is that of the
cluster and the proxy, where they run on this machine; so is the memory that ever longer ranges take.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import orjson

from bench.bucket_documents import START_MS, DataSet, load, request
from bench.passthrough import cluster_at, proxy_at
from bench.process import Process, process_at

INDEX_NAME = "custom-bench-overall"
INDEX = f".ml-anomalies-{INDEX_NAME}"
# The cluster's default for search.max_buckets is 65,536.
CELLS_PER_REQUEST = 60_000
DENSE_FORMS = ("jobs > intervals > max", "composite in slices")
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what the product is asked, and the forms it is measured against."""

    title: str
    query: str


SPARSE_ROWS = (
    Row("highest score >= 90", "overall_score=90"),
    Row("highest score >= 75", "overall_score=75"),
    Row("mean of 3 >= 50", "overall_score=50&top_n=3"),
    Row("mean of 3 >= 30", "overall_score=30&top_n=3"),
    Row("days with a mean of 3 >= 30", "overall_score=30&top_n=3&bucket_span=1d"),
    Row("days", "bucket_span=1d"),
)
# Those whose answers stay small; what the others answer grows with the range, and so does the proxy.
MEMORY_ROWS = (
    Row("days", "bucket_span=1d"),
    Row("days with a mean of 3 >= 30", "overall_score=30&top_n=3&bucket_span=1d"),
    Row("mean of 3 >= 60", "overall_score=60&top_n=3"),
)
GROWTH = (1, 4, 16)
DENSE_ROWS = (
    Row("mean of 10 >= 75", "overall_score=75&top_n=10"),
    Row("mean of 10 >= 60", "overall_score=60&top_n=10"),
)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overall_buckets", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="a proxy before that cluster; otherwise one is started")
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--buckets", type=int, default=20_000, help="buckets of each job (default 20,000)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    sparse = DataSet(INDEX, "bench-overall", args.jobs, args.buckets, share_above_zero=0.05)
    with cluster_at(args.elasticsearch) as direct, proxy_at(args.proxy, direct) as through:
        compare(direct, through, sparse, SPARSE_ROWS, rounds=args.rounds)
        # A quarter of the size tells the same ratio in a quarter of the time.
        dense = replace(sparse, buckets=args.buckets // 4, share_above_zero=1.0)
        compare(direct, through, dense, DENSE_ROWS, rounds=args.rounds)


def compare(direct: str, through: str, data: DataSet, rows: Sequence[Row], *, rounds: int) -> None:
    cluster, proxy = _address(direct), _address(through)
    servers = [server for server in map(process_at, (direct, through)) if server is not None]
    with jobs_with(proxy, cluster, data):
        if data.share_above_zero < 0.5 and len(servers) == 2:
            memory(servers[1], proxy, data)
        forms: dict[str, Callable[[], int]] = {
            "date_histogram only": lambda: date_histogram(cluster, data),
            DENSE_FORMS[0]: lambda: jobs_then_intervals(cluster, data),
            DENSE_FORMS[1]: lambda: composite(cluster, data),
        }
        forms |= {row.title: lambda row=row: overall_buckets(proxy, data, row) for row in rows}
        costs = measured(forms, cluster, servers, rounds=rounds)
    limit, best = costs["date_histogram only"], min(costs[DENSE_FORMS[0]].wall, costs[DENSE_FORMS[1]].wall)
    share = f"{data.share_above_zero:.0%} above zero"
    print(f"\noverall buckets, {data.jobs} jobs x {data.buckets:,} buckets, {share}")
    print(f"{'':30} {'seconds':>8} {'MB':>7} {'/ best dense':>13} {'/ date_histogram':>17} {'the same, CPU':>14}")
    for title, cost in costs.items():
        cpu = f"{cost.cpu / limit.cpu:14.1f}" if limit.cpu else f"{'-':>14}"
        ratios = f"{cost.wall / best:13.2f} {cost.wall / limit.wall:17.1f} {cpu}"
        print(f"{title:30} {cost.wall:8.3f} {cost.size / 1e6:7.1f} {ratios}", flush=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """Median seconds on the clock, mean seconds of processors, and bytes of an answer."""

    wall: float
    cpu: float
    size: int


def measured(
    forms: dict[str, Callable[[], int]], cluster: Address, servers: Sequence[Process], *, rounds: int
) -> dict[str, Cost]:
    """The first round warms up. Without all servers at hand no processor time counts."""
    walls: dict[str, list[float]] = {title: [] for title in forms}
    cpus: dict[str, list[float]] = {title: [] for title in forms}
    sizes: dict[str, int] = {}
    servers = servers if len(servers) == 2 else ()
    for number in range(rounds + 1):
        for title, run in forms.items():
            request(cluster, "POST", f"/{INDEX}/_cache/clear?request=true")
            cpu, started = sum(server.cpu_s() for server in servers), time.perf_counter()
            sizes[title] = run()
            if number:
                walls[title].append(time.perf_counter() - started)
                cpus[title].append(sum(server.cpu_s() for server in servers) - cpu)
    return {title: Cost(statistics.median(walls[title]), statistics.mean(cpus[title]), sizes[title]) for title in forms}


def memory(process: Process, proxy: Address, data: DataSet) -> None:
    """Prints the proxy's peak while it answers for ever longer ranges, and what that is of the shortest's."""
    print(f"\nmemory of the proxy, {data.jobs} jobs, ranges of {data.buckets // GROWTH[-1]:,} buckets x")
    print(f"{'':30}" + "".join(f" {f'{growth} (MB)':>9} {'ratio':>6}" for growth in GROWTH))
    for row in MEMORY_ROWS:
        peaks = []
        for growth in GROWTH:
            end_ms = START_MS + data.buckets * growth // GROWTH[-1] * data.span_s * 1000
            process.forget_peak()
            overall_buckets(proxy, data, Row(row.title, f"{row.query}&end={end_ms}"))
            peaks.append(process.peak_bytes())
        print(f"{row.title:30}" + "".join(f" {peak / 1e6:9.0f} {peak / peaks[0]:6.2f}" for peak in peaks), flush=True)


def overall_buckets(proxy: Address, data: DataSet, row: Row) -> int:
    return len(request(proxy, "GET", f"/_ml/anomaly_detectors/{data.prefix}-*/results/overall_buckets?{row.query}"))


def date_histogram(cluster: Address, data: DataSet) -> int:
    return _search(cluster, _body([], {"times": _histogram(data)}))


def jobs_then_intervals(cluster: Address, data: DataSet) -> int:
    """The best dense form where it was measured: jobs outside, as many intervals as the cluster lets through."""
    score = {"score": {"max": {"field": "anomaly_score"}}}
    jobs = {"terms": {"field": "job_id", "size": data.jobs}, "aggs": {"times": _histogram(data) | {"aggs": score}}}
    total = 0
    for low, high in _slices(data, CELLS_PER_REQUEST // data.jobs):
        total += _search(cluster, _body([_between(low, high)], {"jobs": jobs}))
    return total


def composite(cluster: Address, data: DataSet) -> int:
    """Pages of at most 10,000 cells, each a slice of time of its own, which spares the cluster the paging."""
    sources = [
        {"time": {"date_histogram": {"field": "timestamp", "fixed_interval": f"{data.span_s}s"}}},
        {"job": {"terms": {"field": "job_id"}}},
    ]
    cells = {"composite": {"size": 10_000, "sources": sources}, "aggs": {"score": {"max": {"field": "anomaly_score"}}}}
    total = 0
    for low, high in _slices(data, 10_000 // data.jobs):
        total += _search(cluster, _body([_between(low, high)], {"cells": cells}))
    return total


def _slices(data: DataSet, intervals: int) -> Iterator[tuple[int, int]]:
    step = max(intervals, 1) * data.span_s * 1000
    for low in range(START_MS, data.end_ms(), step):
        yield low, min(low + step, data.end_ms())


def _between(low: int, high: int) -> dict[str, object]:
    return {"range": {"timestamp": {"gte": low, "lt": high, "format": "epoch_millis"}}}


def _histogram(data: DataSet) -> dict[str, object]:
    return {"date_histogram": {"field": "timestamp", "fixed_interval": f"{data.span_s}s", "min_doc_count": 1}}


def _body(filters: list[object], aggregations: object) -> dict[str, object]:
    query = {"bool": {"filter": [{"term": {"result_type": "bucket"}}, *filters]}}
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": aggregations}


def _search(cluster: Address, body: object) -> int:
    answer = request(cluster, "POST", f"/{INDEX}/_search", body)
    orjson.loads(answer)
    return len(answer)


@contextmanager
def jobs_with(proxy: Address, cluster: Address, data: DataSet) -> Iterator[None]:
    """Jobs made through the API, with documents written past it; both are gone afterwards."""
    config = {
        "results_index_name": INDEX_NAME.removeprefix("custom-"),
        "analysis_config": {"bucket_span": f"{data.span_s}s", "detectors": [{"function": "count"}]},
        "data_description": {"time_field": "time"},
    }
    made = []
    try:
        for job_id in data.job_ids():
            request(proxy, "PUT", f"/_ml/anomaly_detectors/{job_id}", raw=json.dumps(config).encode())
            made.append(job_id)
        load(cluster, data)
        request(cluster, "POST", f"/{INDEX}/_forcemerge?max_num_segments=1")
        yield
    finally:
        # Dropping the index first spares each job the search for its documents.
        request(cluster, "DELETE", f"/{INDEX}?ignore_unavailable=true")
        for job_id in made:
            request(proxy, "DELETE", f"/_ml/anomaly_detectors/{job_id}?force=true")


def _address(url: str) -> Address:
    where = urlsplit(url)
    return str(where.hostname), int(where.port or 9200)


if __name__ == "__main__":
    main()
