"""Every view on a real proxy, reached by its address, and the ways between them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.http_client import HttpClient
from tests.ui import seeded
from tests.ui.seeded import Seeded
from tests.ui.watching import OpenPage, lane_model, loaded, screenshot

WORST_CELL = 86_400_000


@pytest.mark.parametrize(
    "view", ["jobs", "explorer", "explorer?job=web", "metric?job=web", "metric?job=calm", "jobs?open=web"]
)
def test_a_view_shows_its_data(open_page: OpenPage, web: Seeded, view: str) -> None:
    page = open_page(view)
    loaded(page)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".failure")).to_have_count(0)
    screenshot(page, re.sub(r"\W+", "-", view))


def test_the_explorer_shows_what_was_written(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web&by=host")
    loaded(page)
    model = lane_model(page)
    sums: dict[str, float] = {}
    worst: dict[str, float] = {}
    for each in web.influencers:
        if each["influencer_field_name"] == "host":
            name, score = each["influencer_field_value"], each["influencer_score"]
            sums[name] = sums.get(name, 0) + score
            worst[name] = max(worst.get(name, 0), score)
    assert model["names"] == sorted(worst, key=lambda name: -worst[name])
    assert max(model["scores"]) == pytest.approx(max(worst.values()), abs=1e-3)
    first = page.locator(".influencers li").first
    expect(first).to_contain_text(str(int(worst[model["names"][0]])))
    expect(first).to_contain_text(str(round(sums[model["names"][0]])))
    expect(page.locator(".anomalies tbody tr").first).to_contain_text(str(int(web.worst["record_score"])))


def test_which_score_is_shown_is_said(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web&by=host")
    loaded(page)
    expect(page.locator(".explorer")).to_contain_text("bucket scores of all chosen jobs")
    expect(page.locator(".lane-title").nth(1)).to_contain_text("influencer scores")
    expect(page.locator(".influencers")).to_contain_text("influencer score: highest, sum")
    expect(page.get_by_role("heading", name="Anomalies", exact=True).locator("..")).to_contain_text("record scores")


def test_a_row_opens_to_why_it_scored_so(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web")
    loaded(page)
    page.locator(".anomalies button[aria-expanded]").first.click()
    details = page.locator("tr.details")
    expect(details).to_contain_text("Spike over 2 buckets (2 h)")
    expect(details).to_contain_text("Record score reduction")
    expect(details).to_contain_text("Initial record score")
    impact = details.locator("dl > div").filter(has=page.get_by_text("Multi-bucket impact", exact=True))
    expect(impact.locator(".boxes .on")).to_have_count(5)
    expect(
        details.locator("dl > div")
        .filter(has=page.get_by_text("Single-bucket impact", exact=True))
        .locator(".boxes .on")
    ).to_have_count(3)
    expect(details.locator("dl > div", has_text="High variance interval")).to_contain_text("yes")
    # Several buckets together weigh more than this one: a cross.
    expect(page.locator(".anomalies .marker").first).to_have_text("✚")


def test_custom_urls_are_followed_only_to_web_addresses(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web")
    loaded(page)
    page.locator(".anomalies button[aria-expanded]").first.click()
    link = page.get_by_role("link", name="Dashboard")
    href = link.get_attribute("href")
    assert href.startswith(f"https://example.org/?host={web.worst['partition_field_value']}&from=2024-03-")
    assert link.get_attribute("rel") == "noopener noreferrer"
    expect(page.get_by_role("link", name="Bad")).to_have_count(0)
    expect(page.locator("tr.details")).to_contain_text("only http, https and relative addresses")


DEEP = (
    f"explorer?job=web&by=host&t={seeded.START_MS}..{seeded.START_MS + 8 * WORST_CELL}&lane=web-1&lane=web-2&min=3"
    "&f=region:eu&group=all&sort=time&mode=bars&rows=50"
)


def texts(page: Page) -> str:
    """What is on the screen but for the age of the list."""
    return re.sub(r"updated .* ago|log time.*", "", page.locator("body").inner_text())


@pytest.mark.parametrize(
    "address", [DEEP, "metric?job=web&e.host=web-1&hide=bounds&group=all", "jobs?q=web&open=web&tab=json"]
)
def test_an_address_shows_the_same_to_everybody(open_page: OpenPage, web: Seeded, address: str) -> None:
    first, second = open_page(address), open_page(address)
    loaded(first)
    loaded(second)
    assert texts(first) == texts(second)
    expect(first.locator(".notice")).to_have_count(0)


def test_back_and_forward_lead_through_what_was_seen(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web&by=host")
    loaded(page)
    page.get_by_label("Score from").select_option("75")
    expect(page).to_have_url(re.compile("min=75"))
    page.locator(".anomalies").get_by_role("link", name="Series").first.click()
    expect(page.get_by_role("heading", name="Series of web")).to_be_visible()
    loaded(page)
    page.go_back()
    expect(page.get_by_role("heading", name="Anomaly explorer")).to_be_visible()
    expect(page.get_by_label("Score from")).to_have_value("75")
    page.go_back()
    expect(page.get_by_label("Score from")).to_have_value("0")
    page.go_forward()
    expect(page.get_by_label("Score from")).to_have_value("75")
    loaded(page)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("explorer?job=web&min=lots", "min=lots"),
        ("explorer?job=web&t=9..1", "t=9..1"),
        ("explorer?job=gone", "no job or group gone"),
        ("metric?job=gone", "There is no job gone"),
        ("explorer?job=web&from=yesterday", ""),
        ("metric?job=web&det=77", ""),
        ("explorer?job=web&by=nothing", ""),
    ],
)
def test_bad_addresses_degrade(open_page: OpenPage, web: Seeded, address: str, told: str) -> None:
    page = open_page(address)
    loaded(page)
    expect(page.locator("main")).to_contain_text(told)
    expect(page.locator(".failure")).to_have_count(0)


def test_a_series_opens_on_its_worst_entity_with_bounds_and_markers(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("metric?job=web")
    loaded(page)
    expect(page.locator(".entity-picker summary")).to_contain_text(web.worst["partition_field_value"])
    page.locator(".entity-picker summary").click()
    options = page.locator(".entity-picker .options .option")
    expect(options.first).to_contain_text(web.worst["partition_field_value"])
    assert options.count() == len(seeded.HOSTS), "calm entities are there, too"


def test_a_link_to_a_series_opens_the_time_of_its_anomaly(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("explorer?job=web")
    loaded(page)
    page.locator(".anomalies").get_by_role("link", name="Series").first.click()
    loaded(page)
    start, end = map(int, re.search(r"zoom=(\d+)\.\.(\d+)", page.url).groups())
    assert start < web.worst["timestamp"] < end
    expect(page.locator(".anomalies tbody tr").first).to_contain_text(str(int(web.worst["record_score"])))


def test_jobs_are_found_by_text_and_group(open_page: OpenPage, web: Seeded) -> None:
    page = open_page("jobs")
    loaded(page)
    expect(page.locator(".jobs tbody tr")).to_have_count(2)
    page.get_by_role("searchbox", name="Search jobs").fill("cal")
    expect(page.locator(".jobs tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=cal"))


def test_copied_commands_and_saved_tables_hold_what_is_shown(
    open_page: OpenPage, web: Seeded, client: HttpClient
) -> None:
    page = open_page("explorer?job=web&group=all", permissions=["clipboard-read", "clipboard-write"])
    loaded(page)
    with page.expect_download() as saving:
        page.get_by_role("button", name="CSV").click()
    lines = saving.value.path().read_text().splitlines()
    assert lines[0].startswith("time,job,detector,record_score")
    assert len(lines) == len(web.records) + 1
    page.get_by_role("button", name="Copy as curl").last.click()
    expect(page.locator("[data-done]")).to_have_count(1)
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -X POST 'http") and "record_score" in copied
