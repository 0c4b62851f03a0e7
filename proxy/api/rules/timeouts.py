"""Timeouts of requests that answer at once: nothing waits for them, but they must be time values."""

from __future__ import annotations

from proxy.api.call import Call
from proxy.units import parse_duration_ms


def check_timeouts(call: Call) -> None:
    """
    Raises:
        MlError: 400 for one that is none.
    """
    for name in ("timeout", "master_timeout"):
        if name in call.query:
            parse_duration_ms(call.query[name], name)
