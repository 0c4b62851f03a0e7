"""Which rules are being judged on which jobs at this moment, for those who end alerts: they must not come in between.

What a judgement writes after its alerts were ended would never be ended by anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class InHand:
    def __init__(self) -> None:
        self._ends: dict[asyncio.Event, tuple[str, str]] = {}

    @contextmanager
    def on(self, rule_id: str, job_id: str) -> Iterator[None]:
        """While a rule is judged on a job."""
        end = asyncio.Event()
        self._ends[end] = rule_id, job_id
        try:
            yield
        finally:
            del self._ends[end]
            end.set()

    async def done(self, *, rule_id: str | None = None, job_id: str | None = None) -> None:
        """Waits for what is in hand of a rule or on a job; what begins meanwhile knows already what has changed."""
        for end, (rule, job) in list(self._ends.items()):
            if rule_id in (None, rule) and job_id in (None, job):
                await end.wait()
