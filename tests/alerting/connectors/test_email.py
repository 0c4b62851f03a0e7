"""Mails, received by a real mail server."""

from __future__ import annotations

import asyncio
import email
import email.policy
import html
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from hypothesis import given
from hypothesis import strategies as st

from proxy.alerting.connectors.email import MARKDOWN, send
from proxy.alerting.connectors.kind import Receiver
from proxy.alerting.egress import Egress
from proxy.alerting.escapes import in_markdown, without_markdown_escapes
from tests.alerting.messages import message, settings, ways

PARAMS = {"to": ["a@example.org"], "bcc": ["b@example.org"], "subject": "Störung", "message": "Line 1\nLine 2"}


class Box:
    """What a server has taken, and what it answers to the next mail."""

    def __init__(self):
        self.mails = []
        self.answers = []

    async def handle_DATA(self, server, session, envelope):
        if self.answers:
            return self.answers.pop(0)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, parsed))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    # Not handled: the server shall answer with the refusal.
    return AuthResult(success=(data.login, data.password) == (b"me", b"hunter2"), handled=False)


@pytest.fixture
async def box(loop: asyncio.AbstractEventLoop) -> AsyncIterator[Box]:
    box = Box()
    options = {"hostname": "box", "auth_require_tls": False, "authenticator": authenticate}
    server = await loop.create_server(lambda: SMTP(box, **options), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    await server.wait_closed()


async def sent(box, params, config=None, secrets=None):
    target = Receiver(
        "c1", {"host": "127.0.0.1", "port": box.port, "from": "lw@example.org", **(config or {})}, secrets or {}
    )
    async with Egress(settings()) as egress:
        return await send([message(params)], target, ways(egress))


async def test_a_mail_arrives_with_its_texts_and_its_key(loop, box):
    outcome = await sent(box, PARAMS | {"messageHTML": "<b>Line</b>", "replyTo": ["c@example.org"]})
    assert outcome.kind == "ok", outcome
    [(sender, receivers, mail)] = box.mails
    assert (sender, receivers) == ("lw@example.org", ["a@example.org", "b@example.org"])
    assert (mail["Subject"], mail["To"], mail["Bcc"], mail["Reply-To"]) == (
        "Störung", "a@example.org", None, "c@example.org",
    )  # fmt: skip
    assert mail["Message-ID"] == "<alert-1-1-action@lanewatch>"
    assert mail.get_body(("plain",)).get_content().splitlines() == ["Line 1", "Line 2"]
    assert mail.get_body(("html",)).get_content().strip() == "<b>Line</b>"


async def test_the_text_is_markdown_for_those_who_read_html_and_plain_for_others(loop, box):
    text = "**Storm** on " + in_markdown("took_ms*<b>") + "\n- JFK: <script>"
    assert (await sent(box, PARAMS | {"message": text})).kind == "ok"
    [(_, _, mail)] = box.mails
    assert mail.get_body(("plain",)).get_content().splitlines() == ["**Storm** on took_ms*<b>", "- JFK: <script>"]
    assert mail.get_body(("html",)).get_content().splitlines() == [
        "<p><strong>Storm</strong> on took_ms*&lt;b&gt;</p>", "<ul>", "<li>JFK: &lt;script&gt;</li>", "</ul>",
    ]  # fmt: skip


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1))
def test_a_value_never_becomes_markdown(value):
    assert without_markdown_escapes(in_markdown(value)) == value
    shown = html.escape(value).replace("&#x27;", "'")
    assert MARKDOWN.render(in_markdown(value)) == f"<p>{shown}</p>\n"


async def test_who_must_log_in_does(loop, box):
    assert (await sent(box, PARAMS, secrets={"user": "me", "password": "hunter2"})).kind == "ok"
    outcome = await sent(box, PARAMS, secrets={"user": "me", "password": "wrong"})
    assert outcome.kind == "failed"
    assert "535" in outcome.reason
    assert "wrong" not in outcome.reason


@pytest.mark.parametrize(("answer", "kind"), [("451 later", "retry"), ("550 never", "failed")])
async def test_what_a_servers_answer_means(loop, box, answer, kind):
    box.answers.append(answer)
    outcome = await sent(box, PARAMS)
    assert outcome.kind == kind
    assert answer[4:] in outcome.reason


async def test_a_line_break_adds_no_header(loop, box):
    outcome = await sent(box, PARAMS | {"subject": "a\r\nBcc: evil@example.org"})
    assert (outcome.kind, box.mails) == ("failed", [])


async def test_nobody_there_is_tried_again_and_a_mail_to_nobody_is_not(loop, box):
    assert (await sent(box, PARAMS, {"port": 9})).kind == "retry"
    assert (await sent(box, {"subject": "s", "message": "m"})).kind == "failed"
    assert (await sent(box, PARAMS, {"host": "169.254.169.254"})).kind == "failed"
