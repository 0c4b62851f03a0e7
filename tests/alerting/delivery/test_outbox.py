"""The outbox at work between a real cluster and real receivers: retries, order, repetition, and what is given up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from proxy.alerting.delivery.outbox import Outbox
from proxy.runtime.tasks import until_done
from tests.alerting.delivery.conftest import counts_become, epoch_ms
from tests.alerting.messages import ALERT, FIRST, RECOVERED
from tests.alerting.receiver import cut, stall, status


def now(delivery, **changed):
    return replace(delivery, created_at_ms=epoch_ms(), **changed)


async def test_messages_arrive_in_order_with_their_keys_however_the_receiver_fails_at_first(
    store, outbox, receiver, connect, failures
):
    await connect("c1", ".webhook", {"url": f"{receiver.url}/hook"})
    receiver.behaviours += [status(500), cut, status(429, Retry_After="1")]
    await store.deliveries.add([now(RECOVERED), now(FIRST, params={"body": '{"it": "{{context.entity}}"}'})])
    outbox.nudge()
    got = await receiver.wait_for(4)
    # The alert had recovered before it could be told of, so only that is told.
    await counts_become(store, {"cancelled": 1, "sent": 1})
    assert [each.headers["Idempotency-Key"] for each in got] == [
        FIRST.delivery_id, RECOVERED.delivery_id, RECOVERED.delivery_id, RECOVERED.delivery_id,
    ]  # fmt: skip
    assert got[0].body == {"it": FIRST.context["context"]["entity"]}
    assert got[-1].body["status"] == "resolved"
    assert failures == []
    assert outbox.sent == {".webhook": 1}


async def told(failures, count):
    """Waits until the outbox has told of as many failures."""

    async def are_there() -> bool:
        return len(failures) >= count

    await asyncio.wait_for(until_done(are_there, "wait for failures", every_s=0.02), 10)


async def test_a_receiver_that_stalls_is_asked_again(store, outbox, receiver, connect):
    await connect("c1", ".webhook", {"url": receiver.url})
    receiver.behaviours += [stall(30)]
    await store.deliveries.add([now(FIRST)])
    outbox.nudge()
    first, second = await receiver.wait_for(2)
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    await counts_become(store, {"sent": 1})


async def test_what_a_receiver_refuses_is_given_up_and_told_to_users(
    store, outbox, receiver, connect, failures, cluster_client, own_config
):
    await connect("c1", ".webhook", {"url": receiver.url})
    receiver.behaviours += [status(404, "no such hook"), status(302, Location=f"{receiver.url}/elsewhere")]
    await store.deliveries.add([now(FIRST), now(RECOVERED)])
    outbox.nudge()
    await counts_become(store, {"failed": 2})
    await told(failures, 2)
    reasons = [
        "the receiver answered with status [404]: no such hook",
        "the receiver answered with status [302]: redirects are not followed",
    ]
    assert failures == [("r1", reason) for reason in reasons]
    assert [each.path for each in receiver.got] == ["/", "/"]
    index = own_config.indices.notifications
    cluster_client.post(f"/{index}/_refresh")
    hits = cluster_client.get(f"/{index}/_search", query={"q": "level:error"}).json()["hits"]["hits"]
    assert {(hit["_source"]["job_id"], hit["_source"]["message"]) for hit in hits} == {
        ("flights", f"Alert rule [Storms] could not send a message by connector [c1]: {reason}") for reason in reasons
    }


async def test_one_connector_that_stalls_does_not_hold_up_the_others(store, own_config, receiver, connect):
    patient = replace(own_config, alerting=replace(own_config.alerting, send_timeout=25.0))
    outbox = Outbox(store, patient, epoch_ms, never)
    await outbox.start()
    await connect("c1", ".webhook", {"url": f"{receiver.url}/slow"})
    await connect("c2", ".webhook", {"url": f"{receiver.url}/quick"})
    receiver.behaviours += [stall(30)] * 4
    slow = [now(FIRST, delivery_id=f"slow-{n}", alert_id=f"slow-{n}") for n in range(8)]
    await store.deliveries.add(slow)
    outbox.nudge()
    await receiver.wait_for(4)
    await store.deliveries.add([now(FIRST, delivery_id="quick", alert_id="quick", connector_id="c2")])
    outbox.nudge()
    got = await receiver.wait_for(5)
    await outbox.stop()
    assert [each.path for each in got] == ["/slow"] * 4 + ["/quick"]


async def test_a_message_that_was_sent_but_not_marked_is_sent_again_under_its_key(store, own_config, receiver, connect):
    """As after a kill between the two: whoever had it is gone, and its claim lapses."""
    await connect("c1", ".webhook", {"url": receiver.url})
    await store.deliveries.add([now(FIRST)])
    [found] = (await store.deliveries.due(epoch_ms(), 10)).ready
    dead = await store.deliveries.claim(found, "dead", epoch_ms() + 1000)
    predecessor = Outbox(store, own_config, epoch_ms, never)
    await predecessor.sending.try_once([dead.delivery], epoch_ms())
    await predecessor.stop()
    successor = Outbox(store, own_config, epoch_ms, never)
    await successor.start()
    try:
        first, second = await receiver.wait_for(2)
    finally:
        await successor.stop()
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body


async def never(rule_id: str, reason: str) -> None:
    raise AssertionError(reason)


async def test_two_outboxes_send_each_message_once(store, own_config, outbox, receiver, connect):
    await connect("c1", ".webhook", {"url": receiver.url})
    other = Outbox(store, own_config, epoch_ms, never)
    await other.start()
    await store.deliveries.add([now(FIRST, delivery_id=f"m{n}", alert_id=f"a{n}") for n in range(20)])
    outbox.nudge()
    other.nudge()
    await counts_become(store, {"sent": 20})
    await other.stop()
    keys = [each.headers["Idempotency-Key"] for each in receiver.got]
    assert sorted(keys) == sorted({f"m{n}" for n in range(20)})


async def test_a_cancelled_message_is_not_sent(store, outbox, receiver, connect):
    await connect("c1", ".webhook", {"url": receiver.url})
    receiver.behaviours += [status(503)]
    await store.deliveries.add([now(FIRST)])
    outbox.nudge()
    await receiver.wait_for(1)
    await asyncio.sleep(0.2)
    await store.deliveries.cancel(epoch_ms(), rule_id="r1")
    await asyncio.sleep(2)
    assert len(receiver.got) == 1


async def test_documents_are_written_to_an_index_but_to_none_of_ours(
    store, outbox, connect, cluster_client, own_config, failures
):
    cluster_client.delete("/alert-history")
    await connect("c1", ".index", {"index": "alert-history", "refresh": True, "executionTimeField": "at"})
    documents = [{"text": "{{context.entity}}", "n": 1}]
    await store.deliveries.add([now(FIRST, params={"documents": documents})])
    outbox.nudge()
    await counts_become(store, {"sent": 1})
    [hit] = cluster_client.get("/alert-history/_search").json()["hits"]["hits"]
    assert hit["_source"].pop("at")
    assert hit["_source"] == {"text": FIRST.context["context"]["entity"], "n": 1}
    alias = {"add": {"index": own_config.indices.deliveries, "alias": "innocent-name"}}
    assert cluster_client.post("/_aliases", json_body={"actions": [alias]}).status == 200
    await connect("c2", ".index", {"index": "innocent-name"})
    await store.deliveries.add([now(RECOVERED, connector_id="c2", alert=ALERT)])
    outbox.nudge()
    await counts_become(store, {"sent": 1, "failed": 1})
    await told(failures, 1)
    assert failures == [("r1", "index [innocent-name] may not be written to by connectors")]
