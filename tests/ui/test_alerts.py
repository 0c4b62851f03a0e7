"""The panel of alerts beside the lanes, and the rules that raise them, with real alerts of a real job."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from proxy.alerting.connectors.kinds import KINDS
from tests.http_client import HttpClient
from tests.ui import seeded_alerts as made
from tests.ui.seeded import HOUR_MS
from tests.ui.watching import OpenPage, cell_point, lane_model, lanes, loaded, screenshot

EXPLORER = f"explorer?job={made.LOUD_JOB}&by=host"
POPOVER = "Alerts in the selection"


@pytest.fixture(scope="module")
def loud(client: HttpClient, cluster_client: HttpClient, reset_jobs: Callable[[], None]) -> Iterator[None]:
    reset_jobs()
    made.raise_alerts(client, cluster_client)
    yield
    reset_jobs()


def select_hour(page: Page, hour: int) -> None:
    """Clicks the overall lane's cell of an hour after the start."""
    model = lane_model(page, 0)
    cell = int((made.START_MS + hour * HOUR_MS - model["start"]) // model["interval"])
    page.mouse.click(*cell_point(page, 0, cell, which=0))
    loaded(page)


def choose(page: Page, name: str, action: str) -> None:
    summary = page.locator(".row-menu summary", has_text=name).first
    summary.scroll_into_view_if_needed()
    # Scrolling closes menus, and is told of a frame later.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    summary.click()
    page.locator(".row-menu[open]").get_by_text(action).click()


def test_alerts_stand_in_the_cells_of_the_lanes(open_page: OpenPage, loud: None) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    panel = page.locator(".alerts")
    expect(panel.locator(".panel-head .badge")).to_have_text(["1 active", "1 recovered", "1 untracked"])
    counts = page.locator("alert-line").evaluate("({ model }) => ({ ...model, scores: [...model.scores] })")
    lane = lane_model(page, 0)
    assert [counts[name] for name in ("start", "interval", "cells")] == [
        lane[name] for name in ("start", "interval", "cells")
    ]
    # The first hour is one of both rules, the last of one alert of each.
    hours = [int((made.START_MS + hour * HOUR_MS - lane["start"]) // lane["interval"]) for hour in (60, 71)]
    assert {cell: count for cell, count in enumerate(counts["scores"]) if count} == dict.fromkeys(hours, 2)
    cards = panel.locator(".alert-card")
    expect(cards.locator("h3")).to_have_text(["Storms", "Floods"])
    expect(cards.first.locator(".badge")).to_have_text(["1 active", "1 recovered"])
    panel.get_by_role("button", name="Details").click()
    expect(page).to_have_url(re.compile("alerts=details"))
    expect(panel.locator("tbody tr")).to_have_count(3)
    expect(panel.locator("tbody tr").first).to_contain_text(re.compile(r"active.*high_count|active.*count", re.S))
    page.reload()
    expect(panel.locator("tbody tr")).to_have_count(3)
    loaded(page)


def test_a_selected_cell_tells_of_its_alerts_until_dismissed(open_page: OpenPage, loud: None) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    popover = page.get_by_role("region", name=POPOVER)
    select_hour(page, made.FIRST_HOUR)
    expect(popover.locator(".badge")).to_have_text(["1 recovered", "1 untracked"])
    expect(popover.locator("tbody tr")).to_have_count(2)
    popover.get_by_role("button", name="Dismiss").click()
    expect(popover).to_have_count(0)
    # By keys the same, and the focus goes back to the lane.
    expect(lanes(page, 0)).to_be_focused()
    page.keyboard.press("Enter")
    popover.get_by_role("link", name="Storms").focus()
    page.keyboard.press("Escape")
    expect(popover).to_have_count(0)
    expect(lanes(page, 0)).to_be_focused()
    expect(page.locator(".selection strong")).to_be_visible()
    # A cell ends before the next begins.
    for hour, count in ((made.FIRST_HOUR - 1, 0), (made.FIRST_HOUR, 1), (made.FIRST_HOUR + 1, 0)):
        select_hour(page, hour)
        expect(popover).to_have_count(count)


def test_the_link_of_an_alert_leads_to_its_anomaly(open_page: OpenPage, cluster_client: HttpClient, loud: None) -> None:
    hits = cluster_client.post("/lanewatch-alerts/_search", json_body={"size": 100}).json()["hits"]["hits"]
    [alert] = [hit["_source"] for hit in hits if hit["_source"]["kibana.alert.rule.uuid"] == "floods"]
    page = open_page(alert["kibana.alert.url"].removeprefix("/_ml_ui/"))
    loaded(page)
    lane = lane_model(page, 0)
    at_ms = alert["kibana.alert.anomaly_timestamp"]
    assert lane["start"] <= at_ms < lane["start"] + lane["cells"] * lane["interval"]


def test_a_rule_is_made_from_an_anomaly(open_page: OpenPage, loud: None, client: HttpClient) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    choose(page, "Actions for the anomaly", "Create a rule from this anomaly")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Only what matches")).to_have_value(
        'partition_field_name: "host" and partition_field_value: "b"'
    )
    score = float(dialog.get_by_label("Score from").input_value())
    assert score % 5 == 0 and 50 <= score < 100
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("status")).to_contain_text(re.compile(r"1 match|2 matches"))
    dialog.get_by_label("Name").fill("Loud b")
    dialog.get_by_role("button", name="Create").click()
    expect(page.locator("table.rules tbody tr", has_text="Loud b")).to_contain_text("loud")
    (rule,) = client.get("/api/alerting/rules/_find", query={"search": "Loud b"}).json()["data"]
    assert rule["params"]["lanewatch"]["group_by"] == "entity"
    assert rule["params"]["jobSelection"]["jobIds"] == [made.LOUD_JOB]
    page.once("dialog", lambda asked: asked.accept())
    choose(page, "Actions for Loud b", "Delete…")
    expect(page.locator("table.rules tbody tr", has_text="Loud b")).to_have_count(0)
    loaded(page)


def test_a_rule_about_the_health_of_jobs_is_made(open_page: OpenPage, loud: None, client: HttpClient) -> None:
    page = open_page("rules")
    loaded(page)
    page.get_by_role("button", name="Create a rule").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("About").select_option(label="the health of jobs")
    expect(dialog.get_by_label("Score from")).to_have_count(0)
    expect(dialog.get_by_label("Name")).to_have_value("Health of jobs")
    dialog.get_by_label("Add").select_option(made.CONNECTOR)
    dialog.get_by_role("button", name="Create").click()
    expect(page.locator("table.rules tbody tr", has_text="Health of jobs")).to_contain_text("all jobs")
    (rule,) = client.get("/api/alerting/rules/_find", query={"search": "Health of jobs"}).json()["data"]
    assert rule["rule_type_id"] == "xpack.ml.anomaly_detection_jobs_health"
    assert rule["params"]["includeJobs"] == {"jobIds": ["*"], "groupIds": []}
    assert [action["group"] for action in rule["actions"]] == ["anomaly_detection_realtime_issue"]
    assert client.delete(f"{made.RULES}/{rule['id']}").status == 204
    loaded(page)


def test_rules_are_muted_disabled_and_changed(open_page: OpenPage, loud: None, client: HttpClient) -> None:
    page = open_page("rules?open=storms")
    loaded(page)
    alert = f"{made.LOUD_JOB}:host=b"
    page.get_by_role("button", name=f"Mute {alert}").first.click()
    expect(page.get_by_role("button", name=f"Unmute {alert}").first).to_be_visible()
    assert client.get(f"{made.RULES}/storms").json()["muted_alert_ids"] == [alert]
    choose(page, "Actions for Storms", "Disable")
    expect(page.locator("table.rules tr.open .state")).to_have_text("disabled")
    choose(page, "Actions for Storms", "Edit…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Score from").fill("60")
    dialog.get_by_label("Add").select_option(made.CONNECTOR)
    dialog.get_by_label("Told").select_option("recovered")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("table.rules tr.open")).to_contain_text("record score from 60")
    choose(page, "Actions for Storms", "Unmute" if client.get(f"{made.RULES}/storms").json()["mute_all"] else "Mute")
    expect(page.locator("table.rules tr.open .tag")).to_have_text("muted")
    choose(page, "Actions for Storms", "Enable")
    expect(page.locator("table.rules tr.open .state")).to_have_text("enabled")
    stored = client.get(f"{made.RULES}/storms").json()
    (action,) = stored["actions"]
    assert (action["id"], action["group"], action["params"]["level"]) == (made.CONNECTOR, "recovered", "warn")
    assert (stored["params"]["severity"], stored["mute_all"], stored["enabled"]) == (60, True, True)
    loaded(page)


def test_why_there_are_no_alerts(open_page: OpenPage, loud: None, allow_faults: Callable[..., None]) -> None:
    before = f"{EXPLORER}&from={made.START_MS}&to={made.START_MS + 20 * HOUR_MS}"
    page = open_page(before)
    loaded(page)
    expect(page.locator(".alerts .empty")).to_contain_text(
        re.compile(r"No alert in this time.*watch these jobs.*The last alert was at", re.S)
    )
    absent = '{"_shards": {"total": 0}, "hits": {"hits": []}}'
    page.route("**/lanewatch-alerts/_search*", lambda route: route.fulfill(body=absent))
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".alerts .empty")).to_contain_text("No right to read alerts")
    page.goto("/_ml_ui/rules?open=storms")
    expect(page.locator("tr.details")).to_contain_text("Its alerts may not be read")
    page.go_back()
    page.route("**/rules/_find*", lambda route: route.fulfill(body='{"data": [], "total": 0}'))
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".alerts .empty")).to_contain_text("no index of alerts")
    expect(page.locator(".alerts").get_by_role("link", name="Create a rule")).to_be_visible()
    allow_faults("Failed to load resource")
    page.route("**/lanewatch-alerts/_search*", lambda route: route.fulfill(status=403, body="{}"))
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator(".alerts .empty")).to_contain_text("No right to read alerts")
    loaded(page)


def test_a_connector_is_made_tried_and_deleted(
    open_page: OpenPage, loud: None, client: HttpClient, allow_faults: Callable[..., None]
) -> None:
    page = open_page("rules")
    loaded(page)
    allow_faults("Failed to load resource")
    connectors = page.get_by_role("region", name="Connectors", exact=True)
    connectors.get_by_role("button", name="Create a connector").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Night watch")
    dialog.get_by_label("Address").fill("ftp://example.org")
    screenshot(page, "connector-form")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("[url]: must begin with http:// or https://")
    dialog.get_by_label("Type").select_option(label="Log of Lanewatch")
    dialog.get_by_role("button", name="Create").click()
    row = connectors.locator("tbody tr", has_text="Night watch")
    expect(row).to_contain_text("Log of Lanewatch")
    screenshot(page, "connectors")
    row.get_by_role("button", name="Try").click()
    expect(connectors.get_by_role("status")).to_have_text("Night watch: the trial has arrived.")
    page.once("dialog", lambda asked: asked.accept())
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    assert {each["id"] for each in client.get("/api/actions/connectors").json()} == {made.CONNECTOR}


def test_the_page_asks_what_each_kind_of_connector_needs(open_page: OpenPage) -> None:
    page = open_page("rules")
    kinds = page.evaluate("import('./connector-kinds.js').then(({ KINDS }) => KINDS)")
    assert {kind["id"] for kind in kinds} == set(KINDS)
    for kind in kinds:
        for part, known in (("config", KINDS[kind["id"]].config), ("secrets", KINDS[kind["id"]].secrets)):
            asked = {field["name"]: field.get("required", False) for field in kind["fields"] if field["part"] == part}
            assert set(asked) <= set(known)
            assert {name for name, needed in asked.items() if needed} == {
                name for name, field in known.items() if field.is_required
            }
