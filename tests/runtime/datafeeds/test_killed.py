"""A lookback that is killed at any moment ends as if nothing had happened, although no page of it is journalled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import Document, hours_of_two_hosts, index, job_stats, make, start, wait_until
from tests.runtime.test_restart import free_port, results, wait_until_answering

SOURCE = "source-killed"
JOB = {
    "analysis_config": {
        "bucket_span": "1h",
        "detectors": [{"function": "mean", "field_name": "took", "partition_field_name": "host"}],
        "influencers": ["host"],
    },
    "data_description": {"time_field": "time", "time_format": "epoch_ms"},
}
# Small pages, so that there are many moments between two of them.
DATAFEED = {"indices": [SOURCE], "scroll_size": 200}
HOURS, EACH = 500, 20
KILLS = ("proxy", "place", "proxy", "place", "place")
# Of the counts: when it happened.
MOMENTS = ("job_id", "last_data_time", "log_time")


@pytest.fixture(scope="module")
def undisturbed(client: HttpClient, cluster_client: HttpClient) -> Iterator[tuple[Document, Document]]:
    """The results and the counts of a run that nothing happens to."""
    index(cluster_client, SOURCE, hours_of_two_hosts(HOURS, EACH))
    datafeed_id = make(client, "fed-undisturbed", JOB, DATAFEED)
    start(client, datafeed_id, end="now")
    wait_until(lambda: job_stats(client, "fed-undisturbed")["state"] == "closed", 120)
    found = results(client, "fed-undisturbed")
    assert found["records"], "the wild hour must be found, or the comparison says nothing"
    yield found, counts(client, "fed-undisturbed")
    client.delete("/_ml/anomaly_detectors/fed-undisturbed", query={"force": "true"})
    cluster_client.delete(f"/{SOURCE}")


def counts(client: HttpClient, job_id: str) -> Document:
    return {name: value for name, value in job_stats(client, job_id)["data_counts"].items() if name not in MOMENTS}


class Proxy:
    """A proxy as a process of its own, which is killed and started again."""

    def __init__(self, cluster_url: str) -> None:
        self._port = free_port()
        command = ["serve", "--elasticsearch", cluster_url, "--port", str(self._port)]
        self._command = [sys.executable, "-m", "proxy", *command]
        self.client = HttpClient(f"http://127.0.0.1:{self._port}")
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)
        wait_until_answering(self._port)

    def kill(self) -> None:
        """Its place dies with it."""
        self._process.kill()
        self._process.wait()

    def kill_place(self) -> None:
        # ps says by its status that there is none: for a moment, where it has just been killed.
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True, check=False
        )
        for pid in listed.stdout.split():
            os.kill(int(pid), signal.SIGKILL)


@pytest.mark.scenario(4)
def test_a_lookback_killed_at_random_moments_ends_as_an_undisturbed_one(
    cluster_url: str, undisturbed: tuple[Document, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANEWATCH_RUNTIME_CHECKPOINT_INTERVAL", "500ms")
    seed = random.randrange(2**32)
    print(f"moments by seed {seed}")
    moments = random.Random(seed)
    proxy = Proxy(cluster_url)
    try:
        start(proxy.client, make(proxy.client, "fed-killed", JOB, DATAFEED), end="now")
        for kind in KILLS:
            wait_for_progress(proxy.client)
            time.sleep(moments.uniform(0, 1))
            if kind == "place":
                proxy.kill_place()
            else:
                proxy.kill()
                proxy.start()
        wait_until(lambda: job_stats(proxy.client, "fed-killed")["state"] == "closed", 120)
        assert (results(proxy.client, "fed-killed"), counts(proxy.client, "fed-killed")) == undisturbed
        proxy.client.delete("/_ml/anomaly_detectors/fed-killed", query={"force": "true"})
    finally:
        proxy.kill()


def wait_for_progress(client: HttpClient) -> None:
    """Until more has been read than when it was asked first, or all."""

    def read() -> tuple[str, int]:
        stats = job_stats(client, "fed-killed")
        return stats["state"], stats["data_counts"]["processed_record_count"]

    _, before = read()
    wait_until(lambda: read()[0] == "closed" or read()[1] > before, 60)
