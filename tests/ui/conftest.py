"""A real Chromium on the page of a real proxy, with results that the tests know.

Every page is watched: a console error, a breach of the policy or a request to anywhere else fails the test.

What the page is held to, and where:

1.  every view shows what was written, and says nothing to the console: test_views.py
2.  an address shows the same to everybody; Back and Forward; bad addresses degrade: test_views.py
3.  mouse, drag and keys choose the same: test_selection.py
4.  a coloured cell opens its records, or says how many lie under the threshold: test_selection.py
5.  slow, late, refused and malformed answers, and every empty state: test_faults.py
6.  hostile values are text everywhere: test_faults.py
7.  cells and markers have the colours of their severity, in both themes: test_looks.py
8.  axe on every state of every view; the whole way by keys; what a screen reader gets: test_looks.py
9.  budgets, on a year of two hundred lanes: test_budgets.py
10. time zones, widths, twice the size: test_looks.py
11. actions ask, refuse and notice what others changed: test_actions.py, test_datafeed_actions.py,
    test_series_actions.py; no other site can act: tests/api/test_page.py
12. alerts stand in the cells of the lanes, and rules are made, muted and changed: test_alerts.py
13. the wheel holds the page and needs no build: tests/test_packaging.py; libraries equal the lock: test_page_tools.py
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.http_client import HttpClient
from tests.ui import seeded, seeded_alerts
from tests.ui.seeded import Seeded
from tests.ui.watching import OpenPage, Watched

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
# Generous, for machines that have much else to do; what is there is found at once.
TIMEOUT_MS = 60_000


# Ended with each module: while it runs, no other event loop can in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; `make system` installs it where it can")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def watched_contexts() -> Iterator[list[Watched]]:
    watched: list[Watched] = []
    yield watched
    for each in watched:
        each.check()


@pytest.fixture
def open_page(browser: Browser, lanewatch: str, watched_contexts: list[Watched]) -> Iterator[OpenPage]:
    """Opens an address of the page in a browser of its own settings; the page has `watched`."""
    contexts: list[BrowserContext] = []

    def open_at(
        address: str = "",
        *,
        width: int = 1280,
        height: int = 900,
        prepare: Callable[[Page], None] | None = None,
        **more: Any,
    ) -> Page:
        more.setdefault("timezone_id", "UTC")
        context = browser.new_context(viewport={"width": width, "height": height}, base_url=lanewatch, **more)
        contexts.append(context)
        watched_contexts.append(Watched(context, lanewatch))
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        if prepare is not None:
            prepare(page)
        page.goto(f"/_ml_ui/{address}")
        return page

    yield open_at
    for context in contexts:
        context.close()


@pytest.fixture
def allow_faults(watched_contexts: list[Watched]) -> Callable[..., None]:
    """Names what the console may say because the test provokes it."""

    def allow(*texts: str) -> None:
        for watched in watched_contexts:
            watched.allow(*texts)

    return allow


@pytest.fixture(scope="module")
def web(client: HttpClient, cluster_client: HttpClient, reset_jobs: Callable[[], None]) -> Iterator[Seeded]:
    """The jobs `web` (with model plot) and `calm` (analysed, nothing unusual), and no others."""
    reset_jobs()
    made = seeded.web_results()
    calm = Seeded("calm", [], buckets=[
        seeded.bucket("calm", seeded.START_MS + hour * seeded.HOUR_MS, 2.0 if hour == 5 else 0.0)
        for hour in range(seeded.HOURS)
    ])  # fmt: skip
    dashboard = "https://example.org/?host=$host$&from=$earliest$"
    urls = [{"url_name": "Dashboard", "url_value": dashboard, "time_range": "1h"},
            {"url_name": "Bad", "url_value": "javascript:alert(1)"}]  # fmt: skip
    with_plot = {"model_plot_config": {"enabled": True}, "custom_settings": {"custom_urls": urls}}
    seeded.put_job(client, "web", seeded.job_config(**with_plot))
    seeded.put_job(client, "calm", seeded.job_config(influencers=[]))
    seeded.write(cluster_client, made, calm)
    yield made
    reset_jobs()


@pytest.fixture(scope="module")
def web_alerts(web: Seeded, client: HttpClient, cluster_client: HttpClient) -> Seeded:
    """Alerts of a rule about the job `web`; they go with its results."""
    seeded_alerts.write_alerts(client, cluster_client, web)
    return web
