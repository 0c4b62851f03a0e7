"""What a large page of results costs: ten thousand records through the proxy, against the bare search for them.

`python -m bench.result_pages [--elasticsearch URL] [--proxy URL] [--rounds N]`

Both answer to the last byte; rounds alternate and medians count. Processor time is the cluster's and the proxy's
together, where they run on this machine. Records are stored as the product stores them; then some, and at last all,
are rewritten as a client would.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

from bench.bucket_documents import START_MS, request
from bench.passthrough import cluster_at, proxy_at
from bench.process import Process, process_at
from proxy.store.results.pages import stored_form

JOB = "bench-pages"
RECORDS = 20_000
PAGE = 10_000
RECORDS_PER_BULK = 5_000
WARM_UP_ROUNDS = 3
TIE_BREAKERS = ("record_score", "over_field_value", "partition_field_value", "by_field_value", "field_name", "function")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.result_pages", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="a proxy before that cluster; otherwise one is started")
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args(argv)
    with cluster_at(args.elasticsearch) as direct, proxy_at(args.proxy, direct) as through:
        compare(direct, through, rounds=args.rounds)


@dataclass(frozen=True, slots=True)
class Costs:
    """Of each round: seconds on the clock, and of processors."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def compare(direct: str, through: str, *, rounds: int) -> None:
    cluster, proxy = ((str(where.hostname), int(where.port or 9200)) for where in map(urlsplit, (direct, through)))
    servers = [server for server in map(process_at, (direct, through)) if server is not None]
    make_job(proxy)
    try:
        heading = f"a page of {PAGE:,} records"
        print(f"{heading:34} {'MB':>5} {'search s':>9} {'API s':>7} {'ratio':>6} {'ratio of CPU':>13}")
        for title, every in (("all as the product wrote them", 0), ("one in ten rewritten", 10), ("all rewritten", 1)):
            fill(cluster, every)
            bare, api, size = measured(cluster, proxy, servers, rounds=rounds)
            low, high = statistics.median(bare.wall), statistics.median(api.wall)
            cpu = f"{sum(api.cpu) / sum(bare.cpu):13.2f}" if len(servers) == 2 else f"{'-':>13}"
            print(f"{title:34} {size / 1e6:5.1f} {low:9.3f} {high:7.3f} {high / low:6.2f} {cpu}", flush=True)
    finally:
        request(proxy, "DELETE", f"/_ml/anomaly_detectors/{JOB}?force=true")


def measured(
    cluster: tuple[str, int], proxy: tuple[str, int], servers: Sequence[Process], *, rounds: int
) -> tuple[Costs, Costs, int]:
    """What the bare search and the API cost, and the bytes of the API's answer; the first rounds warm up."""
    bare, api = Costs(), Costs()
    runs: tuple[tuple[Costs, Callable[[], int]], ...] = ((bare, lambda: search(cluster)), (api, lambda: page(proxy)))
    size = 0
    for number in range(rounds + WARM_UP_ROUNDS):
        for costs, run in runs:
            cpu, started = sum(server.cpu_s() for server in servers), time.perf_counter()
            size = run()
            if number >= WARM_UP_ROUNDS:
                costs.wall.append(time.perf_counter() - started)
                costs.cpu.append(sum(server.cpu_s() for server in servers) - cpu)
    return bare, api, size


def search(cluster: tuple[str, int]) -> int:
    body = {
        "size": PAGE,
        "track_total_hits": True,
        "query": {"bool": {"filter": [{"term": {"result_type": "record"}}]}},
        "sort": [{"record_score": {"order": "desc", "missing": "_last"}}, *({name: "desc"} for name in TIE_BREAKERS)],
    }
    return len(request(cluster, "POST", f"/.ml-anomalies-{JOB}/_search", body))


def page(proxy: tuple[str, int]) -> int:
    return len(request(proxy, "GET", f"/_ml/anomaly_detectors/{JOB}/results/records?size={PAGE}"))


def make_job(proxy: tuple[str, int]) -> None:
    detector = {"function": "mean", "field_name": "responsetime", "by_field_name": "airline"}
    config = {
        "results_index_name": "bench-pages",
        "analysis_config": {"bucket_span": "15m", "influencers": ["airline", "host"], "detectors": [detector]},
        "data_description": {"time_field": "time"},
    }
    request(proxy, "PUT", f"/_ml/anomaly_detectors/{JOB}", raw=json.dumps(config).encode())


def fill(cluster: tuple[str, int], rewritten_every: int) -> None:
    """Writes all records; each time over those of before."""
    for payload in payloads(rewritten_every):
        answer = request(cluster, "POST", "/_bulk?filter_path=errors", raw=payload)
        if b'"errors":false' not in answer:
            raise RuntimeError(f"bulk: {answer[:500]!r}")
    request(cluster, "POST", f"/.ml-anomalies-{JOB}/_forcemerge?max_num_segments=1")
    request(cluster, "POST", f"/.ml-anomalies-{JOB}/_refresh")


def payloads(rewritten_every: int) -> Iterator[bytes]:
    random = np.random.default_rng(1)
    for start in range(0, RECORDS, RECORDS_PER_BULK):
        lines = []
        for number in range(start, start + RECORDS_PER_BULK):
            document = record(number, random)
            is_rewritten = rewritten_every > 0 and number % rewritten_every == 0
            source = json.dumps(document).encode() if is_rewritten else stored_form(document)
            lines.append(
                b'{"index":{"_index":".ml-anomalies-.write-%b","_id":"%d"}}\n' % (JOB.encode(), number) + source
            )
        yield b"\n".join(lines) + b"\n"


def record(number: int, random: np.random.Generator) -> dict[str, object]:
    """A record as a job with a by field and two influencers writes it."""
    airline, host = f"airline-{number % 97}", f"host-{number % 13}"
    typical, actual = random.gamma(2.0, 50.0), random.gamma(2.0, 500.0)
    score = float(random.exponential(19.0))
    explanation = {
        "anomaly_type": "spike",
        "single_bucket_impact": 30,
        "lower_confidence_bound": typical * 0.8,
        "typical_value": typical,
        "upper_confidence_bound": typical * 1.2,
    }
    return {
        "job_id": JOB,
        "result_type": "record",
        "probability": float(random.random() ** 20),
        "multi_bucket_impact": -5.0,
        "record_score": score,
        "initial_record_score": score * 1.1,
        "bucket_span": 900,
        "detector_index": 0,
        "is_interim": False,
        "timestamp": START_MS + number // 10 * 900_000,
        "event": {"ingested": START_MS + number // 10 * 900_000},
        "by_field_name": "airline",
        "by_field_value": airline,
        "function": "mean",
        "function_description": "mean",
        "typical": [typical],
        "actual": [actual],
        "field_name": "responsetime",
        "influencers": [
            {"influencer_field_name": "airline", "influencer_field_values": [airline]},
            {"influencer_field_name": "host", "influencer_field_values": [host]},
        ],
        "anomaly_score_explanation": explanation,
        "airline": [airline],
        "host": [host],
    }


if __name__ == "__main__":
    main()
