"""Checks that create nothing: validate a job or a detector, estimate the memory of a model."""

from __future__ import annotations

from typing import Any

from proxy.api.call import Call, aside
from proxy.api.rules.breach import check
from proxy.api.rules.detectors import detector_breaches
from proxy.api.rules.job import creation_breaches
from proxy.api.rules.memory_estimate import estimate_breaches
from proxy.api.services import Services
from proxy.job_config.memory_estimate import estimate_megabytes


async def validate(call: Call, services: Services) -> dict[str, Any]:
    await aside(call, lambda: check(call, creation_breaches(call.body, call.body.get("job_id"))))
    return {"acknowledged": True}


async def validate_detector(call: Call, services: Services) -> dict[str, Any]:
    await aside(call, lambda: check(call, detector_breaches(call.body)))
    return {"acknowledged": True}


async def estimate_model_memory(call: Call, services: Services) -> dict[str, Any]:
    body = call.body

    def estimated() -> str:
        check(call, estimate_breaches(body))
        overall, per_bucket = body.get("overall_cardinality") or {}, body.get("max_bucket_cardinality") or {}
        return f"{estimate_megabytes(body['analysis_config'], overall, per_bucket)}mb"

    return {"model_memory_estimate": await aside(call, estimated)}
