"""What tests of the page share besides fixtures: the watch over a page, and ways to find things in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

SCREENSHOTS = Path(__file__).parent / "screenshots"
OpenPage = Callable[..., Page]


class Watched:
    """What a page did that it must not do; `allow` names faults that a test provokes."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.origin = origin
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.allowed: tuple[str, ...] = ()
        context.on("page", self._watch)

    def allow(self, *texts: str) -> None:
        self.allowed += texts

    def _watch(self, page: Page) -> None:
        page.on("console", lambda message: self._note(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self._note(f"{error}\n{error.stack}"))
        page.on("request", lambda request: self._request(request.url))

    def _request(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith((self.origin, "data:", "blob:")):
            self._note(f"a request to {url}")

    def _note(self, text: str) -> None:
        self.faults.append(text)

    def check(self) -> None:
        assert [fault for fault in self.faults if not any(text in fault for text in self.allowed)] == []


def screenshot(page: Page, name: str) -> None:
    """Keeps a picture for people to look at; no test compares it."""
    SCREENSHOTS.mkdir(exist_ok=True)
    # The bar on top stays there while one scrolls, and would stand in the middle of the picture.
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def lanes(page: Page, which: int = 1) -> Any:
    """The grid of the overall lane (0), of the lanes below it (1)."""
    return page.locator("swim-lane .lane-plot").nth(which)


def loaded(page: Page) -> None:
    """Waits until the page has all answers that it asked for."""
    page.locator("main[aria-busy=false] h1").wait_for()


def lane_model(page: Page, which: int = 1) -> dict[str, Any]:
    """What a <swim-lane> shows: names, start, interval, cells, scores."""
    script = """(which) => {
        const { names, start, interval, cells, scores } = document.querySelectorAll('swim-lane')[which].model;
        return { names, start, interval, cells, scores: [...scores] };
    }"""
    return page.evaluate(script, which)


def cell_point(page: Page, lane: int, cell: int, which: int = 1) -> tuple[float, float]:
    """Where on the screen the middle of a cell is."""
    grid = lanes(page, which)
    grid.scroll_into_view_if_needed()
    box = grid.bounding_box()
    model = lane_model(page, which)
    return box["x"] + (cell + 0.5) * box["width"] / model["cells"], box["y"] + lane * 24 + 12
