"""Defaults and limits, memory of the nodes, upgrade mode, what is expired."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from proxy.api.call import Call
from proxy.api.responsible import is_named, responsible
from proxy.api.services import Services
from proxy.errors import validation_failed
from proxy.job_config import datafeed, job, memory_limit
from proxy.job_config.categorization import default_analyzer
from proxy.runtime.machine_memory import machine_bytes
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
    """The models, and the memory that there is for them, are counted at the node that jobs are said to run on.

    That one comes behind those of the cluster, which have none.
    """
    which = call.path.get("node_id")
    answer = await services.store.nodes.memory(which)
    known = await services.store.nodes.all()
    nodes, counted = {}, answer["_nodes"]
    for node_id, node in answer["nodes"].items():
        sizes = _sizes(node["os"]["mem"], node["jvm"]["mem"]["heap_max_in_bytes"])
        nodes[node_id] = {
            "name": node["name"],
            "ephemeral_id": known.get(node_id, {}).get("ephemeral_id", node_id),
            "transport_address": node["transport_address"],
            "attributes": node.get("attributes", {}),
            "roles": node.get("roles", []),
            **(_readable(sizes) if call.human else sizes),
        }
    if is_named(services, which):
        own = dict(responsible(services).node)
        node_id = own.pop("id")
        sizes = _sizes({"total_in_bytes": machine_bytes()}, 0, _Models.of(services))
        nodes[node_id] = {**own, "roles": ["ml"], **(_readable(sizes) if call.human else sizes)}
        counted = {**counted, "total": counted["total"] + 1, "successful": counted["successful"] + 1}
    return {"_nodes": counted, "cluster_name": answer["cluster_name"], "nodes": nodes}


@dataclass(frozen=True, slots=True)
class _Models:
    """Bytes that models may have, and have."""

    most: int = 0
    used: int = 0

    @classmethod
    def of(cls, services: Services) -> _Models:
        found = (services.runtime.status(job_id) for job_id in services.runtime.running())
        used = sum(int(status.model_size.get("model_bytes", 0)) for status in found if status is not None)
        return cls(services.runtime.capacity.memory_bytes, used)


def _sizes(memory: Json, heap_bytes: int, models: _Models = _Models()) -> dict[str, Any]:
    total = memory["total_in_bytes"]
    return {
        "mem": {
            "total_in_bytes": total,
            "adjusted_total_in_bytes": memory.get("adjusted_total_in_bytes", total),
            "ml": {
                "max_in_bytes": models.most,
                "native_code_overhead_in_bytes": 0,
                "anomaly_detectors_in_bytes": models.used,
                "data_frame_analytics_in_bytes": 0,
                "native_inference_in_bytes": 0,
            },
        },
        "jvm": {
            "heap_max_in_bytes": heap_bytes,
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
