"""What only the proxy that leads does: it holds the jobs with their datafeeds, the upkeep, and the alert rules.

Both are made anew for each term, so that nothing of a former one goes on. Whether this process leads is decided in
``leadership``; how a job's work is ended is the supervisor's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.alerting.service import Alerting
from proxy.runtime.supervisor import Supervisor
from proxy.store import Peer


class LeaderDuty:
    """``make`` makes both, not begun; ``show`` is given those that are asked from now on."""

    def __init__(
        self, make: Callable[[], tuple[Supervisor, Alerting]], show: Callable[[Supervisor, Alerting], None]
    ) -> None:
        self._make = make
        self._show = show
        self.runtime, self._alerting = self._anew()

    async def begin(self, former: Peer | None) -> None:
        self.runtime, self._alerting = self._anew()
        await self.runtime.start(None if former is None else former.name)
        await self._alerting.start()

    async def end(self) -> None:
        """At once, and without saving: nothing can be written."""
        runtime, alerting = self.runtime, self._alerting
        self.runtime, self._alerting = self._anew()
        await runtime.abandon()
        await alerting.stop()

    async def stop(self) -> None:
        """In order: the open jobs are saved."""
        await self.runtime.stop()
        await self._alerting.stop()

    def report(self) -> Mapping[str, Any]:
        """Figures for ``lanewatch nodes``."""
        vitals = self.runtime.vitals()
        return {"jobs": len(self.runtime.running()), "memory_bytes": vitals.memory_bytes}

    def _anew(self) -> tuple[Supervisor, Alerting]:
        runtime, alerting = self._make()
        self._show(runtime, alerting)
        return runtime, alerting
