"""Messages and settings for the tests of delivery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy.alerting.connectors.kind import Message, Ways
from proxy.alerting.connectors.tokens import Tokens
from proxy.alerting.egress import Egress
from proxy.config import AlertingConfig
from proxy.config_loading import load_config
from proxy.store.alerting.messages import Delivery, StoredDelivery

T0 = 1_700_000_000_000
KEY = "a key of thirty-two characters.."
ALERT: dict[str, Any] = {
    "alertname": "Storms",
    "labels": {"job_id": "flights", "rule_id": "r1", "partition.field": "JFK", "empty": ""},
    "annotations": {"summary": "Critical anomaly", "score": "91.00"},
    "starts_at_ms": T0,
    "ends_at_ms": None,
    "generator_url": "",
    "bucket_span_s": 900,
    "severity": "critical",
}


def settings(**changed: Any) -> AlertingConfig:
    return replace(load_config(environ={}).alerting, **changed)


def ways(egress: Egress) -> Ways:
    """For connectors that have nothing to do with the cluster."""
    return Ways(egress, client=None, names=None, tokens=Tokens())  # type: ignore[arg-type]


def message(params: dict[str, Any] | None = None, *, transition: Any = "active", **alert: Any) -> Message:
    return Message(
        delivery_id="alert-1-1-action",
        alert_id="0f0f0f0f-aaaa-bbbb",
        rule_id="r1",
        rule_name="Storms",
        transition=transition,
        params=params or {},
        alert=ALERT | alert,
        now_ms=T0 + 60_000,
    )


FIRST = Delivery(
    delivery_id="alert-1-1-action",
    alert_id="alert-1",
    rule_id="r1",
    rule_name="Storms",
    action_id="action",
    connector_id="c1",
    connector_type_id=".webhook",
    transition="active",
    sequence=1,
    created_at_ms=T0,
    params={},
    context={"context": {"message": "Critical anomaly", "entity": 'a "quoted"\\ one\nof two'}},
    alert=ALERT,
)
RECOVERED = replace(
    FIRST,
    delivery_id="alert-1-2-action",
    transition="recovered",
    sequence=2,
    alert=ALERT | {"ends_at_ms": T0 + 900_000},
)


def stored(delivery: Delivery = FIRST, *, status: Any = "pending", attempts: int = 0) -> StoredDelivery:
    return StoredDelivery(delivery, status, attempts, delivery.created_at_ms, None, 1, 1)
