"""``.slack``: a message to an incoming webhook of Slack, whose address is the secret."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from proxy.alerting.connectors.fields import text
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways, send_request
from proxy.alerting.egress import Request
from proxy.alerting.escapes import in_slack


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    message = messages[0]
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.delivery_id}
    body = orjson.dumps({"text": message.params["message"]})
    request = Request("POST", receiver.secrets["webhookUrl"], headers, body)
    return await send_request(request, ways.egress, message.now_ms)


SLACK = ConnectorKind(
    id=".slack",
    name="Slack",
    config={},
    secrets={"webhookUrl": text(required=True)},
    params={"message": text(required=True)},
    escapes={"message": in_slack},
    send=send,
)
