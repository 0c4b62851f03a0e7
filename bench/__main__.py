"""`python -m bench`, or `make bench`: what the proxy costs, on one cluster and through one proxy.

Each bench also runs alone: `python -m bench.passthrough`, `bench.overall_buckets`, `bench.result_pages`, `bench.data`,
`bench.extraction`, `bench.datafeeds`, `bench.real_time_jobs`. `bench.fleet` and `bench.places` take long and run
only so.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from bench import data, datafeeds, extraction, overall_buckets, passthrough, real_time_jobs, result_pages


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("--elasticsearch", metavar="URL", help="a cluster without security; otherwise one is started")
    parser.add_argument("--proxy", metavar="URL", help="a proxy before that cluster; otherwise one is started")
    args = parser.parse_args(argv)
    with (
        passthrough.cluster_at(args.elasticsearch) as direct,
        passthrough.proxy_at(args.proxy, direct) as through,
    ):
        addresses = ["--elasticsearch", direct, "--proxy", through]
        passthrough.main(addresses)
        print()
        overall_buckets.main(addresses)
        print()
        result_pages.main(addresses)
        print()
        data.main(addresses)
        print()
        extraction.main(addresses)
        print()
        datafeeds.main(addresses)
        print()
        real_time_jobs.main(addresses)


if __name__ == "__main__":
    main()
