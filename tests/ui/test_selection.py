"""Choosing cells by mouse, drag and keys, and that a coloured cell opens the records which coloured it."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.ui import seeded
from tests.ui.seeded import HOUR_MS, Seeded
from tests.ui.watching import OpenPage, cell_point, lane_model, lanes, loaded

EXPLORER = "explorer?job=web&by=host&group=all"


def selection_of(page: Page) -> tuple[int, int, list[str]]:
    """The range and lanes that the address names."""
    found = re.search(r"[?&]t=(\d+)\.\.(\d+)", page.url)
    assert found, page.url
    return int(found[1]), int(found[2]), re.findall(r"[?&]lane=([^&]*)", page.url)


def test_mouse_and_keys_choose_the_same_cell(open_page: OpenPage, web: Seeded) -> None:
    by_mouse, by_keys = open_page(EXPLORER), open_page(EXPLORER)
    for page in (by_mouse, by_keys):
        loaded(page)
    by_mouse.mouse.click(*cell_point(by_mouse, 2, 5))
    expect(by_mouse.locator(".selection strong")).to_be_visible()
    lanes(by_keys).focus()
    for key in ["ArrowDown"] * 2 + ["ArrowRight"] * 5 + ["Enter"]:
        by_keys.keyboard.press(key)
    expect(by_keys.locator(".selection strong")).to_be_visible()
    model = lane_model(by_mouse)
    start = model["start"] + 5 * model["interval"]
    assert selection_of(by_mouse) == (start, start + model["interval"], [model["names"][2]])
    assert selection_of(by_keys) == selection_of(by_mouse)
    loaded(by_keys)
    loaded(by_mouse)
    assert by_keys.locator(".selection").inner_text() == by_mouse.locator(".selection").inner_text()


def range_of(page: Page) -> tuple[int, int]:
    found = re.search(r"[?&]from=(\d+)&to=(\d+)", page.url)
    assert found, page.url
    return int(found[1]), int(found[2])


def test_the_wheel_zooms_only_while_ctrl_is_held(open_page: OpenPage, web: Seeded) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    page.mouse.move(*cell_point(page, 0, 10))
    page.mouse.wheel(0, -1)
    page.wait_for_timeout(300)
    assert "from=" not in page.url
    model = lane_model(page)
    pointed_at = model["start"] + 10.5 * model["interval"]
    page.mouse.move(*cell_point(page, 0, 10))
    page.keyboard.down("Control")
    for _ in range(3):
        page.mouse.wheel(0, -100)
    expect(page).to_have_url(re.compile(r"from=\d+&to=\d+"))
    start, end = range_of(page)
    shown = model["interval"] * model["cells"]
    assert end - start == pytest.approx(shown / 1.25**3, rel=0.01)
    assert (pointed_at - start) / (end - start) == pytest.approx((pointed_at - model["start"]) / shown, abs=0.02)
    page.keyboard.up("Control")


def test_drag_shift_click_and_shift_arrows_choose_the_same_block(open_page: OpenPage, web: Seeded) -> None:
    dragged, clicked, typed = (open_page(EXPLORER) for _ in range(3))
    for page in (dragged, clicked, typed):
        loaded(page)
    dragged.mouse.move(*cell_point(dragged, 1, 4))
    dragged.mouse.down()
    dragged.mouse.move(*cell_point(dragged, 3, 9), steps=5)
    dragged.mouse.up()
    clicked.mouse.click(*cell_point(clicked, 1, 4))
    clicked.keyboard.down("Shift")
    clicked.mouse.click(*cell_point(clicked, 3, 9))
    clicked.keyboard.up("Shift")
    lanes(typed).focus()
    for key in ["ArrowDown", *["ArrowRight"] * 4, *["Shift+ArrowDown"] * 2, *["Shift+ArrowRight"] * 5]:
        typed.keyboard.press(key)
    model = lane_model(dragged)
    start = model["start"] + 4 * model["interval"]
    wanted = (start, start + 6 * model["interval"], model["names"][1:4])
    for page in (dragged, clicked, typed):
        loaded(page)
        assert selection_of(page) == wanted


@pytest.mark.parametrize("how", ["again", "escape", "button"])
def test_a_selection_is_cleared(open_page: OpenPage, web: Seeded, how: str) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    page.mouse.click(*cell_point(page, 1, 6))
    expect(page).to_have_url(re.compile(r"[?&]t="))
    if how == "again":
        page.mouse.click(*cell_point(page, 1, 6))
    elif how == "escape":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="Clear", exact=True).click()
    expect(page).not_to_have_url(re.compile(r"[?&]t="))
    loaded(page)


def test_the_keys_say_what_they_reach(open_page: OpenPage, web: Seeded) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    lanes(page).focus()
    page.keyboard.press(".")
    model = lane_model(page)
    cell = next(at for at, score in enumerate(model["scores"]) if score >= 3 and at > 0)
    said = page.locator("swim-lane").nth(1).get_by_role("gridcell").inner_text()
    assert said.startswith(f"{model['names'][0]}, ")
    assert f"influencer score {int(model['scores'][cell])}, " in said


def test_double_click_zooms_and_keys_shift_and_fit(open_page: OpenPage, web: Seeded) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    model = lane_model(page)
    page.mouse.dblclick(*cell_point(page, 0, 10))
    start = model["start"] + 10 * model["interval"]
    expect(page).to_have_url(re.compile(rf"from={start}&to={start + model['interval']}"))
    loaded(page)
    page.keyboard.press("z")
    expect(page).not_to_have_url(re.compile(rf"from={start}&"))
    page.keyboard.press("f")
    expect(page).not_to_have_url(re.compile(r"from="))
    loaded(page)


def test_filters_are_added_from_anywhere_and_taken_away(open_page: OpenPage, web: Seeded) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    host = lane_model(page)["names"][0]
    page.locator(".influencers").get_by_role("button", name=f"Filter for host = {host}").click()
    expect(page.locator(".chip")).to_contain_text(f"host = {host}")
    loaded(page)
    assert lane_model(page)["names"] == [host]
    wanted = sum(record["partition_field_value"] == host for record in web.records)
    expect(page.locator(".anomalies tbody tr")).to_have_count(min(wanted, 50))
    page.get_by_role("button", name=f"Remove the filter host = {host}").click()
    expect(page.locator(".chip")).to_have_count(0)
    loaded(page)


def test_the_influencers_of_a_selected_lane_are_those_of_its_records(open_page: OpenPage, web: Seeded) -> None:
    page = open_page(EXPLORER)
    loaded(page)
    model = lane_model(page)
    lane, cell = divmod(model["scores"].index(max(model["scores"])), model["cells"])
    page.mouse.click(*cell_point(page, lane, cell))
    expect(page.locator(".influencers")).to_contain_text("in the selection")
    loaded(page)
    hosts = page.locator(".influencers ul").first.locator("li")
    expect(hosts).to_have_count(1)
    expect(hosts).to_contain_text(model["names"][lane])


def expected_records(web: Seeded, start: int, end: int, host: str) -> list[float]:
    scores = [
        record["record_score"]
        for record in web.records
        if start <= record["timestamp"] < end and record["partition_field_value"] == host
    ]
    return sorted(scores, reverse=True)


def day(month: int, number: int) -> int:
    return int(datetime(2024, month, number, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("UTC", None, None),
        ("UTC", seeded.START_MS + 30 * 60_000, seeded.START_MS + 5 * 24 * HOUR_MS + 17 * 60_000),
        ("America/New_York", day(3, 9), day(3, 12)),
        ("Europe/Berlin", day(3, 29), day(4, 2)),
    ],
)
def test_a_coloured_cell_opens_its_records(
    open_page: OpenPage, web: Seeded, zone: str, start: int | None, end: int | None
) -> None:
    chosen = "" if start is None else f"&from={start}&to={end}"
    page = open_page(f"{EXPLORER}{chosen}&tz=local", timezone_id=zone)
    loaded(page)
    model = lane_model(page)
    coloured = [at for at, score in enumerate(model["scores"]) if score > 0]
    for at in random.Random(1).sample(coloured, min(5, len(coloured))):
        lane, cell = divmod(at, model["cells"])
        page.mouse.click(*cell_point(page, lane, cell))
        begins = model["start"] + cell * model["interval"]
        expect(page).to_have_url(re.compile(rf"[?&]t={begins}\.\.{begins + model['interval']}(&|$)"))
        loaded(page)
        scores = expected_records(web, begins, begins + model["interval"], model["names"][lane])
        assert scores, "the made-up influencers all come from records"
        shown = page.locator(".anomalies td.score-cell").all_inner_texts()
        assert [int(re.search(r"\d+", text)[0]) for text in shown] == [int(score) for score in scores]


def test_a_cell_over_the_threshold_says_what_lies_under_it(open_page: OpenPage, web: Seeded) -> None:
    page = open_page(f"{EXPLORER}&min=50")
    loaded(page)
    model = lane_model(page)
    for at, score in enumerate(model["scores"]):
        lane, cell = divmod(at, model["cells"])
        begins = model["start"] + cell * model["interval"]
        scores = expected_records(web, begins, begins + model["interval"], model["names"][lane])
        if score >= 50 and scores and scores[0] < 50:
            page.mouse.click(*cell_point(page, lane, cell))
            expect(page.locator(".empty-title").last).to_contain_text("hidden under 50")
            page.get_by_role("button", name="Show all scores").click()
            expect(page.locator(".anomalies tbody tr")).to_have_count(len(scores))
            loaded(page)
            return
    pytest.fail("the made-up results have no such cell")
