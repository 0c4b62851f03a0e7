"""Filters: lists of values to which the custom rules of jobs refer."""

from __future__ import annotations

from functools import partial
from typing import Any

from proxy.api.call import Call, aside
from proxy.api.rules.breach import check
from proxy.api.rules.filters import filter_breaches, removed_items_exist
from proxy.api.rules.identifiers import id_agrees_with_path
from proxy.api.rules.paging import page_of
from proxy.api.services import Services
from proxy.errors import already_exists, not_found, status_error
from proxy.runtime.job_inputs import filter_ids
from proxy.store import Filter, filter_of


async def put_filter(call: Call, services: Services) -> dict[str, Any]:
    filter_id, body = call.path["filter_id"], call.body
    check(call, id_agrees_with_path(body, filter_id, "filter_id"))

    def checked() -> Filter:
        items = set(body.get("items", ()))
        check(call, filter_breaches(filter_id, len(items)))
        return filter_of(filter_id, items, body.get("description"))

    created = await aside(call, checked)
    await services.store.indices.ensure_own()
    if not await services.store.filters.create(created):
        raise already_exists(f"A filter with id [{filter_id}] already exists")
    return created.shown()


async def get_filters(call: Call, services: Services) -> dict[str, Any]:
    count, found, missing = await services.store.filters.page(call.path.get("filter_id"), page_of(call))
    if missing:
        raise not_found(f"Unable to find filter [{','.join(missing)}]")
    return {"count": count, "filters": [each.shown() for each in found]}


async def update_filter(call: Call, services: Services) -> dict[str, Any]:
    filter_id, body = call.path["filter_id"], call.body
    check(call, id_agrees_with_path(body, filter_id, "filter_id"))
    former = await services.store.filters.find(filter_id)
    if former is None:
        raise not_found(f"No filter with id [{filter_id}] exists")
    changed = await aside(call, partial(_changed, call, former.filter))
    if not await services.store.filters.replace(former, changed):
        text = f"Error updating filter with id [{filter_id}] because it was modified while the update was in progress"
        raise status_error(text, 409)
    await services.runtime.input_changes.filter_changed(former.filter, changed)
    return changed.shown()


def _changed(call: Call, former: Filter) -> Filter:
    filter_id, body = former.filter_id, call.body
    present = {*former.items, *body.get("add_items", ())}
    removed = body.get("remove_items", ())
    check(call, removed_items_exist(filter_id, list(present), removed))
    items = present.difference(removed)
    check(call, filter_breaches(filter_id, len(items)))
    return filter_of(filter_id, items, body.get("description", former.description))


async def delete_filter(call: Call, services: Services) -> dict[str, Any]:
    filter_id, store = call.path["filter_id"], services.store
    using = [job.job_id for job in await store.jobs.resolve(None) if filter_id in filter_ids(job.config)]
    if using:
        raise status_error(f"Cannot delete filter [{filter_id}] currently used by jobs [{', '.join(using)}]", 409)
    if await store.filters.find(filter_id) is None or not await store.filters.delete(filter_id):
        raise not_found(f"Could not delete filter with ID [{filter_id}] because it does not exist")
    return {"acknowledged": True}
