"""The statistics of datafeeds: what they have stored, and for those that are started what the runtime knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.api.large_answer import prepared
from proxy.api.render import Prepared
from proxy.api.responsible import Responsible, responsible
from proxy.api.services import Services
from proxy.job_config import datafeed_assignment
from proxy.runtime.datafeeds.runner import Runner
from proxy.runtime.datafeeds.timing import SearchTiming
from proxy.store import StoredDatafeed
from proxy.units import iso

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Running:
    """What the runtime knows of a datafeed that is started. ``job_state`` is that of its job."""

    state: str
    runner: Runner
    job_state: str
    search_timing: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that the statistics of some datafeeds are made of."""

    datafeeds: list[StoredDatafeed]
    timings: Mapping[str, Mapping[str, Any]]
    running: Mapping[str, Running]
    where: Responsible | None
    is_upgrading: bool

    def documents(self) -> list[Document]:
        return [_stats(each, self) for each in self.datafeeds]


async def get_datafeed_stats(call: Call, services: Services) -> Prepared:
    gathered = await gather(services, call.path.get("datafeed_id"), call.query.get("allow_no_match", True))

    def listing() -> Document:
        stats = gathered.documents()
        return {"count": len(stats), "datafeeds": stats}

    return await prepared(listing)


async def gather(services: Services, expression: str | None, allow_no_match: bool) -> Gathered:
    """What is known of each datafeed, with a number of requests that does not depend on them."""
    found = await services.store.datafeeds.resolve(expression, allow_no_match)
    await services.runtime.datafeeds.ready()
    running = {each.datafeed_id: running for each in found if (running := _running(services, each)) is not None}
    return Gathered(
        datafeeds=found,
        timings=await services.store.datafeed_stats.read([each.job_id for each in found]),
        running=running,
        where=responsible(services) if running else None,
        is_upgrading=bool(running) and await services.store.upgrade_mode.is_on(),
    )


def _running(services: Services, stored: StoredDatafeed) -> Running | None:
    feeds = services.runtime.datafeeds
    runner = feeds.runner(stored.datafeed_id)
    if runner is None:
        return None
    live = feeds.live(stored.job_id)
    timing = None if live is None else live.search_timing
    return Running(feeds.state(stored.datafeed_id), runner, services.runtime.shown(stored.job_id), timing)


def _stats(stored: StoredDatafeed, gathered: Gathered) -> Document:
    datafeed_id, job_id = stored.datafeed_id, stored.job_id
    running = gathered.running.get(datafeed_id)
    stats: Document = {"datafeed_id": datafeed_id, "state": "stopped" if running is None else running.state}
    timing = None
    if running is not None:
        if running.state != "starting" and gathered.where is not None:
            stats["node"] = gathered.where.for_job(job_id)
        stats["assignment_explanation"] = _explanation(stored, running, is_upgrading=gathered.is_upgrading)
        timing = running.search_timing
    stats["timing_stats"] = timing or SearchTiming.of(gathered.timings.get(job_id)).document(job_id)
    if running is not None:
        stats["running_state"] = _running_state(running.runner)
    return stats


def _explanation(stored: StoredDatafeed, running: Running, *, is_upgrading: bool) -> str:
    if is_upgrading:
        return datafeed_assignment.UPGRADE_MODE
    if running.state != "starting":
        return ""
    if running.job_state == "opening":
        return datafeed_assignment.AWAITS_JOB
    return datafeed_assignment.job_has_state(stored.datafeed_id, stored.job_id, running.job_state)


def _running_state(runner: Runner) -> Document:
    state: Document = {
        "real_time_configured": runner.task.end_ms is None,
        "real_time_running": runner.is_in_real_time,
    }
    if (search := runner.searching) is not None:
        state["search_interval"] = {
            "start": iso(search.start_ms),
            "start_ms": search.start_ms,
            "end": iso(search.end_ms),
            "end_ms": search.end_ms,
        }
    return state
