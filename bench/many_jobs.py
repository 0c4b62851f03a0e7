"""What an open small job costs: the memory of the proxy and of its models' process, and the time that opening takes.

`python -m bench.many_jobs [--elasticsearch URL] [--jobs N] [--hours H]`; the proxy is always started here, because its
processes must hold nothing else. Each job has one series and is given data of so many hours; what the first jobs cost
once, such as modules and connections, is left out.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.data import call
from bench.passthrough import cluster_at, proxy_at
from bench.process import Process, process_at

FIRST_JOBS = 20
AT_ONCE = 8
START_MS = 1_700_000_000_000
SPAN_MS = 300_000


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.many_jobs", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--hours", type=int, default=24)
    args = parser.parse_args(argv)
    with cluster_at(args.elasticsearch) as direct, proxy_at(None, direct) as through:
        compare(through, args.jobs, args.hours)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of the proxy's process, and of its children together."""

    proxy: int
    models: int

    @classmethod
    def of(cls, proxy: Process) -> Memory:
        return cls(proxy.memory_bytes(), sum(child.memory_bytes() for child in children(proxy)))


def compare(url: str, jobs: int, hours: int) -> None:
    """Opens the jobs and prints what each of them added."""
    proxy = process_at(url)
    if proxy is None:
        raise SystemExit("the proxy's process cannot be looked into")
    try:
        run(url, range(FIRST_JOBS), hours)
        before, began = Memory.of(proxy), time.perf_counter()
        run(url, range(FIRST_JOBS, FIRST_JOBS + jobs), hours)
        took, after = time.perf_counter() - began, Memory.of(proxy)
        print(f"{jobs} open jobs of one series, {hours} h of data each")
        print(f"{'kB a job in the process of models':40} {(after.models - before.models) / jobs / 1000:8.1f}")
        print(f"{'kB a job in the proxy':40} {(after.proxy - before.proxy) / jobs / 1000:8.1f}")
        print(f"{'jobs created, opened and fed a second':40} {jobs / took:8.1f}", flush=True)
    finally:
        each(lambda number: call(url, "DELETE", f"{path(number)}?force=true", may_fail=True), range(FIRST_JOBS + jobs))


def children(parent: Process) -> list[Process]:
    """All processes below another."""
    tasks = parent.folder / "task"
    ids = [child for thread in tasks.iterdir() for child in (thread / "children").read_text().split()]
    direct = [Process(Path("/proc") / child) for child in ids]
    return [*direct, *(below for child in direct for below in children(child))]


def run(url: str, numbers: range, hours: int) -> None:
    body = b"\n".join(lines(hours))

    def one(number: int) -> None:
        call(url, "PUT", path(number), json.dumps(config()).encode())
        call(url, "POST", f"{path(number)}/_open")
        call(url, "POST", f"{path(number)}/_data", body, "application/x-ndjson")

    each(one, numbers)


def each(work: Callable[[int], object], numbers: range) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, numbers))


def path(number: int) -> str:
    return f"/_ml/anomaly_detectors/bench-many-{number}"


def config() -> dict[str, object]:
    return {
        "analysis_config": {"bucket_span": "5m", "detectors": [{"function": "mean", "field_name": "took"}]},
        "data_description": {"time_field": "time", "time_format": "epoch_ms"},
        "analysis_limits": {"model_memory_limit": "12mb"},
        "results_index_name": "bench-many",
    }


def lines(hours: int) -> Iterator[bytes]:
    for bucket in range(hours * 3_600_000 // SPAN_MS):
        took = 100 + 10 * math.sin(bucket / 46) + bucket * 7919 % 13
        yield json.dumps({"time": START_MS + bucket * SPAN_MS, "took": took}).encode()


if __name__ == "__main__":
    main()
