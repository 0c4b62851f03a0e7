"""The life of a job: open, feed, flush, close. What runs and how is the runtime's matter."""

from __future__ import annotations

import asyncio
from typing import Any

from proxy.api.call import Call, Reply
from proxy.api.responsible import node_id_of
from proxy.api.rules import flush, identifiers, repeats
from proxy.api.rules.breach import check
from proxy.api.services import Services
from proxy.errors import status_error
from proxy.job_config import durations
from proxy.runtime.steps import Posting

_DEFAULT_TIMEOUT = "30m"
_NANOS_PER_SECOND = 1e9


async def open_job(call: Call, services: Services) -> dict[str, Any]:
    job_id = call.path["job_id"]
    check(call, identifiers.id_agrees_with_path(call.body or {}, job_id))
    timeout = durations.parse(call.option("timeout", _DEFAULT_TIMEOUT), "timeout")
    try:
        is_open = await asyncio.wait_for(services.runtime.open(job_id), timeout.nanos / _NANOS_PER_SECOND)
    except TimeoutError as error:
        raise status_error(f"Opening job [{job_id}] timed out after [{timeout.text}]", 408) from error
    return {"opened": True, "node": node_id_of(services) if is_open else ""}


async def close_job(call: Call, services: Services) -> dict[str, Any]:
    expression = call.path["job_id"]
    check(call, identifiers.id_agrees_with_path(call.body or {}, expression))
    force = call.option("force", False)
    timeout = durations.parse(call.option("timeout", _DEFAULT_TIMEOUT), "timeout")
    jobs = await services.store.jobs.resolve(expression, call.option("allow_no_match", True))
    jobs = [job for job in jobs if not job.is_deleting]
    open_ids = [job.job_id for job in jobs if services.runtime.shown(job.job_id) != "closed"]
    if len(jobs) == 1:
        services.runtime.check("close", jobs[0], force=force)
    elif not force and any(services.runtime.shown(job_id) == "failed" for job_id in open_ids):
        raise status_error("one or more jobs have state failed, use force close", 409)
    closing = [services.runtime.close(job_id, force=force) for job_id in open_ids]
    await _all_within(closing, open_ids, timeout)
    return {"closed": True}


async def _all_within(work: list[asyncio.Task[object]], job_ids: list[str], limit: durations.Duration) -> None:
    """Waits for jobs to close; those that take longer go on closing.

    Raises:
        MlError: 408 where the time runs out, and the first failure.
    """
    if not work:
        return
    done, late = await asyncio.wait(work, timeout=limit.nanos / _NANOS_PER_SECOND)
    for each in done:
        each.result()
    if late:
        waiting = [job_id for job_id, each in zip(job_ids, work, strict=True) if each in late]
        text = f"Timed out when waiting for persistent tasks after {limit.text}, still closing [{', '.join(waiting)}]"
        raise status_error(text, 408)


async def flush_job(call: Call, services: Services) -> dict[str, Any]:
    job_id = call.path["job_id"]
    check(call, identifiers.id_agrees_with_path(call.body or {}, job_id))
    options = flush.engine_options(call, services.clock())
    status = await services.runtime.steps.flush(job_id, options)
    answer: dict[str, Any] = {"flushed": True}
    if status.last_finalized_bucket_end_ms is not None:
        answer["last_finalized_bucket_end"] = status.last_finalized_bucket_end_ms
    return answer


async def post_data(call: Call, services: Services) -> Reply:
    replaces = flush.reset_range_s(call, services.clock())
    how = Posting(replaces, repeats.key_of(call), call.is_gone)
    assert call.content is not None, "this operation's body is a stream"
    counts = await services.runtime.steps.post(call.path["job_id"], call.content, how)
    return Reply(counts, status=202)
