"""A process that asks a proxy fifty times a second, for ``stalls``: it shares no lock with whoever makes the load.

``python -m tests.faults.beat ADDRESS PID MOST_S`` prints each wait of more than so many seconds as a line of JSON, and
how often it asked once its standard input ends.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path

EVERY_S = 0.02
# Answered by the event loop alone, without cluster and model.
PATH = "/_ml_ui/health/live"
_NS = 1e-9
_LOOK_EVERY_S = 1.0


class Threads:
    """For how long each thread of a process has run, and waited for a core, as Linux counts it below ``/proc``."""

    def __init__(self, pid: int | str) -> None:
        self._folder = Path(f"/proc/{pid}/task")
        self._files: dict[int, int] = {}
        self._looked_s = 0.0

    def scheduled_s(self) -> dict[int, tuple[float, float]]:
        """By the thread's id, of which the first thread's is the process's."""
        if time.monotonic() > self._looked_s + _LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            for thread in self._folder.iterdir():
                if int(thread.name) not in self._files:
                    with suppress(OSError):
                        self._files[int(thread.name)] = os.open(thread / "schedstat", os.O_RDONLY)
        found = {}
        for thread, file in list(self._files.items()):
            try:
                ran, queued = os.pread(file, 100, 0).split()[:2]
            except OSError:
                os.close(self._files.pop(thread))
            else:
                found[thread] = int(ran) * _NS, int(queued) * _NS
        return found


def beat(address: str, pid: int, most_s: float) -> int:
    """How often was asked until standard input ended."""
    proxy, asker = Threads(pid), Threads("self")
    asked, connection = 0, http.client.HTTPConnection(address, timeout=60)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        try:
            before, here = proxy.scheduled_s(), asker.scheduled_s()
            began = time.monotonic()
            connection.request("GET", PATH)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
            continue
        took_s = time.monotonic() - began
        asked += 1
        if took_s > most_s:
            print(json.dumps(told(took_s, pid, (before, proxy.scheduled_s()), (here, asker.scheduled_s()))), flush=True)
    return asked


Spans = tuple[dict[int, tuple[float, float]], dict[int, tuple[float, float]]]


def told(took_s: float, pid: int, proxy: Spans, asker: Spans) -> dict[str, float]:
    """For how long of a wait the loop's thread ran, and nobody could who was needed for an answer.

    While the loop neither runs nor waits for a core, another thread may have Python's lock and no core to run on.
    """
    ran_s, queued_s = _grown(proxy, pid)
    without_core_s = queued_s + sum(_grown(asker, thread)[1] for thread in asker[0])
    others_s = max((_grown(proxy, thread)[1] for thread in proxy[0] if thread != pid), default=0.0)
    without_core_s += max(0.0, min(others_s, took_s - ran_s - without_core_s))
    return {"seconds": took_s, "ran_s": ran_s, "without_core_s": without_core_s}


def _grown(spans: Spans, thread: int) -> tuple[float, float]:
    before, after = spans[0].get(thread, (0.0, 0.0)), spans[1].get(thread)
    return (0.0, 0.0) if after is None else (after[0] - before[0], after[1] - before[1])


if __name__ == "__main__":
    print(beat(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
