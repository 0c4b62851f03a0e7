"""What is drawn, in both themes, several widths and zones, and whether everybody can use it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui.seeded import Seeded
from tests.ui.states import STATES, VIEWS
from tests.ui.watching import OpenPage, lane_model, lanes, loaded, screenshot

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
PALETTES = {
    "light": ["#e7ebee", "#93c2ed", "#d3a310", "#b15623", "#66070c"],
    "dark": ["#2d3238", "#375a88", "#806926", "#fb7b12", "#fbbebe"],
}
FROM = [0, 3, 25, 50, 75]


def pixels(page: Page, points: list[tuple[float, float]]) -> list[str]:
    """The colours of the lanes' canvas at CSS pixels of the grid."""
    script = """(points) => {
        const canvas = document.querySelectorAll('swim-lane')[1].querySelector('.lane-cells');
        const ratio = canvas.width / canvas.clientWidth;
        const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return points.map(([x, y]) => {
            const at = 4 * (Math.round(y * ratio) * width + Math.round(x * ratio));
            return '#' + [...data.slice(at, at + 3)].map((part) => part.toString(16).padStart(2, '0')).join('');
        });
    }"""
    return page.evaluate(script, points)


def test_cells_have_the_colours_of_their_severity(
    open_page: OpenPage, web: Seeded, allow_faults: Callable[..., None]
) -> None:
    page = open_page(VIEWS["explorer"].address, color_scheme="light")
    allow_faults("willReadFrequently")
    loaded(page)
    model = lane_model(page)
    width = lanes(page).bounding_box()["width"]
    coloured = [(divmod(at, model["cells"]), score) for at, score in enumerate(model["scores"]) if score > 0]
    points = [((cell + 0.5) * width / model["cells"], lane * 24 + 11) for (lane, cell), _ in coloured]
    severities = [max(number for number, least in enumerate(FROM) if score >= least) for _, score in coloured]
    assert len(set(severities)) >= 4
    for theme, palette in PALETTES.items():
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert pixels(page, points) == [palette[severity] for severity in severities]


def test_markers_have_the_colours_of_their_severity(
    open_page: OpenPage, web: Seeded, allow_faults: Callable[..., None]
) -> None:
    page = open_page(VIEWS["metric"].address, color_scheme="light")
    allow_faults("willReadFrequently")
    loaded(page)
    script = """(time) => {
        document.querySelector('.focus').scrollIntoView();
        const chart = document.querySelector('.focus metric-chart');
        const canvas = chart.querySelector('canvas');
        const over = chart.querySelector('.u-over').getBoundingClientRect();
        const { start, end } = chart.drawing.range;
        const left = over.left - canvas.getBoundingClientRect().left + over.width * (time - start) / (end - start);
        const column = Math.round(left * canvas.width / canvas.clientWidth);
        const { data } = canvas.getContext('2d').getImageData(column, 0, 1, canvas.height);
        const parts = (at) => [...data.slice(at, at + 3)].map((part) => part.toString(16).padStart(2, '0'));
        const colours = Array.from({ length: canvas.height }, (_, row) => '#' + parts(4 * row).join(''));
        const box = canvas.getBoundingClientRect();
        return { colours, left: left + box.left, top: box.top, ratio: canvas.width / canvas.clientWidth };
    }"""
    severity = max(number for number, least in enumerate(FROM) if web.worst["record_score"] >= least)
    for theme, palette in PALETTES.items():
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        found = page.evaluate(script, web.worst["timestamp"])
        assert found["colours"].count(palette[severity]) >= 3
    height = found["colours"].index(PALETTES["dark"][severity]) / found["ratio"]
    page.mouse.click(found["left"], found["top"] + height + 3)
    expect(page.locator(".anomalies tr.open")).to_contain_text(str(int(web.worst["record_score"])))
    expect(page.get_by_role("heading", name="Why this score")).to_be_in_viewport()


@pytest.mark.parametrize("name", VIEWS)
def test_every_width_and_theme_shows_everything(open_page: OpenPage, web_alerts: Seeded, name: str) -> None:
    page = open_page(VIEWS[name].address)
    loaded(page)
    VIEWS[name].act(page)
    for width, theme in itertools.product([1280, 800, 390], PALETTES):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        loaded(page)
        screenshot(page, f"{name}-{theme}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"wider than {width} pixels"


def test_a_page_at_twice_the_size_still_fits(open_page: OpenPage, web: Seeded) -> None:
    # 200 % of a 1280 pixel window leaves 640 CSS pixels with twice as many device pixels each.
    page = open_page(VIEWS["explorer"].address, width=640, height=450, device_scale_factor=2)
    loaded(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    expect(lanes(page)).to_be_visible()


@pytest.mark.parametrize(
    ("zone", "shown"), [("UTC", "UTC"), ("America/New_York", "-05:00"), ("Asia/Kolkata", "+05:30")]
)
def test_times_are_shown_in_the_zone_that_is_chosen(open_page: OpenPage, web: Seeded, zone: str, shown: str) -> None:
    page = open_page("explorer?job=web&group=all&tz=local", timezone_id=zone)
    loaded(page)
    local = page.evaluate(
        """(time) => new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(time)""",
        web.worst["timestamp"],
    )
    expect(page.locator(".anomalies td.time").first).to_contain_text(local)
    page.get_by_label("Time zone").select_option("utc")
    utc = f"{web.worst['timestamp'] // 3_600_000 % 24:02}:00"
    expect(page.locator(".anomalies td.time").first).to_contain_text(utc)
    loaded(page)


@pytest.mark.skipif(not AXE.is_file(), reason="npm has not installed axe-core")
@pytest.mark.parametrize("name", STATES)
def test_axe_finds_no_barrier(
    open_page: OpenPage, web_alerts: Seeded, allow_faults: Callable[..., None], name: str
) -> None:
    state = STATES[name]
    page = open_page(state.address, prepare=state.prepare, bypass_csp=True, color_scheme="light")
    allow_faults(*state.provoked)
    loaded(page)
    state.act(page)
    page.add_script_tag(path=AXE)
    found = violations(page, {}, state.part)
    page.emulate_media(color_scheme="dark")
    # Everything else is the same in both themes.
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    found += violations(page, {"runOnly": ["color-contrast"]}, state.part)
    if name not in VIEWS:
        screenshot(page, name)
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def violations(page: Page, options: dict[str, object], part: str) -> list[str]:
    script = "([part, options]) => axe.run(part, options).then((run) => run.violations)"
    found = page.evaluate(script, [part, options])
    return [
        f"{each['help']}: {node['html'][:200]} {node.get('failureSummary')}"
        for each in found
        for node in each["nodes"][:3]
    ]


def test_the_whole_way_goes_by_keys(open_page: OpenPage, web: Seeded) -> None:
    """From an anomaly in the lanes to why it scored so, to its series and back."""
    page = open_page(VIEWS["explorer"].address)
    loaded(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "swim-lane:nth-of-type(1) .lane-plot")
    for key in (".", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".selection strong")).to_be_visible()
    loaded(page)
    tab_to(page, ".anomalies td button[aria-expanded]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Why this score")).to_be_visible()
    tab_to(page, ".details a")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Series of web")).to_be_visible()
    loaded(page)
    tab_to(page, ".focus .chart-plot")
    page.keyboard.press(".")
    expect(page.locator(".focus [aria-live]").first).to_contain_text("record score")
    page.keyboard.press("Enter")
    expect(page.locator(".anomalies tr.open")).to_be_in_viewport()
    page.go_back()
    expect(page.locator(".selection strong")).to_be_visible()
    loaded(page)


def tab_to(page: Page, selector: str) -> None:
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"no number of tabs leads to {selector}")


def test_what_a_screen_reader_gets(open_page: OpenPage, web: Seeded) -> None:
    page = open_page(VIEWS["explorer"].address)
    loaded(page)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    grid = page.get_by_role("grid", name="Influencer scores by host")
    assert int(grid.get_attribute("aria-rowcount")) == len(lane_model(page)["names"])
    assert re.match(r"web-\d, .*score", grid.get_by_role("gridcell").inner_text())
