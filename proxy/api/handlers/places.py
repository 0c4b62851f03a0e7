"""Where models live, for those who run Lanewatch: what each place holds, moving its jobs away, and who leads."""

from __future__ import annotations

from typing import Any

from proxy.api.call import Call
from proxy.api.services import Services
from proxy.runtime.place.places import PlaceReport


async def get_places(call: Call, services: Services) -> dict[str, Any]:
    reports = services.runtime.draining.reports()
    shown = [_shown(report) for report in reports]
    return {"count": len(reports), "places": shown, "proxies": services.proxies()}


async def drain_place(call: Call, services: Services) -> dict[str, Any]:
    await services.runtime.draining.drain(call.path["place"])
    return {"acknowledged": True}


async def resume_place(call: Call, services: Services) -> dict[str, Any]:
    await services.runtime.draining.resume(call.path["place"])
    return {"acknowledged": True}


def _shown(report: PlaceReport) -> dict[str, Any]:
    vitals = report.vitals
    return {
        "name": report.name,
        "host": vitals.host,
        "state": _state(report),
        "jobs": report.jobs,
        "model_bytes": report.model_bytes,
        "memory_bytes": vitals.memory_bytes,
        "load": round(vitals.load, 3),
        "starts": vitals.starts,
    }


def _state(report: PlaceReport) -> str:
    if report.is_draining:
        return "draining" if report.jobs else "drained"
    if report.vitals.processes:
        return "running"
    return "idle" if report.vitals.is_up else "away"
