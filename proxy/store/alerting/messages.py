"""A message about an alert: what is stored of it, and in which order messages may go out.

Reading and changing them in the cluster is ``deliveries``; what follows from a try to send one is
``alerting.delivery.plan``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from proxy.store.client import Json

Transition = Literal["active", "ongoing", "recovered"]
# ``active`` are messages that were sent and are sent again and again, until the alert recovers.
Status = Literal["pending", "active", "sent", "failed", "cancelled"]
OPEN: tuple[Status, ...] = ("pending", "active")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message about one change of an alert, for one action of its rule.

    ``delivery_id`` names the change and the action, so that writing it twice is writing it once; receivers know
    repetitions by it. ``sequence`` numbers the changes of an alert. ``params`` are the action's, their templates not
    yet rendered; ``context`` are the variables for them: dicts, lists, texts and numbers only. ``alert`` is what
    connectors need that have a form of their own: alertname, labels, annotations, starts_at_ms, ends_at_ms or None,
    generator_url, bucket_span_s, severity.
    """

    delivery_id: str
    alert_id: str
    rule_id: str
    rule_name: str
    action_id: str
    connector_id: str
    connector_type_id: str
    transition: Transition
    sequence: int
    created_at_ms: int
    params: Mapping[str, Json]
    context: Mapping[str, Json]
    alert: Mapping[str, Json]

    @property
    def line(self) -> tuple[str, str]:
        """What keeps its order: the messages about one alert by one connector, whichever action they are for."""
        return self.alert_id, self.connector_id

    def document(self) -> dict[str, Json]:
        """As it is stored before anybody has tried to send it."""
        return {
            "delivery_id": self.delivery_id,
            "alert_id": self.alert_id,
            "rule_id": self.rule_id,
            "action_id": self.action_id,
            "connector_id": self.connector_id,
            "connector_type_id": self.connector_type_id,
            "transition": self.transition,
            "sequence": self.sequence,
            "created_at": self.created_at_ms,
            "status": "pending",
            "attempts": 0,
            "due_at": self.created_at_ms,
            "delivery": {
                "rule_name": self.rule_name,
                "params": dict(self.params),
                "context": dict(self.context),
                "alert": dict(self.alert),
            },
        }


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A message as it was read, to be changed on the condition that nobody else did.

    ``attempts`` counts the tries that are known to have failed. ``due_at_ms``: when somebody may take it up, which for
    a claimed one is when the claim lapses.
    """

    delivery: Delivery
    status: Status
    attempts: int
    due_at_ms: int
    owner: str | None
    seq_no: int
    primary_term: int


class _Inner(msgspec.Struct):
    rule_name: str
    params: dict[str, Json]
    context: dict[str, Json]
    alert: dict[str, Json]


class Document(msgspec.Struct):
    """What a message's document must have."""

    alert_id: str
    rule_id: str
    action_id: str
    connector_id: str
    connector_type_id: str
    transition: Transition
    sequence: int
    created_at: int
    status: Status
    attempts: int
    due_at: int
    delivery: _Inner
    owner: str | None = None


def read(id: str, source: Mapping[str, Json], seq_no: int, primary_term: int) -> StoredDelivery:
    """A message from its document."""
    inner = source["delivery"]
    delivery = Delivery(
        delivery_id=id,
        alert_id=source["alert_id"],
        rule_id=source["rule_id"],
        rule_name=inner["rule_name"],
        action_id=source["action_id"],
        connector_id=source["connector_id"],
        connector_type_id=source["connector_type_id"],
        transition=source["transition"],
        sequence=source["sequence"],
        created_at_ms=source["created_at"],
        params=inner["params"],
        context=inner["context"],
        alert=inner["alert"],
    )
    status, attempts, due_at_ms = source["status"], source["attempts"], source["due_at"]
    return StoredDelivery(delivery, status, attempts, due_at_ms, source.get("owner"), seq_no, primary_term)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is known of a message that has not ended: its line and place in it, and how far it has come."""

    line: tuple[str, str]
    sequence: int
    status: Status
    due_at_ms: int
    is_claimed: bool
