"""The life of a datafeed: start and stop. What runs and how is the runtime's matter."""

from __future__ import annotations

import asyncio
from typing import Any

from proxy.api.call import Call
from proxy.api.responsible import node_id_of
from proxy.api.rules.datafeed_start import run_of
from proxy.api.services import Services
from proxy.errors import MlError, status_error
from proxy.job_config import datafeed_errors
from proxy.runtime.datafeeds.source import source_for
from proxy.store import DatafeedTask, StoredDatafeed, check_readable
from proxy.units import parse_duration_ms

_STOP_TIMEOUT = "5m"


async def start_datafeed(call: Call, services: Services) -> dict[str, Any]:
    now_ms = services.clock()
    run = run_of(call, now_ms)
    stored = await services.store.datafeeds.get(call.path["datafeed_id"])
    job = await services.store.jobs.get(stored.job_id)
    await services.runtime.ready(stored.job_id)
    await services.runtime.datafeeds.ready()
    state = services.runtime.shown(stored.job_id)
    if state not in ("opening", "opened"):
        raise datafeed_errors.job_is_not_open(stored.datafeed_id, stored.job_id, state)
    if services.runtime.datafeeds.state(stored.datafeed_id) != "stopped":
        raise datafeed_errors.already_started(stored.datafeed_id)
    try:
        async with asyncio.timeout(run.timeout_ms / 1000):
            client = services.store.client
            searcher = client if stored.api_key is None else client.acting_as(_by_key(stored.api_key))
            await check_readable(searcher, source_for(stored.config, job.config))
            task = DatafeedTask(stored.datafeed_id, stored.job_id, now_ms, run.start_ms, run.end_ms)
            await services.runtime.datafeeds.start(task, stored, job)
    except TimeoutError as error:
        timeout = call.option("timeout", "20s")
        raise datafeed_errors.start_timed_out(stored.datafeed_id, timeout) from error
    return {"started": True, "node": node_id_of(services) if state == "opened" else ""}


def _by_key(api_key: str) -> dict[str, str]:
    return {"authorization": f"ApiKey {api_key}"}


async def stop_datafeed(call: Call, services: Services) -> dict[str, Any]:
    expression = call.path["datafeed_id"]
    timeout = call.option("timeout", _STOP_TIMEOUT)
    found = await services.store.datafeeds.resolve(expression, call.option("allow_no_match", True))
    await services.runtime.datafeeds.ready()
    stopping = [asyncio.ensure_future(_stop(call, services, each)) for each in found]
    if stopping:
        _, late = await asyncio.wait(stopping, timeout=parse_duration_ms(timeout, "timeout") / 1000)
        if late:
            raise status_error(f"Timed out when waiting for persistent tasks after {timeout}", 408)
    failures = [error for each in stopping if isinstance(error := each.exception(), MlError)]
    if len(failures) == 1 and len(found) == 1:
        raise failures[0]
    if failures:
        raise datafeed_errors.not_all_stopped(expression, failures)
    return {"stopped": True}


async def _stop(call: Call, services: Services, stored: StoredDatafeed) -> None:
    """It goes on stopping where the time to wait for it is too short."""
    force, closes_job = call.option("force", False), call.option("close_job", False)
    is_running = services.runtime.datafeeds.state(stored.datafeed_id) != "stopped"
    await services.runtime.datafeeds.stop(stored.datafeed_id, force=force, closes_job=closes_job)
    if closes_job and (force or not is_running):
        await services.runtime.close(stored.job_id, force=force)
