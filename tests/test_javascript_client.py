"""The documentation's update example with the official JavaScript client, as npm delivers it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.http_client import HttpClient

PACKAGE = "@elastic/elasticsearch@8"
SCRIPT = """
const { Client } = require("@elastic/elasticsearch");
const client = new Client({ node: process.argv[2] });
async function main() {
  const response = await client.ml.updateJob({
    job_id: "low_request_rate",
    description: "An updated job",
    detectors: {
      detector_index: 0,
      description: "An updated detector description",
    },
    groups: ["kibana_sample_data", "kibana_sample_web_logs"],
    model_plot_config: {
      enabled: true,
    },
    renormalization_window_days: 30,
    background_persist_interval: "2h",
    model_snapshot_retention_days: 7,
    results_retention_days: 60,
  });
  console.log(JSON.stringify(response));
}
main().catch((error) => { console.error(error); process.exit(1); });
"""
FEEDING = """
const { Client } = require("@elastic/elasticsearch");
const client = new Client({ node: process.argv[2] });
async function main() {
  const put = await client.ml.putDatafeed({ datafeed_id: "feed-js", job_id: "fed_by_js", indices: ["js-source"] });
  const started = await client.ml.startDatafeed({ datafeed_id: "feed-js", start: "2025-01-01T00:00:00Z" });
  const stats = await client.ml.getDatafeedStats({ datafeed_id: "feed-js" });
  const stopped = await client.ml.stopDatafeed({ datafeed_id: "feed-js" });
  console.log(JSON.stringify([put.indices, started.started, stats.datafeeds[0].state, stopped.stopped]));
}
main().catch((error) => { console.error(error); process.exit(1); });
"""


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the client is installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("javascript")
    install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
    try:
        done = subprocess.run(install, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not deliver [{PACKAGE}] in time")
    if done.returncode:
        pytest.skip(f"npm did not deliver [{PACKAGE}]: {done.stderr[-300:]}")
    return folder


def test_the_documented_update_runs_with_the_javascript_client(
    node_folder: Path, client: HttpClient, lanewatch: str
) -> None:
    job = {"analysis_config": {"detectors": [{"function": "count"}]}, "data_description": {"time_field": "timestamp"}}
    client.delete("/_ml/anomaly_detectors/low_request_rate", query={"force": "true"})
    assert client.put("/_ml/anomaly_detectors/low_request_rate", json_body=job).status == 200
    script = node_folder / "update.js"
    script.write_text(SCRIPT)
    ran = subprocess.run(["node", str(script), lanewatch], capture_output=True, text=True, timeout=60, cwd=node_folder)
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["description"] == "An updated job"
    assert answer["analysis_config"]["detectors"][0]["detector_description"] == "An updated detector description"
    assert answer["model_plot_config"] == {"enabled": True, "annotations_enabled": True}
    assert answer["background_persist_interval"] == "2h"
    assert client.delete("/_ml/anomaly_detectors/low_request_rate").status == 200


def test_a_datafeed_is_driven_with_the_javascript_client(
    node_folder: Path, client: HttpClient, cluster_client: HttpClient, lanewatch: str
) -> None:
    job = {"analysis_config": {"detectors": [{"function": "count"}]}, "data_description": {"time_field": "time"}}
    mapping = {"mappings": {"properties": {"time": {"type": "date"}}}}
    client.delete("/_ml/anomaly_detectors/fed_by_js", query={"force": "true"})
    cluster_client.delete("/js-source", query={"ignore_unavailable": "true"})
    assert cluster_client.put("/js-source", json_body=mapping).status == 200
    assert client.put("/_ml/anomaly_detectors/fed_by_js", json_body=job).status == 200
    assert client.post("/_ml/anomaly_detectors/fed_by_js/_open").status == 200
    script = node_folder / "feeding.js"
    script.write_text(FEEDING)
    ran = subprocess.run(["node", str(script), lanewatch], capture_output=True, text=True, timeout=60, cwd=node_folder)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [["js-source"], True, "started", True]
    assert client.delete("/_ml/anomaly_detectors/fed_by_js", query={"force": "true"}).status == 200
