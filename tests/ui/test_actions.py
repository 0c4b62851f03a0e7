"""What the list of jobs changes: it asks before it deletes, and tells what was refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.http_client import HttpClient
from tests.ui import seeded
from tests.ui.watching import OpenPage, loaded

JOBS = "/_ml/anomaly_detectors"


@pytest.fixture
def new(client: HttpClient, reset_jobs: Callable[[], None]) -> Iterator[str]:
    """The only job, which has not read anything."""
    reset_jobs()
    seeded.put_job(client, "new", seeded.job_config("host", ["host"]))
    yield "new"
    reset_jobs()


def state_of(client: HttpClient, job_id: str) -> str:
    return client.get(f"{JOBS}/{job_id}/_stats").json()["jobs"][0]["state"]


def act(page: Page, job_id: str, action: str) -> None:
    page.locator(".row-menu summary", has_text=f"Actions for {job_id}").click()
    page.locator(".row-menu[open]").get_by_role("button", name=action).click()


def test_a_job_is_opened_and_closed(open_page: OpenPage, new: str, client: HttpClient) -> None:
    page = open_page("jobs")
    loaded(page)
    act(page, new, "Open")
    expect(page.locator(".state.opened")).to_be_visible()
    assert state_of(client, new) == "opened"
    act(page, new, "Close")
    expect(page.locator(".state.closed")).to_be_visible()
    assert state_of(client, new) == "closed"
    loaded(page)


def test_deleting_asks_first(open_page: OpenPage, new: str, client: HttpClient) -> None:
    page = open_page("jobs")
    loaded(page)
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    act(page, new, "Delete…")
    assert asked == ["Delete the job new with all results? This cannot be undone."]
    assert client.get(f"{JOBS}/{new}").status == 200
    page.once("dialog", lambda dialog: dialog.accept())
    act(page, new, "Delete…")
    expect(page.locator(".empty")).to_contain_text("There are no jobs yet")
    assert client.get(f"{JOBS}/{new}").status == 404
    loaded(page)


def test_a_refusal_is_told_and_the_list_is_as_the_cluster_has_it(
    open_page: OpenPage, new: str, client: HttpClient, allow_faults: Callable[..., None]
) -> None:
    page = open_page("jobs")
    loaded(page)
    allow_faults("Failed to load resource")
    # Somebody else has deleted it meanwhile.
    assert client.delete(f"{JOBS}/{new}").status == 200
    act(page, new, "Open")
    expect(page.locator(".failure")).to_contain_text("No known job with id 'new'")
    expect(page.locator(".jobs tbody tr")).to_have_count(0)


def test_a_job_is_made_from_json_and_faults_are_told_before_anything_is_made(
    open_page: OpenPage, new: str, client: HttpClient, allow_faults: Callable[..., None]
) -> None:
    page = open_page("jobs")
    loaded(page)
    allow_faults("Failed to load resource")
    page.get_by_role("button", name="Create from JSON").click()
    area = page.get_by_label("JSON", exact=True)
    create = page.get_by_role("dialog").get_by_role("button", name="Create")
    for text, told in [("{", "no JSON"), ("{}", "no job_id"), (json.dumps({"job_id": "made"}), "no analysis_config")]:
        area.fill(text)
        create.click()
        expect(page.locator("dialog .failure")).to_contain_text(told)
    config = seeded.job_config()
    area.fill(
        json.dumps({"job_id": "made", **config, "analysis_config": {**config["analysis_config"], "bucket_span": "x"}})
    )
    create.click()
    expect(page.locator("dialog .plan")).to_contain_text("the cluster would refuse it: ")
    expect(page.locator("dialog .plan")).to_contain_text("bucket_span")
    create.click()
    expect(page.locator("dialog .failure")).to_contain_text("Nothing of it can be made")
    area.fill(json.dumps({"job_id": "made", **config}))
    create.click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".jobs tbody tr")).to_have_count(2)
    assert client.get(f"{JOBS}/made").status == 200
    loaded(page)


def test_a_clone_is_the_same_job_under_another_name(open_page: OpenPage, new: str, client: HttpClient) -> None:
    page = open_page("jobs")
    loaded(page)
    act(page, new, "Clone…")
    expect(page.get_by_label("JSON", exact=True)).to_have_value(re.compile('"job_id": "new-copy"'))
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(page.locator(".jobs tbody tr")).to_have_count(2)
    one, two = (
        client.get(f"{JOBS}/{name}", query={"exclude_generated": "true"}).json()["jobs"][0]
        for name in (new, "new-copy")
    )
    assert {**one, "job_id": "new-copy"} == two
    loaded(page)
