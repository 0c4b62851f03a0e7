"""What a kind of connector is: what it asks for, and how it sends messages."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import aiohttp

from proxy.alerting.connectors.fields import Fields, check_fields
from proxy.alerting.connectors.tokens import Tokens
from proxy.alerting.egress import Answer, Egress, NotAllowed, Request
from proxy.alerting.escapes import plain
from proxy.alerting.templates import Escape
from proxy.store.alerting.messages import Transition
from proxy.store.client import ClusterClient
from proxy.store.names import Names

# Besides these and those from 500 on, a status of 400 or more says that trying again is of no use.
_AGAIN = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it goes out: ``params`` are rendered. ``alert`` is as in a ``Delivery``."""

    delivery_id: str
    alert_id: str
    rule_id: str
    rule_name: str
    transition: Transition
    params: Mapping[str, Any]
    alert: Mapping[str, Any]
    now_ms: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """A connector with its secrets revealed."""

    connector_id: str
    config: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways out: to other systems, and into the cluster with our own rights."""

    egress: Egress
    client: ClusterClient
    names: Names
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try; ``answer`` and ``status`` are the receiver's, if it answered by HTTP.

    ``after_ms``: how long the receiver asks to be left alone.
    ``repeat_after_ms``: the receiver forgets the message, so that it is to be sent again while the alert is active.
    """

    kind: Literal["ok", "retry", "failed"]
    reason: str = ""
    after_ms: int | None = None
    repeat_after_ms: int | None = None
    answer: str = ""
    status: int | None = None


Send = Callable[[Sequence[Message], Receiver, Ways], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class ConnectorKind:
    """A kind of connector.

    ``escapes`` says how values are written in a parameter, as they are where it names none. ``batch``: how many
    messages one try may hold; a try that fails with several is made again with each alone. ``required`` names what a
    certain configuration needs besides what all need.
    """

    id: str
    name: str
    config: Fields
    secrets: Fields
    params: Fields
    send: Send
    escapes: Mapping[str, Escape] = field(default_factory=dict)
    batch: int = 1
    required: Callable[[Mapping[str, Any]], Collection[str]] = lambda config: ()

    def escape(self, name: str) -> Escape:
        return self.escapes.get(name, plain)

    def check_connector(self, config: Mapping[str, Any], secrets: Mapping[str, Any]) -> None:
        """
        Raises:
            MlError: 400, see ``check_fields``.
        """
        required = self.required(config)
        check_fields(self.config, config, "connector type config", required)
        check_fields(self.secrets, secrets, "connector type secrets", required)

    def check_params(self, params: Mapping[str, Any]) -> None:
        """
        Raises:
            MlError: 400, see ``check_fields``.
        """
        check_fields(self.params, params, "action params")


async def send_request(request: Request, egress: Egress, now_ms: int) -> Outcome:
    """Sends one request and judges by what comes back whether the message has arrived."""
    try:
        answer = await egress.send(request)
    except (NotAllowed, aiohttp.InvalidURL) as error:
        # The address itself may be a secret, which the second kind would tell.
        return Outcome("failed", str(error) if isinstance(error, NotAllowed) else "the address is not valid")
    except TimeoutError:
        return Outcome("retry", "the receiver did not answer in time")
    except (aiohttp.ClientError, OSError) as error:
        return Outcome("retry", f"the receiver cannot be reached: {type(error).__name__}: {error}")
    return judged(answer, now_ms)


def judged(answer: Answer, now_ms: int) -> Outcome:
    """What a status means for a message; redirects are not followed, so they are refusals."""
    status = answer.status
    told = f"the receiver answered with status [{status}]"
    shown = " ".join(answer.text.split())
    if status < 300:
        return Outcome("ok", answer=shown, status=status)
    if status < 400:
        return Outcome("failed", f"{told}: redirects are not followed", status=status)
    told = f"{told}: {shown}" if shown else told
    if status in _AGAIN or status >= 500:
        return Outcome("retry", told, after_ms=_retry_after_ms(answer.retry_after, now_ms), status=status)
    return Outcome("failed", told, status=status)


def _retry_after_ms(header: str | None, now_ms: int) -> int | None:
    """Seconds, or a date."""
    if header is None:
        return None
    if re.fullmatch(r"\d{1,9}", header.strip()):
        return int(header) * 1000
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, int(aware.timestamp() * 1000) - now_ms)


def rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
