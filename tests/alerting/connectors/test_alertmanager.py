"""Prometheus' own Alertmanager between an alert and a receiver, and what is told to it, and for how long."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from proxy.alerting.connectors.alertmanager import alert_of, counted_ms, repeat_after_ms, send
from proxy.alerting.connectors.kind import Receiver
from proxy.alerting.egress import Egress
from tests.alerting.delivery.conftest import epoch_ms
from tests.alerting.messages import T0, message, settings, ways
from tests.alerting.receiver import receiving, status


def active(**changed):
    return replace(message(starts_at_ms=epoch_ms() - 1000), now_ms=epoch_ms(), **changed)


def recovered():
    fields = {"starts_at_ms": epoch_ms() - 1000, "ends_at_ms": epoch_ms()}
    return replace(message(transition="recovered", **fields), now_ms=epoch_ms())


async def told(messages, *urls):
    async with Egress(settings()) as egress:
        return await send(messages, Receiver("am", {"urls": list(urls)}, {}), ways(egress))


async def test_an_alert_goes_round_the_circle_once_firing_and_once_resolved(circle):
    alertmanager, receiver = circle
    assert (await told([active()], alertmanager.url)).kind == "ok"
    await receiver.wait_for(1)
    # Told again it is the same alert, and nobody is told.
    assert (await told([active()], alertmanager.url)).kind == "ok"
    assert (await told([recovered()], alertmanager.url)).kind == "ok"
    firing, resolved = await receiver.wait_for(2)
    assert [each.body["status"] for each in (firing, resolved)] == ["firing", "resolved"]
    [alert] = firing.body["alerts"]
    assert alert["labels"] == {
        "alertname": "Storms", "job_id": "flights", "rule_id": "r1", "severity": "critical", "partition_field": "JFK",
    }  # fmt: skip
    assert alert["annotations"]["partition_field_name"] == "partition.field"
    assert len(receiver.got) == 2


async def test_an_alertmanager_that_was_killed_knows_an_alert_again_when_it_is_repeated(circle):
    alertmanager, _ = circle
    await told([active()], alertmanager.url)
    assert len(await alertmanager.alerts()) == 1
    await alertmanager.kill()
    assert (await told([active()], alertmanager.url)).kind == "retry"
    await alertmanager.start()
    assert await alertmanager.alerts() == []
    assert (await told([active()], alertmanager.url)).kind == "ok"
    assert len(await alertmanager.alerts()) == 1


async def test_a_fault_of_one_alert_is_told_and_the_others_can_be_sent_alone(circle):
    alertmanager, _ = circle
    faulty = replace(active(), params={"labels": {"no-name": "x"}})
    outcome = await told([active(), faulty], alertmanager.url)
    assert outcome.kind == "failed"
    assert "400" in outcome.reason


async def test_of_several_addresses_one_is_enough_and_all_are_told(loop):
    async with receiving() as one, receiving() as two:
        one.behaviours += [status(500)]
        assert (await told([active()], one.url, f"{two.url}/api/v2/alerts/")).kind == "ok"
        assert [got.path for got in one.got + two.got] == ["/api/v2/alerts"] * 2
        one.behaviours += [status(500)]
        two.behaviours += [status(404)]
        assert (await told([active()], one.url, two.url)).kind == "retry"


@pytest.mark.parametrize(
    ("span_s", "counted_s", "repeat_s"), [(60, 300, 60), (900, 2700, 60), (86_400, 259_200, 60), (0, 300, 60)]
)
def test_an_active_alert_counts_for_three_buckets_and_is_repeated_well_before(span_s, counted_s, repeat_s):
    told = message(bucket_span_s=span_s)
    assert (counted_ms(told), repeat_after_ms(told)) == (counted_s * 1000, repeat_s * 1000)
    assert repeat_after_ms(message(transition="recovered")) is None


def test_the_end_lies_after_the_beginning_and_not_in_the_future():
    for ends_at_ms in (None, T0 - 1, T0 + 10, T0 + 10_000_000):
        alert = alert_of(message(transition="recovered", ends_at_ms=ends_at_ms))
        assert alert["startsAt"] < alert["endsAt"] <= "2023-11-14T22:14:20.000Z"
    assert json.dumps(alert_of(message()))


async def test_five_hundred_alerts_are_one_request(circle):
    alertmanager, receiver = circle
    several = [replace(active(), alert=active().alert | {"labels": {"job_id": f"j{n}"}}) for n in range(500)]
    assert (await told(several, alertmanager.url)).kind == "ok"
    assert len(await alertmanager.alerts()) == 500
    await receiver.wait_for(1)
