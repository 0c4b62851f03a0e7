"""What overall buckets cost: through the proxy, against the bare aggregations that could answer them.

`python -m bench.overall_buckets [--elasticsearch URL] [--proxy URL] [--jobs N] [--buckets N] [--rounds N]`

The cluster's request cache is emptied before each measurement. Every form is timed from request to decoded
answer, the product from request to the last byte; rounds alternate and medians count.
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

INDEX_NAME = "custom-bench-overall"
INDEX = f".ml-anomalies-{INDEX_NAME}"
# The cluster's default for search.max_buckets is 65,536.
CELLS_PER_REQUEST = 60_000
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
    with jobs_with(proxy, cluster, data):
        forms: dict[str, Callable[[], int]] = {
            "date_histogram only": lambda: date_histogram(cluster, data),
            "jobs > intervals > max": lambda: jobs_then_intervals(cluster, data),
            "composite in slices": lambda: composite(cluster, data),
        }
        forms |= {row.title: lambda row=row: overall_buckets(proxy, data, row) for row in rows}
        times, sizes = measured(forms, cluster, rounds=rounds)
    limit = times["date_histogram only"]
    best = min(times["jobs > intervals > max"], times["composite in slices"])
    share = f"{data.share_above_zero:.0%} above zero"
    print(f"\noverall buckets, {data.jobs} jobs x {data.buckets:,} buckets, {share}")
    print(f"{'':30} {'seconds':>8} {'MB':>7} {'/ best dense':>13} {'/ date_histogram':>17}")
    for title, seconds in times.items():
        print(
            f"{title:30} {seconds:8.3f} {sizes[title] / 1e6:7.1f} {seconds / best:13.2f} {seconds / limit:17.1f}",
            flush=True,
        )


def measured(
    forms: dict[str, Callable[[], int]], cluster: Address, *, rounds: int
) -> tuple[dict[str, float], dict[str, int]]:
    """Median seconds and bytes of each; the first round warms up."""
    times: dict[str, list[float]] = {title: [] for title in forms}
    sizes: dict[str, int] = {}
    for number in range(rounds + 1):
        for title, run in forms.items():
            request(cluster, "POST", f"/{INDEX}/_cache/clear?request=true")
            started = time.perf_counter()
            sizes[title] = run()
            if number:
                times[title].append(time.perf_counter() - started)
    return {title: statistics.median(values) for title, values in times.items()}, sizes


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
