"""What it costs where models live: in processes or on Ray, in one place or two, with many small jobs.

`python -m bench.places [--elasticsearch URL] [--jobs N] [--posts P] [--buckets B] [--only KIND]`; proxies are always
started here, one after the other before the same cluster and the same jobs, and Ray by the proxy itself. Each job is
given so many posts of so many buckets. What is printed beside the figures of one process are ratios to them; a machine
with few cores shows what more places cost, and not what more cores bring.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.error import URLError
from urllib.request import urlopen

from bench.data import call
from bench.many_jobs import children, config, each
from bench.passthrough import cluster_at, proxy_at
from bench.process import Process, process_at

START_MS = 1_700_000_000_000
SPAN_MS = 300_000
TAKE_UP_S = 900
RUNTIMES: Sequence[tuple[str, int]] = (("processes", 1), ("processes", 2), ("ray", 1), ("ray", 2))
# A process by what its command line says, first match.
KINDS = (("models", "proxy.runtime.place.child"), ("actors", "ray::PlaceActor"), ("Ray itself", "ray"))
_METRIC = re.compile(r"^lanewatch_(place_messages|place_message_bytes|finished_buckets)_total(\{.*\})? (\S+)$", re.M)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.places", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--posts", type=int, default=2)
    parser.add_argument("--buckets", type=int, default=12)
    parser.add_argument("--only", choices=("processes", "ray"), help="one of the two kinds of places")
    args = parser.parse_args(argv)
    load = Load(args.jobs, args.posts, args.buckets)
    print(f"{load.jobs} jobs of one series, {load.posts} posts of {load.buckets} buckets each", flush=True)
    with cluster_at(args.elasticsearch) as direct:
        with proxy_of("processes", 1, direct) as through:
            load.make(through)
        first: Figures | None = None
        chosen = [each for each in RUNTIMES if args.only in (None, each[0])]
        for number, (kind, count) in enumerate(chosen, start=1):
            with proxy_of(kind, count, direct) as through:
                found = load.run(through, number)
            first = first or found
            found.show(f"{count} in {kind}" if kind == "processes" else f"{count} on Ray", first)


@contextmanager
def proxy_of(kind: str, count: int, cluster: str) -> Iterator[str]:
    settings = {"LANEWATCH_RUNTIME_PLACES": kind, "LANEWATCH_RUNTIME_WORKERS": str(count)}
    os.environ.update(settings)
    try:
        with proxy_at(None, cluster) as through:
            yield through
    finally:
        for name in settings:
            del os.environ[name]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run: seconds, buckets, seconds of processor time and bytes of memory by kind of process, and messages."""

    take_up_s: float
    took_s: float
    buckets: int
    cpu_s: Mapping[str, float]
    memory: Mapping[str, int]
    messages: float
    message_bytes: float

    def show(self, title: str, first: Figures) -> None:
        print(f"{title}:   (load of the machine {os.getloadavg()[0]:.1f})")
        row("  s until all jobs are taken up", self.take_up_s, first.take_up_s)
        row("  buckets a second", self.buckets / self.took_s, first.buckets / first.took_s)
        row("  ms of the proxy's processor a bucket", self._ms("proxy"), first._ms("proxy"))
        everything = sum(map(self._ms, self.cpu_s))
        row("  ms of all processors a bucket", everything, sum(map(first._ms, first.cpu_s)))
        row("  messages a bucket", self.messages / self.buckets, first.messages / first.buckets)
        row("  bytes of messages a bucket", self.message_bytes / self.buckets, first.message_bytes / first.buckets)
        row("  MB of memory", sum(self.memory.values()) / 1e6, sum(first.memory.values()) / 1e6)
        told = ", ".join(f"{kind} {size / 1e6:.0f}" for kind, size in self.memory.items())
        print(f"    of it {told}", flush=True)

    def _ms(self, kind: str) -> float:
        return 1000 * self.cpu_s.get(kind, 0.0) / self.buckets


def row(title: str, value: float, first: float) -> None:
    print(f"{title:44} {value:10.2f}   {value / first if first else 0:6.2f} x")


@dataclass(frozen=True, slots=True)
class Load:
    jobs: int
    posts: int
    buckets: int

    def make(self, url: str) -> None:
        """Creates and opens the jobs."""

        def one(number: int) -> None:
            call(url, "PUT", path(number), json.dumps(config()).encode())
            call(url, "POST", f"{path(number)}/_open")

        each(one, range(self.jobs))

    def run(self, url: str, number: int) -> Figures:
        """Gives all jobs what is theirs in the run of that number, counted from 1."""
        proxy = process_at(url)
        if proxy is None:
            raise SystemExit("the proxy's process cannot be looked into")
        began = time.perf_counter()
        wait_until_ready(url)
        take_up_s = time.perf_counter() - began
        before, told_before, began = cpu_of(proxy), told(url), time.perf_counter()
        for post in range(self.posts):
            body = self._body((number - 1) * self.posts + post)
            each(partial(post_to, url, body), range(self.jobs))
        took_s = time.perf_counter() - began
        told_after, after = told(url), cpu_of(proxy)
        grown = {name: value - told_before[name] for name, value in told_after.items()}
        return Figures(
            take_up_s,
            took_s,
            int(grown["finished_buckets"]),
            {kind: seconds - before.get(kind, 0.0) for kind, seconds in after.items()},
            memory_of(proxy),
            grown["place_messages"],
            grown["place_message_bytes"],
        )

    def _body(self, post: int) -> bytes:
        first = post * self.buckets
        rows = (
            {"time": START_MS + n * SPAN_MS, "took": 100 + n * 7919 % 13} for n in range(first, first + self.buckets)
        )
        return b"\n".join(json.dumps(each_).encode() for each_ in rows)


def post_to(url: str, body: bytes, job: int) -> None:
    call(url, "POST", f"{path(job)}/_data", body, "application/x-ndjson")


def path(number: int) -> str:
    return f"/_ml/anomaly_detectors/bench-places-{number}"


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + TAKE_UP_S
    while time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/_ml_ui/health"):
                return
        except URLError:
            time.sleep(0.2)
    raise SystemExit("the proxy has not taken up the jobs")


def told(url: str) -> dict[str, float]:
    """The sums of the metrics about messages."""
    with urlopen(f"{url}/_ml_ui/metrics") as answer:
        text = answer.read().decode()
    sums: dict[str, float] = {"place_messages": 0.0, "place_message_bytes": 0.0, "finished_buckets": 0.0}
    for name, _, value in _METRIC.findall(text):
        sums[name] += float(value)
    return sums


def kind_of(process: Process) -> str:
    command = (process.folder / "cmdline").read_text().replace("\0", " ")
    return next((kind for kind, sign in KINDS if sign in command), "others")


def cpu_of(proxy: Process) -> dict[str, float]:
    spent = {"proxy": proxy.cpu_s()}
    for child in children(proxy):
        kind = kind_of(child)
        spent[kind] = spent.get(kind, 0.0) + child.cpu_s()
    return spent


def memory_of(proxy: Process) -> dict[str, int]:
    held: Counter[str] = Counter({"proxy": proxy.memory_bytes()})
    for child in children(proxy):
        held[kind_of(child)] += child.memory_bytes()
    return dict(held)


if __name__ == "__main__":
    main()
