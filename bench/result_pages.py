"""What a large page of results costs: ten thousand records through the proxy, against the bare search for them.

`python -m bench.result_pages [--elasticsearch URL] [--proxy URL] [--rounds N]`

Both answer to the last byte; rounds alternate and medians count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import numpy as np

from bench.bucket_documents import START_MS, request
from bench.passthrough import cluster_at, proxy_at

JOB = "bench-pages"
RECORDS = 20_000
PAGE = 10_000
TIE_BREAKERS = ("record_score", "over_field_value", "partition_field_value", "by_field_value", "field_name", "function")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.result_pages", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="a proxy before that cluster; otherwise one is started")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args(argv)
    with cluster_at(args.elasticsearch) as direct, proxy_at(args.proxy, direct) as through:
        compare(direct, through, rounds=args.rounds)


def compare(direct: str, through: str, *, rounds: int) -> None:
    cluster, proxy = ((str(where.hostname), int(where.port or 9200)) for where in map(urlsplit, (direct, through)))
    fill(cluster, proxy)
    try:
        bare, api = [], []
        for number in range(rounds + 1):
            for times, run in ((bare, lambda: search(cluster)), (api, lambda: page(proxy))):
                started = time.perf_counter()
                size = run()
                if number:
                    times.append(time.perf_counter() - started)
        low, high = statistics.median(bare), statistics.median(api)
        print(f"{PAGE:,} records ({size / 1e6:.1f} MB): search {low:.3f} s, API {high:.3f} s, ratio {high / low:.2f}")
    finally:
        request(proxy, "DELETE", f"/_ml/anomaly_detectors/{JOB}?force=true")


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


def fill(cluster: tuple[str, int], proxy: tuple[str, int]) -> None:
    detector = {"function": "mean", "field_name": "responsetime", "by_field_name": "airline"}
    config = {
        "results_index_name": "bench-pages",
        "analysis_config": {"bucket_span": "15m", "influencers": ["airline", "host"], "detectors": [detector]},
        "data_description": {"time_field": "time"},
    }
    request(proxy, "PUT", f"/_ml/anomaly_detectors/{JOB}", raw=json.dumps(config).encode())
    random = np.random.default_rng(1)
    for start in range(0, RECORDS, 5000):
        lines = []
        for number in range(start, start + 5000):
            lines += [{"index": {"_index": f".ml-anomalies-.write-{JOB}"}}, record(number, random)]
        payload = "".join(json.dumps(line) + "\n" for line in lines).encode()
        request(cluster, "POST", "/_bulk", raw=payload)
    request(cluster, "POST", f"/.ml-anomalies-{JOB}/_refresh")


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
