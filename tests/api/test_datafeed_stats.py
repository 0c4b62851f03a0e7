"""What the statistics say of a datafeed that is started, by what the runtime knows of it; pure."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from proxy.api.handlers.datafeed_stats import Gathered, Running
from proxy.api.responsible import Responsible
from proxy.runtime.datafeeds.actions import Search
from proxy.store import DatafeedTask, StoredDatafeed

FEED = StoredDatafeed({"datafeed_id": "feed", "job_id": "job"})
NODE = {"id": "n"}
NEEDS_OPEN = "cannot start datafeed [feed], because the job's [job] state is [failed] while state [opened] is required"


@dataclass
class Run:
    """The part of a runner that statistics look at."""

    task: DatafeedTask
    searching: Search | None = None
    is_in_real_time: bool = False


def stats_of(run: Run, state: str = "started", job_state: str = "opened", *, is_upgrading: bool = False):
    running = {"feed": Running(state, run, job_state, None)}
    [document] = Gathered([FEED], {}, running, Responsible(NODE, {}, lambda _: None), is_upgrading).documents()
    return document


def run(end_ms: int | None = None, **known: object) -> Run:
    return Run(DatafeedTask("feed", "job", 0, 0, end_ms), **known)


def test_the_range_of_a_search_is_told_while_it_lasts():
    shown = stats_of(run(searching=Search(1748736000000, 1748739600500)))
    assert shown["running_state"] == {
        "real_time_configured": True,
        "real_time_running": False,
        "search_interval": {
            "start": "2025-06-01T00:00:00.000Z",
            "start_ms": 1748736000000,
            "end": "2025-06-01T01:00:00.500Z",
            "end_ms": 1748739600500,
        },
    }


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (run(), (True, False)),
        (run(end_ms=1), (False, False)),
        (run(end_ms=1, is_in_real_time=True), (False, True)),
    ],
)
def test_real_time_is_configured_by_the_lack_of_an_end(known, expected):
    state = stats_of(known)["running_state"]
    assert (state["real_time_configured"], state["real_time_running"]) == expected
    assert "search_interval" not in state


@pytest.mark.parametrize(
    ("state", "job_state", "is_upgrading", "explanation", "has_node"),
    [
        ("started", "opened", False, "", True),
        ("stopping", "opened", False, "", True),
        ("starting", "opening", False, "datafeed awaiting job assignment.", False),
        ("starting", "failed", False, NEEDS_OPEN, False),
        ("started", "opened", True, "persistent task cannot be assigned while upgrade mode is enabled.", True),
    ],
)
def test_what_is_not_assigned_says_why(state, job_state, is_upgrading, explanation, has_node):
    shown = stats_of(run(), state, job_state, is_upgrading=is_upgrading)
    assert (shown["state"], shown["assignment_explanation"], "node" in shown) == (state, explanation, has_node)
