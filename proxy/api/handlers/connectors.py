"""Connectors under Kibana's paths. What they are, and how they send, is ``alerting.connectors``' matter."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from proxy.alerting.connectors.kind import Message
from proxy.alerting.connectors.kinds import KINDS, kind_of
from proxy.api.call import Call, Reply
from proxy.api.services import Services
from proxy.errors import MlError, not_found, status_error
from proxy.store import Connector, StoredConnector

_NO_CONTENT = 204
# All of them are free, and what they send can be about alerts only.
_FEATURES = ["alerting"]


async def create_connector(call: Call, services: Services) -> dict[str, Any]:
    connector_id = call.path.get("connector_id") or str(uuid.uuid4())
    connector = _checked(call, services, connector_id, call.body["connector_type_id"])
    await services.store.indices.ensure_alerting()
    if not await services.store.connectors.create(connector):
        raise MlError("conflict", f"Saved object [action/{connector_id}] conflict", 409)
    return _shown(connector)


async def update_connector(call: Call, services: Services) -> dict[str, Any]:
    found = await _found(call, services)
    former = found.connector
    connector = _checked(call, services, former.connector_id, former.connector_type_id)
    if not await services.store.connectors.replace(found, connector):
        raise status_error(f"connector [{former.connector_id}] was changed by others at the same time; try again", 409)
    return _shown(connector)


async def get_connector(call: Call, services: Services) -> dict[str, Any]:
    return _shown((await _found(call, services)).connector)


async def get_connectors(call: Call, services: Services) -> list[dict[str, Any]]:
    rules = await services.store.alert_rules.all()
    uses = Counter(action["id"] for rule in rules for action in rule["actions"])
    connectors = await services.store.connectors.all()
    return [{**_shown(each), "referenced_by_count": uses[each.connector_id]} for each in connectors]


async def delete_connector(call: Call, services: Services) -> Reply:
    found = await _found(call, services)
    await services.store.connectors.delete(found.connector.connector_id)
    return Reply("", _NO_CONTENT)


async def get_connector_types(call: Call, services: Services) -> list[dict[str, Any]]:
    return [
        {
            "id": kind.id,
            "name": kind.name,
            "enabled": True,
            "enabled_in_config": True,
            "enabled_in_license": True,
            "minimum_license_required": "basic",
            "supported_feature_ids": _FEATURES,
            "is_system_action_type": False,
            "is_deprecated": False,
        }
        for kind in KINDS.values()
    ]


async def execute_connector(call: Call, services: Services) -> dict[str, Any]:
    """Sends a message once, without an alert; what fails is told and not tried again."""
    connector = (await _found(call, services)).connector
    kind_of(connector.connector_type_id).check_params(call.body["params"])
    outcome = await services.alerting.outbox.sending.by_connector(
        connector, [_message(connector, call.body["params"], services.clock())]
    )
    if outcome.kind == "ok":
        return {"connector_id": connector.connector_id, "status": "ok", "data": outcome.answer}
    return {
        "connector_id": connector.connector_id,
        "status": "error",
        "message": f"error sending by connector [{connector.name}]",
        "service_message": outcome.reason,
        "retry": outcome.kind == "retry",
        "errorSource": "user" if outcome.kind == "failed" else "framework",
    }


def _message(connector: Connector, params: Mapping[str, Any], now_ms: int) -> Message:
    """About an alert that says that it is a trial, for receivers that get more than the parameters."""
    trial = str(uuid.uuid4())
    alert = {
        "alertname": f"Trial of {connector.name}",
        "labels": {"connector_id": connector.connector_id},
        "annotations": {"summary": "This is a trial of a connector and no alert"},
        "starts_at_ms": now_ms,
        "ends_at_ms": None,
        "generator_url": "",
        "bucket_span_s": 0,
        "severity": "warning",
    }
    return Message(trial, trial, "", "Trial", "active", params, alert, now_ms)


def _checked(call: Call, services: Services, connector_id: str, connector_type_id: str) -> Connector:
    """The connector of a request.

    Raises:
        MlError: 400 for what its type does not know, for an address that messages may not go to, and for secrets that
            cannot be kept.
    """
    config, secrets = call.body.get("config") or {}, call.body.get("secrets") or {}
    kind_of(connector_type_id).check_connector(config, secrets)
    outbox = services.alerting.outbox
    outbox.check_addresses(config)
    kept = outbox.secrets.kept(connector_id, secrets)
    return Connector(connector_id, call.body["name"], connector_type_id, config, kept)


async def _found(call: Call, services: Services) -> StoredConnector:
    connector_id = call.path["connector_id"]
    found = await services.store.connectors.find(connector_id)
    if found is None:
        raise not_found(f"Saved object [action/{connector_id}] not found")
    return found


def _shown(connector: Connector) -> dict[str, Any]:
    """As answers show it: secrets never."""
    return {
        "id": connector.connector_id,
        "name": connector.name,
        "connector_type_id": connector.connector_type_id,
        "config": connector.config,
        "is_missing_secrets": False,
        "is_preconfigured": False,
        "is_deprecated": False,
        "is_system_action": False,
    }
