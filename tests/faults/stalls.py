"""Whether a proxy stalls, on a machine that others use as well.

``beat`` asks it, as a process of its own, for what needs neither cluster nor model. A machine with more to do than
cores makes everybody wait, which no proxy can help: the kernel counts for how long the proxy's event loop, who has
Python's lock meanwhile, and the asker could have run but had no core. What remains of a wait is the proxy's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_ENDS_WITHIN_S = 90


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait for an answer, ``ran_s`` of which the loop's thread ran."""

    seconds: float
    ran_s: float
    without_core_s: float

    @property
    def own_s(self) -> float:
        """What is not explained by the lack of a core."""
        return self.seconds - self.without_core_s


class Stalls:
    """Waits of a proxy beyond ``most_ms``; ``found`` are those that would be so on a machine with cores enough."""

    def __init__(self, address: str, most_ms: float) -> None:
        self._address = address
        self._most_s = most_ms / 1000
        self._waits: list[Wait] = []
        self._asked = 0

    @contextmanager
    def watched(self, pid: int) -> Iterator[None]:
        """Asks meanwhile; ``pid`` is the process whose main thread is the event loop."""
        command = [sys.executable, "-m", "tests.faults.beat", self._address, str(pid), str(self._most_s)]
        beat = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield
        finally:
            said, _ = beat.communicate("\n", _ENDS_WITHIN_S)
            *waits, asked = said.splitlines()
            self._waits += [Wait(**json.loads(line)) for line in waits]
            self._asked += int(asked)

    @property
    def found(self) -> list[Wait]:
        return [wait for wait in self._waits if wait.own_s > self._most_s]

    def told(self) -> str:
        found, longest = self.found, max(self._waits, key=lambda wait: wait.seconds, default=None)
        said = (
            f"{len(found)} in {self._asked} heartbeats, the longest {_ms(max((w.own_s for w in found), default=0.0))}"
        )
        if longest is None:
            return said
        return (
            f"{said}; {len(self._waits) - len(found)} more while there was no core to run on; the longest wait of all "
            f"{_ms(longest.seconds)}, of which the loop ran {_ms(longest.ran_s)} and there was no core for "
            f"{_ms(longest.without_core_s)}"
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
