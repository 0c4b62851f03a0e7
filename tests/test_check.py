"""`lanewatch check` on real clusters: each fault has its line, its advice and an exit code."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from proxy.check.indices import mapping_faults
from proxy.check.nodes import licence_finding, node_findings
from proxy.cli import main
from tests.conftest import PASSWORD, ROLES
from tests.http_client import HttpClient
from tests.runtime.test_restart import JOB, records
from tests.test_cli import RunningCommand, used_port

CHECKED = {"reach", "security", "licence", "clock", "memory", "disk", "indices", "processors"}


@pytest.fixture(autouse=True)
def usual_names(monkeypatch):
    """The indices of the session's proxy, and not those that proxies of other tests have."""
    monkeypatch.delenv("LANEWATCH_INDICES_CONFIG")


@pytest.fixture
def check(capsys, monkeypatch):
    """Runs the command with settings from the environment; returns the exit code, and findings by what was checked."""

    def run(url: str, settings: Mapping[str, str] | None = None) -> tuple[int, dict[str, list[dict[str, str]]]]:
        for name, value in (settings or {}).items():
            monkeypatch.setenv(f"LANEWATCH_{name}", value)
        capsys.readouterr()
        code = main(["check", "--json", "--elasticsearch", url])
        found: dict[str, list[dict[str, str]]] = {}
        for finding in json.loads(capsys.readouterr().out):
            found.setdefault(finding["check"], []).append(finding)
        return code, found

    return run


def as_user(user: str, password: str = PASSWORD) -> dict[str, str]:
    return {"ELASTICSEARCH_USERNAME": user, "ELASTICSEARCH_PASSWORD": password}


def test_a_sound_deployment_has_nothing_wrong(check, cluster_url):
    code, found = check(cluster_url, {"INDICES_RESULTS_PREFIX": ".ml-none-", **own_indices("sound")})
    assert found.keys() == CHECKED
    wrong = [each for findings in found.values() for each in findings if each["level"] == "error"]
    assert (code, wrong) == (0, [])


def test_findings_are_lines_for_people_as_well(capsys, cluster_url):
    assert main(["check", "--elasticsearch", cluster_url]) in (0, 1)
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"ok {6}reach {8}\[http://127.0.0.1:\d+\] is Elasticsearch \[8\.[\d.]+\], cluster \[.*\]", lines[0]
    )
    assert all(re.match(r"(ok|warning|error) +[a-z]+ +\S", line) for line in lines)


def test_the_role_of_the_readme_is_enough(check, secured_cluster_url):
    readme = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    shown = re.search(r"PUT /_security/role/lanewatch\n(.*?)```", readme, re.DOTALL)
    assert shown is not None
    assert json.loads(shown[1]) == yaml.safe_load(ROLES)["lanewatch"]
    code, found = check(secured_cluster_url, as_user("lanewatch"))
    assert [each["level"] for each in found["privileges"]] == ["ok"]
    assert code == 0, found


def test_who_has_that_role_runs_jobs_and_callers_need_no_more_than_theirs(secured_cluster_url, monkeypatch):
    monkeypatch.setenv("LANEWATCH_INDICES_CONFIG", "lanewatch-of-role-config")
    for name, value in as_user("lanewatch").items():
        monkeypatch.setenv(f"LANEWATCH_{name}", value)
    pair = base64.b64encode(f"ml_admin:{PASSWORD}".encode()).decode()
    headers, path = {"Authorization": f"Basic {pair}"}, "/_ml/anomaly_detectors/of-the-role"
    with RunningCommand("serve", "--port", "0", "--elasticsearch", secured_cluster_url) as command:
        client = HttpClient(command.url)
        for method, asked, given in (
            ("PUT", path, {"json_body": JOB}),
            ("POST", f"{path}/_open", {}),
            ("POST", f"{path}/_data", {"ndjson": records(0, 30)}),
            ("POST", f"{path}/_close", {}),
            ("GET", f"{path}/results/buckets", {}),
        ):
            answer = client.request(method, asked, headers=headers, **given)
            assert answer.status in (200, 202), answer.text
        assert answer.json()["count"] == 29
        assert client.delete(path, headers=headers).status == 200
        assert client.get(path).status == 401


def test_missing_rights_are_listed(check, secured_cluster_url):
    code, found = check(secured_cluster_url, as_user("weak"))
    assert "privileges" in found, found
    (finding,) = found["privileges"]
    assert (code, finding["level"]) == (1, "error")
    assert finding["text"].startswith(
        "[weak] lacks the cluster privileges [manage_ml] and the index privilege [all] on [.ml-"
    )
    assert "lanewatch-config" not in finding["text"]
    assert "README" in finding["advice"]


def test_an_identity_without_any_right_gets_the_whole_list(check, secured_cluster_url):
    code, found = check(secured_cluster_url, as_user("nobody"))
    assert [each["level"] for each in found["reach"]] == ["ok"], found
    assert "privileges" in found, found
    (finding,) = found["privileges"]
    assert (code, finding["level"]) == (1, "error")
    assert "[nobody] lacks the cluster privileges [monitor, manage_ml] and " in finding["text"]
    led_by = "lanewatch-config-epoch-*, lanewatch-config-lease, lanewatch-config-lease-document"
    named = f"lanewatch-config, lanewatch-config-documents, {led_by}, lanewatch-journal, lanewatch-journal-write]"
    assert named in finding["text"]


def test_an_unknown_identity_is_told(check, secured_cluster_url):
    code, found = check(secured_cluster_url, as_user("lanewatch", "wrong"))
    (finding,) = [each for findings in found.values() for each in findings if each["level"] == "error"]
    assert (code, finding["check"]) == (1, "cluster")
    assert "the cluster does not know Lanewatch's own identity" in finding["text"]
    assert "wrong" not in finding["text"]


def test_what_is_no_elasticsearch_is_told(check, lanewatch):
    code, found = check(f"{lanewatch}/_ml_ui/health/live?")
    assert (code, [each["level"] for each in found["reach"]]) == (1, ["error"])


def test_a_host_that_is_not_there_is_told_of_beside_those_that_are(capsys, cluster_url):
    with used_port() as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert main(["check", "--json", "--elasticsearch", cluster_url, "--elasticsearch", dead]) == 1
    reached = [each for each in json.loads(capsys.readouterr().out) if each["check"] == "reach"]
    assert [each["level"] for each in reached] == ["ok", "error"]
    assert dead in reached[1]["text"]


def own_indices(name: str) -> dict[str, str]:
    """Settings for indices that no other test has."""
    kinds = ("config", "journal", "notifications", "state", "annotations")
    return {f"INDICES_{kind.upper()}": f"lanewatch-{name}-{kind}" for kind in kinds}


@pytest.fixture
def wrong_index(cluster_client: HttpClient) -> Iterator[str]:
    """An index for jobs such as a cluster makes by itself for the first document that is written to it."""
    index = own_indices("wrong")["INDICES_CONFIG"]
    body = {"mappings": {"properties": {"job_id": {"type": "text"}}}, "settings": {"index.blocks.write": True}}
    assert cluster_client.put(f"/{index}", json_body=body).status == 200
    yield index
    cluster_client.delete(f"/{index}")


def test_wrong_mappings_blocks_and_absent_indices_are_told(check, cluster_url, wrong_index):
    code, found = check(cluster_url, {"INDICES_RESULTS_PREFIX": ".ml-none-", **own_indices("wrong")})
    (mapping,) = found["mappings"]
    assert f"[{wrong_index}] " in mapping["text"]
    assert "has [job_id] as [text] instead of [keyword]" in mapping["text"]
    told = {each["text"]: each["level"] for each in found["indices"]}
    assert told[f"[{wrong_index}] is blocked by [index.blocks.write]"] == "error"
    assert told["[lanewatch-wrong-journal] is not there"] == "warning"
    assert code == 1


def test_a_job_without_its_aliases_is_told(check, client, cluster_client, cluster_url, reset_jobs):
    reset_jobs()
    job = {"analysis_config": {"bucket_span": "1h", "detectors": [{"function": "count"}]}, "data_description": {}}
    assert client.put("/_ml/anomaly_detectors/unaliased", json_body=job).status == 200
    code, found = check(cluster_url)
    assert (code, [each["level"] for each in found["indices"]]) == (0, ["ok"]), found
    gone = cluster_client.delete("/.ml-anomalies-shared/_alias/.ml-anomalies-unaliased")
    assert gone.status == 200, gone.text
    code, found = check(cluster_url)
    (alias,) = found["aliases"]
    assert (code, alias["level"]) == (1, "error")
    assert "job [unaliased] lacks [.ml-anomalies-unaliased]" in alias["text"]
    reset_jobs()


def test_serve_says_once_which_rights_are_missing(secured_cluster_url, tmp_path, monkeypatch):
    for name, value in as_user("weak").items():
        monkeypatch.setenv(f"LANEWATCH_{name}", value)
    arguments = ("serve", "--port", "0", "--elasticsearch", secured_cluster_url)
    with (tmp_path / "log").open("w") as log, RunningCommand(*arguments, log=log):
        wait_for(tmp_path / "log", "Lanewatch's own user [weak] lacks the cluster privileges [manage_ml]")
    assert (tmp_path / "log").read_text().count("own user [weak] lacks") == 1


def wait_for(file: Path, text: str, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while text not in file.read_text():
        assert time.monotonic() < until, file.read_text()
        time.sleep(0.1)


# Rules that no cluster at hand breaks.


@pytest.mark.parametrize(
    ("ml", "prefix", "level"),
    [
        ({"available": True, "enabled": True}, ".ml-anomalies-", "error"),
        ({"available": True, "enabled": True}, ".ml-anomalies-ours-", "ok"),
        ({"available": False, "enabled": True}, ".ml-anomalies-", "ok"),
        ({"available": True, "enabled": False}, ".ml-anomalies-", "ok"),
    ],
)
def test_two_machine_learnings_may_not_share_an_index(ml, prefix, level):
    assert licence_finding({"features": {"ml": ml}}, prefix).level == level


def test_a_build_without_features_has_no_machine_learning():
    assert licence_finding({}, ".ml-anomalies-").level == "ok"


@pytest.mark.parametrize(
    ("ahead_s", "heap_percent", "free", "levels"),
    [
        (1.5, 50, 40, ["ok", "ok", "ok"]),
        (-30, 95, 10, ["warning", "warning", "warning"]),
        (3600, 95, 4, ["error", "warning", "error"]),
    ],
)
def test_clocks_heaps_and_disks_of_nodes_are_judged(ahead_s, heap_percent, free, levels):
    node = {
        "name": "a",
        "timestamp": (1_700_000_000 + ahead_s) * 1000,
        "jvm": {"mem": {"heap_used_percent": heap_percent}},
        "fs": {"total": {"total_in_bytes": 100 << 30, "available_in_bytes": free << 30}},
    }
    assert [finding.level for finding in node_findings(node, 1_700_000_000)] == levels


def test_fields_beyond_our_mapping_are_no_fault_but_lacking_inner_ones_are():
    wanted = {"properties": {"a": {"type": "object", "enabled": False}, "b": {"properties": {"c": {"type": "date"}}}}}
    actual = {"properties": {"a": {"enabled": False}, "b": {"properties": {"d": {"type": "date"}}}, "e": {}}}
    assert list(mapping_faults(wanted, wanted)) == []
    assert list(mapping_faults(wanted, actual)) == ["lacks the field [b.c]"]
