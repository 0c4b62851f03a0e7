"""Forecasts: asking an open job for one, and deleting them."""

from __future__ import annotations

from typing import Any

from proxy.api.call import Call
from proxy.api.rules.forecast import check_against_job, forecast_request, memory_within_job
from proxy.api.services import Services
from proxy.errors import not_found, status_error
from proxy.store import wants_all


async def forecast(call: Call, services: Services) -> dict[str, Any]:
    request = forecast_request(call)
    job_id = call.path["job_id"]
    await services.runtime.ready(job_id)
    if services.runtime.state(job_id) != "opened":
        raise status_error(f"Cannot perform requested action because job [{job_id}] is not open", 409)
    job = await services.store.jobs.get(job_id)
    check_against_job(request, job.config)
    max_model_memory, warning = memory_within_job(request, job.config)
    if warning is not None:
        services.runtime.notices.later(job_id, "warning", warning)
    forecast_id = await services.runtime.steps.forecast(
        job_id,
        duration_ms=request.duration_ms,
        expires_in_ms=request.expires_in_ms,
        max_model_memory=max_model_memory,
    )
    return {"acknowledged": True, "forecast_id": forecast_id}


async def delete_forecast(call: Call, services: Services) -> dict[str, Any]:
    job_id = call.path["job_id"]
    expression = call.path.get("forecast_id", "_all")
    is_known = await services.store.jobs.exists(job_id)
    found = await services.store.forecasts.matching(job_id, expression) if is_known else []
    if not found:
        if wants_all(expression) and call.option("allow_no_forecasts", True):
            return {"acknowledged": True}
        raise not_found(f"No forecast(s) [{expression}] exists for job [{job_id}]")
    unfinished = [one.forecast_id for one in found if not one.is_done]
    await services.runtime.ready(job_id)
    if unfinished and services.runtime.state(job_id) == "opened":
        listed = ", ".join(unfinished)
        raise status_error(
            f"Forecast(s) [[{listed}]] for job [{job_id}] needs to be either FAILED or FINISHED to be deleted", 409
        )
    await services.store.forecasts.delete(job_id, [one.forecast_id for one in found if one.is_done])
    return {"acknowledged": True}
