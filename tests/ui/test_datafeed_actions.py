"""Jobs with datafeeds in the page: made from files, started and stopped, watched, cloned and exported.

The tests follow each other as a person would go on; each makes what it needs if run alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.http_client import HttpClient
from tests.ui import seeded
from tests.ui.test_actions import act
from tests.ui.watching import OpenPage, loaded

FILES = Path(__file__).parent.parent / "transfer" / "files"
INDEX = "page-requests"
HOURS = 24 * 14
END = "2024-03-15T00:00Z"


def kibana_file(*names: str) -> str:
    """Several jobs as Kibana exports them."""
    entries = [
        {
            "job": {**seeded.job_config("host", ["host"]), "job_id": name, "data_description": {"time_field": "time"}},
            "datafeed": {"datafeed_id": f"datafeed-{name}", "job_id": name, "indices": [INDEX], "query_delay": "61s"},
        }
        for name in names
    ]
    return json.dumps(entries)


@pytest.fixture(scope="module")
def requests(cluster_client: HttpClient, reset_jobs: Callable[[], None]) -> Iterator[None]:
    """Two weeks of an hour a document."""
    reset_jobs()
    fields = {"time": {"type": "date"}, "host": {"type": "keyword"}, "took": {"type": "double"}}
    cluster_client.delete(f"/{INDEX}", query={"ignore_unavailable": "true"})
    made = cluster_client.put(f"/{INDEX}", json_body={"mappings": {"properties": fields}})
    assert made.status == 200, made.text
    rows: list[dict[str, Any]] = []
    for hour in range(HOURS):
        time_ms = seeded.START_MS + hour * seeded.HOUR_MS
        rows += [{"index": {}}, {"time": time_ms, "host": "web-1", "took": 30 + hour % 5}]
    assert cluster_client.post(f"/{INDEX}/_bulk", ndjson=rows, query={"refresh": "true"}).status == 200
    yield
    reset_jobs()
    cluster_client.delete(f"/{INDEX}")


@pytest.fixture
def fed(client: HttpClient, requests: None, reset_jobs: Callable[[], None]) -> str:
    """A job with a datafeed, not started."""
    reset_jobs()
    feed = {"indices": [INDEX], "datafeed_id": "datafeed-fed"}
    seeded.put_job(client, "fed", seeded.job_config("host", ["host"], datafeed_config=feed))
    return "fed"


def row(page: Page, job_id: str) -> Any:
    return page.locator(".jobs tbody tr").filter(has=page.get_by_role("link", name=job_id, exact=True))


def fill_and_create(page: Page, text: str) -> None:
    page.get_by_role("button", name="Create from JSON").click()
    page.get_by_label("JSON", exact=True).fill(text)
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_file_of_kibana_is_imported_and_exported_as_it_was(
    open_page: OpenPage, requests: None, reset_jobs: Callable[[], None], client: HttpClient
) -> None:
    reset_jobs()
    page = open_page("jobs")
    loaded(page)
    text = kibana_file("one", "two")
    fill_and_create(page, text)
    expect(page.locator(".jobs tbody tr")).to_have_count(2)
    page.get_by_label("Mark all jobs").check()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export").first.click()
    exported = json.loads(saving.value.path().read_text())
    for before, after in zip(json.loads(text), exported, strict=True):
        assert before["job"].items() <= with_plain_detectors(after["job"]).items()
        assert before["datafeed"].items() <= after["datafeed"].items()
        assert not {"create_time", "job_version"} & set(after["job"])
    for name in ("one", "two"):
        assert client.delete(f"/_ml/anomaly_detectors/{name}", query={"force": "true"}).status == 200
    fill_and_create(page, json.dumps(exported))
    expect(page.locator(".jobs tbody tr")).to_have_count(2)
    assert client.get("/_ml/datafeeds/datafeed-two").json()["datafeeds"][0]["query_delay"] == "61s"


@pytest.fixture
def json_dialog(
    open_page: OpenPage, requests: None, reset_jobs: Callable[[], None], allow_faults: Callable[..., None]
) -> Page:
    """The page with the dialog open, without jobs; what a dry run asks for in vain is no fault of the page."""
    reset_jobs()
    page = open_page("jobs")
    loaded(page)
    allow_faults("Failed to load resource")
    page.get_by_role("button", name="Create from JSON").click()
    return page


def test_a_dry_run_names_what_is_unsupported_and_makes_nothing(json_dialog: Page, client: HttpClient) -> None:
    page = json_dialog
    dialog, area = page.get_by_role("dialog"), page.get_by_label("JSON", exact=True)
    area.fill((FILES / "unsupported.json").read_text())
    dialog.get_by_role("button", name="Dry run").click()
    plan = dialog.locator(".plan")
    expect(plan).to_contain_text("a rule needs the filter [nowhere], which neither the cluster nor the files have")
    expect(plan.get_by_role("row", name="f4")).to_contain_text("the job needs a [summary_count_field_name]")
    assert client.get("/_ml/anomaly_detectors").json()["count"] == 0
    dialog.get_by_role("button", name="Create what is possible").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".jobs tbody tr")).to_have_count(5)


def test_modules_files_and_ready_made_jobs_are_made_under_chosen_names(json_dialog: Page, client: HttpClient) -> None:
    page = json_dialog
    dialog = page.get_by_role("dialog")
    files = [FILES / "module-answer.json", FILES / "saved-objects.ndjson"]
    dialog.get_by_label("From files").set_input_files(files)
    dialog.get_by_label("Index").fill(INDEX)
    dialog.get_by_role("button", name="Dry run").click()
    expect(dialog.locator(".plan")).to_contain_text("another job [visits] comes before it")
    dialog.get_by_label("Ready-made").select_option("host-metrics-ecs")
    expect(page.get_by_label("JSON", exact=True)).to_have_value(re.compile("host-memory"))
    dialog.get_by_label("Prefix").fill("eu-")
    dialog.get_by_role("button", name="Create").click()
    # That index has no such fields, which is said before.
    expect(dialog.locator(".plan")).to_contain_text("its datafeed cannot be tried yet: ")
    dialog.get_by_role("button", name="Create what is possible").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, "eu-host-cpu")).to_be_visible()
    (feed,) = client.get("/_ml/datafeeds/datafeed-eu-host-cpu").json()["datafeeds"]
    assert feed["indices"] == [INDEX]
    loaded(page)


def with_plain_detectors(job: dict[str, Any]) -> dict[str, Any]:
    """Without the descriptions and defaults that the API adds."""
    config = job["analysis_config"]
    added = ("detector_description", "detector_index")
    plain = [{name: value for name, value in each.items() if name not in added} for each in config["detectors"]]
    known = ("bucket_span", "influencers")
    data = {"time_field": job["data_description"]["time_field"]}
    return {
        **job,
        "analysis_config": {"detectors": plain, **{name: config[name] for name in known}},
        "data_description": data,
    }


def test_a_datafeed_reads_a_chosen_time_and_is_watched(open_page: OpenPage, fed: str) -> None:
    page = open_page("jobs")
    loaded(page)
    act(page, fed, "Start datafeed…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Start time").fill("yesterday")
    dialog.get_by_role("button", name="Start").click()
    expect(dialog.locator(".failure")).to_contain_text("“yesterday” is no time")
    dialog.get_by_label("Start time").fill("2024-03-01T00:00Z")
    dialog.get_by_label("End time").fill("2024-02-01T00:00Z")
    dialog.get_by_role("button", name="Start").click()
    expect(dialog.locator(".failure")).to_contain_text("The end must come after the start")
    dialog.get_by_label("End time").fill(END)
    dialog.get_by_role("button", name="Start").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    # It stops and closes its job at the end; nobody has to ask for the list again.
    expect(row(page, fed).locator(".state.closed")).to_be_visible()
    expect(row(page, fed).locator(".state.stopped")).to_be_visible()
    expect(row(page, fed)).to_contain_text(str(HOURS))
    page.get_by_label(f"Details of {fed}").click()
    page.get_by_role("button", name="Datafeed", exact=True).click()
    details = page.locator(".details")
    expect(details).to_contain_text("search count")
    expect(details).to_contain_text(INDEX)
    page.get_by_role("button", name="Messages").click()
    expect(details).to_contain_text("Datafeed started")
    expect(details).to_contain_text("Datafeed stopped")
    page.get_by_role("button", name="Preview").click()
    expect(details).to_contain_text('"took": 30')


def test_a_datafeed_goes_on_in_real_time_until_it_is_stopped(open_page: OpenPage, fed: str, client: HttpClient) -> None:
    page = open_page("jobs")
    loaded(page)
    act(page, fed, "Start datafeed…")
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(row(page, fed).locator(".state.started")).to_be_visible()
    expect(row(page, fed).locator(".state.opened")).to_be_visible()
    act(page, fed, "Stop datafeed")
    expect(row(page, fed).locator(".state.stopped")).to_be_visible()
    assert client.get("/_ml/datafeeds/datafeed-fed/_stats").json()["datafeeds"][0]["state"] == "stopped"
    loaded(page)


def test_a_clone_has_a_datafeed_of_its_own(open_page: OpenPage, fed: str, client: HttpClient) -> None:
    page = open_page("jobs")
    loaded(page)
    act(page, fed, "Clone…")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.locator(".jobs tbody tr")).to_have_count(2)
    (made,) = client.get("/_ml/datafeeds/datafeed-fed-copy").json()["datafeeds"]
    assert (made["job_id"], made["indices"]) == ("fed-copy", [INDEX])
    loaded(page)


def test_a_job_brings_its_datafeed_along(open_page: OpenPage, fed: str, client: HttpClient) -> None:
    page = open_page("jobs")
    loaded(page)
    job = seeded.job_config("host", ["host"], job_id="embedded", datafeed_config={"indices": [INDEX]})
    fill_and_create(page, json.dumps(job))
    expect(row(page, "embedded")).to_contain_text("stopped")
    assert client.get("/_ml/datafeeds/embedded").json()["datafeeds"][0]["indices"] == [INDEX]
    loaded(page)
