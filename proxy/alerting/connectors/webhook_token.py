"""Webhooks that show the token of an OAuth 2.0 server, by client credentials (RFC 6749, section 4.4)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import urlencode

import orjson

from proxy.alerting.connectors.kind import Outcome, Receiver, Ways, send_request
from proxy.alerting.egress import Request
from proxy.alerting.secrets import masked

# Kibana's word for it in `authType`.
TOKEN = "webhook-oauth2-client-credentials"
# How long a token lasts that is not said to end.
_USUAL_S = 3600
_UNAUTHORIZED = 401


class NoToken(Exception):
    """The token server gave none; ``outcome`` says what that means for the message."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


async def send_with_token(request: Request, receiver: Receiver, ways: Ways, now_ms: int) -> Outcome:
    """Sends a request with a token, asking for one where none is kept. Tokens are asked for by the request's TLS."""
    key = _key(receiver)
    kept = ways.tokens.find(key, now_ms)
    try:
        token = kept or await _asked_for(key, request, receiver, ways, now_ms)
    except NoToken as error:
        return error.outcome
    headers = {**request.headers, "Authorization": f"Bearer {token}"}
    outcome = await send_request(replace(request, headers=headers), ways.egress, now_ms)
    if outcome.status == _UNAUTHORIZED:
        ways.tokens.forget(key)
        if kept is not None:
            # It has been taken back; the next one may do.
            outcome = replace(outcome, kind="retry")
    # A receiver may tell back what it was given.
    hidden = {"token": token}
    return replace(outcome, reason=masked(outcome.reason, hidden), answer=masked(outcome.answer, hidden))


async def _asked_for(key: bytes, like: Request, receiver: Receiver, ways: Ways, now_ms: int) -> str:
    """
    Raises:
        NoToken: the server gave none.
    """
    config = receiver.config
    form = {
        "grant_type": "client_credentials",
        "client_id": config["clientId"],
        "client_secret": receiver.secrets["clientSecret"],
        **({"scope": config["scope"]} if config.get("scope") else {}),
        **orjson.loads(config.get("additionalFields") or "{}"),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    request = Request("POST", config["accessTokenUrl"], headers, urlencode(form).encode(), like.tls)
    outcome = await send_request(request, ways.egress, now_ms)
    if outcome.kind != "ok":
        raise NoToken(replace(outcome, reason=f"no token from [accessTokenUrl]: {outcome.reason}"))
    try:
        answer = orjson.loads(outcome.answer)
        token, lasts_s = answer["access_token"], float(answer.get("expires_in") or _USUAL_S)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NoToken(Outcome("failed", "the answer of [accessTokenUrl] has no [access_token]")) from error
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise NoToken(Outcome("failed", "the [access_token] of [accessTokenUrl] cannot stand in a header"))
    ways.tokens.keep(key, token, int(min(lasts_s, 1e9) * 1000), now_ms)
    return token


def _key(receiver: Receiver) -> bytes:
    asked_with = [receiver.connector_id, dict(receiver.config), receiver.secrets["clientSecret"]]
    return hashlib.sha256(orjson.dumps(asked_with, option=orjson.OPT_SORT_KEYS)).digest()
