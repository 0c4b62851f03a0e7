"""Job configurations: create, read, change, delete, reset. Running them is in job_runs, their counts in job_stats."""

from __future__ import annotations

import asyncio
from typing import Any

from proxy.api.call import Call, aside
from proxy.api.handlers.datafeeds import create, request_options
from proxy.api.large_answer import prepared
from proxy.api.render import Prepared, with_human_times
from proxy.api.rules import categorization, identifiers, job_update
from proxy.api.rules.breach import check
from proxy.api.rules.job import creation_breaches, rebuilt_breaches
from proxy.api.rules.limits import memory_limit_is_within_maximum
from proxy.api.services import Services
from proxy.errors import MlError, status_error
from proxy.job_config import datafeed as datafeed_config
from proxy.job_config import job as job_config
from proxy.job_config import key_order, types, update
from proxy.job_config.analysis import term_fields
from proxy.runtime.removals import Order
from proxy.store import JobConfig, StoredJob, id_is_taken

_TIMES = ("create_time", "finished_time")


async def put_job(call: Call, services: Services) -> JobConfig:
    job_id, body = call.path["job_id"], call.body
    max_bytes = services.config.ml.max_model_memory_limit
    creation = job_config.Creation(job_id, services.clock(), max_bytes)

    def checked() -> JobConfig:
        check(call, creation_breaches(body, job_id))
        check(call, memory_limit_is_within_maximum(body.get("analysis_limits") or {}, max_bytes))
        check(call, categorization.analyzer_parts_exist(body["analysis_config"]))
        return job_config.new_job(body, creation)

    config = await aside(call, checked)
    await services.store.indices.ensure_own()
    await _check_names(services, config)
    fields = await aside(call, lambda: term_fields(config["analysis_config"]))
    await services.store.indices.prepare_results(job_id, config["results_index_name"], fields)
    await services.store.jobs.create(config)
    services.runtime.notices.later(job_id, "info", "Job created")
    feed = await _create_datafeed(call, services, config)
    return _shown(call, config, feed)


async def _check_names(services: Services, config: JobConfig) -> None:
    """Whether the id and the groups of a new job are free.

    Raises:
        MlError: what Elasticsearch finds first.
    """
    job_id, store = config["job_id"], services.store
    taken, leftovers, clash = await asyncio.gather(
        store.jobs.exists(job_id),
        store.removal.leftovers(job_id, config["results_index_name"]),
        store.jobs.name_clash(job_id, config.get("groups", [])),
    )
    if taken:
        raise id_is_taken(job_id)
    if any(leftovers):
        results, state = leftovers
        raise status_error(
            f"[{results}] result and [{state}] state documents exist for a prior job with Id [{job_id}]. "
            "Please create the job with a different Id",
            409,
        )
    if clash:
        raise identifiers.name_clash(*clash)


async def _create_datafeed(call: Call, services: Services, config: JobConfig) -> JobConfig | None:
    """The datafeed that came with a new job; where it cannot be made, the job goes again."""
    given = call.body.get("datafeed_config")
    if given is None:
        return None
    job_id = config["job_id"]
    feed = datafeed_config.normalise(given, job_id, request_options(call))
    try:
        return await create(call, services, feed)
    except MlError as error:
        await _withdraw(services, config, error)
        raise


async def _withdraw(services: Services, config: JobConfig, error: MlError) -> None:
    job_id = config["job_id"]
    try:
        await services.store.removal.remove_all(job_id, config["results_index_name"], user_annotations=False)
        await services.store.jobs.delete(job_id)
    except MlError as failure:
        reason = "failed to cleanup job after datafeed creation failure"
        raise status_error(reason, 408, caused_by=error) from failure


async def get_jobs(call: Call, services: Services) -> Prepared:
    allow_no_match = call.query.get("allow_no_match", True)
    jobs = await services.store.jobs.resolve(call.path.get("job_id"), allow_no_match)
    feeds = await services.store.datafeeds.of_jobs(job.job_id for job in jobs)

    def listing() -> dict[str, Any]:
        if call.query.get("exclude_generated", False):
            shown = [job_config.without_generated(types.job(job.config)) for job in jobs]
        else:
            shown = [_shown(call, job.config, feeds.get(job.job_id)) for job in jobs]
        return {"count": len(shown), "jobs": shown}

    return await prepared(listing)


def _shown(call: Call, config: JobConfig, feed: JobConfig | None) -> JobConfig:
    """A job as it is echoed."""
    if feed is not None:
        config = key_order.ordered(config | {"datafeed_config": feed}, key_order.JOB)
    return with_human_times(config, _TIMES) if call.human else config


async def update_job(call: Call, services: Services) -> JobConfig:
    job_id, body, store = call.path["job_id"], call.body, services.store
    _check_names_one_job(job_id)
    await aside(call, lambda: check(call, job_update.reading_breaches(body)))
    stored = await store.jobs.get(job_id)
    state = services.runtime.shown(job_id)
    await aside(call, lambda: check(call, identifiers.groups_are_well_formed(body)))
    clash = await store.jobs.name_clash(None, body.get("groups") or [])
    if clash:
        raise identifiers.name_clash(*clash)
    max_bytes = services.config.ml.max_model_memory_limit
    limits = body.get("analysis_limits") or {}
    used_bytes = await _used_bytes(services, stored) if limits else 0

    def updated(current: StoredJob) -> JobConfig:
        for found in (
            job_update.detectors_exist(body, current.config),
            job_update.open_jobs_keep_their_memory(body, state),
            memory_limit_is_within_maximum(limits, max_bytes),
            job_update.memory_stays_above_usage(body, used_bytes),
            job_update.partitioning_stays(body, current.config),
        ):
            for breach in found:
                raise breach.error
        merged = update.merged(types.job(current.config), body, max_bytes)
        for breach in rebuilt_breaches(merged):
            raise breach.error
        return job_config.normalise(types.job(merged))

    changed = await store.jobs.change(job_id, updated)
    if "groups" in body:
        await services.alerting.regrouped(job_id, stored.config.get("groups") or (), changed.config.get("groups") or ())
    fields = update.given_fields(body)
    if update.PUSHED_TO_OPEN_JOBS.intersection(fields):
        await services.runtime.steps.update(job_id)
    services.runtime.notices.later(job_id, "info", f"Job updated: [{', '.join(fields)}]")
    feeds = await store.datafeeds.of_jobs([job_id])
    return _shown(call, changed.config, feeds.get(job_id))


def _check_names_one_job(job_id: str) -> None:
    """Raises where an update's path means several jobs."""
    if job_id == "_all":
        raise status_error("Cannot update more than 1 job at a time", 400)
    if "*" in job_id:
        raise identifiers.invalid_id("job_id", job_id)


async def _used_bytes(services: Services, job: StoredJob) -> int:
    """The model memory that a job was last seen to use."""
    running = services.runtime.status(job.job_id)
    if running is not None:
        return int(running.model_size.get("model_bytes", 0))
    found = await services.store.job_stats.read([job])
    return int(found.model_sizes.get(job.job_id, {}).get("model_bytes", 0))


async def delete_job(call: Call, services: Services) -> dict[str, Any]:
    job_id = call.path["job_id"]
    job = await services.store.jobs.get(job_id)
    if services.runtime.removals.running(job_id) is None:
        services.runtime.check("delete", job, force=call.query.get("force", False))
    order = Order("delete", delete_user_annotations=call.query.get("delete_user_annotations", False))
    removal = await services.runtime.removals.begin(job_id, order)
    return await _outcome(call, removal.task_id, removal.work)


async def reset_job(call: Call, services: Services) -> dict[str, Any]:
    job_id = call.path["job_id"]
    job = await services.store.jobs.get(job_id)
    if await services.store.upgrade_mode.is_on():
        raise status_error("cannot reset job while indices are being upgraded", 409)
    services.runtime.check("reset", job)
    order = Order("reset", delete_user_annotations=call.query.get("delete_user_annotations", False))
    removal = await services.runtime.removals.begin(job_id, order)
    return await _outcome(call, removal.task_id, removal.work)


async def _outcome(call: Call, task_id: str, work: asyncio.Task[object]) -> dict[str, Any]:
    """The task's name at once, or its success; a caller that goes away does not end the work."""
    if not call.query.get("wait_for_completion", True):
        return {"task": task_id}
    await asyncio.shield(work)
    return {"acknowledged": True}
