"""A place that has just come takes jobs of a full one while they work, and the results are those of an undisturbed run.

Which jobs go where is a rule of its own, tested in ``test_spreading``. The short form counts places as uneven that
differ by a job or two; the long one has so many jobs that they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.config import Config
from proxy.runtime.place import spreading
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.test_restart import close, make_job, post, results

MIB = 1 << 20


@pytest.mark.parametrize(
    ("count", "alike_bytes"), [(2, MIB), pytest.param(36, spreading._ALIKE_BYTES, marks=pytest.mark.faults)]
)
def test_jobs_of_a_full_place_go_on_in_an_empty_one_with_the_same_results(
    config: Config,
    start_proxy: Callable[[Config], BackgroundProxy],
    undisturbed: dict,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    alike_bytes: int,
) -> None:
    monkeypatch.setattr(spreading, "_ALIKE_BYTES", alike_bytes)
    proxy = start_proxy(replace(config, runtime=replace(config.runtime, workers=2)))
    client = HttpClient(proxy.serving.url)
    jobs = [f"evened-{number}" for number in range(count)]
    full, empty = (place["name"] for place in client.get("/_ml/places").json()["places"])
    client.post(f"/_ml/places/{empty}/_drain")
    for job_id in jobs:
        make_job(client, job_id)
        post(client, job_id, 0, 120)
    assert held(client) == {full: count, empty: 0}
    client.post(f"/_ml/places/{empty}/_resume")
    # More data come while jobs are being moved.
    deadline, first = time.monotonic() + 60, 120
    while not are_alike(held(client), count):
        assert time.monotonic() < deadline, held(client)
        if first < 160:
            for job_id in jobs:
                post(client, job_id, first, first + 4)
            first += 4
        time.sleep(0.2)
    for job_id in jobs:
        post(client, job_id, first, 200)
        close(client, job_id)
        assert results(client, job_id) == undisturbed
        client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})


def held(client: HttpClient) -> dict[str, int]:
    return {place["name"]: place["jobs"] for place in client.get("/_ml/places").json()["places"]}


def are_alike(jobs: dict[str, int], count: int) -> bool:
    """Whether the place that had none has its half, or as much as makes no difference any more."""
    return min(jobs.values()) >= max(1, count // 3)
