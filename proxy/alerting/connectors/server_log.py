"""``.server-log``: a line in Lanewatch's own log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from proxy.alerting.connectors.fields import text
from proxy.alerting.connectors.kind import ConnectorKind, Message, Outcome, Receiver, Ways

_log = logging.getLogger(__name__)
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}


async def send(messages: Sequence[Message], receiver: Receiver, ways: Ways) -> Outcome:
    for message in messages:
        # A line break would let a value look like another line of the log.
        told = " ".join(str(message.params["message"]).splitlines())
        _log.log(_LEVELS.get(message.params.get("level") or "info", logging.INFO), "alert rule: %s", told)
    return Outcome("ok")


SERVER_LOG = ConnectorKind(
    id=".server-log",
    name="Server log",
    config={},
    secrets={},
    params={"message": text(required=True), "level": text(one_of=tuple(_LEVELS))},
    send=send,
)
