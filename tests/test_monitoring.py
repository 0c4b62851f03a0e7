"""The files of docs/monitoring with a real Prometheus: it takes the rules and finds every metric that they ask for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.api.passing.wire import free_port
from tests.http_client import HttpClient
from tests.runtime.datafeeds import sources

DOCS = Path(__file__).parents[1] / "docs" / "monitoring"
needs_prometheus = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
_METRIC = re.compile(r"\b(lanewatch_[a-z_]+)")


def expressions() -> list[str]:
    rules = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"][0]["rules"]
    panels = json.loads((DOCS / "dashboard.json").read_text())["panels"]
    return [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]


@needs_prometheus
def test_prometheus_takes_the_rules() -> None:
    checked = subprocess.run(["promtool", "check", "rules", DOCS / "alerts.yaml"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture
def in_real_time(client: HttpClient, cluster_client: HttpClient) -> Iterator[None]:
    """An open job that is an hour behind the clock, and whose datafeed has come to its source's end."""
    last_ms = int(time.time() * 1000) - 3_600_000
    sources.index(cluster_client, "watched-source", [{"time": last_ms - n * 60_000, "took": 1} for n in range(200)])
    detectors = [{"function": "mean", "field_name": "took"}]
    job = {"analysis_config": {"bucket_span": "5m", "detectors": detectors}, "data_description": {"time_field": "time"}}
    datafeed_id = sources.make(client, "watched", job, {"indices": ["watched-source"]})
    sources.start(client, datafeed_id)
    sources.wait_until(lambda: "lanewatch_job_lag_seconds{" in client.get("/_ml_ui/metrics").text, 30)
    yield
    client.post(f"/_ml/datafeeds/{datafeed_id}/_stop", query={"force": "true"})
    client.delete("/_ml/anomaly_detectors/watched", query={"force": "true"})
    cluster_client.delete("/watched-source")


@needs_prometheus
@pytest.mark.usefixtures("in_real_time")
def test_prometheus_scrapes_what_rules_and_dashboard_ask_for(client: HttpClient, tmp_path: Path) -> None:
    assert client.get("/_ml/anomaly_detectors").status == 200
    with prometheus(client.address, tmp_path) as asked:
        for expression in expressions():
            assert asked.get("/api/v1/query", query={"query": expression}).json()["status"] == "success", expression
        named = {name for expression in expressions() for name in _METRIC.findall(expression)}
        wait_until_scraped(asked)
        known = set(asked.get("/api/v1/label/__name__/values").json()["data"])
        assert named <= known, "a metric is asked for that nobody tells"
        lag = asked.get("/api/v1/query", query={"query": 'lanewatch_job_lag_seconds{quantile="1"}'}).json()["data"]
        assert 3500 < float(lag["result"][0]["value"][1]) < 4000
        firing = {alert["labels"]["alertname"] for alert in asked.get("/api/v1/alerts").json()["data"]["alerts"]}
        assert "LanewatchDown" not in firing


def wait_until_scraped(asked: HttpClient) -> None:
    for _ in range(200):
        found = asked.get("/api/v1/query", query={"query": 'up{job="lanewatch"}'}).json()["data"]["result"]
        if [sample["value"][1] for sample in found] == ["1"]:
            return
        time.sleep(0.1)
    raise AssertionError("nothing was scraped")


@contextmanager
def prometheus(scraped: str, folder: Path) -> Iterator[HttpClient]:
    settings = yaml.safe_load((DOCS / "prometheus.yaml").read_text())
    settings["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    settings["scrape_configs"][0]["static_configs"][0]["targets"] = [scraped]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(settings))
    shutil.copy(DOCS / "alerts.yaml", folder)
    port = free_port()
    process = subprocess.Popen(
        ["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
         f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        asked = HttpClient(f"http://127.0.0.1:{port}")
        wait_until_ready(asked)
        yield asked
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(asked: HttpClient) -> None:
    for _ in range(200):
        try:
            if asked.get("/-/ready").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError("Prometheus does not start")
