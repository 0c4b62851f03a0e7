"""Rules as people write them, as they are stored, and as they are shown: Kibana's shapes. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from proxy.alerting.rule import ENABLED_AT, MATCHED, SELECTED_AT
from proxy.errors import illegal_argument
from proxy.units import iso

Form = Mapping[str, Any]
_NO_RUN: Form = {"execution_status": {"status": "pending", "last_execution_date": None}}
_EDITABLE = ("name", "tags", "schedule", "params", "alert_delay", "flapping", "throttle", "notify_when")


def new_rule(body: Form, rule_id: str | None, connector_types: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    """The stored form of a rule that somebody creates.

    Raises:
        MlError: 400 for an action whose connector does not exist.
    """
    return {
        "id": rule_id or str(uuid.uuid4()),
        "enabled": body.get("enabled", True),
        "name": body["name"],
        "tags": body.get("tags", []),
        "rule_type_id": body["rule_type_id"],
        "consumer": body["consumer"],
        "schedule": body["schedule"],
        "actions": _actions(body, body["rule_type_id"], connector_types),
        "params": body.get("params", {}),
        "created_by": None,
        "created_at": iso(now_ms),
        "updated_by": None,
        "updated_at": iso(now_ms),
        "mute_all": False,
        "muted_alert_ids": [],
        "notify_when": body.get("notify_when"),
        "throttle": body.get("throttle"),
        "revision": 0,
        "alert_delay": body.get("alert_delay"),
        "flapping": body.get("flapping"),
        ENABLED_AT: now_ms,
    }


def edited_rule(former: Form, body: Form, connector_types: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    """A rule as an update makes it: what may be changed is replaced, also by its default where it is not given."""
    defaults: Form = {"tags": [], "params": {}}
    changes = {name: body.get(name, defaults.get(name)) for name in _EDITABLE}
    if changes["params"].get("jobSelection") != former["params"].get("jobSelection"):
        changes[SELECTED_AT] = now_ms
    changes["actions"] = _actions(body, former["rule_type_id"], connector_types)
    return changed_rule(former, changes, now_ms, revises=True)


def changed_rule(former: Form, changes: Form, now_ms: int, *, revises: bool = False) -> dict[str, Any]:
    """A rule after a change; one that ``revises`` it makes another rule of it."""
    return {**former, **changes, "updated_at": iso(now_ms), "revision": former["revision"] + revises}


def _actions(body: Form, rule_type_id: str, connector_types: Mapping[str, str]) -> list[dict[str, Any]]:
    return [_action(action, rule_type_id, connector_types) for action in body.get("actions", ())]


def _action(action: Form, rule_type_id: str, connector_types: Mapping[str, str]) -> dict[str, Any]:
    connector_id = action["id"]
    if connector_id not in connector_types:
        raise illegal_argument(f"Saved object [action/{connector_id}] not found")
    stored = {
        "group": action.get("group", MATCHED[rule_type_id]),
        "id": connector_id,
        "params": action.get("params", {}),
        "uuid": action.get("uuid") or str(uuid.uuid4()),
        "connector_type_id": connector_types[connector_id],
    }
    return stored | ({"frequency": action["frequency"]} if action.get("frequency") else {})


def shown_rule(stored: Form, run: Form | None) -> dict[str, Any]:
    """A rule as the API answers it, with what became of its last run."""
    run = run or _NO_RUN
    shown = {
        **{name: stored[name] for name in ("id", "enabled", "name", "tags", "rule_type_id", "consumer", "schedule")},
        "actions": stored["actions"],
        "params": stored["params"],
        "mapped_params": {},
        "scheduled_task_id": stored["id"] if stored["enabled"] else None,
        **{name: stored[name] for name in ("created_by", "created_at", "updated_by", "updated_at")},
        "api_key_owner": None,
        "api_key_created_by_user": None,
        **{name: stored[name] for name in ("mute_all", "muted_alert_ids", "notify_when", "throttle")},
        "execution_status": run["execution_status"],
        "revision": stored["revision"],
        "running": False,
    }
    shown |= {name: run[name] for name in ("last_run", "next_run") if name in run}
    return shown | {name: stored[name] for name in ("alert_delay", "flapping") if stored.get(name) is not None}
