"""How webhooks show who sends them, to real receivers: certificates in TLS, tokens of an OAuth 2.0 server."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509 import load_pem_x509_certificate

from proxy.alerting.connectors.kind import Receiver
from proxy.alerting.connectors.kinds import kind_of
from proxy.alerting.egress import Egress
from proxy.errors import MlError
from tests.alerting.messages import message, settings, ways
from tests.alerting.receiver import receiving, status

WEBHOOK = kind_of(".webhook")
BY_CERTIFICATE = {"authType": "webhook-authentication-ssl"}
BY_TOKEN = {
    "authType": "webhook-oauth2-client-credentials", "clientId": "lanewatch", "scope": "alerts",
    "additionalFields": '{"audience": "pager"}',
}  # fmt: skip


# ---- certificates


@asynccontextmanager
async def asking_for_certificates(authority: trustme.CA) -> AsyncIterator[tuple[str, list]]:
    """An address that takes only who has a certificate of the authority, and the names on those that came."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    came: list = []

    async def take(request: web.Request) -> web.Response:
        came.append(request.transport.get_extra_info("peercert")["subjectAltName"])
        return web.Response()

    async with receiving(context) as receiver:
        receiver.behaviours.append(take)
        yield f"{receiver.url}/", came


def certificates() -> dict[str, dict[str, str]]:
    """The same certificate in each form that it may be given in."""
    own = AUTHORITY.issue_cert("lanewatch.example.org")
    crt, key = own.cert_chain_pems[0].bytes(), own.private_key_pem.bytes()
    loaded = load_pem_private_key(key, None)
    closed = loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))
    certificate = load_pem_x509_certificate(crt)
    pfx = serialize_key_and_certificates(b"own", loaded, certificate, None, BestAvailableEncryption(b"hunter2"))
    return {
        "PEM": {"crt": crt.decode(), "key": key.decode()},
        "base64": {"crt": base64.b64encode(crt).decode(), "key": base64.b64encode(key).decode()},
        "closed key": {"crt": crt.decode(), "key": closed.decode(), "password": "hunter2"},
        "PKCS #12": {"pfx": base64.b64encode(pfx).decode(), "password": "hunter2"},
    }


AUTHORITY = trustme.CA()
FORMS = certificates()


async def sent(config: dict, secrets: dict, *, tries: int = 1):
    async with Egress(settings()) as egress:
        out = ways(egress)
        return [await WEBHOOK.send([message()], Receiver("c1", config, secrets), out) for _ in range(tries)]


@pytest.mark.parametrize("form", FORMS)
async def test_a_webhook_shows_its_certificate(loop, form):
    async with asking_for_certificates(AUTHORITY) as (url, came):
        config = {"url": url, "ca": AUTHORITY.cert_pem.bytes().decode(), **BY_CERTIFICATE}
        if "pfx" in FORMS[form]:
            config["certType"] = "ssl-pfx"
        [outcome] = await sent(config, FORMS[form])
    assert (outcome.kind, came) == ("ok", [(("DNS", "lanewatch.example.org"),)]), outcome


async def test_without_its_certificate_a_webhook_is_not_taken(loop):
    async with asking_for_certificates(AUTHORITY) as (url, came):
        [outcome] = await sent({"url": url, "ca": AUTHORITY.cert_pem.bytes().decode()}, {})
    assert (outcome.kind, came) == ("retry", [])


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        ({"crt": "nonsense", "key": "nonsense"}, "[crt] and [key] are no certificate with its key in PEM"),
        (FORMS["closed key"] | {"password": "wrong"}, "[crt] and [key] are no certificate with its key in PEM"),
        (FORMS["closed key"] | {"password": None}, "[crt] and [key] are no certificate with its key in PEM"),
        ({"pfx": FORMS["PEM"]["crt"]}, "[pfx] is no PKCS #12 file"),
        (FORMS["PKCS #12"] | {"password": "wrong"}, "[pfx] is no PKCS #12 file"),
    ],
)
async def test_a_certificate_that_cannot_be_read_ends_the_message(loop, secrets, told):
    form = {"certType": "ssl-pfx"} if "pfx" in secrets else {}
    [outcome] = await sent({"url": "https://127.0.0.1:9/", **BY_CERTIFICATE, **form}, secrets)
    assert (outcome.kind, outcome.reason) == ("failed", f"{told}, or [password] does not open it")


# ---- tokens


def token(name: str, **fields: object):
    return lambda _: web.json_response({"access_token": name, "token_type": "Bearer", **fields})


async def with_tokens(*behaviours, tries=1, **fields):
    """What arrived, in the order of ``behaviours``, and the outcomes."""
    async with receiving() as receiver:
        receiver.behaviours += behaviours
        config = {"url": f"{receiver.url}/hook", "accessTokenUrl": f"{receiver.url}/token", **BY_TOKEN, **fields}
        outcomes = await sent(config, {"clientSecret": "hunter2"}, tries=tries)
    return [(got.path, got.headers.get("Authorization")) for got in receiver.got], outcomes, receiver.got


HOOK, ASKED = "/hook", ("/token", None)


async def test_a_token_is_asked_for_once_and_shown_to_the_receiver(loop):
    came, outcomes, got = await with_tokens(token("t1", expires_in=3600), tries=2)
    assert came == [ASKED, (HOOK, "Bearer t1"), (HOOK, "Bearer t1")]
    assert [outcome.kind for outcome in outcomes] == ["ok", "ok"]
    asked = "grant_type=client_credentials&client_id=lanewatch&client_secret=hunter2&scope=alerts&audience=pager"
    assert got[0].body == asked
    assert got[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_a_token_that_ends_soon_is_asked_for_again(loop):
    came, _, _ = await with_tokens(token("t1", expires_in=20), status(200), token("t2", expires_in=3600), tries=2)
    assert came == [ASKED, (HOOK, "Bearer t1"), ASKED, (HOOK, "Bearer t2")]


async def test_a_token_that_was_taken_back_is_replaced_and_a_new_one_that_is_refused_ends_the_message(loop):
    refused = status(401, "not with t1")
    came, outcomes, _ = await with_tokens(token("a-token"), status(200), refused, token("t2"), status(401), tries=3)
    assert came == [ASKED, (HOOK, "Bearer a-token"), (HOOK, "Bearer a-token"), ASKED, (HOOK, "Bearer t2")]
    assert [outcome.kind for outcome in outcomes] == ["ok", "retry", "failed"]


@pytest.mark.parametrize(
    ("behaviour", "kind", "told"),
    [
        (status(503), "retry", "no token from [accessTokenUrl]: the receiver answered with status [503]"),
        (status(400, '{"error":"invalid_client"}'), "failed", "the receiver answered with status [400]: "),
        (status(200, "welcome"), "failed", "the answer of [accessTokenUrl] has no [access_token]"),
        (status(200, '["access_token"]'), "failed", "the answer of [accessTokenUrl] has no [access_token]"),
        (token("a\r\nb"), "failed", "the [access_token] of [accessTokenUrl] cannot stand in a header"),
    ],
)
async def test_no_token_no_message(loop, behaviour, kind, told):
    came, [outcome], _ = await with_tokens(behaviour)
    assert came == [ASKED]
    assert outcome.kind == kind
    assert told in outcome.reason


async def test_a_token_is_not_told(loop):
    _, [outcome], _ = await with_tokens(token("a-long-token"), status(500, "got a-long-token"))
    assert outcome.reason == "the receiver answered with status [500]: got ********"


# ---- what is needed


@pytest.mark.parametrize(
    ("config", "secrets", "told"),
    [
        (BY_CERTIFICATE, {"crt": "c"}, "secrets: [key]: expected value of type [string] but got [undefined]"),
        (BY_CERTIFICATE | {"certType": "ssl-pfx"}, {}, "secrets: [pfx]: expected value of type [string]"),
        (BY_CERTIFICATE | {"certType": "jks"}, {}, "config: [certType]: expected one of [ssl-crt-key, ssl-pfx]"),
        (BY_TOKEN, {"clientSecret": "s"}, "config: [accessTokenUrl]: expected value of type [string]"),
        (BY_TOKEN | {"accessTokenUrl": "http://t"}, {}, "secrets: [clientSecret]: expected value of type [string]"),
        (BY_TOKEN | {"additionalFields": "{"}, {"clientSecret": "s"}, "config: [accessTokenUrl]: expected value of"),
        ({"additionalFields": "[]"}, {}, "config: [additionalFields]: must be an object in JSON"),
    ],
)
def test_what_a_way_to_show_oneself_needs(config, secrets, told):
    with pytest.raises(MlError) as caught:
        WEBHOOK.check_connector({"url": "http://x"} | config, secrets)
    assert f"error validating connector type {told}" in caught.value.reason


def test_nothing_is_needed_where_nobody_asks():
    WEBHOOK.check_connector({"url": "http://x", "hasAuth": False} | BY_CERTIFICATE, {})
