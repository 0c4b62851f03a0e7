"""Datafeed configurations: create, read, change, delete, preview. Running them is in datafeed_runs."""

from __future__ import annotations

from functools import partial
from typing import Any

from proxy.api.call import Call, aside
from proxy.api.datafeed_rights import rights_of_caller
from proxy.api.large_answer import prepared
from proxy.api.render import Prepared
from proxy.api.rules import datafeed, datafeed_preview
from proxy.api.rules.breach import check
from proxy.api.rules.job import creation_breaches
from proxy.api.services import Services
from proxy.job_config import datafeed as datafeed_config
from proxy.job_config import datafeed_errors, key_order, types
from proxy.job_config import job as job_config
from proxy.job_config.datafeed_update import merged
from proxy.runtime.datafeeds.source import source_for
from proxy.store import DatafeedConfig, JobConfig, check_query, preview_source

_REQUEST_OPTIONS = ("allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable")


async def put_datafeed(call: Call, services: Services) -> DatafeedConfig:
    datafeed_id, body = call.path["datafeed_id"], call.body

    def checked() -> DatafeedConfig:
        check(call, datafeed.creation_breaches(body, datafeed_id))
        given = types.datafeed({**body, "datafeed_id": datafeed_id})
        return datafeed_config.normalise(given, body["job_id"], request_options(call))

    config = await aside(call, checked)
    await services.store.indices.ensure_own()
    return await create(call, services, config)


async def create(call: Call, services: Services, config: DatafeedConfig) -> DatafeedConfig:
    """Stores a new datafeed, alone or as a part of its job's configuration; returns what is shown of it."""
    await check_query(services.store.client, services.store.names, config["query"])
    rights = await rights_of_caller(call, services, config, is_new=True)
    existing = await services.store.datafeeds.of_job(config["job_id"])
    if existing is not None:
        raise datafeed_errors.job_has_datafeed(existing.datafeed_id, config["job_id"])
    job = await services.store.jobs.get(config["job_id"])
    for breach in datafeed.fits_job(config, job.config):
        raise breach.error
    shown = _ordered(rights.shown_in(config))
    await services.store.datafeeds.create(shown, rights.api_key)
    return shown


def request_options(call: Call) -> types.IndicesOptions:
    """The options of indices that stand in the query string."""
    return types.indices_options({name: call.query[name] for name in _REQUEST_OPTIONS if name in call.query})


def _ordered(config: DatafeedConfig) -> DatafeedConfig:
    return key_order.ordered(config, datafeed_config.KEYS)


async def get_datafeeds(call: Call, services: Services) -> Prepared:
    found = await services.store.datafeeds.resolve(call.path.get("datafeed_id"), call.query.get("allow_no_match", True))

    def listing() -> dict[str, Any]:
        shown = [each.config for each in found]
        if call.query.get("exclude_generated", False):
            shown = [datafeed_config.without_generated(config) for config in shown]
        return {"count": len(shown), "datafeeds": shown}

    return await prepared(listing)


async def update_datafeed(call: Call, services: Services) -> DatafeedConfig:
    datafeed_id, body = call.path["datafeed_id"], call.body
    await aside(call, lambda: check(call, datafeed.update_breaches(body)))
    if body.get("query"):
        await check_query(services.store.client, services.store.names, body["query"])
    stored = await services.store.datafeeds.get(datafeed_id)
    check(call, datafeed.job_stays(body, stored.config))
    _refuse_while_running(services, "update", datafeed_id)

    def checked() -> DatafeedConfig:
        config = merged(stored.config, body, request_options(call))
        check(call, datafeed.merged_breaches(config))
        return config

    config = await aside(call, checked)
    job = await services.store.jobs.get(stored.job_id)
    check(call, datafeed.fits_job(config, job.config))
    rights = await rights_of_caller(call, services, config, is_new=False)
    shown = _ordered(rights.shown_in(config))
    await services.store.datafeeds.replace(stored, shown, rights.api_key)
    await services.store.api_keys.end_of(stored, unless=rights.api_key)
    return shown


async def delete_datafeed(call: Call, services: Services) -> dict[str, Any]:
    stored = await services.store.datafeeds.get(call.path["datafeed_id"])
    if call.query.get("force", False):
        await services.runtime.datafeeds.stop(stored.datafeed_id, force=True)
    _refuse_while_running(services, "delete", stored.datafeed_id)
    await services.runtime.forget_feed(stored.job_id)
    await services.store.datafeed_stats.remove(stored.job_id)
    await services.store.datafeeds.delete(stored.datafeed_id)
    await services.store.api_keys.end_of(stored)
    return {"acknowledged": True}


def _refuse_while_running(services: Services, verb: datafeed_errors.Verb, datafeed_id: str) -> None:
    state = services.runtime.datafeeds.state(datafeed_id)
    if state != "stopped":
        raise datafeed_errors.running(verb, datafeed_id, state)


async def preview_datafeed(call: Call, services: Services) -> list[dict[str, object]]:
    datafeed_id, body = call.path.get("datafeed_id"), call.body or {}
    datafeed_preview.check_sources(datafeed_id, body)
    start_ms, end_ms = datafeed_preview.range_ms(call.query, services.clock())
    config, job = await _previewed(call, services, datafeed_id, body)
    searcher = services.store.client.acting_as(call.identity) if services.access.is_on else services.store.client
    return await preview_source(
        searcher, source_for(config, job), start_ms, services.clock() if end_ms is None else end_ms
    )


async def _previewed(
    call: Call, services: Services, datafeed_id: str | None, body: DatafeedConfig
) -> tuple[DatafeedConfig, JobConfig]:
    """A datafeed and its job, stored or as they were given."""
    if datafeed_id is not None:
        stored = await services.store.datafeeds.get(datafeed_id)
        return stored.config, (await services.store.jobs.get(stored.job_id)).config
    given_job: JobConfig | None = body.get("job_config")
    given = body.get("datafeed_config")
    if given is None:
        given = (given_job or {})["datafeed_config"]
    if given_job is None:
        job = (await services.store.jobs.get(given["job_id"])).config
    else:
        job = await aside(call, partial(_checked_job, call, given_job, services.clock()))

    def checked() -> DatafeedConfig:
        named = types.datafeed({"datafeed_id": "preview_id", **given})
        config = datafeed_config.normalise(named, str(job["job_id"]))
        check(call, datafeed.merged_breaches(config))
        return config

    return await aside(call, checked), job


def _checked_job(call: Call, given: JobConfig, now_ms: int) -> JobConfig:
    creation = job_config.Creation(str(given.get("job_id", "preview_job")), now_ms, None)
    check(call, (breach.under("job_config") for breach in creation_breaches(given, creation.job_id)))
    return job_config.new_job(types.job(given), creation)
