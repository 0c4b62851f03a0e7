"""``.alertmanager``: alerts for Prometheus' Alertmanager, which groups, silences and routes them.

It forgets alerts: when they are not sent again in time, and when it is started anew. So an active alert says until
when it counts, and is sent again well before. Only labels tell alerts apart, so scores and times are annotations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from proxy.alerting.connectors.alert_labels import annotations_of, labels_of
from proxy.alerting.connectors.fields import Field, is_web_address, text, texts
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways, rfc3339, send_request
from proxy.alerting.connectors.webhook import WEBHOOK, request_headers
from proxy.alerting.egress import Request

# Alertmanager's own `resolve_timeout`; a job with long buckets tells of the end of an anomaly later than that.
_LEAST_COUNTED_MS = 5 * 60_000
_COUNTED_SPANS = 3
_LONGEST_SILENCE_MS = 60_000
_PATH = "/api/v2/alerts"
# 5,000 are a megabyte and a quarter of a second; the webhook that comes of them twice as long.
_BATCH = 500


def counted_ms(message: Message) -> int:
    """How long an active alert counts after it was sent."""
    return max(_LEAST_COUNTED_MS, _COUNTED_SPANS * 1000 * int(message.alert.get("bucket_span_s") or 0))


def repeat_after_ms(message: Message) -> int | None:
    if message.transition == "recovered":
        return None
    return min(_LONGEST_SILENCE_MS, counted_ms(message) // 3)


def alert_of(message: Message) -> dict[str, Any]:
    alert = message.alert
    ends_at_ms = message.now_ms + counted_ms(message)
    if message.transition == "recovered":
        # An end before the beginning is refused, and one in the future would keep the alert active.
        ends_at_ms = min(message.now_ms, max(alert.get("ends_at_ms") or message.now_ms, alert["starts_at_ms"] + 1))
    return {
        "labels": labels_of(alert) | _texts(message.params.get("labels")),
        "annotations": annotations_of(alert) | _texts(message.params.get("annotations")),
        "startsAt": rfc3339(min(alert["starts_at_ms"], ends_at_ms - 1)),
        "endsAt": rfc3339(ends_at_ms),
        "generatorURL": alert.get("generator_url") or "",
    }


def _texts(given: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in (given or {}).items()}


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    """To every address, since Alertmanagers do not tell each other; it has arrived where one of them took it."""
    body = orjson.dumps([alert_of(message) for message in messages])
    now_ms = messages[0].now_ms
    headers = request_headers(receiver, messages[0].delivery_id)
    requests = [
        Request("POST", url.rstrip("/").removesuffix(_PATH) + _PATH, headers, body) for url in receiver.config["urls"]
    ]
    outcomes = await asyncio.gather(*(send_request(request, ways.egress, now_ms) for request in requests))
    if any(outcome.kind == "ok" for outcome in outcomes):
        every = [after for message in messages if (after := repeat_after_ms(message)) is not None]
        return Outcome("ok", repeat_after_ms=min(every, default=None))
    return next((outcome for outcome in outcomes if outcome.kind == "retry"), outcomes[0])


def _are_addresses(value: Any) -> str | None:
    if not value:
        return "must name an address"
    return next((wrong for url in value if (wrong := is_web_address(url)) is not None), None)


_TEXTS = Field(("record of string",))
ALERTMANAGER = ConnectorKind(
    id=".alertmanager",
    name="Alertmanager",
    config={"urls": texts(required=True, rule=_are_addresses), "headers": WEBHOOK.config["headers"]},
    secrets={"user": text(), "password": text(), "secretHeaders": WEBHOOK.secrets["secretHeaders"]},
    params={"labels": _TEXTS, "annotations": _TEXTS},
    send=send,
    batch=_BATCH,
)
