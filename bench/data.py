"""What posting data costs end to end: JSON lines over HTTP to one open job, as records per second.

`python -m bench.data [--elasticsearch URL] [--proxy URL]`; what is not given is started here. The same lines are also
indexed into the cluster by `_bulk`, and the ratio of the two is printed: an analysis should not be slower than storing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from bench.passthrough import cluster_at, proxy_at

JOB, INDEX = "bench-data", "bench-data"
START_MS = 1_700_000_000_000
PAGE = 50_000


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.data", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="a proxy before that cluster; otherwise one is started")
    parser.add_argument("--records", type=int, default=500_000)
    args = parser.parse_args(argv)
    with cluster_at(args.elasticsearch) as direct, proxy_at(args.proxy, direct) as through:
        print(f"posting {args.records:,} records of 5 fields, 50 hosts, to one job by pages of {PAGE:,}")
        print(f"{'':34} {'records/s':>10} {'/ _bulk':>8}")
        stored = bulk_rate(direct, args.records)
        print(f"{'indexed by _bulk, direct':34} {stored:10,.0f} {1:8.2f}")
        for title, per_second, partition in (
            ("analysed, 10 records a second", 10, None),
            ("analysed, 100 records a second", 100, None),
            ("analysed, 100 a second, by host", 100, "host"),
        ):
            rate = data_rate(through, args.records, per_second, partition)
            print(f"{title:34} {rate:10,.0f} {rate / stored:8.2f}", flush=True)


def lines(first: int, last: int, per_second: int) -> bytes:
    rows = (
        json.dumps(
            {
                "time": START_MS + number * 1000 // per_second,
                "host": f"host-{number % 50}",
                "status": 200,
                "took": round(100 + 50 * math.sin(number / per_second / 13751) + number * 7919 % 101 / 10, 3),
                "path": f"/shop/{number % 977}",
            }
        )
        for number in range(first, last)
    )
    return "\n".join(rows).encode() + b"\n"


def bulk_rate(url: str, records: int) -> float:
    call(url, "DELETE", f"/{INDEX}?ignore_unavailable=true")
    call(url, "PUT", f"/{INDEX}", b'{"settings":{"number_of_replicas":0}}')
    took = 0.0
    for first in range(0, records, 5000):
        body = b"".join(b'{"index":{}}\n' + line + b"\n" for line in lines(first, first + 5000, 10).splitlines())
        took += call(url, "POST", f"/{INDEX}/_bulk", body, "application/x-ndjson")
    call(url, "DELETE", f"/{INDEX}")
    return records / took


def data_rate(url: str, records: int, per_second: int, partition: str | None) -> float:
    detector = {"function": "mean", "field_name": "took"} | ({"partition_field_name": partition} if partition else {})
    job = {
        "analysis_config": {"bucket_span": "5m", "detectors": [detector], "influencers": ["host"]},
        "data_description": {"time_field": "time", "time_format": "epoch_ms"},
    }
    call(url, "DELETE", f"/_ml/anomaly_detectors/{JOB}?force=true", may_fail=True)
    call(url, "PUT", f"/_ml/anomaly_detectors/{JOB}", json.dumps(job).encode())
    call(url, "POST", f"/_ml/anomaly_detectors/{JOB}/_open")
    took = 0.0
    for first in range(0, records, PAGE):
        body = lines(first, min(first + PAGE, records), per_second)
        took += call(url, "POST", f"/_ml/anomaly_detectors/{JOB}/_data", body, "application/x-ndjson")
    call(url, "DELETE", f"/_ml/anomaly_detectors/{JOB}?force=true")
    return records / took


def call(
    url: str,
    method: str,
    path: str,
    body: bytes | None = None,
    kind: str = "application/json",
    *,
    may_fail: bool = False,
) -> float:
    """Seconds that a request took."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
    headers = {"content-type": kind} if body is not None else {}
    started = time.perf_counter()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    took = time.perf_counter() - started
    connection.close()
    if answer.status >= 300 and not may_fail:
        raise SystemExit(f"{method} {path} answered {answer.status}: {text[:500].decode()}")
    return took


if __name__ == "__main__":
    main()
