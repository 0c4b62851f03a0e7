"""Model snapshots: listing, describing, deleting, going back to one, and bringing one up to date."""

from __future__ import annotations

import asyncio
from typing import Any

from proxy.api.call import Call
from proxy.api.handlers.results import human_times, page_reply
from proxy.api.render import Prepared
from proxy.api.rules.paging import page_of
from proxy.api.services import Services
from proxy.errors import MlError, illegal_argument, not_found, status_error
from proxy.runtime import reverting
from proxy.runtime.removals import Order
from proxy.runtime.saved_model import check as check_model
from proxy.runtime.saved_model import is_too_new, is_too_old
from proxy.store import Hit, result_docs, result_queries

Document = dict[str, Any]


async def get_model_snapshots(call: Call, services: Services) -> Prepared:
    page = page_of(call)
    job_id = call.path["job_id"]
    await services.store.jobs.get(job_id)
    expression = call.path.get("snapshot_id") or call.option("snapshot_id", "")
    query = result_queries.model_snapshots(
        [token.strip() for token in expression.split(",") if token.strip()],
        start=call.option("start"),
        end=call.option("end"),
        sort=call.option("sort", "timestamp"),
        desc=call.option("desc", True),
        page=page,
    )
    found = await services.store.snapshots.find(job_id, query)
    return page_reply(
        call, "model_snapshots", found.total, [result_docs.MODEL_SNAPSHOT.read(s) for s in found.sources()]
    )


async def update_model_snapshot(call: Call, services: Services) -> Document:
    snapshot = await _snapshot(call, services)
    changes = {name: call.body[name] for name in ("description", "retain") if name in call.body}
    if changes:
        await services.store.snapshots.update(snapshot, changes)
    return {"acknowledged": True, "model": _shown(call, snapshot.source | changes)}


async def delete_model_snapshot(call: Call, services: Services) -> Document:
    job_id, snapshot_id = call.path["job_id"], call.path["snapshot_id"]
    snapshot = await _snapshot(call, services)
    job = await services.store.jobs.get(job_id)
    if job.config.get("model_snapshot_id") == snapshot_id:
        text = f"Model snapshot '{snapshot_id}' is the active snapshot for job '{job_id}', so cannot be deleted"
        raise illegal_argument(text)
    await services.store.snapshots.delete(job_id, snapshot)
    description = snapshot.source.get("description")
    message = f"Model snapshot [{snapshot_id}] with description '{description}' deleted"
    services.runtime.notices.later(job_id, "info", message)
    return {"acknowledged": True}


async def revert_model_snapshot(call: Call, services: Services) -> Document:
    job_id, snapshot_id = call.path["job_id"], call.path["snapshot_id"]
    deletes_results = call.option("delete_intervening_results", False)
    job = await services.store.jobs.get(job_id)
    await services.runtime.ready(job_id)
    services.runtime.check("revert", job, snapshot_id=snapshot_id)
    target = await reverting.target_of(services.store, job_id, snapshot_id, services.clock())
    order = Order("revert", snapshot_id=snapshot_id, delete_intervening_results=deletes_results)
    removal = await services.runtime.removals.begin(job_id, order)
    await asyncio.shield(removal.work)
    return {"model": _shown(call, dict(target.source))}


async def upgrade_job_snapshot(call: Call, services: Services) -> Document:
    """Every model that can be read is current: an upgrade only ever tells whether it can, and why not."""
    job_id, snapshot_id = call.path["job_id"], call.path["snapshot_id"]
    job = await services.store.jobs.get(job_id)
    snapshot = await _snapshot(call, services)
    await services.runtime.ready(job_id)
    state = services.runtime.shown(job_id)
    if job.config.get("model_snapshot_id") == snapshot_id and state != "closed":
        raise status_error(
            f"Cannot upgrade snapshot [{snapshot_id}] for job [{job_id}] as it is the current primary job snapshot "
            f"and the job's state is [{state}]",
            409,
        )
    reason = await _why_unreadable(services, job_id, snapshot)
    if reason:
        raise status_error(
            f"Cannot upgrade job [{job_id}] snapshot [{snapshot_id}] as its model {reason}; "
            "delete the snapshot, or revert to another one",
            409,
        )
    current = (await services.store.client.facts()).version
    raise status_error(
        f"Cannot upgrade job [{job_id}] snapshot [{snapshot_id}] as it is already compatible "
        f"with current version {current}",
        409,
    )


async def _why_unreadable(services: Services, job_id: str, snapshot: Hit) -> str:
    """Why a snapshot's model could not be gone on with; empty where it could."""
    version = str(snapshot.source.get("min_version") or result_docs.OLDEST_MODEL_VERSION)
    if is_too_old(version):
        return f"of version {version}, cannot be read here any more"
    if is_too_new(version):
        return f"of version {version}, cannot be read before Lanewatch is upgraded"
    documents = int(snapshot.source.get("snapshot_doc_count") or 0)
    if not documents:
        return ""
    model = await services.store.model_states.read(job_id, str(snapshot.source["snapshot_id"]), documents)
    if model is None:  # as Elasticsearch, which looks at the version alone; reverting tells of what is missing
        return ""
    try:
        await asyncio.to_thread(check_model, model)
    except MlError as error:
        return f"cannot be read here: {error.reason}"
    return ""


async def get_model_snapshot_upgrade_stats(call: Call, services: Services) -> Document:
    """Upgrades answer at once, so none is ever under way."""
    allow_no_match = call.option("allow_no_match", True)
    await services.store.jobs.resolve(call.path["job_id"], allow_no_match)
    snapshot_id = call.path["snapshot_id"]
    is_exact = "*" not in snapshot_id and snapshot_id != "_all"
    if is_exact or not allow_no_match:
        raise not_found(f"No snapshot upgrade is running for job [{call.path['job_id']}] and snapshot [{snapshot_id}]")
    return {"count": 0, "model_snapshot_upgrades": []}


async def _snapshot(call: Call, services: Services) -> Hit:
    """Of an unknown job, too, it is the snapshot that is said to be missing."""
    job_id = call.path["job_id"]
    snapshot_id = call.path["snapshot_id"]
    found = None
    if await services.store.jobs.exists(job_id):
        found = await services.store.snapshots.get(job_id, snapshot_id)
    if found is None:
        raise reverting.unknown_snapshot(job_id, snapshot_id)
    return found


def _shown(call: Call, source: Document) -> Document:
    shown = result_docs.MODEL_SNAPSHOT.read(source)
    return human_times(shown) if call.human else shown
