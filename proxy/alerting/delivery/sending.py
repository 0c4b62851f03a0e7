"""One try to send messages by a connector: read it, fill in the templates, reveal its secrets, send.

Also for those who try a connector by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways
from proxy.alerting.connectors.kinds import KINDS
from proxy.alerting.secrets import Secrets, Unreadable, masked
from proxy.alerting.templates import render_all
from proxy.errors import MlError
from proxy.store.alerting.connectors import Connector, Connectors
from proxy.store.alerting.messages import Delivery

_SHOWN_CHARACTERS = 300


class Sending:
    def __init__(self, connectors: Connectors, secrets: Secrets, ways: Ways, timeout_s: float) -> None:
        self._connectors = connectors
        self._secrets = secrets
        self._ways = ways
        self._timeout_s = timeout_s

    async def try_once(self, deliveries: Sequence[Delivery], now_ms: int) -> Outcome:
        """One try with messages for the same connector."""
        connector_id = deliveries[0].connector_id
        try:
            found = await self._connectors.find(connector_id)
            if found is None:
                return Outcome("failed", f"connector [{connector_id}] does not exist")
            kind = KINDS[found.connector.connector_type_id]
            messages = await asyncio.to_thread(_rendered, kind, deliveries, now_ms)
        except MlError as error:
            return Outcome("retry" if error.status >= 500 else "failed", error.reason)
        return await self.by_connector(found.connector, messages)

    async def by_connector(self, connector: Connector, messages: Sequence[Message]) -> Outcome:
        """As ``try_once``, with parameters that have been rendered."""
        kind = KINDS[connector.connector_type_id]
        try:
            for message in messages:
                kind.check_params(message.params)
            secrets = await asyncio.to_thread(self._secrets.revealed, connector.connector_id, connector.secrets)
        except Unreadable as error:
            return Outcome("failed", str(error))
        except MlError as error:
            return Outcome("failed", error.reason)
        receiver = Receiver(connector.connector_id, connector.config, secrets)
        try:
            async with asyncio.timeout(self._timeout_s):
                outcome = await kind.send(messages, receiver, self._ways)
        except TimeoutError:
            outcome = Outcome("retry", "the receiver did not answer in time")
        # A receiver may tell back what it was given. Cut before, a part of a secret would not be known for one.
        reason, answer = (masked(text, secrets)[:_SHOWN_CHARACTERS] for text in (outcome.reason, outcome.answer))
        return replace(outcome, reason=reason, answer=answer)


def _rendered(kind: ConnectorKind, deliveries: Sequence[Delivery], now_ms: int) -> list[Message]:
    return [
        message_of(delivery, render_all(delivery.params, delivery.context, kind.escape), now_ms)
        for delivery in deliveries
    ]


def message_of(delivery: Delivery, params: Mapping[str, Any], now_ms: int) -> Message:
    return Message(
        delivery_id=delivery.delivery_id,
        alert_id=delivery.alert_id,
        rule_id=delivery.rule_id,
        rule_name=delivery.rule_name,
        transition=delivery.transition,
        params=params,
        alert=delivery.alert,
        now_ms=now_ms,
    )
