"""The outbox at work: takes up messages that are due, sends them, and marks what became of them.

Several processes may do so at once: a message is sent by who claims it, and a claim lapses where its owner has died.
So a message is sent at least once: where a process dies between sending and marking, it is sent again under the same
``Idempotency-Key``. Nothing is queued here; what does not go out at once stays where it is, in the cluster.
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from yarl import URL

from proxy.alerting.connectors.kind import Outcome, Ways
from proxy.alerting.connectors.kinds import KINDS, kind_of
from proxy.alerting.connectors.tokens import Tokens
from proxy.alerting.delivery.plan import next_of, start_of
from proxy.alerting.delivery.sending import Sending
from proxy.alerting.egress import Egress, NotAllowed
from proxy.alerting.samples import SAMPLE
from proxy.alerting.secrets import Secrets
from proxy.alerting.templates import check_params
from proxy.config import Config
from proxy.errors import illegal_argument
from proxy.runtime.tasks import Tasks, attempt
from proxy.store import Store
from proxy.store.alerting.messages import StoredDelivery

_log = logging.getLogger(__name__)

_PER_CONNECTOR = 4
# Enough to start what connectors take at once; looks follow each other as messages go out.
_LOOK_AT = 200
# A claim is longer than a try may take, with what it takes to mark the outcome.
_CLAIM_MS = 30_000
_MARKING_MS = 10_000
# Messages that another process left behind are found by looking.
_LONGEST_REST_S = 10.0
# Many messages end at nearly the same time, and one look is enough for them.
_SHORTEST_REST_S = 0.1
# An index is refreshed each second.
_UNSEEN_S = 1.0
_CLEAN_EVERY_S = 3600.0

OnFailure = Callable[[str, str], Awaitable[None]]


class Outbox:
    """Sends messages from ``start`` to ``stop``.

    ``on_failure`` is told the id of a rule and the reason, when a message of it is given up.
    """

    def __init__(self, store: Store, config: Config, clock: Callable[[], int], on_failure: OnFailure) -> None:
        settings = config.alerting
        self._store = store
        self._clock = clock
        self._on_failure = on_failure
        self._retry_for_ms = int(settings.retry_for * 1000)
        self._keep_ms = int(settings.keep_sent * 1000)
        self._owner = uuid.uuid4().hex
        self._egress = Egress(settings)
        self.secrets = Secrets(settings)
        ways = Ways(self._egress, store.client, store.names, Tokens())
        self.sending = Sending(store.connectors, self.secrets, ways, settings.send_timeout + 1)
        self._tasks = Tasks()
        self._claim_ms = max(_CLAIM_MS, int(2 * settings.send_timeout * 1000) + _MARKING_MS)
        self._news = asyncio.Event()
        self._rest_s = _LONGEST_REST_S
        self._running: Counter[str] = Counter()
        self._in_flight: set[tuple[str, str]] = set()
        # Since the start: what became of tries, and how many messages wait as of the last look.
        self.sent: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()
        self.pending = 0

    @property
    def keeps_secrets(self) -> bool:
        """Whether secrets may be given as they are."""
        return self.secrets.has_key

    def check(self, connector_type_id: str, params: Mapping[str, Any]) -> None:
        """
        Raises:
            MlError: 400 where a connector of this type could not send these parameters of an action.
        """
        kind_of(connector_type_id).check_params(params)
        check_params(params, SAMPLE)

    def check_addresses(self, config: Mapping[str, Any]) -> None:
        """
        Raises:
            MlError: 400 where a connector with this configuration would send to where messages may not go.
        """
        urls = [*(config.get("urls") or ()), *map(config.get, ("url", "apiUrl", "accessTokenUrl"))]
        hosts = [config.get("host"), *(URL(url).host for url in urls if url)]
        try:
            for host in hosts:
                if host:
                    self._egress.resolver.check(host)
        except (NotAllowed, ValueError) as error:
            raise illegal_argument(f"error validating connector type config: {error}") from error

    async def start(self) -> None:
        self._tasks.spawn(self.run(), "send messages about alerts")
        self._tasks.repeat(self._clean, "delete old messages about alerts", every_s=_CLEAN_EVERY_S)

    async def stop(self) -> None:
        """Cuts off what is being sent, which is sent again later."""
        await self._tasks.stop()
        await self._egress.close()

    def nudge(self) -> None:
        """There are new messages."""
        self._news.set()

    async def run(self) -> None:
        while True:
            self._news.clear()
            self._rest_s = _LONGEST_REST_S
            await attempt(self._look, "send messages about alerts")
            await asyncio.sleep(_SHORTEST_REST_S)
            try:
                async with asyncio.timeout(self._rest_s):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        """Starts sending what may go out, and says how many seconds to rest, unless there is news."""
        full = [connector_id for connector_id, count in self._running.items() if count >= _PER_CONNECTOR]
        now_ms = self._clock()
        due = await self._store.deliveries.due(now_ms, _LOOK_AT, without=full)
        free = [message for message in due.ready if message.delivery.line not in self._in_flight]
        startable: list[StoredDelivery] = []
        for message in free:
            start = start_of(message, due.waiting, now_ms)
            if start.kind == "send":
                startable.append(message)
            elif start.kind == "put_off":
                await self._store.deliveries.put_off(message, start.at_ms)
            elif start.kind == "drop":
                await self._store.deliveries.dropped(message, now_ms, start.reason)
                self.nudge()
        for batch in batches(startable):
            connector_id = batch[0].delivery.connector_id
            if self._running[connector_id] < _PER_CONNECTOR:
                self._begin(batch)
        self.pending = due.pending
        if due.next_at_ms is not None:
            self._rest_s = min(_LONGEST_REST_S, max(0, due.next_at_ms - now_ms) / 1000)

    def _begin(self, batch: Sequence[StoredDelivery]) -> None:
        connector_id = batch[0].delivery.connector_id
        lines = {message.delivery.line for message in batch}
        self._running[connector_id] += 1
        self._in_flight |= lines

        async def work() -> None:
            has_changed = False
            try:
                has_changed = await self._send(batch)
            finally:
                self._running[connector_id] -= 1
                self._in_flight -= lines
                if has_changed:
                    self.nudge()
                else:
                    # Searches do not see yet that somebody else has it: looking at once would find it again.
                    asyncio.get_running_loop().call_later(_UNSEEN_S, self.nudge)

        self._tasks.spawn(attempt(work, f"send by [{connector_id}]"), f"send by [{connector_id}]")

    async def _send(self, batch: Sequence[StoredDelivery]) -> bool:
        """Whether any of it was there to be sent."""
        until_ms = self._clock() + self._claim_ms
        claims = [await self._store.deliveries.claim(message, self._owner, until_ms) for message in batch]
        mine = await self._as_they_are([claim for claim in claims if claim is not None])
        if not mine:
            return False
        outcome = await self.sending.try_once([message.delivery for message in mine], self._clock())
        if outcome.kind == "failed" and len(mine) > 1:
            # One that is refused must not take the others with it.
            for message in mine:
                alone = await self.sending.try_once([message.delivery], self._clock())
                await self._settle(message, alone)
            return True
        for message in mine:
            await self._settle(message, outcome)
        return True

    async def _as_they_are(self, messages: Sequence[StoredDelivery]) -> list[StoredDelivery]:
        """Messages that are sent again say that their alert has ended, where nothing else will: it may be muted now."""
        repeated = [message.delivery.alert_id for message in messages if message.status == "active"]
        ended = await self._store.alerts.ended(repeated, self._clock()) if repeated else {}
        return [
            _ended(message, ended[message.delivery.alert_id])
            if message.status == "active" and message.delivery.alert_id in ended
            else message
            for message in messages
        ]

    async def _settle(self, message: StoredDelivery, outcome: Outcome) -> None:
        now_ms = self._clock()
        what = next_of(message, outcome, now_ms, retry_for_ms=self._retry_for_ms, jitter=random.random())
        deliveries, kind_id = self._store.deliveries, message.delivery.connector_type_id
        if what.kind == "sent":
            # Before it counts as sent: whoever takes up after a death must not repeat what was ended.
            if message.status == "pending" and message.delivery.sequence > 1:
                await deliveries.end_repeats(message, now_ms)
            await deliveries.sent(message, now_ms, resend_at_ms=what.at_ms)
            self.sent[kind_id] += 1
        elif what.kind == "again":
            _log.info("message [%s] goes out later: %s", message.delivery.delivery_id, what.reason)
            await deliveries.retry_at(message, what.at_ms or now_ms, what.reason)
            self.retried[kind_id] += 1
        else:
            if message.status == "pending":
                await deliveries.end_repeats(message, now_ms)
            await deliveries.failed(message, now_ms, what.reason)
            self.failed[kind_id] += 1
            await self._tell(message, what.reason, now_ms)

    async def _tell(self, message: StoredDelivery, reason: str, now_ms: int) -> None:
        delivery = message.delivery
        connector_id = delivery.connector_id
        text = f"Alert rule [{delivery.rule_name}] could not send a message by connector [{connector_id}]: {reason}"
        _log.error("%s", text)
        job_id = str(delivery.alert.get("labels", {}).get("job_id", ""))
        await self._store.notifications.write(job_id, "error", text, now_ms)
        await self._on_failure(delivery.rule_id, reason)

    async def _clean(self) -> None:
        await self._store.deliveries.forget(self._clock() - self._keep_ms)


def _ended(message: StoredDelivery, at_ms: int) -> StoredDelivery:
    alert = {**message.delivery.alert, "ends_at_ms": at_ms}
    return replace(message, delivery=replace(message.delivery, transition="recovered", alert=alert))


def batches(messages: Sequence[StoredDelivery]) -> list[list[StoredDelivery]]:
    """Messages for the same connector together, as many as it takes at once, in their order."""
    found: list[list[StoredDelivery]] = []
    last: dict[str, list[StoredDelivery]] = {}
    for message in messages:
        delivery = message.delivery
        kind = KINDS.get(delivery.connector_type_id)
        open_batch = last.get(delivery.connector_id)
        has_room = open_batch is not None and kind is not None and len(open_batch) < kind.batch
        if open_batch is not None and has_room and all(other.delivery.line != delivery.line for other in open_batch):
            open_batch.append(message)
        else:
            last[delivery.connector_id] = [message]
            found.append(last[delivery.connector_id])
    return found
