"""Alert rules under Kibana's paths. What a rule means is ``alerting``'s matter."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any

from proxy.alerting.kql import condition_of
from proxy.alerting.rule import ANOMALY, ENABLED_AT, HEALTH, MATCHED, RECOVERED, rule_of
from proxy.alerting.rule_form import changed_rule, edited_rule, new_rule, shown_rule
from proxy.api.call import Call, Reply
from proxy.api.services import Services
from proxy.errors import MlError, illegal_argument, not_found, status_error
from proxy.units import iso, parse_date_ms

_Change = Callable[[Mapping[str, Any]], dict[str, Any]]
_NO_CONTENT = 204
_PER_PAGE_MAX = 10_000
# Each is looked up, checked, and sent for every alert.
_MOST_ACTIONS = 100
_PREVIEW_BACK = "now-15d"
_PREVIEW_SHOWN = 5
_NAMES = {ANOMALY: "Anomaly detection", HEALTH: "Anomaly detection jobs health"}


async def create_rule(call: Call, services: Services) -> dict[str, Any]:
    await services.store.indices.ensure_alerting()
    rule_id = call.path.get("rule_id")
    connector_types = await _connector_types(call, services)

    def checked() -> dict[str, Any]:
        made = new_rule(call.body, rule_id, connector_types, services.clock())
        _check_actions(services, made)
        return made

    stored = await asyncio.to_thread(checked)
    if not await services.store.alert_rules.create(stored):
        raise MlError("conflict", f"Saved object [alert/{rule_id}] conflict", 409)
    await services.alerting.begun()
    return shown_rule(stored, None)


async def update_rule(call: Call, services: Services) -> dict[str, Any]:
    connector_types = await _connector_types(call, services)

    def edit(former: Mapping[str, Any]) -> dict[str, Any]:
        edited = edited_rule(former, call.body, connector_types, services.clock())
        _check_actions(services, edited)
        return edited

    edited = await _change(call, services, edit)
    if (rule := rule_of(edited)).params is not None:
        await services.alerting.narrowed(rule)
    await services.alerting.begun()
    return await _shown(services, edited)


async def get_rule(call: Call, services: Services) -> dict[str, Any]:
    found = await services.store.alert_rules.find(call.path["rule_id"])
    if found is None:
        raise _unknown(call.path["rule_id"])
    return await _shown(services, found.source["rule"])


async def delete_rule(call: Call, services: Services) -> Reply:
    # It goes last: who deletes again after a failure finds it, and ends the alerts that still go on.
    disabled = await _change(call, services, lambda former: _with(services, former, enabled=False))
    await services.alerting.forget(rule_of(disabled))
    if not await services.store.alert_rules.delete(disabled["id"]):
        raise _unknown(disabled["id"])
    await services.alerting.changed()
    return Reply("", _NO_CONTENT)


async def find_rules(call: Call, services: Services) -> dict[str, Any]:
    query = call.query
    per_page, page = query.get("per_page", 10), query.get("page", 1)
    if per_page > _PER_PAGE_MAX:
        raise illegal_argument(f"[per_page] must be at most [{_PER_PAGE_MAX}], found [{per_page}]")
    rules = [rule for rule in await services.store.alert_rules.all() if _is_wanted(rule, query)]
    by = {"createdAt": "created_at", "updatedAt": "updated_at"}.get(key := query.get("sort_field", "name"), key)
    rules.sort(key=lambda rule: str(rule[by]).lower(), reverse=query.get("sort_order", "asc") == "desc")
    wanted = rules[(page - 1) * per_page : page * per_page]
    runs = await services.store.alert_rules.runs([rule["id"] for rule in wanted])
    data = [shown_rule(rule, runs.get(rule["id"])) for rule in wanted]
    return {"page": page, "per_page": per_page, "total": len(rules), "data": data}


def _is_wanted(rule: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    is_asked_for = condition_of(query.get("filter", ""), "filter")
    if not is_asked_for({"alert": {"attributes": _attributes(rule)}}):
        return False
    words = query.get("search", "").lower().replace("*", "").split()
    fields = [field.strip() for field in query.get("search_fields", "name,tags").split(",")]
    text = " ".join(str(rule.get(field, "")) for field in fields).lower()
    found = [word in text for word in words]
    return not found or (all(found) if query.get("default_search_operator", "OR") == "AND" else any(found))


def _attributes(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as filters speak of it."""
    return {**rule, "alertTypeId": rule["rule_type_id"], "muteAll": rule["mute_all"]}


async def enable_rule(call: Call, services: Services) -> Reply:
    now_ms = services.clock()

    def enable(former: Mapping[str, Any]) -> dict[str, Any]:
        if former["enabled"]:
            return dict(former)
        return changed_rule(former, {"enabled": True, ENABLED_AT: now_ms}, now_ms)

    await _change(call, services, enable)
    await services.alerting.begun()
    return Reply("", _NO_CONTENT)


async def disable_rule(call: Call, services: Services) -> Reply:
    changed = await _change(call, services, lambda former: _with(services, former, enabled=False))
    if (call.body or {}).get("untrack", False):
        await services.alerting.untrack(rule_of(changed))
    return Reply("", _NO_CONTENT)


async def mute_all(call: Call, services: Services) -> Reply:
    await _change(call, services, lambda former: _with(services, former, mute_all=True))
    return Reply("", _NO_CONTENT)


async def unmute_all(call: Call, services: Services) -> Reply:
    await _change(call, services, lambda former: _with(services, former, mute_all=False, muted_alert_ids=[]))
    return Reply("", _NO_CONTENT)


async def mute_alert(call: Call, services: Services) -> Reply:
    alert_id = call.path["alert_id"]

    def mute(former: Mapping[str, Any]) -> dict[str, Any]:
        muted = [each for each in former["muted_alert_ids"] if each != alert_id]
        return _with(services, former, muted_alert_ids=[*muted, alert_id])

    await _change(call, services, mute)
    return Reply("", _NO_CONTENT)


async def unmute_alert(call: Call, services: Services) -> Reply:
    alert_id = call.path["alert_id"]

    def unmute(former: Mapping[str, Any]) -> dict[str, Any]:
        muted = [each for each in former["muted_alert_ids"] if each != alert_id]
        return _with(services, former, muted_alert_ids=muted)

    await _change(call, services, unmute)
    return Reply("", _NO_CONTENT)


async def update_rule_api_key(call: Call, services: Services) -> Reply:
    """Rules run with our own rights, so there is no key that could be renewed; scripts that ask for it go on."""
    if await services.store.alert_rules.find(call.path["rule_id"]) is None:
        raise _unknown(call.path["rule_id"])
    return Reply("", _NO_CONTENT)


async def preview_rule(call: Call, services: Services) -> dict[str, Any]:
    body, now_ms = call.body, services.clock()
    rule = rule_of(_unnamed(body["params"], now_ms))
    assert rule.params is not None, "it is about anomalies"
    start_ms = _moment(body, "start", _PREVIEW_BACK, now_ms)
    end_ms = _moment(body, "end", now_ms, now_ms)
    seen = await services.alerting.evaluator.preview(
        rule.params, await services.alerting.selected(rule), start_ms, end_ms
    )
    shown = [
        {
            "alert_id": match.group,
            "job_id": results.job_id,
            "timestamp": results.timestamp_ms,
            "timestamp_iso8601": iso(results.timestamp_ms),
            "score": math.floor(match.score),
            "initial_score": math.floor(match.initial_score),
            "total_records": match.total,
        }
        for results, match in seen
    ]
    return {"count": len(shown), "results": shown[:_PREVIEW_SHOWN]}


async def get_rule_types(call: Call, services: Services) -> list[dict[str, Any]]:
    return [
        {
            "id": type_id,
            "name": name,
            "category": "management",
            "producer": "ml",
            "action_groups": [{"id": MATCHED[type_id], "name": name}, {"id": RECOVERED, "name": "Recovered"}],
            "recovery_action_group": {"id": RECOVERED, "name": "Recovered"},
            "default_action_group_id": MATCHED[type_id],
            "minimum_license_required": "basic",
            "is_exportable": True,
            "enabled_in_license": True,
            "rule_task_timeout": "5m",
            "does_set_recovery_context": True,
            "has_alerts_mappings": True,
            "has_fields_for_a_a_d": True,
            "authorized_consumers": {"alerts": {"read": True, "all": True}, "ml": {"read": True, "all": True}},
        }
        for type_id, name in _NAMES.items()
    ]


async def get_health(call: Call, services: Services) -> dict[str, Any]:
    at = iso(services.clock())
    state = {"status": "ok", "timestamp": at}
    return {
        "is_sufficiently_secure": True,
        "has_permanent_encryption_key": services.alerting.outbox.keeps_secrets,
        "alerting_framework_health": {
            "decryption_health": state,
            "execution_health": state,
            "read_health": state,
        },
    }


def _check_actions(services: Services, stored: Mapping[str, Any]) -> None:
    """
    Raises:
        MlError: 400 for a rule that makes no sense, and where a connector could not send what an action asks for.
    """
    for action in rule_of(stored).actions:
        services.alerting.outbox.check(action.connector_type_id, action.params)


def _unnamed(params: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    body = {"name": "preview", "rule_type_id": ANOMALY, "consumer": "ml", "schedule": {"interval": "1m"}}
    return new_rule({**body, "params": params}, "preview", {}, now_ms)


def _moment(body: Mapping[str, Any], name: str, default: str | int, now_ms: int) -> int:
    value = body.get(name, default)
    try:
        return parse_date_ms(value, now_ms) if isinstance(value, str) else int(value)
    except ValueError as error:
        raise illegal_argument(f"[{name}] is no moment: {error}") from error


def _with(services: Services, former: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return changed_rule(former, changes, services.clock())


async def _change(call: Call, services: Services, change: _Change) -> dict[str, Any]:
    """Changes a rule, once more where others changed it meanwhile."""
    rule_id = call.path["rule_id"]
    for _ in range(3):
        found = await services.store.alert_rules.find(rule_id)
        if found is None:
            raise _unknown(rule_id)
        # Templates are rendered, which may take long.
        changed = await asyncio.to_thread(change, found.source["rule"])
        if await services.store.alert_rules.replace(found, changed):
            await services.alerting.changed()
            return changed
    raise status_error(f"Rule [{rule_id}] was changed by others at the same time; try again", 409)


async def _shown(services: Services, stored: Mapping[str, Any]) -> dict[str, Any]:
    runs = await services.store.alert_rules.runs([stored["id"]])
    return shown_rule(stored, runs.get(stored["id"]))


async def _connector_types(call: Call, services: Services) -> dict[str, str]:
    actions = call.body.get("actions", ())
    if len(actions) > _MOST_ACTIONS:
        raise illegal_argument(f"[actions] has [{len(actions)}] actions, at most [{_MOST_ACTIONS}] are allowed")
    wanted = {action["id"] for action in actions}
    found = [await services.store.connectors.find(connector_id) for connector_id in sorted(wanted)]
    return {each.connector.connector_id: each.connector.connector_type_id for each in found if each is not None}


def _unknown(rule_id: str) -> MlError:
    return not_found(f"Saved object [alert/{rule_id}] not found")
