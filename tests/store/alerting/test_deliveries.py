"""Messages that wait in the cluster: written once, taken up by one, changed only by who has them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.store.alerting.connectors import Connector, Connectors
from proxy.store.alerting.deliveries import Deliveries
from proxy.store.alerting.messages import Delivery

# A small number would be read as a year.
T0 = 1_700_000_000_000
FIRST = Delivery(
    delivery_id="alert-1-1-mail",
    alert_id="alert-1",
    rule_id="rule",
    rule_name="A rule",
    action_id="mail",
    connector_id="connector",
    connector_type_id=".webhook",
    transition="active",
    sequence=1,
    created_at_ms=T0 + 1000,
    params={"body": "{{context.message}}"},
    context={"context": {"message": "m", "score": 75.5}},
    alert={"labels": {"job_id": "j"}, "ends_at_ms": None},
)
RECOVERED = replace(FIRST, delivery_id="alert-1-2-mail", transition="recovered", sequence=2, created_at_ms=T0 + 2000)
OTHER = replace(FIRST, delivery_id="alert-2-1-mail", alert_id="alert-2", connector_id="other", created_at_ms=T0 + 3000)


@pytest.fixture
def deliveries(loop, store_client, names, indices) -> Deliveries:
    return Deliveries(store_client, names, indices.ensure_alerting)


def ids(due) -> list[str]:
    return [message.delivery.delivery_id for message in due.ready]


async def test_before_the_first_message_there_is_nothing(deliveries):
    due = await deliveries.due(T0 + 10_000, 10)
    assert (due.ready, due.waiting, due.next_at_ms, due.pending) == ([], [], None, 0)
    assert await deliveries.counts() == {}


async def test_a_message_is_stored_once_and_comes_back_as_it_was(deliveries):
    await deliveries.add([RECOVERED, FIRST, OTHER])
    await deliveries.add([replace(FIRST, params={"body": "another"})])
    due = await deliveries.due(T0 + 2500, 10)
    assert [message.delivery for message in due.ready] == [FIRST, RECOVERED]
    assert sorted(w.sequence for w in due.waiting) == [1, 2]
    assert due.next_at_ms == T0 + 3000
    others = await deliveries.due(T0 + 5000, 10, without=["connector"])
    assert (ids(others), others.pending) == (["alert-2-1-mail"], 3)


async def test_one_of_two_gets_a_message_and_it_comes_back_when_the_claim_lapses(deliveries, cluster_client):
    await deliveries.add([FIRST])
    [found] = (await deliveries.due(T0 + 1000, 10)).ready
    claimed = await deliveries.claim(found, "one", until_ms=T0 + 5000)
    assert claimed is not None
    assert claimed.owner == "one"
    assert await deliveries.claim(found, "two", until_ms=T0 + 6000) is None
    cluster_client.post("/_refresh?expand_wildcards=all")
    assert ids(await deliveries.due(T0 + 4999, 10)) == []
    assert ids(await deliveries.due(T0 + 5000, 10)) == ["alert-1-1-mail"]


async def test_a_message_is_sent_again_until_what_ends_it_is_sent(deliveries, cluster_client, names):
    await deliveries.add([FIRST, RECOVERED])
    first, recovered = (await deliveries.due(T0 + 2000, 10)).ready
    assert await deliveries.sent(first, T0 + 2000, resend_at_ms=T0 + 3000)
    assert not await deliveries.sent(first, T0 + 2000)
    assert ids(await deliveries.due(T0 + 3000, 10)) == ["alert-1-2-mail", "alert-1-1-mail"]
    assert await deliveries.sent(recovered, T0 + 3000)
    await deliveries.end_repeats(recovered, T0 + 3000)
    assert await deliveries.counts() == {"sent": 2}
    assert await deliveries.forget(T0 + 3000) == 0
    assert await deliveries.forget(T0 + 3001) == 2
    assert await deliveries.counts() == {}


async def test_what_fails_is_tried_later_or_given_up(deliveries):
    await deliveries.add([FIRST, OTHER])
    first, other = (await deliveries.due(T0 + 3000, 10)).ready
    assert await deliveries.retry_at(first, T0 + 9000, "connection refused")
    assert await deliveries.failed(other, T0 + 3000, "status 404")
    assert await deliveries.counts() == {"pending": 1, "failed": 1}
    [again] = (await deliveries.due(T0 + 9000, 10)).ready
    assert again.attempts == 1
    await deliveries.put_off(again, T0 + 12_000)
    assert (await deliveries.due(T0 + 11_000, 10)).next_at_ms == T0 + 12_000


async def test_what_waits_of_an_alert_or_a_rule_can_be_cancelled(deliveries):
    await deliveries.add([FIRST, RECOVERED, OTHER])
    await deliveries.cancel(T0 + 4000, alert_id="alert-1")
    assert await deliveries.counts() == {"cancelled": 2, "pending": 1}
    await deliveries.cancel(T0 + 4000, rule_id="rule")
    assert await deliveries.counts() == {"cancelled": 3}


async def test_a_connector_is_changed_only_as_it_was_read(loop, store_client, names, indices):
    connectors = Connectors(store_client, names, indices.ensure_alerting)
    connector = Connector("c", "Chat", ".slack", {}, {"webhookUrl": "${env:LANEWATCH_SECRET_CHAT}"})
    assert await connectors.all() == []
    assert await connectors.create(connector)
    assert not await connectors.create(connector)
    found = await connectors.find("c")
    assert found is not None
    assert found.connector == connector
    assert await connectors.replace(found, replace(connector, name="Talk"))
    assert not await connectors.replace(found, connector)
    assert [each.name for each in await connectors.all()] == ["Talk"]
    assert await connectors.delete("c")
    assert await connectors.find("c") is None
