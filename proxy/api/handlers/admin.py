"""Defaults and limits, memory of the nodes, upgrade mode, what is expired."""

from __future__ import annotations

import os
from typing import Any

from proxy.api.call import Call
from proxy.api.services import Services
from proxy.errors import validation_failed
from proxy.job_config import datafeed, job, memory_limit
from proxy.job_config.categorization import default_analyzer
from proxy.store import Json
from proxy.units import format_bytes, parse_duration_ms

_HASH_LENGTH = 14
_UPKEEP_TIMEOUT = "8h"


async def info(call: Call, services: Services) -> dict[str, Any]:
    maximum = services.config.ml.max_model_memory_limit
    facts = await services.store.client.facts()
    total_mb = services.runtime.capacity.memory_bytes // memory_limit.MEBIBYTE
    effective_mb = min(total_mb, maximum // memory_limit.MEBIBYTE) if maximum else total_mb
    processors = os.cpu_count() or 1
    default_bytes = memory_limit.default_megabytes(maximum) * memory_limit.MEBIBYTE
    limits: dict[str, Any] = {"max_model_memory_limit": format_bytes(maximum)} if maximum else {}
    return {
        "defaults": {
            "anomaly_detectors": {
                "categorization_analyzer": default_analyzer(),
                "model_memory_limit": format_bytes(default_bytes),
                "categorization_examples_limit": memory_limit.DEFAULT_EXAMPLES_LIMIT,
                "model_snapshot_retention_days": job.DEFAULT_SNAPSHOT_RETENTION_DAYS,
                "daily_model_snapshot_retention_after_days": job.DEFAULT_DAILY_RETENTION_DAYS,
            },
            "datafeeds": {"scroll_size": datafeed.DEFAULT_SCROLL_SIZE},
        },
        "upgrade_mode": await services.store.upgrade_mode.is_on(),
        "native_code": {"version": facts.version, "build_hash": facts.build_hash[:_HASH_LENGTH]},
        "limits": limits
        | {
            "effective_max_model_memory_limit": f"{effective_mb}mb",
            "total_ml_memory": f"{total_mb}mb",
            "total_ml_processors": processors,
            "max_single_ml_node_processors": processors,
        },
    }


async def get_memory_stats(call: Call, services: Services) -> dict[str, Any]:
    """The models, and the memory that there is for them, are counted at the node that jobs are said to run on."""
    answer = await services.store.nodes.memory(call.path.get("node_id"))
    known = await services.store.nodes.all()
    facts = await services.store.client.facts()
    nodes = {}
    for node_id, node in answer["nodes"].items():
        has_models = node_id == facts.node_id
        most, used = (services.runtime.capacity.memory_bytes, _model_bytes(services)) if has_models else (0, 0)
        sizes = _sizes(node, most, used)
        nodes[node_id] = {
            "name": node["name"],
            "ephemeral_id": known.get(node_id, {}).get("ephemeral_id", node_id),
            "transport_address": node["transport_address"],
            "attributes": node.get("attributes", {}),
            "roles": node.get("roles", []),
            **(_readable(sizes) if call.human else sizes),
        }
    return {"_nodes": answer["_nodes"], "cluster_name": answer["cluster_name"], "nodes": nodes}


def _model_bytes(services: Services) -> int:
    found = (services.runtime.status(job_id) for job_id in services.runtime.running())
    return sum(int(status.model_size.get("model_bytes", 0)) for status in found if status is not None)


def _sizes(node: Json, most_bytes: int, model_bytes: int) -> dict[str, Any]:
    total = node["os"]["mem"]["total_in_bytes"]
    adjusted = node["os"]["mem"].get("adjusted_total_in_bytes", total)
    return {
        "mem": {
            "total_in_bytes": total,
            "adjusted_total_in_bytes": adjusted,
            "ml": {
                "max_in_bytes": most_bytes,
                "native_code_overhead_in_bytes": 0,
                "anomaly_detectors_in_bytes": model_bytes,
                "data_frame_analytics_in_bytes": 0,
                "native_inference_in_bytes": 0,
            },
        },
        "jvm": {
            "heap_max_in_bytes": node["jvm"]["mem"]["heap_max_in_bytes"],
            "java_inference_max_in_bytes": 0,
            "java_inference_in_bytes": 0,
        },
    }


def _readable(sizes: dict[str, Any]) -> dict[str, Any]:
    """Each size preceded by the same size as text."""
    shown: dict[str, Any] = {}
    for name, value in sizes.items():
        if isinstance(value, dict):
            shown[name] = _readable(value)
        else:
            shown[name.removesuffix("_in_bytes")] = format_bytes(value)
            shown[name] = value
    return shown


async def delete_expired_data(call: Call, services: Services) -> dict[str, Any]:
    timeout_ms = parse_duration_ms(call.option("timeout", _UPKEEP_TIMEOUT), "timeout")
    rate = call.option("requests_per_second")
    if rate is not None and rate != -1 and rate <= 0:
        raise validation_failed("[requests_per_second] must either be -1 or greater than 0")
    deleted = await services.runtime.upkeep.run(
        call.path.get("job_id"),
        documents_per_s=None if rate == -1 else rate,
        # A negative time value means no limit.
        timeout_s=timeout_ms / 1000 if timeout_ms >= 0 else None,
    )
    return {"deleted": deleted}


async def set_upgrade_mode(call: Call, services: Services) -> dict[str, Any]:
    await services.store.indices.ensure_own()
    enabled = call.query.get("enabled", False)
    await services.store.upgrade_mode.set(enabled)
    services.runtime.datafeeds.hold(on=enabled)
    return {"acknowledged": True}
