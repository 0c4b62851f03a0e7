"""What connectors send by HTTP, seen by a real receiver. Slack's and PagerDuty's shapes are those they document."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trustme

from proxy.alerting.connectors.alert_labels import label_name
from proxy.alerting.connectors.kind import Receiver, judged
from proxy.alerting.connectors.kinds import KINDS, kind_of
from proxy.alerting.egress import Answer, Egress
from proxy.errors import MlError
from tests.alerting.messages import ALERT, T0, message, settings, ways
from tests.alerting.receiver import cut, receiving, stall, status


async def sent(kind_id, message, config, secrets=None, *behaviours, **changed):
    """What the receiver got, and the outcome; ``{url}`` in texts is the receiver's address."""
    async with receiving() as receiver, Egress(settings(**changed)) as egress:
        receiver.behaviours += behaviours

        def placed(value):
            if isinstance(value, str):
                return value.replace("{url}", receiver.url)
            return [placed(part) for part in value] if isinstance(value, list) else value

        target = Receiver(
            "c1",
            {name: placed(value) for name, value in config.items()},
            {name: placed(value) for name, value in (secrets or {}).items()},
        )
        outcome = await KINDS[kind_id].send([message], target, ways(egress))
        return receiver.got, outcome


async def test_a_webhook_without_a_body_carries_what_alertmanagers_webhooks_carry(loop):
    [got], outcome = await sent(".webhook", message(), {"url": "{url}/hook"})
    assert outcome.kind == "ok"
    assert got.headers["Idempotency-Key"] == "alert-1-1-action"
    labels = {
        "alertname": "Storms", "severity": "critical", "job_id": "flights", "rule_id": "r1", "partition_field": "JFK",
    }  # fmt: skip
    annotations = {"summary": "Critical anomaly", "score": "91.00", "partition_field_name": "partition.field"}
    assert got.body == {
        "version": "4",
        "groupKey": '{}:{alertname="Storms"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "lanewatch",
        "groupLabels": {"alertname": "Storms"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": "2023-11-14T22:13:20.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": "0f0f0f0faaaabbbb",
            }
        ],
    }


async def test_a_recovered_alert_is_resolved_at_its_end(loop):
    [got], _ = await sent(".webhook", message(transition="recovered", ends_at_ms=T0 + 1000), {"url": "{url}"})
    assert got.body["status"] == got.body["alerts"][0]["status"] == "resolved"
    assert got.body["alerts"][0]["endsAt"] == "2023-11-14T22:13:21.000Z"


async def test_a_webhook_has_a_method_headers_and_a_user(loop):
    config = {"url": "{url}", "method": "put", "headers": {"X-One": "1"}}
    secrets = {"user": "me", "password": "hunter2", "secretHeaders": {"X-Two": "2"}}
    [got], _ = await sent(".webhook", message({"body": '{"a": 1}'}), config, secrets)
    assert got.body == {"a": 1}
    assert (got.headers["X-One"], got.headers["X-Two"]) == ("1", "2")
    assert got.headers["Authorization"] == "Basic bWU6aHVudGVyMg=="
    [got], _ = await sent(".webhook", message(), config | {"hasAuth": False}, secrets)
    assert "Authorization" not in got.headers


@pytest.mark.parametrize(
    ("behaviour", "kind", "told"),
    [
        (status(204), "ok", ""),
        (status(400, "bad"), "failed", "the receiver answered with status [400]: bad"),
        (status(301, Location="/x"), "failed", "the receiver answered with status [301]: redirects are not followed"),
        (status(408), "retry", "the receiver answered with status [408]"),
        (status(503, "busy\n now"), "retry", "the receiver answered with status [503]: busy now"),
        (cut, "retry", "the receiver cannot be reached: ServerDisconnectedError: Server disconnected"),
        (stall(5), "retry", "the receiver did not answer in time"),
    ],
)
async def test_what_an_answer_means(loop, behaviour, kind, told):
    _, outcome = await sent(".webhook", message(), {"url": "{url}"}, None, behaviour, send_timeout=0.3)
    assert (outcome.kind, outcome.reason) == (kind, told)


async def test_nobody_there_is_tried_again_and_a_wrong_address_is_not(loop):
    _, outcome = await sent(".webhook", message(), {"url": "http://127.0.0.1:9/secret-path"})
    assert outcome.kind == "retry"
    assert "secret-path" not in outcome.reason
    _, outcome = await sent(".webhook", message(), {"url": "http://169.254.169.254/"})
    assert outcome.kind == "failed"
    _, outcome = await sent(".slack", message({"message": "m"}), {}, {"webhookUrl": "http://a b/secret"})
    assert outcome.kind in ("failed", "retry")
    assert "secret" not in outcome.reason


@pytest.mark.parametrize(
    ("header", "after_ms"),
    [
        ("7", 7000),
        (format_datetime(datetime.fromtimestamp(T0 / 1000, UTC) + timedelta(seconds=9), usegmt=True), 9000),
        ("soon", None),
        (None, None),
    ],
)
def test_how_long_a_receiver_wants_to_be_left_alone(header, after_ms):
    outcome = judged(Answer(429, "", header), T0)
    assert (outcome.kind, outcome.after_ms) == ("retry", after_ms)


async def test_slack_gets_a_text(loop):
    [got], outcome = await sent(".slack", message({"message": "*Storm*"}), {}, {"webhookUrl": "{url}/services/T/B/X"})
    assert (got.path, got.body, outcome.kind) == ("/services/T/B/X", {"text": "*Storm*"}, "ok")


async def test_pagerduty_gets_an_event_that_the_recovery_resolves(loop):
    config, secrets = {"apiUrl": "{url}/v2/enqueue"}, {"routingKey": "a-routing-key"}
    [got], _ = await sent(".pagerduty", message(), config, secrets)
    assert got.body == {
        "routing_key": "a-routing-key",
        "event_action": "trigger",
        "dedup_key": "0f0f0f0f-aaaa-bbbb",
        "payload": {
            "summary": "Critical anomaly",
            "source": "flights",
            "severity": "critical",
            "timestamp": "2023-11-14T22:13:20.000Z",
            "custom_details": ALERT["annotations"],
        },
    }
    [got], _ = await sent(".pagerduty", message(transition="recovered"), config, secrets)
    assert got.body == {
        "routing_key": "a-routing-key", "event_action": "resolve", "dedup_key": "0f0f0f0f-aaaa-bbbb",
    }  # fmt: skip


async def test_a_webhook_with_an_authority_of_its_own_is_believed_only_then(loop):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    pem = authority.cert_pem.bytes().decode()
    async with receiving(context) as receiver:
        for config, kind in (
            ({}, "retry"),
            ({"ca": pem}, "ok"),
            ({"verificationMode": "none"}, "ok"),
            ({"ca": "nonsense"}, "failed"),
        ):
            _, outcome = await sent(".webhook", message(), {"url": receiver.url, **config})
            assert outcome.kind == kind, outcome


@pytest.mark.parametrize(
    ("name", "fit"),
    [("job_id", "job_id"), ("partition.field", "partition_field"), ("a b", "a_b"), ("1st", "_1st"), ("", "_")],
)  # fmt: skip
def test_names_become_labels(name, fit):
    assert label_name(name) == fit


@pytest.mark.parametrize(
    ("kind_id", "config", "secrets", "told"),
    [
        (".webhook", {}, {}, "config: [url]: expected value of type [string] but got [undefined]"),
        (".webhook", {"url": "ftp://x"}, {}, "config: [url]: must begin with http:// or https://"),
        (".webhook", {"url": "http://x", "method": "head"}, {}, "config: [method]: expected one of"),
        (".webhook", {"url": "http://x", "headers": {"a": "b\r\nc: d"}}, {}, "config: [headers]: a header must be on"),
        (".webhook", {"url": "http://x", "other": 1}, {}, "config: [other]: definition for this key is missing"),
        (".slack", {}, {}, "secrets: [webhookUrl]: expected value of type [string] but got [undefined]"),
        (".index", {"index": ".ml-anomalies-x"}, {}, "config: [index]: must be the name of one index"),
        (".index", {"index": "a,b"}, {}, "config: [index]: must be the name of one index"),
        (".email", {"host": "h", "from": "f", "port": "25"}, {}, "config: [port]: expected value of type [number]"),
        (".alertmanager", {"urls": []}, {}, "config: [urls]: must name an address"),
        (".alertmanager", {"urls": "http://x"}, {}, "config: [urls]: expected value of type [array of string]"),
    ],
)
def test_what_a_connector_cannot_be_made_of(kind_id, config, secrets, told):
    with pytest.raises(MlError) as caught:
        kind_of(kind_id).check_connector(config, secrets)
    assert f"error validating connector type {told}" in caught.value.reason


def test_an_unknown_type_and_wrong_parameters_are_refused():
    with pytest.raises(MlError, match=r"Action type .\.teams. is not registered"):
        kind_of(".teams")
    with pytest.raises(
        MlError, match=r"error validating action params: \[message\]: expected value of type \[string\]"
    ):
        kind_of(".server-log").check_params({})
    with pytest.raises(MlError, match="at most"):
        kind_of(".pagerduty").check_params({"dedupKey": "x" * 256})
    kind_of(".pagerduty").check_params({"severity": "{{context.severity}}"})
