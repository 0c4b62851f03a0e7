"""``.email``: a mail by SMTP. Its text is Markdown, as in Kibana, and goes along as HTML too unless that is given."""

from __future__ import annotations

import asyncio
import html
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import aiosmtplib
from markdown_it import MarkdownIt

from proxy.alerting.connectors.fields import Field, at_most, flag, text, texts
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways
from proxy.alerting.egress import Egress, NotAllowed
from proxy.alerting.escapes import in_markdown, without_markdown_escapes

_SECURE_PORT, _PORT = 465, 587
_MAX_RECEIVERS = 100
_TIMEOUT_S = 10.0
# Tags of the text stay text; a line of the text is a line of the mail.
MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True})


def mail(message: Message, sender: str) -> EmailMessage:
    """Makes HTML of long texts, which is nothing for the event loop.

    Raises:
        ValueError: a header would not stay on its line.
    """
    params, letter = message.params, EmailMessage()
    letter["From"] = sender
    for header, name in (("To", "to"), ("Cc", "cc")):
        if params.get(name):
            letter[header] = ", ".join(params[name])
    if params.get("replyTo"):
        letter["Reply-To"] = ", ".join(params["replyTo"])
    letter["Subject"] = params["subject"]
    letter["Date"] = formatdate(message.now_ms / 1000)
    # Mail servers and programs drop what has come already.
    letter["Message-ID"] = f"<{message.delivery_id}@lanewatch>"
    letter["Idempotency-Key"] = message.delivery_id
    letter.set_content(without_markdown_escapes(params["message"]))
    letter.add_alternative(params.get("messageHTML") or MARKDOWN.render(params["message"]), subtype="html")
    return letter


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    message, config = messages[0], receiver.config
    everybody = [each for name in ("to", "cc", "bcc") for each in message.params.get(name) or ()]
    if not everybody:
        return Outcome("failed", "the mail has no receivers")
    try:
        letter = await asyncio.to_thread(mail, message, config["from"])
    except ValueError:
        return Outcome("failed", "a line break stands in an address or in the subject")
    try:
        await _send(letter, everybody, receiver, ways.egress)
    except (NotAllowed, aiosmtplib.SMTPNotSupported) as error:
        return Outcome("failed", str(error))
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [each.code for each in error.recipients]
        return Outcome(_kind_of(min(codes, default=500)), f"the mail server refused all receivers: {codes}")
    except aiosmtplib.SMTPResponseException as error:
        return Outcome(_kind_of(error.code), f"the mail server answered with [{error.code}]: {error.message}")
    except (aiosmtplib.SMTPException, ssl.SSLError, TimeoutError, OSError) as error:
        return Outcome("retry", f"the mail server cannot be reached: {type(error).__name__}: {error}")
    return Outcome("ok")


async def _send(letter: EmailMessage, everybody: Sequence[str], receiver: Receiver, egress: Egress) -> None:
    config, secrets = receiver.config, receiver.secrets
    is_secure = bool(config.get("secure"))
    port = int(config.get("port") or (_SECURE_PORT if is_secure else _PORT))
    sock = await egress.connected(config["host"], port)
    server = aiosmtplib.SMTP(hostname=config["host"], sock=sock, use_tls=is_secure, timeout=_TIMEOUT_S)
    async with server:
        if config.get("hasAuth", True) and secrets.get("user"):
            await server.login(secrets["user"], secrets.get("password") or "")
        await server.send_message(letter, sender=config["from"], recipients=list(everybody))


def _kind_of(code: int) -> Any:
    """SMTP's codes from 500 on are final."""
    return "failed" if code >= 500 else "retry"


_ADDRESSES = texts(rule=at_most(_MAX_RECEIVERS))
EMAIL = ConnectorKind(
    id=".email",
    name="Email",
    config={
        "service": text(),
        "host": text(required=True),
        "port": Field(("number",)),
        "secure": flag(),
        "from": text(required=True),
        "hasAuth": flag(),
    },
    secrets={"user": text(), "password": text()},
    params={
        "to": _ADDRESSES,
        "cc": _ADDRESSES,
        "bcc": _ADDRESSES,
        "replyTo": _ADDRESSES,
        "subject": text(required=True),
        "message": text(required=True),
        "messageHTML": text(),
    },
    escapes={"message": in_markdown, "messageHTML": html.escape},
    send=send,
)
