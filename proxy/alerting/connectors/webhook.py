"""``.webhook``: a request to any address; without a body of its own it carries what Alertmanager's webhooks carry."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Sequence
from typing import Any

import orjson

from proxy.alerting.connectors.alert_labels import webhook_body
from proxy.alerting.connectors.fields import Field, flag, is_web_address, text
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways, send_request
from proxy.alerting.egress import Request
from proxy.alerting.escapes import in_json


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    message = messages[0]
    config = receiver.config
    body = message.params.get("body")
    content = orjson.dumps(webhook_body(message)) if not body else str(body).encode()
    method = config.get("method") or "post"
    try:
        tls = _tls(config.get("ca"), config.get("verificationMode") or "full")
    except (ssl.SSLError, ValueError):
        return Outcome("failed", "[ca] is no certificate in PEM")
    headers = request_headers(receiver, message.delivery_id)
    request = Request(method.upper(), config["url"], headers, b"" if method == "get" else content, tls)
    return await send_request(request, ways.egress, message.now_ms)


def request_headers(receiver: Receiver, delivery_id: str) -> dict[str, str]:
    """Those of the configuration, who we are, and by what the receiver knows a repetition."""
    given = {**(receiver.config.get("headers") or {}), **(receiver.secrets.get("secretHeaders") or {})}
    headers = {"Content-Type": "application/json", **{str(name): str(value) for name, value in given.items()}}
    user = receiver.secrets.get("user")
    if receiver.config.get("hasAuth", True) and user:
        pair = f"{user}:{receiver.secrets.get('password') or ''}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    return headers | {"Idempotency-Key": delivery_id}


def _tls(ca: str | None, mode: str) -> ssl.SSLContext | None:
    """None for the usual authorities. ``certificate`` does not look at the host's name, ``none`` at nothing."""
    if not ca and mode == "full":
        return None
    pem = None
    if ca:
        pem = ca if "BEGIN CERTIFICATE" in ca else base64.b64decode(ca).decode()
    context = ssl.create_default_context(cadata=pem)
    context.check_hostname = mode == "full"
    context.verify_mode = ssl.CERT_NONE if mode == "none" else ssl.CERT_REQUIRED
    return context


def _has_clean_headers(value: Any) -> str | None:
    if any(set("\r\n\0") & set(f"{name}{content}") for name, content in value.items()):
        return "a header must be on one line"
    return None


_HEADERS = Field(("record of string",), rule=_has_clean_headers)
WEBHOOK = ConnectorKind(
    id=".webhook",
    name="Webhook",
    config={
        "url": text(required=True, rule=is_web_address),
        "method": text(one_of=("post", "put", "patch", "get", "delete")),
        "headers": _HEADERS,
        "hasAuth": flag(),
        "authType": text(one_of=("webhook-authentication-basic",)),
        "ca": text(),
        "verificationMode": text(one_of=("full", "certificate", "none")),
    },
    secrets={"user": text(), "password": text(), "secretHeaders": _HEADERS},
    params={"body": text()},
    escapes={"body": in_json},
    send=send,
)
