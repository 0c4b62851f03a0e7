"""Slow, late, refused and malformed answers, empty states, and values that are hostile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.http_client import HttpClient
from tests.ui import seeded
from tests.ui.seeded import HOSTILE, Seeded
from tests.ui.watching import OpenPage, lane_model, loaded

REFUSED = ("Failed to load resource",)


def answer_with(status: int, body: object, pattern: str = "**/_search*") -> Callable[[Page], None]:
    text = body if isinstance(body, str) else json.dumps(body)

    def prepare(page: Page) -> None:
        page.route(pattern, lambda route: route.fulfill(status=status, body=text, content_type="application/json"))

    return prepare


def error(kind: str, reason: str) -> dict[str, object]:
    return {"error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason}}


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, error("security_exception", "missing authentication credentials"), "who you are"),
        (403, error("security_exception", "action is unauthorized"), "monitor_ml"),
        (404, error("index_not_found_exception", "no such index [x]"), "no such index [x]"),
        (429, error("circuit_breaking_exception", "Data too large"), "Data too large"),
        (503, error("cluster_block_exception", "state not recovered"), "state not recovered"),
        (502, "<html>bad gateway</html>", "status 502"),
        (200, "{ not json", "malformed answer"),
        (200, {"aggregations": {"jobs": {"buckets": [7]}}}, "unexpected answer"),
    ],
)
def test_a_fault_is_told_where_it_hurts_and_can_be_tried_again(
    open_page: OpenPage, web: Seeded, allow_faults: Callable[..., None], status: int, body: object, told: str
) -> None:
    page = open_page("explorer?job=web", prepare=answer_with(status, body))
    allow_faults(*REFUSED)
    expect(page.locator(".failure").first).to_contain_text(told)
    page.unroute_all(behavior="ignoreErrors")
    page.get_by_role("button", name="Try again").first.click()
    loaded(page)
    expect(page.locator(".failure")).to_have_count(0)
    assert lane_model(page)["names"]


def test_one_panel_fails_alone(open_page: OpenPage, web: Seeded, allow_faults: Callable[..., None]) -> None:
    page = open_page(
        "explorer?job=web&by=host", prepare=answer_with(503, error("x", "lanes are away"), "**/overall_buckets")
    )
    allow_faults(*REFUSED)
    expect(page.locator(".failure")).to_contain_text("lanes are away")
    expect(page.locator(".anomalies tbody tr").first).to_be_visible()
    expect(page.locator(".influencers li").first).to_be_visible()


def test_an_unreachable_proxy_is_told(open_page: OpenPage, web: Seeded, allow_faults: Callable[..., None]) -> None:
    page = open_page("jobs", prepare=lambda page: page.route("**/_ml/anomaly_detectors", lambda route: route.abort()))
    allow_faults(*REFUSED)
    expect(page.locator(".failure")).to_contain_text("unreachable")


def test_late_answers_do_not_replace_newer_ones(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web&by=host&group=all")
    loaded(page)

    held: list[Route] = []

    def hold_75(route: Route) -> None:
        if '"gte":75' in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/_search*", hold_75)
    page.get_by_label("Score from").select_option("75")
    expect(page.locator("main")).to_have_attribute("aria-busy", "true")
    page.get_by_label("Score from").select_option("0")
    loaded(page)
    assert held
    for route in held:
        route.continue_()
    loaded(page)
    expect(page.locator(".anomalies tbody tr")).to_have_count(min(50, len(web.records)))
    assert any(
        int(score) < 75 for score in re.findall(r"\d+", " ".join(page.locator("td.score-cell").all_inner_texts()))
    )


def test_old_data_stays_dimmed_until_the_new_is_there(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web&by=host")
    loaded(page)
    held: list[Route] = []
    is_holding = True

    def hold(route: Route) -> None:
        if is_holding:
            held.append(route)
        else:
            route.continue_()

    page.route("**/_search*", hold)
    page.get_by_label("Score from").select_option("50")
    expect(page.locator(".stale").first).to_be_visible()
    expect(page.locator(".anomalies tbody tr").first).to_be_visible()
    is_holding = False
    for route in held:
        route.continue_()
    expect(page.locator(".stale")).to_have_count(0)


# Empty states say why, and what one can do.


def test_calm_results_are_told_as_such(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=calm")
    loaded(page)
    expect(page.locator(".empty").last).to_contain_text(
        f"{seeded.HOURS} buckets were analysed; the highest score was 2"
    )
    expect(page.locator(".influencers")).to_contain_text("name no influencers")
    expect(page.get_by_role("link", name="Look at the series")).to_be_visible()


def test_a_time_without_results_leads_to_them(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web&from=2020-01-01&to=2020-02-01")
    loaded(page)
    expect(page.locator(".empty").last).to_contain_text("Results run 1 Mar 2024 to 2 Apr 2024")
    page.get_by_role("button", name="Show them").click()
    loaded(page)
    expect(page.locator(".anomalies tbody tr").first).to_be_visible()


@pytest.fixture
def only_new_job(client: HttpClient, reset_jobs: Callable[[], None]) -> Iterator[None]:
    reset_jobs()
    seeded.put_job(client, "new", seeded.job_config())
    yield
    reset_jobs()


def test_a_job_that_never_ran_leads_to_its_start(open_page: OpenPage, only_new_job: None) -> None:
    page = open_page("explorer?job=new")
    expect(page.locator(".empty")).to_contain_text("has not read any data yet")
    page.get_by_role("link", name="Go to the job").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def test_no_jobs_at_all_shows_how_to_make_one(open_page: OpenPage, reset_jobs: Callable[[], None]) -> None:
    reset_jobs()
    for view in ("jobs", "explorer", "metric"):
        page = open_page(view)
        expect(page.locator(".empty")).to_contain_text("There are no jobs yet")
        expect(page.locator(".sample")).to_contain_text("curl -X PUT")


# Hostile values.


@pytest.fixture
def hostile(client: HttpClient, cluster_client: HttpClient, reset_jobs: Callable[[], None]) -> Iterator[Seeded]:
    reset_jobs()
    seeded.put_job(client, "hostile", seeded.job_config("dotted.field", ["dotted.field"]))
    made = seeded.hostile_results()
    seeded.write(cluster_client, made)
    yield made
    reset_jobs()


def test_hostile_values_are_text_everywhere(open_page: OpenPage, hostile: Seeded) -> None:
    page = open_page("explorer?job=hostile&by=dotted.field")
    loaded(page)
    model = lane_model(page)
    assert model["names"] == HOSTILE
    assert page.locator("main img, main script").count() == 0
    for lane, value in enumerate(HOSTILE):
        page.locator("swim-lane").nth(1).locator(".entity .icon").nth(lane).click()
        expect(page.locator(".chip")).to_have_count(1)
        # What the address says is what was clicked.
        page.reload()
        loaded(page)
        assert lane_model(page)["names"] == [value]
        expect(page.locator(".anomalies tbody tr")).to_have_count(1)
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(".chip")).to_have_count(0)
        loaded(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0


def test_series_of_hostile_values_open(open_page: OpenPage, hostile: Seeded) -> None:
    page = open_page("explorer?job=hostile&group=all")
    loaded(page)
    links = [link.get_attribute("href") for link in page.locator(".anomalies td:last-child > a").all()]
    assert len(links) == len(HOSTILE)
    for link in links:
        page.goto(f"/_ml_ui/{link}")
        loaded(page)
        expect(page.locator(".anomalies tbody tr")).to_have_count(1)


def test_rules_about_hostile_values_find_them(open_page: OpenPage, hostile: Seeded) -> None:
    page = open_page("explorer?job=hostile&group=all")
    loaded(page)
    rules = page.locator(".anomalies .row-menu a[href^=rules]")
    links = [link.get_attribute("href") for link in rules.all()]
    assert len(links) == len(HOSTILE)
    # The last one is longer than a query may be.
    for link in links[:-1]:
        page.goto(f"/_ml_ui/{link}")
        page.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("1 match")
