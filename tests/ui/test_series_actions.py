"""What the view of a series changes: annotations, forecasts; and what a drag over its chart does."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.http_client import HttpClient
from tests.ui import seeded
from tests.ui.watching import OpenPage, loaded

JOBS = "/_ml/anomaly_detectors"
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def ran(client: HttpClient, reset_jobs: Callable[[], None]) -> Iterator[str]:
    """A closed job that has read three weeks of a real series."""
    reset_jobs()
    seeded.put_job(client, "ran", seeded.job_config("host", ["host"], model_plot_config={"enabled": True}))
    chance = random.Random(3)
    rows = [
        {
            "time": seeded.START_MS + hour * HOUR_MS,
            "host": "web-1",
            "took": 30 + chance.gauss(0, 2) + (60 if hour == 480 else 0),
        }
        for hour in range(24 * 21)
    ]
    assert client.post(f"{JOBS}/ran/_open").status == 200
    assert client.post(f"{JOBS}/ran/_data", ndjson=rows).status == 202
    assert client.post(f"{JOBS}/ran/_close").status == 200
    yield "ran"
    reset_jobs()


def drag_over(page: Page, first: float, last: float) -> None:
    box = page.locator(".focus metric-chart .u-over").first.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * first, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * last, middle, steps=5)
    page.mouse.up()


def annotations(cluster_client: HttpClient) -> list[dict[str, object]]:
    cluster_client.post("/.ml-annotations-*/_refresh")
    found = cluster_client.post("/.ml-annotations-read/_search", json_body={"query": {"match": {"event": "user"}}})
    return [hit["_source"] for hit in found.json()["hits"]["hits"]]


def test_an_annotation_is_drawn_edited_and_deleted(open_page: OpenPage, ran: str, cluster_client: HttpClient) -> None:
    page = open_page("metric?job=ran")
    loaded(page)
    page.get_by_role("button", name="Annotate").click()
    drag_over(page, 0.4, 0.6)
    page.get_by_label("What happened").fill("A <b>release</b>")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Save").click()
    row = page.locator("tr", has_text="A <b>release</b>")
    expect(row).to_contain_text("Ada")
    (made,) = annotations(cluster_client)
    assert made["timestamp"] < made["end_timestamp"]
    assert (made["job_id"], made["type"], made["partition_field_value"]) == ("ran", "annotation", "web-1")
    row.get_by_role("button", name="Edit").click()
    page.get_by_label("What happened").fill("The release of spring")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tr", has_text="The release of spring")).to_be_visible()
    (edited,) = annotations(cluster_client)
    assert edited["create_time"] == made["create_time"]
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("tr", has_text="The release of spring").get_by_role("button", name="Delete").click()
    expect(page.locator("tr", has_text="The release of spring")).to_have_count(0)
    assert annotations(cluster_client) == []
    loaded(page)


def test_an_annotation_that_somebody_else_changed_is_not_overwritten(
    open_page: OpenPage, ran: str, cluster_client: HttpClient, allow_faults: Callable[..., None]
) -> None:
    start = seeded.START_MS
    note = {"timestamp": start, "end_timestamp": start + HOUR_MS, "annotation": "first", "job_id": ran,
            "type": "annotation", "event": "user", "create_username": "ada"}  # fmt: skip
    put = cluster_client.put("/.ml-annotations-write/_doc/note", json_body=note, query={"refresh": "true"})
    assert put.status in (200, 201), put.text
    page = open_page("metric?job=ran")
    loaded(page)
    allow_faults("Failed to load resource")
    page.locator("tr", has_text="first").get_by_role("button", name="Edit").click()
    cluster_client.put(
        "/.ml-annotations-write/_doc/note", json_body={**note, "annotation": "theirs"}, query={"refresh": "true"}
    )
    page.get_by_label("What happened").fill("mine")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".failure")).to_contain_text("Somebody else has changed it")
    expect(page.locator("tr", has_text="theirs")).to_be_visible()
    assert [each["annotation"] for each in annotations(cluster_client)] == ["theirs"]


def test_a_forecast_opens_the_job_for_its_time_and_is_shown(open_page: OpenPage, ran: str, client: HttpClient) -> None:
    page = open_page("metric?job=ran")
    loaded(page)
    page.locator(".forecast summary").click()
    page.get_by_label("How far").fill("soon")
    page.locator(".forecast").get_by_role("button", name="Forecast").click()
    expect(page.locator(".forecast .failure")).to_contain_text("must be a duration")
    page.get_by_label("How far").fill("2d")
    page.locator(".forecast").get_by_role("button", name="Forecast").click()
    expect(page).to_have_url(re.compile("forecast="), timeout=30_000)
    loaded(page)
    expect(page.locator(".forecast .options")).to_be_hidden()
    page.locator(".forecast summary").click()
    expect(page.locator(".forecast .options")).to_contain_text("made")
    drawn = page.evaluate("document.querySelector('.focus metric-chart').drawing?.forecast?.times.length")
    assert drawn == 48
    expect(page.locator(".forecast [role=status]")).to_have_count(0)
    assert client.get(f"{JOBS}/{ran}/_stats").json()["jobs"][0]["state"] == "closed"


def test_a_drag_over_a_chart_zooms(open_page: OpenPage, ran: str) -> None:
    page = open_page("metric?job=ran")
    loaded(page)
    drag_over(page, 0.25, 0.5)
    expect(page).to_have_url(re.compile(r"zoom=\d+\.\.\d+"))
    start, end = map(int, re.search(r"zoom=(\d+)\.\.(\d+)", page.url).groups())
    assert 0.2 < (end - start) / (500 * HOUR_MS) < 0.3
    loaded(page)
