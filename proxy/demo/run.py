"""Puts the demo on its feet: a cluster, the proxy as a process of its own before it, then the story."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError, URLError

from rich.console import Console

from proxy.cluster.at_hand import ClusterAtHand, cluster_at_hand
from proxy.cluster.node import die_with_parent, stop_process
from proxy.config import Config, ElasticsearchConfig
from proxy.config_loading import ENV_PREFIX
from proxy.demo.flights import FlightsMissing, data_folder
from proxy.demo.story import tell
from proxy.serving import refuse_used_address, url_host

_START_TIMEOUT_S = 30


def run(args: argparse.Namespace, config: Config) -> int:
    """The demo from nothing to its table; goes on serving afterwards unless ``args.exit``."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        data_folder()
    except FlightsMissing as error:
        print(f"lanewatch: {error}", file=sys.stderr)
        return 1
    port = refuse_used_address(config.server)
    started = time.monotonic()
    with (
        cluster_at_hand(config, data_dir=args.data, port=args.es_port, report=console.print) as cluster,
        _proxy(args, cluster, port) as (process, url),
    ):
        tell(url, console)
        console.print(f"Done in {time.monotonic() - started:.0f} s.")
        if args.exit:
            return 0
        if page := cluster.config.page.path:
            console.print(f"See the storms in the swim lanes: {url}{page}/explorer")
        console.print(f"Lanewatch goes on serving at {url} (Ctrl-C stops it).")
        return process.wait()


@contextmanager
def _proxy(
    args: argparse.Namespace, cluster: ClusterAtHand, port: int
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    host = cluster.config.server.host
    command = [sys.executable, "-m", "proxy", "serve", "--host", host, "--port", str(port)]
    for node in cluster.config.elasticsearch.hosts:
        command += ["--elasticsearch", node]
    if args.config:
        command += ["--config", args.config]
    url = f"http://{url_host(host)}:{port}"
    environment = os.environ | _credentials(cluster.config.elasticsearch)
    # Its own greeting would stand in the middle of the report; its complaints go to stderr as ever.
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        preexec_fn=die_with_parent(),
        start_new_session=True,
    )
    try:
        _wait_until_answering(process, url)
        yield process, url
    finally:
        stop_process(process)


def _credentials(elasticsearch: ElasticsearchConfig) -> dict[str, str]:
    """What the hosts on the command line no longer tell, where no list of processes shows it."""
    given = {"USERNAME": elasticsearch.username, "PASSWORD": elasticsearch.password}
    return {f"{ENV_PREFIX}ELASTICSEARCH_{name}": value for name, value in given.items() if value is not None}


def _wait_until_answering(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_ml/info", timeout=5):
                return
        except HTTPError:
            return
        except (URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("lanewatch: the proxy did not start, its own message stands above")
