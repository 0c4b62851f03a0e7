"""What a datafeed's reading costs: documents and aggregations as the engine's columns, against the bare searches.

`python -m bench.extraction [--elasticsearch URL] [--documents N] [--page N] [--rounds N]`; a cluster is started where
none is given. A bare search asks for the same fields, pages or buckets and looks at no more of an answer than the next
page needs. Rounds alternate, so that a cluster that warms up or merges favours neither; medians count.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import uvloop

from bench.data import call
from bench.passthrough import cluster_at
from proxy.config_loading import load_config
from proxy.job_config import datafeed
from proxy.runtime.extraction.reading import read_range
from proxy.runtime.ingest import Fields
from proxy.store.client import ClusterClient
from proxy.store.extraction import queries
from proxy.store.extraction.documents import last_sort
from proxy.store.extraction.opening import open_source
from proxy.store.extraction.source import Source
from proxy.store.extraction.summary import bounds

INDEX = "bench-extraction"
START_MS = 1_699_999_200_000
STEP_MS = 100
BULK = 10_000
BUCKETS = 1000
FIELDS = Fields("time", "epoch_ms", text=("host", "path"), numbers=("took", "status"))
PROPERTIES = {
    "time": {"type": "date"},
    "host": {"type": "keyword"},
    "path": {"type": "keyword"},
    "took": {"type": "double"},
    "status": {"type": "short"},
}
# Pages of a chunk, as automatic chunking makes them.
PAGES_PER_CHUNK = 10

Reading = Callable[[], Awaitable[int]]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.extraction", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="not used: a datafeed reads from the cluster itself")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--page", type=int, default=datafeed.DEFAULT_SCROLL_SIZE, help="scroll_size (default 1000)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(argv)
    with cluster_at(args.elasticsearch) as url:
        fill(url, args.documents)
        try:
            uvloop.run(compare(url, args.documents, args.page, args.rounds))
        finally:
            call(url, "DELETE", f"/{INDEX}")


def fill(url: str, documents: int) -> None:
    call(url, "DELETE", f"/{INDEX}?ignore_unavailable=true")
    # The answers to aggregations must not be kept, or from the second round on nothing is measured.
    settings = {"number_of_replicas": 0, "number_of_shards": 1, "refresh_interval": -1, "requests.cache.enable": False}
    call(url, "PUT", f"/{INDEX}", json.dumps({"settings": settings, "mappings": {"properties": PROPERTIES}}).encode())
    for first in range(0, documents, BULK):
        rows = (document(number) for number in range(first, min(first + BULK, documents)))
        body = "".join('{"index":{}}\n' + json.dumps(row) + "\n" for row in rows)
        call(url, "POST", f"/{INDEX}/_bulk", body.encode(), "application/x-ndjson")
    call(url, "POST", f"/{INDEX}/_refresh")


def document(number: int) -> dict[str, object]:
    return {
        "time": START_MS + number * STEP_MS,
        "host": f"host-{number % 50}",
        "path": f"/shop/{number * 7919 % 977}",
        "took": round(100 + 50 * math.sin(number / 13751) + number * 7919 % 101 / 10, 3),
        "status": 200 + number % 7,
    }


async def compare(url: str, documents: int, page: int, rounds: int) -> None:
    config = load_config(environ={}, overrides={"elasticsearch": {"hosts": [url]}})
    client = ClusterClient(config.elasticsearch)
    end_ms = START_MS + documents * STEP_MS
    try:
        source = source_of(page, None)
        print(f"reading {documents:,} documents of 5 fields by pages of {page:,}")
        readings = {
            "bare paged search": lambda: bare_pages(client, source, end_ms),
            "as columns": lambda: columns(client, source, START_MS, end_ms),
            "as columns, chunk by chunk": lambda: chunks(client, source, end_ms),
        }
        await measure(readings, documents, "documents", rounds)
        interval_ms = documents * STEP_MS // BUCKETS
        aggregated = source_of(page, aggregations(interval_ms))
        first_ms = -(-START_MS // interval_ms) * interval_ms
        print(f"aggregating them to {BUCKETS:,} buckets by 3 metrics")
        readings = {
            "bare aggregation": lambda: bare_aggregation(client, aggregated, first_ms, end_ms),
            "as columns": lambda: columns(client, aggregated, first_ms, end_ms),
        }
        await measure(readings, BUCKETS, "buckets", 3 * rounds)
    finally:
        await client.close()


def source_of(page: int, aggregations: dict[str, object] | None) -> Source:
    config = {"indices": [INDEX], "scroll_size": page, "aggregations": aggregations}
    fields = ("took", "status", "doc_count") if aggregations else FIELDS.analysed
    summary = "doc_count" if aggregations else None
    stored = datafeed.normalise(config, "bench")
    return Source.of(stored, fields, time_field=FIELDS.time_field, summary_count_field=summary)


def aggregations(interval_ms: int) -> dict[str, object]:
    metrics = {
        "time": {"max": {"field": "time"}},
        "took": {"avg": {"field": "took"}},
        "status": {"max": {"field": "status"}},
    }
    return {"buckets": {"date_histogram": {"field": "time", "fixed_interval": f"{interval_ms}ms"}, "aggs": metrics}}


async def measure(readings: Mapping[str, Reading], count: int, unit: str, rounds: int) -> None:
    """Prints the medians, each against the first of the readings."""
    seconds: dict[str, list[float]] = {title: [] for title in readings}
    for number in range(rounds + 1):
        for title, read in readings.items():
            started = time.perf_counter()
            found = await read()
            if found != count:
                raise SystemExit(f"{title}: read {found} {unit} of {count}")
            if number:  # the first round warms all up
                seconds[title].append(time.perf_counter() - started)
    rates = {title: count / statistics.median(taken) for title, taken in seconds.items()}
    bare = next(iter(rates.values()))
    for title, rate in rates.items():
        print(f"{title:28} {rate:10,.0f} {unit}/s {rate / bare:6.2f}", flush=True)


async def columns(client: ClusterClient, source: Source, start_ms: int, end_ms: int) -> int:
    opened = await open_source(client, source)
    fields = FIELDS if source.aggregations is None else Fields("time", "epoch_ms", (), source.fields)
    reading = read_range(opened.extraction(start_ms, end_ms), fields)
    return sum([len(each.ingested.batch.time) async for each in reading])


async def chunks(client: ClusterClient, source: Source, end_ms: int) -> int:
    opened = await open_source(client, source)
    found = await bounds(client, source, 0, end_ms)
    if found.earliest_ms is None or found.latest_ms is None:
        return 0
    spread_ms = found.latest_ms - found.earliest_ms
    length_ms = max(60_000, PAGES_PER_CHUNK * source.scroll_size * spread_ms // found.count)
    read = 0
    for start_ms in range(found.earliest_ms, end_ms, length_ms):
        async for each in read_range(opened.extraction(start_ms, min(start_ms + length_ms, end_ms)), FIELDS):
            read += len(each.ingested.batch.time)
    return read


async def bare_pages(client: ClusterClient, source: Source, end_ms: int) -> int:
    plan = (await open_source(client, source)).plan
    assert plan is not None
    within = queries.within(source, START_MS, end_ms)
    page = queries.page(source, plan.fetch(source), within, sorts_nanos=False) | {"size": source.scroll_size}
    opened = await client.request("POST", f"/{INDEX}/_pit", params={"keep_alive": "1m"})
    read, found, after = 0, source.scroll_size, None
    while found == source.scroll_size:
        body = queries.in_point_in_time(page, opened["id"], after)
        answer = await client.request("POST", "/_search", body=body, raw=True)
        found = answer.count(b'"sort":[')
        after = last_sort(answer) if found else None
        read += found
    await client.close_point_in_time(opened["id"])
    return read


async def bare_aggregation(client: ClusterClient, source: Source, start_ms: int, end_ms: int) -> int:
    query = queries.within(source, start_ms, end_ms)
    body = {"size": 0, "track_total_hits": False, "query": query, "aggs": source.aggregations}
    answer = await client.request("POST", f"/{INDEX}/_search", body=body, raw=True)
    return int(answer.count(b'"doc_count":'))


if __name__ == "__main__":
    main()
