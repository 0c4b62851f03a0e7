"""``.webhook``: a request to any address; without a body of its own it carries what Alertmanager's webhooks carry."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from proxy.alerting.connectors.alert_labels import webhook_body
from proxy.alerting.connectors.fields import Field, flag, is_web_address, text
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways, send_request
from proxy.alerting.connectors.webhook_tls import CERTIFICATE, PEM_FILES, PFX_FILE, tls_of
from proxy.alerting.connectors.webhook_token import TOKEN, send_with_token
from proxy.alerting.egress import Request
from proxy.alerting.escapes import in_json

BASIC = "webhook-authentication-basic"


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    message = messages[0]
    config = receiver.config
    body = message.params.get("body")
    content = orjson.dumps(webhook_body(message)) if not body else str(body).encode()
    method = config.get("method") or "post"
    try:
        tls = await asyncio.to_thread(tls_of, config, receiver.secrets)
    except ValueError as error:
        return Outcome("failed", str(error))
    headers = request_headers(receiver, message.delivery_id)
    request = Request(method.upper(), config["url"], headers, b"" if method == "get" else content, tls)
    if config.get("hasAuth", True) and config.get("authType") == TOKEN:
        return await send_with_token(request, receiver, ways, message.now_ms)
    return await send_request(request, ways.egress, message.now_ms)


def request_headers(receiver: Receiver, delivery_id: str) -> dict[str, str]:
    """Those of the configuration, who we are, and by what the receiver knows a repetition."""
    given = {**(receiver.config.get("headers") or {}), **(receiver.secrets.get("secretHeaders") or {})}
    headers = {"Content-Type": "application/json", **{str(name): str(value) for name, value in given.items()}}
    if receiver.config.get("hasAuth", True) and (receiver.config.get("authType") or BASIC) == BASIC:
        headers |= _user(receiver.secrets)
    return headers | {"Idempotency-Key": delivery_id}


def _user(secrets: Mapping[str, Any]) -> dict[str, str]:
    if not secrets.get("user"):
        return {}
    pair = f"{secrets['user']}:{secrets.get('password') or ''}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def _required(config: Mapping[str, Any]) -> Collection[str]:
    """What the chosen way to show who sends it needs, in the configuration or in the secrets."""
    if not config.get("hasAuth", True):
        return ()
    if config.get("authType") == TOKEN:
        return ("accessTokenUrl", "clientId", "clientSecret")
    if config.get("authType") == CERTIFICATE:
        return ("pfx",) if config.get("certType") == PFX_FILE else ("crt", "key")
    return ()


def _has_clean_headers(value: Any) -> str | None:
    if any(set("\r\n\0") & set(f"{name}{content}") for name, content in value.items()):
        return "a header must be on one line"
    return None


def _is_object(value: Any) -> str | None:
    try:
        parsed = orjson.loads(value or "{}")
    except ValueError:
        parsed = None
    return None if isinstance(parsed, dict) else "must be an object in JSON"


_HEADERS = Field(("record of string",), rule=_has_clean_headers)
WEBHOOK = ConnectorKind(
    id=".webhook",
    name="Webhook",
    config={
        "url": text(required=True, rule=is_web_address),
        "method": text(one_of=("post", "put", "patch", "get", "delete")),
        "headers": _HEADERS,
        "hasAuth": flag(),
        "authType": text(one_of=(BASIC, CERTIFICATE, TOKEN)),
        "certType": text(one_of=(PEM_FILES, PFX_FILE)),
        "accessTokenUrl": text(rule=is_web_address),
        "clientId": text(),
        "scope": text(),
        "additionalFields": text(rule=_is_object),
        "ca": text(),
        "verificationMode": text(one_of=("full", "certificate", "none")),
    },
    secrets={
        "user": text(),
        "password": text(),
        "crt": text(),
        "key": text(),
        "pfx": text(),
        "clientSecret": text(),
        "secretHeaders": _HEADERS,
    },
    params={"body": text()},
    escapes={"body": in_json},
    send=send,
    required=_required,
)
