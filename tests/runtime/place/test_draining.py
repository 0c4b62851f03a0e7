"""Places that are drained while their jobs work: the jobs go on in others, with the results of an undisturbed run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from proxy.cli import main
from proxy.config import Config
from tests.conftest import BackgroundProxy
from tests.http_client import HttpClient
from tests.runtime.datafeeds.sources import wait_until
from tests.runtime.place.ray_session import actors
from tests.runtime.test_restart import close, make_job, model_processes, post, results
from tests.runtime.written import forecast_done

JOBS = ("moved-1", "moved-2", "moved-3")


@pytest.mark.parametrize("kind", ["processes", pytest.param("ray", marks=pytest.mark.faults)])
def test_jobs_of_a_drained_place_go_on_elsewhere_with_the_same_results(
    request: pytest.FixtureRequest,
    config: Config,
    start_proxy: Callable[[Config], BackgroundProxy],
    undisturbed: dict,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    if kind == "ray":
        request.getfixturevalue("ray_session")
    running = actors if kind == "ray" else model_processes
    before = set(running())
    proxy = start_proxy(replace(config, runtime=replace(config.runtime, workers=2, places=kind)))
    url = proxy.serving.url
    client = HttpClient(url)
    for job_id in JOBS:
        make_job(client, job_id)
        post(client, job_id, 0, 120)
    forecast = client.post("/_ml/anomaly_detectors/moved-1/_forecast", query={"duration": "1d"}).json()["forecast_id"]
    first, second = places(client)
    assert sorted([first["jobs"], second["jobs"]]) == [1, 2]
    assert len(set(running()) - before) == 2
    assert main(["nodes", "drain", first["name"], "--url", url]) == 0
    told = capsys.readouterr().out
    assert f"{first['name']}" in told and "drained" in told, told
    assert [(place["state"], place["jobs"]) for place in places(client)] == [("drained", 0), ("running", 3)]
    wait_until(lambda: len(set(running()) - before) == 1, 10)
    for job_id in JOBS:
        post(client, job_id, 120, 160)
    assert main(["nodes", "resume", first["name"], "--url", url]) == 0
    assert main(["nodes", "drain", second["name"], "--url", url]) == 0
    assert [place["jobs"] for place in places(client)] == [3, 0]
    refused = client.post(f"/_ml/places/{first['name']}/_drain")
    assert (refused.status, refused.json()["error"]["type"]) == (409, "status_exception")
    for job_id in JOBS:
        post(client, job_id, 160, 200)
        close(client, job_id)
        assert results(client, job_id) == undisturbed
    assert forecast_done(client, forecast, ".ml-anomalies-moved-1")[-1]["forecast_status"] == "finished"
    # Or it would stay drained for every proxy that comes after.
    assert main(["nodes", "resume", second["name"], "--url", url]) == 0
    for job_id in JOBS:
        client.delete(f"/_ml/anomaly_detectors/{job_id}", query={"force": "true"})


def places(client: HttpClient) -> list[dict]:
    return client.get("/_ml/places").json()["places"]
