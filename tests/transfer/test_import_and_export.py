"""`lanewatch import` and `lanewatch export` against a running Lanewatch, as a user types them."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from proxy.cli import main
from proxy.transfer.facts import facts

FILES = Path(__file__).parent / "files"
BESIDE = FILES / "calendars-and-filters.json"
# What the API writes into a job or datafeed that does not say otherwise, and exports with it.
JOB_DEFAULTS = {
    *("model_snapshot_retention_days", "daily_model_snapshot_retention_after_days", "results_index_name"),
    *("allow_lazy_open", "analysis_limits", "data_description.time_format", "model_plot_config.annotations_enabled"),
    *("analysis_limits.model_memory_limit", "analysis_limits.categorization_examples_limit"),
    *("analysis_config.detectors.detector_description", "analysis_config.detectors.detector_index"),
    "analysis_config.model_prune_window",
}
DATAFEED_DEFAULTS = {"query", "scroll_size", "delayed_data_check_config", "runtime_mappings"}


@pytest.fixture(autouse=True)
def the_handler_of_sigterm_survives():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def empty(client, reset_jobs):
    """No jobs, calendars or filters."""
    for kind, key in (("calendars", "calendar_id"), ("filters", "filter_id")):
        for each in client.get(f"/_ml/{kind}").json()[kind]:
            assert client.delete(f"/_ml/{kind}/{each[key]}").status in (200, 409)
    reset_jobs()
    yield
    reset_jobs()


@pytest.fixture
def lanewatch_command(lanewatch, capsys, empty):
    """Runs a subcommand at the session's Lanewatch; its exit code and what it wrote."""

    def run(name, *arguments):
        code = main([name, "--url", lanewatch, *map(str, arguments)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def added(given, found, place=""):
    """The places that `found` has beyond `given`, which must be in it as it is."""
    if isinstance(given, dict):
        assert isinstance(found, dict), place
        assert given.keys() <= found.keys(), (place, given.keys() - found.keys())
        below = {name for key in given for name in added(given[key], found[key], f"{place}.{key}".lstrip("."))}
        return below | {f"{place}.{key}".lstrip(".") for key in found.keys() - given.keys()}
    if isinstance(given, list):
        assert len(given) == len(found), place
        return {name for one, other in zip(given, found, strict=True) for name in added(one, other, place)}
    assert given == found, place
    return set()


ROUND = ["kibana-one.json", "kibana-several.json"]


@pytest.mark.parametrize("name", ROUND)
def test_what_is_exported_is_what_was_imported(lanewatch_command, tmp_path, name):
    code, told, _ = lanewatch_command("import", "--yes", FILES / name, BESIDE)
    assert code == 0, told
    written = tmp_path / "jobs.json"
    assert lanewatch_command("export", "-o", written)[0] == 0
    given, found = json.loads((FILES / name).read_text()), json.loads(written.read_text())
    assert isinstance(found, type(given))
    by_id = {entry["job"]["job_id"]: entry for entry in (found if isinstance(found, list) else [found])}
    for entry in given if isinstance(given, list) else [given]:
        back = by_id.pop(entry["job"]["job_id"])
        assert entry["job"].get("custom_settings", {}).pop("managed", True)
        assert added(entry["job"], back["job"]) <= JOB_DEFAULTS
        assert added(entry["datafeed"], back["datafeed"]) <= DATAFEED_DEFAULTS
    assert by_id == {}


def test_a_second_round_changes_nothing_and_takes_calendars_and_filters_along(
    lanewatch_command, tmp_path, client, reset_jobs
):
    assert lanewatch_command("import", "--yes", FILES / "kibana-several.json", BESIDE)[0] == 0
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    beside = tmp_path / "first.calendars-and-filters.json"
    code, _, told = lanewatch_command("export", "-o", first, "--with-calendars-and-filters")
    assert (code, told.splitlines()) == (0, [f"wrote {first}", f"wrote {beside}"])
    holidays, known = json.loads(beside.read_text())["calendars"][0], json.loads(BESIDE.read_text())["calendars"][0]
    assert holidays["job_ids"] == known["job_ids"]
    assert [event["description"] for event in holidays["events"]] == ["New year", "Move"]
    assert client.delete("/_ml/calendars/holidays").status == 200
    reset_jobs()
    assert lanewatch_command("import", "--yes", first, beside)[0] == 0
    assert lanewatch_command("export", "-o", second, "--with-calendars-and-filters")[0] == 0
    assert second.read_text() == first.read_text()
    assert (tmp_path / "second.calendars-and-filters.json").read_text() == beside.read_text()


def test_a_dry_run_makes_nothing_and_names_what_is_unsupported(lanewatch_command, client):
    code, told, _ = lanewatch_command("import", "--dry-run", FILES / "unsupported.json")
    assert code == 1
    folded = " ".join(told.replace("│", " ").split())
    for part in (
        "another job [same] comes before it",
        "[new_in_version_19] is left out: the API knows no such setting",
        "needs the filter [nowhere]",
        "failed to parse field [analysis_config]: Unknown function 'hihg_count'",
        "its datafeed cannot be tried yet: datafeed [preview_id] cannot retrieve data because index [i] does not exist",
    ):
        assert part in folded, folded
    assert client.get("/_ml/anomaly_detectors").json()["count"] == 0


def test_each_item_is_made_on_its_own(lanewatch_command, client):
    code, told, _ = lanewatch_command("import", "--yes", "--group", "brought", FILES / "unsupported.json")
    assert code == 1
    made = [job["job_id"] for job in client.get("/_ml/anomaly_detectors/brought").json()["jobs"]]
    assert made == ["aggregated", "future", "same", "tiered", "unfed"]
    assert [feed["datafeed_id"] for feed in client.get("/_ml/datafeeds").json()["datafeeds"]] == ["f2", "f3", "f5"]
    assert "8 of 8 done, 9 not tried: job [Capital Letters], datafeed [f1], job [same], " in told


def test_what_fails_on_the_way_is_told_and_what_needs_it_left_out(lanewatch_command, client):
    # Nothing says so before: the datafeed's interval and the job's span do not go together.
    (entry,) = [
        each for each in json.loads((FILES / "kibana-several.json").read_text()) if "aggregations" in each["datafeed"]
    ]
    entry["job"]["analysis_config"]["bucket_span"] = "7m"
    file = json.dumps(entry)
    code, told, failed = run_with_input(lanewatch_command, file, "import", "--yes", "--start", "-")
    assert code == 1
    lines = told.splitlines()
    assert "1/4 job [summed]: done" in lines
    assert any(line.startswith("2/4 datafeed [datafeed-summed]: failed: ") for line in lines), told
    assert "4/4 start of datafeed [datafeed-summed]: left out: it needs the opening of job [summed]" in lines
    assert failed.startswith("lanewatch: not done: datafeed [datafeed-summed]")
    assert client.get("/_ml/anomaly_detectors/summed").status == 200


def run_with_input(command, text, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin.read", lambda: text)
        return command(*arguments)


def test_without_agreement_nothing_is_made(lanewatch_command, client):
    code, told, _ = lanewatch_command("import", FILES / "bare.json")
    assert code == 0
    assert told.endswith("Nothing is made yet: --yes makes it.\n")
    assert client.get("/_ml/anomaly_detectors").json()["count"] == 0


@pytest.mark.parametrize("name", facts().ready_made)
def test_ready_made_jobs_are_made(lanewatch_command, client, name):
    code, told, _ = lanewatch_command("import", "--yes", "--ready-made", name, "--index", "mine-*", "--prefix", "p-")
    assert code == 0, told
    for feed in client.get("/_ml/datafeeds").json()["datafeeds"]:
        assert feed["indices"] == ["mine-*"]
        assert feed["job_id"].startswith("p-")


def test_a_ready_made_job_reads_an_index_and_finds_what_stands_out(lanewatch_command, client, cluster_client):
    fields = {"@timestamp": {"type": "date"}, "host.name": {"type": "keyword"}}
    fields["system.cpu.total.norm.pct"] = {"type": "double"}
    cluster_client.delete("/metrics-made-up", query={"ignore_unavailable": "true"})
    assert cluster_client.put("/metrics-made-up", json_body={"mappings": {"properties": fields}}).status == 200
    rows, start_s = [], 1_700_006_400
    for quarter in range(400):
        use = 0.97 if quarter == 350 else 0.3 + quarter % 3 / 100
        at = {"@timestamp": (start_s + quarter * 900) * 1000}
        rows += [{"index": {}}, at | {"host": {"name": "web-1"}, "system": {"cpu": {"total": {"norm": {"pct": use}}}}}]
    assert cluster_client.post("/metrics-made-up/_bulk", ndjson=rows, query={"refresh": "true"}).status == 200
    code, told, _ = lanewatch_command(
        "import", "--yes", "--ready-made", "host-metrics-ecs", "--index", "metrics-made-up"
    )
    assert code == 0, told
    assert client.post("/_ml/anomaly_detectors/host-cpu/_open").status == 200
    end = {"end": str((start_s + 400 * 900) * 1000)}
    assert client.post("/_ml/datafeeds/datafeed-host-cpu/_start", json_body=end).status == 200
    closed = wait_until_closed(client, "host-cpu")
    assert closed["data_counts"]["processed_record_count"] == 400
    found = client.get("/_ml/anomaly_detectors/host-cpu/results/records?sort=record_score&desc=true").json()
    assert found["records"][0]["timestamp"] == (start_s + 350 * 900) * 1000
    cluster_client.delete("/metrics-made-up")


def test_a_start_lets_the_datafeed_read_what_there_is_and_go_on(lanewatch_command, client, cluster_client):
    rows = [row for at in range(5) for row in ({"index": {}}, {"@timestamp": 1_700_006_400_000 + at * 900_000})]
    dates = {"properties": {"@timestamp": {"type": "date"}}}
    assert cluster_client.put("/started", json_body={"mappings": dates}).status == 200
    assert cluster_client.post("/started/_bulk", ndjson=rows, query={"refresh": "true"}).status == 200
    code, told, _ = lanewatch_command("import", "--yes", "--start", "--index", "started", FILES / "api-answer.json")
    assert (code, told.splitlines()[-1]) == (0, "4 of 4 done")
    deadline = time.monotonic() + 60
    while client.get("/_ml/anomaly_detectors/listed/_stats").json()["jobs"][0]["data_counts"]["input_record_count"] < 5:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert client.get("/_ml/datafeeds/feeds-listed/_stats").json()["datafeeds"][0]["state"] == "started"
    cluster_client.delete("/started")


def wait_until_closed(client, job_id):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (job,) = client.get(f"/_ml/anomaly_detectors/{job_id}/_stats").json()["jobs"]
        if job["state"] == "closed":
            return job
        time.sleep(0.2)
    raise AssertionError(job)


def test_an_export_names_what_it_leaves_out(lanewatch_command):
    assert lanewatch_command("import", "--yes", FILES / "kibana-several.json", BESIDE)[0] == 0
    code, told, left_out = lanewatch_command("export", "ruled")
    assert code == 0
    assert json.loads(told)["job"]["job_id"] == "ruled"
    assert left_out == (
        "Not in it: filter [known-hosts], calendar [holidays] (--with-calendars-and-filters writes them beside it)\n"
    )
    code, told, _ = lanewatch_command("export", "texts", "computed")
    assert [entry["job"]["job_id"] for entry in json.loads(told)] == ["computed", "texts"]


def test_what_cannot_be_done_is_one_sentence(lanewatch_command, tmp_path, lanewatch):
    missing, other = tmp_path / "missing.json", tmp_path / "other.txt"
    other.write_text("not JSON")
    told = {
        ("import", missing): f"cannot import [{missing}]: [Errno 2] No such file or directory: '{missing}'",
        ("import", other): f"cannot import [{other}]: it is no JSON: Expecting value: line 1 column 1 (char 0)",
        ("import",): "nothing to import: give a FILE, - for standard input, or --ready-made NAME",
        ("import", BESIDE, "--query", "[]"): '[--query] must be an object, for instance {"match_all": {}}',
        ("import", "--ready-made", "x"): f"there are no ready-made jobs [x], only {', '.join(facts().ready_made)}",
        ("export", "nobody"): "No known job with id 'nobody'",
        ("export", "--with-calendars-and-filters"): (
            "[--with-calendars-and-filters] needs [-o FILE], beside which it writes a second file"
        ),
    }
    for arguments, sentence in told.items():
        code, _, error = lanewatch_command(*arguments)
        assert (code, error) == (1, f"lanewatch: {sentence}\n")
    assert lanewatch_command("export", "--url", "http://127.0.0.1:1")[2].startswith(
        "lanewatch: no answer from [http://127.0.0.1:1]: "
    )
    assert lanewatch_command("export", "--url", "nowhere")[2].startswith("lanewatch: cannot use [nowhere]: ")


def test_what_is_ready_made_is_listed(lanewatch_command):
    code, told, _ = lanewatch_command("import", "--list")
    assert code == 0
    assert all(f"\n{name}" in f"\n{told}" for name in facts().ready_made)
    assert "  web-rare-urls " in told
