"""Thousands of jobs with datafeeds in real time: what each step of their lives costs, and how long a restart takes.

`python -m bench.fleet [--elasticsearch URL] [--jobs N] [--minutes M] [--documents D] [--workers W]`; the proxy is
always started here, because its processes must do nothing else. Each job has one series with buckets of one minute and
reads its own documents, so many a minute, out of one index. Beside the seconds, which others on the machine make
longer, stand those of processor time of the proxy with its models and of Elasticsearch, and the requests that it got.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from bench.data import call
from bench.datafeeds import ask
from bench.many_jobs import children
from bench.passthrough import cluster_at, proxy_at
from bench.places import told, wait_until_ready
from bench.process import Process, process_at
from bench.real_time_jobs import INDEX, PAST_MINUTES, SETTLE_S, config, fill, make_index, path, routes

SHOWN_ROUTES = 12
AT_ONCE = 16
PATIENCE = 60
DEADLINE_S = 1800


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--minutes", type=int, default=2, help="measured of the steady state (default 2)")
    parser.add_argument("--documents", type=int, default=2, help="of each job and minute (default 2)")
    parser.add_argument("--workers", type=int, default=1, help="processes of models (default 1)")
    parser.add_argument("--settle", type=int, default=SETTLE_S, help="seconds until the lookbacks have ended")
    parser.add_argument("--routes", action="store_true", help="also tells the requests by their routes")
    args = parser.parse_args(argv)
    os.environ["LANEWATCH_RUNTIME_WORKERS"] = str(args.workers)
    with cluster_at(args.elasticsearch) as direct:
        call(direct, "DELETE", f"/{INDEX}?ignore_unavailable=true")
        make_index(direct)
        Fleet(direct, args.jobs, args.minutes, args.documents, args.settle, shows_routes=args.routes).live()


@dataclass(frozen=True, slots=True)
class Spent:
    """Until now: seconds, those of processors, and the requests that the cluster has had by their route."""

    at_s: float
    proxy_s: float
    models_s: float
    cluster_s: float
    requests: Mapping[str, int]

    @classmethod
    def of(cls, proxy: Process, cluster: str) -> Spent:
        models_s, elasticsearch = sum(child.cpu_s() for child in children(proxy)), process_at(cluster)
        cluster_s = elasticsearch.cpu_s() if elasticsearch else 0.0
        return cls(time.perf_counter(), proxy.cpu_s(), models_s, cluster_s, routes(cluster))


@dataclass(frozen=True, slots=True)
class Fleet:
    """``cluster`` is its address; ``jobs`` of them, which get so many ``documents`` a minute each.

    ``settle_s`` is waited until all have left their lookback behind.
    """

    cluster: str
    jobs: int
    minutes: int
    documents: int
    settle_s: int
    shows_routes: bool

    def live(self) -> None:
        """Leads all jobs through their lives, with a restart in their midst, and prints what each step costs."""
        print(f"{self.jobs} jobs, buckets of one minute, {self.documents} documents a minute each")
        print(f"{'':34}{'s':>8}{'CPU proxy':>11}{'models':>8}{'ES':>8}{'requests':>10}{'a job':>8}")
        with proxy_at(None, self.cluster) as url:
            self._begin(url)
            self._steady(url)
            self._listings(url)
            stopping = time.perf_counter()
        print(f"{'stop of the proxy':34}{time.perf_counter() - stopping:8.1f}", flush=True)
        with proxy_at(None, self.cluster) as url:
            proxy = found(url)
            with self._step(proxy, "take up after a restart"):
                wait_until_ready(url)
            with self._step(proxy, "until all datafeeds are started"):
                self._wait_until(url, lambda: self._started(url) == self.jobs)
            self._steady(url)
            self._end(url)

    def _begin(self, url: str) -> None:
        proxy = found(url)
        feeds, now_ms = f"{url}/_ml/datafeeds", time.time_ns() // 1_000_000
        with self._step(proxy, "put jobs"):
            each(lambda number: done(f"{url}{path(number)}", "PUT", job_of(number)), self.jobs)
        with self._step(proxy, "put datafeeds"):
            each(lambda number: done(f"{feeds}/bench-real-time-{number}", "PUT", feed_of(number)), self.jobs)
        before = memory_of(proxy)
        with self._step(proxy, "open jobs"):
            each(lambda number: done(f"{url}{path(number)}/_open", "POST"), self.jobs)
        self._tell_memory("open, without data", proxy, before)
        fill(self.cluster, self.jobs, PAST_MINUTES + 30, self.documents)
        start = f"_start?start={now_ms - PAST_MINUTES * 60_000}"
        with self._step(proxy, "start datafeeds"):
            each(lambda number: done(f"{feeds}/bench-real-time-{number}/{start}", "POST"), self.jobs)
        with self._step(proxy, f"{self.settle_s} s behind that"):
            time.sleep(self.settle_s)
        self._tell_memory("in real time", proxy, before)

    def _steady(self, url: str) -> None:
        proxy, before = found(url), told(url)
        with self._step(proxy, "real time, a minute", per=self.minutes):
            time.sleep(60 * self.minutes)
        buckets = told(url)["finished_buckets"] - before["finished_buckets"]
        print(f"{'  finished buckets of a job':34}{buckets / self.minutes / self.jobs:8.2f} a minute", flush=True)

    def _listings(self, url: str) -> None:
        proxy = found(url)
        for title, target in (
            ("GET all jobs", "anomaly_detectors"),
            ("_stats of all jobs", "anomaly_detectors/_all/_stats"),
            ("GET all datafeeds", "datafeeds"),
            ("_stats of all datafeeds", "datafeeds/_all/_stats"),
        ):
            with self._step(proxy, title):
                answer = ask(f"{url}/_ml/{target}")
            assert answer["count"] == self.jobs, f"{target} tells {answer['count']}"

    def _end(self, url: str) -> None:
        proxy = found(url)
        with self._step(proxy, "stop all datafeeds"):
            done(f"{url}/_ml/datafeeds/_all/_stop?timeout=30m", "POST")
        with self._step(proxy, "close all jobs"):
            done(f"{url}/_ml/anomaly_detectors/_all/_close", "POST")
        with self._step(proxy, "delete datafeeds"):
            each(lambda number: ask(f"{url}/_ml/datafeeds/bench-real-time-{number}", "DELETE"), self.jobs)
        with self._step(proxy, "delete jobs"):
            each(lambda number: call(url, "DELETE", path(number), may_fail=True), self.jobs)

    @contextmanager
    def _step(self, proxy: Process, title: str, per: int = 1) -> Iterator[None]:
        before = Spent.of(proxy, self.cluster)
        yield
        after = Spent.of(proxy, self.cluster)
        parts = (after.proxy_s - before.proxy_s, after.models_s - before.models_s, after.cluster_s - before.cluster_s)
        grown = Counter({name: count - before.requests.get(name, 0) for name, count in after.requests.items()})
        count = sum(grown.values()) / per
        times = f"{(after.at_s - before.at_s) / per:8.1f}{parts[0] / per:11.1f}"
        times += "".join(f"{part / per:8.1f}" for part in parts[1:])
        print(f"{title:34}{times}{count:10.0f}{count / self.jobs:8.2f}", flush=True)
        if self.shows_routes:
            shown = grown.most_common(SHOWN_ROUTES)
            print("    " + ", ".join(f"{name} {number / per:.0f}" for name, number in shown if number), flush=True)

    def _tell_memory(self, title: str, proxy: Process, before: tuple[int, int]) -> None:
        after = memory_of(proxy)
        parts = [(now - then) / self.jobs / 1000 for now, then in zip(after, before, strict=True)]
        whole = f"all of it {after[0] / 1e6:.0f} and {after[1] / 1e6:.0f} MB"
        print(f"  kB a job, {title}: proxy {parts[0]:.0f}, models {parts[1]:.0f}; {whole}", flush=True)

    def _started(self, url: str) -> int:
        feeds = ask(f"{url}/_ml/datafeeds/_all/_stats")["datafeeds"]
        return sum(feed["state"] == "started" for feed in feeds)

    def _wait_until(self, url: str, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not is_so():
            if time.monotonic() > deadline:
                raise SystemExit(f"[{url}] did not come to it in {DEADLINE_S} s")
            time.sleep(1)


def each(work: Callable[[int], object], jobs: int) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, range(jobs)))


def done(url: str, method: str, body: object = None) -> None:
    """Asks until it is done: a proxy that a busy machine keeps from renewing its lease says 503 for a while."""
    for _ in range(PATIENCE):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
        try:
            urllib.request.urlopen(request, timeout=DEADLINE_S).close()
            return
        except urllib.error.HTTPError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                # What was said to fail may have been done all the same.
                return
            print(f"  {method} {url} was answered 503", flush=True)
            time.sleep(1)
    raise SystemExit(f"{method} {url} was never done")


def found(url: str) -> Process:
    proxy = process_at(url)
    if proxy is None:
        raise SystemExit("the proxy's process cannot be looked into")
    return proxy


def memory_of(proxy: Process) -> tuple[int, int]:
    """Bytes of the proxy's process, and of its children together."""
    return proxy.memory_bytes(), sum(child.memory_bytes() for child in children(proxy))


def job_of(number: int) -> dict[str, object]:
    return {name: value for name, value in config(number).items() if name != "datafeed_config"}


def feed_of(number: int) -> object:
    feed = config(number)["datafeed_config"]
    assert isinstance(feed, dict)
    return {**{name: value for name, value in feed.items() if name != "datafeed_id"}, "job_id": job_id_of(number)}


def job_id_of(number: int) -> str:
    return path(number).rpartition("/")[2]


if __name__ == "__main__":
    main()
