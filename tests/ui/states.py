"""The page's views in the states that it can be in, for tests of its looks and of who can use it.

Each is an address, what to do there, and perhaps what the cluster answers instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.ui import seeded
from tests.ui.watching import cell_point, loaded


@dataclass(frozen=True, slots=True)
class State:
    address: str
    act: Callable[[Page], None] = lambda page: None
    prepare: Callable[[Page], None] | None = None
    part: str = "html"
    """Selector of what is not already in another state."""

    @property
    def provoked(self) -> tuple[str, ...]:
        """What the console says of faults that the state itself provokes."""
        return ("Failed to load resource",) if self.prepare else ()


def refuse(page: Page) -> None:
    reason = "action [cluster:monitor/xpack/ml/job/get] is unauthorized for user [eve]"
    answer = {"error": {"root_cause": [{"type": "security_exception", "reason": reason}]}}
    page.route("**/_search*", lambda route: route.fulfill(status=403, body=json.dumps(answer)))


def open_menu(name: str) -> Callable[[Page], None]:
    return lambda page: page.locator("details.menu > summary", has_text=name).first.click()


def press(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name).first.click()


def explain_the_worst(page: Page) -> None:
    page.locator(".anomalies button[aria-expanded]").first.click()
    expect(page.get_by_role("heading", name="Why this score")).to_be_visible()


def select_cells(page: Page) -> None:
    page.mouse.click(*cell_point(page, 0, 3))
    page.keyboard.down("Shift")
    page.mouse.click(*cell_point(page, 2, 6))
    page.keyboard.up("Shift")
    loaded(page)


def annotate(page: Page) -> None:
    page.get_by_role("button", name="Annotate").click()
    box = page.locator(".focus metric-chart .u-over").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 40, steps=3)
    page.mouse.up()
    expect(page.get_by_label("What happened")).to_be_visible()


def tell(page: Page) -> None:
    page.get_by_label("Add").select_option("server-log")
    expect(page.get_by_label("Message to Log of the server")).to_be_visible()


# The first ones are what people see most; they are pictured in every width.
VIEWS = {
    "jobs": State("jobs"),
    "job-open": State("jobs?open=web&tab=counts"),
    "explorer": State("explorer?job=web&by=host"),
    "explorer-explained": State("explorer?job=web,calm&min=3", explain_the_worst),
    "metric": State("metric?job=web"),
    "rules": State("rules?open=web-hosts"),
}
STATES = VIEWS | {
    "job-messages": State("jobs?open=web&tab=messages"),
    "job-dialog": State("jobs", press("Create from JSON"), part="dialog"),
    "job-menu": State("jobs", open_menu("Actions for web"), part="details[open]"),
    "jobs-none-found": State("jobs?q=nothing"),
    "explorer-selected": State("explorer?job=web&by=host&mode=bars&f=region:eu", select_cells),
    "explorer-alerts": State("explorer?job=web&by=host&alerts=details", part=".alerts"),
    "explorer-no-rule": State("explorer?job=calm", part=".alerts"),
    "rule-form": State("rules?open=*new&job=web&score=70&type=record&group=entity&kql=actual>5", tell, part="dialog"),
    "rule-menu": State("rules", open_menu("Actions for Hosts of web"), part="details[open]"),
    "explorer-jobs": State("explorer", open_menu("Jobs"), part="details[open]"),
    "explorer-range": State("explorer?job=web", open_menu("Range"), part="details[open]"),
    "explorer-help": State("explorer?job=web", open_menu("Help"), part="details[open]"),
    "explorer-hidden": State(f"explorer?job=web&min=99&t={seeded.START_MS}..{seeded.START_MS + 20 * 86_400_000}"),
    "explorer-refused": State("explorer?job=web", prepare=refuse),
    "explorer-no-time": State("explorer?job=web&from=2020-01-01&to=2020-02-01", part=".empty"),
    "explorer-calm": State("explorer?job=calm"),
    "explorer-bad-address": State("explorer?job=web,gone&min=lots", part=".notice"),
    "metric-calm": State("metric?job=calm"),
    "metric-explained": State("metric?job=web", explain_the_worst, part=".anomalies"),
    "metric-entities": State("metric?job=web", open_menu("host"), part="details[open]"),
    "metric-forecast": State("metric?job=web", open_menu("Forecast"), part="details[open]"),
    "metric-annotating": State("metric?job=web", annotate, part=".annotation-form"),
    "metric-gone": State("metric?job=gone"),
}
