"""What to do with a message: whether it may go out now, and what follows from a try to send it. Pure.

The messages of a line, which are those about one alert by one connector, go out in the order of the changes that they
tell of. Whoever receives them may get one twice, never one before another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from proxy.alerting.connectors.kind import Outcome
from proxy.store.alerting.messages import StoredDelivery, Waiting

_FIRST_PAUSE_MS = 1000
_LONGEST_PAUSE_MS = 5 * 60_000
# A receiver that asks for more is asked anew all the same.
_LONGEST_ASKED_MS = 60 * 60_000
# How soon to look again for a message that somebody else is sending.
_LOOK_AGAIN_MS = 5000
# What waits for its end to be told must not stand in the way of others.
_OVERTAKEN_MS = 60_000


@dataclass(frozen=True, slots=True)
class Start:
    """``send``: now. ``drop``: never, for the reason given. ``put_off``: not before ``at_ms``. ``leave``: not now."""

    kind: Literal["send", "drop", "put_off", "leave"]
    at_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Next:
    """``sent``, with the time at which it is to be sent again or None; ``again`` at a time; or ``give_up``."""

    kind: Literal["sent", "again", "give_up"]
    at_ms: int | None = None
    reason: str = ""


def start_of(message: StoredDelivery, waiting: Iterable[Waiting], now_ms: int) -> Start:
    """What may happen to a message that is due, given what else waits in its line."""
    sequence = message.delivery.sequence
    line = [other for other in waiting if other.line == message.delivery.line and other.sequence != sequence]
    is_overtaken = any(other.sequence > sequence for other in line)
    if message.status == "active":
        # Sent again after what ends it, it would begin anew.
        return Start("put_off", now_ms + _OVERTAKEN_MS) if is_overtaken else Start("send")
    if is_overtaken and message.attempts > 0 and message.delivery.transition != "recovered":
        return Start("drop", reason="the alert changed before it could be told of")
    before = [other for other in line if other.sequence < sequence and other.status == "pending"]
    if not before:
        return Start("send")
    until_ms = max(other.due_at_ms for other in before)
    if any(other.is_claimed for other in before):
        until_ms = min(until_ms, now_ms + _LOOK_AGAIN_MS)
    return Start("put_off", at_ms=until_ms) if until_ms > now_ms else Start("leave")


def next_of(message: StoredDelivery, outcome: Outcome, now_ms: int, *, retry_for_ms: int, jitter: float) -> Next:
    """What follows from a try; ``jitter`` is a random number from 0 to 1.

    A message that is being sent again while its alert is active is not given up for its age.
    """
    if outcome.kind == "ok":
        repeats = outcome.repeat_after_ms is not None and message.delivery.transition != "recovered"
        return Next("sent", now_ms + (outcome.repeat_after_ms or 0) if repeats else None)
    if outcome.kind == "failed":
        return Next("give_up", reason=outcome.reason)
    at_ms = now_ms + pause_ms(message.attempts, outcome.after_ms, jitter)
    if message.status == "pending" and at_ms - message.delivery.created_at_ms >= retry_for_ms:
        return Next("give_up", reason=f"{outcome.reason}; it was tried for [{retry_for_ms // 1000}] seconds")
    return Next("again", at_ms, outcome.reason)


def pause_ms(attempts: int, asked_ms: int | None, jitter: float) -> int:
    """How long to wait after a failure: twice as long each time, a part of it by chance, and never less than asked."""
    longest = min(_FIRST_PAUSE_MS << min(attempts, 20), _LONGEST_PAUSE_MS)
    return max(int(longest * (0.5 + jitter / 2)), min(asked_ms or 0, _LONGEST_ASKED_MS))
