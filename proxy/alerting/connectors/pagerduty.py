"""``.pagerduty``: an event of PagerDuty's Events API v2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from proxy.alerting.connectors.fields import Field, at_most, is_web_address, text
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways, rfc3339, send_request
from proxy.alerting.egress import Request

_ADDRESS = "https://events.pagerduty.com/v2/enqueue"
_MAX_SUMMARY_CHARACTERS = 1024
# Of our severities, as PagerDuty calls them.
_SEVERITIES = {"critical": "critical", "major": "error", "minor": "warning", "warning": "info"}


def event(message: Message) -> dict[str, Any]:
    """What is not said by the parameters comes from the alert: it is triggered, and resolved when it recovers."""
    params, alert = message.params, message.alert
    by_itself = "resolve" if message.transition == "recovered" else "trigger"
    action = params.get("eventAction") or by_itself
    told: dict[str, Any] = {"event_action": action, "dedup_key": params.get("dedupKey") or message.alert_id}
    if action != "trigger":
        return told
    summary = params.get("summary") or alert.get("annotations", {}).get("summary") or message.rule_name
    payload = {
        "summary": summary[:_MAX_SUMMARY_CHARACTERS],
        "source": params.get("source") or alert["labels"].get("job_id") or "lanewatch",
        "severity": params.get("severity") or _SEVERITIES.get(alert.get("severity", ""), "info"),
        "timestamp": params.get("timestamp") or rfc3339(alert["starts_at_ms"]),
        "component": params.get("component"),
        "group": params.get("group"),
        "class": params.get("class"),
        "custom_details": params.get("customDetails") or alert.get("annotations") or None,
    }
    told["payload"] = {name: value for name, value in payload.items() if value is not None}
    if params.get("links"):
        told["links"] = params["links"]
    return told


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    message = messages[0]
    body = orjson.dumps({"routing_key": receiver.secrets["routingKey"], **event(message)})
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.delivery_id}
    request = Request("POST", receiver.config.get("apiUrl") or _ADDRESS, headers, body)
    return await send_request(request, ways.egress, message.now_ms)


PAGERDUTY = ConnectorKind(
    id=".pagerduty",
    name="PagerDuty",
    config={"apiUrl": text(rule=is_web_address)},
    secrets={"routingKey": text(required=True)},
    params={
        "eventAction": text(one_of=("trigger", "resolve", "acknowledge")),
        "dedupKey": text(rule=at_most(255)),
        "summary": text(rule=at_most(_MAX_SUMMARY_CHARACTERS)),
        "source": text(),
        "severity": text(one_of=("critical", "error", "warning", "info")),
        "timestamp": text(),
        "component": text(),
        "group": text(),
        "class": text(),
        "links": Field(("array", "array of string")),
        "customDetails": Field(("object", "record of string")),
    },
    send=send,
)
