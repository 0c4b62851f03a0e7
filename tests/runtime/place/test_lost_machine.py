"""A machine of a Ray cluster that is gone while its jobs work: they go on elsewhere, and their results are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.config import Config
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.place.ray_session import told
from tests.runtime.test_restart import close, make_job, post, results

pytestmark = pytest.mark.faults
JOBS = [f"of-lost-machine-{number}" for number in range(6)]
CORES = 8


@pytest.fixture
def machine(ray_session: None) -> Iterator[int]:
    """The raylet, which is what a machine is to Ray, of a second machine with more cores than the first."""
    import ray

    address = ray.get_runtime_context().gcs_address
    ray_command = Path(sys.executable).with_name("ray")
    command = [ray_command, "start", f"--address={address}", f"--num-cpus={CORES}", "--object-store-memory=80000000"]
    with subprocess.Popen([*command, "--block"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        wait_until(lambda: len([node for node in ray.nodes() if node["Alive"]]) == 2, 60)
        (raylet,) = [pid for pid in below(started.pid) if "/raylet/raylet" in told(Path(f"/proc/{pid}"), "cmdline")]
        yield raylet
        started.terminate()


def below(pid: int) -> list[int]:
    """The processes that another has started."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in listed.stdout.split()]


def test_jobs_of_a_lost_machine_go_on_with_the_same_results(
    config: Config, start_proxy: Callable[[Config], BackgroundProxy], undisturbed: dict, machine: int
) -> None:
    proxy = start_proxy(replace(config, runtime=replace(config.runtime, workers=2, places="ray")))
    client = HttpClient(proxy.serving.url)
    for job_id in JOBS:
        make_job(client, job_id)
        post(client, job_id, 0, 100)
    assert [place["jobs"] for place in places(client)] == [3, 3]
    there = [pid for pid in below(machine) if told(Path(f"/proc/{pid}"), "cmdline").startswith("ray::PlaceActor")]
    assert there, "one of two actors is on the second machine"
    os.kill(machine, signal.SIGKILL)
    for job_id in JOBS:
        post(client, job_id, 100, 200)
        close(client, job_id)
        assert results(client, job_id) == undisturbed
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in there), 10)
    for job_id in JOBS:
        client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})


def places(client: HttpClient) -> list[dict]:
    return client.get("/_ml/places").json()["places"]
