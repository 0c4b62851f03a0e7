"""What a receiver forgets is told again while the alert is active, also by the next process, and ends with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from proxy.alerting.delivery.outbox import Outbox
from proxy.store.alerting.alerts import AlertDocument
from tests.alerting.delivery.conftest import counts_become, epoch_ms
from tests.alerting.delivery.test_outbox import never
from tests.alerting.messages import FIRST, RECOVERED

MINUTE_MS = 60_000
AT_ALERTMANAGER = {"connector_id": "am", "connector_type_id": ".alertmanager"}


class Clock:
    """The time, and what it was put forward by."""

    def __init__(self):
        self.forward_ms = 0

    def __call__(self):
        return epoch_ms() + self.forward_ms


@pytest.fixture
async def work(store, own_config, receiver, connect):
    """An outbox with a clock of its own, and an alert that has been told."""
    await connect("am", ".alertmanager", {"urls": [receiver.url]})
    clock = Clock()
    outbox = Outbox(store, own_config, clock, never)
    await outbox.start()
    await say(store, "active")
    await store.deliveries.add([replace(FIRST, **AT_ALERTMANAGER, created_at_ms=clock())])
    outbox.nudge()
    await receiver.wait_for(1)
    await counts_become(store, {"active": 1})
    yield outbox, clock
    await outbox.stop()


async def say(store, status):
    """Stores the alert as its rule would."""
    source = {"kibana.alert.status": status, **({"kibana.alert.end": epoch_ms()} if status != "active" else {})}
    await store.alerts.write([AlertDocument(FIRST.alert_id, epoch_ms(), source)])


def ends(got):
    return [each.body[0]["endsAt"] for each in got]


async def test_an_active_alert_is_told_again_until_the_message_of_its_end(store, receiver, work):
    outbox, clock = work
    clock.forward_ms += MINUTE_MS + 500
    outbox.nudge()
    first, second = ends(await receiver.wait_for(2))
    assert first < second
    await store.deliveries.add([replace(RECOVERED, **AT_ALERTMANAGER, action_id="another", created_at_ms=clock())])
    outbox.nudge()
    await receiver.wait_for(3)
    await counts_become(store, {"sent": 2})
    clock.forward_ms += 10 * MINUTE_MS
    outbox.nudge()
    await asyncio.sleep(0.5)
    assert len(receiver.got) == 3


async def test_an_alert_that_ended_without_a_message_is_told_as_ended_once(store, receiver, work):
    outbox, clock = work
    await say(store, "recovered")
    clock.forward_ms += MINUTE_MS + 500
    outbox.nudge()
    _, last = await receiver.wait_for(2)
    assert last.body[0]["endsAt"] < ends(receiver.got)[0]
    await counts_become(store, {"sent": 1})


async def test_the_next_process_goes_on_telling(store, own_config, receiver, work):
    outbox, clock = work
    await outbox.stop()
    clock.forward_ms += MINUTE_MS + 500
    successor = Outbox(store, own_config, clock, never)
    await successor.start()
    try:
        await receiver.wait_for(2)
    finally:
        await successor.stop()


async def test_what_is_cancelled_is_told_no_more(store, receiver, work):
    outbox, clock = work
    await store.deliveries.cancel(clock(), alert_id=FIRST.alert_id)
    clock.forward_ms += 10 * MINUTE_MS
    outbox.nudge()
    await asyncio.sleep(0.5)
    assert len(receiver.got) == 1
