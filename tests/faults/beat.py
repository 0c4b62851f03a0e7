"""A process that asks a proxy fifty times a second, for ``stalls``: it shares no lock with whoever makes the load.

``python -m tests.faults.beat ADDRESS PID MOST_S`` prints each wait of more than so many seconds as a line of JSON, and
how often it asked once its standard input ends.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time
from pathlib import Path

EVERY_S = 0.02
# Answered by the event loop alone, without cluster and model.
PATH = "/_ml_ui/health/live"
_NS = 1e-9


def scheduled_s(task: str) -> tuple[float, float]:
    """For how long a thread has run, and waited for a core to run on, as Linux counts it below ``/proc``."""
    ran, queued = Path(f"/proc/{task}/schedstat").read_text().split()[:2]
    return int(ran) * _NS, int(queued) * _NS


def beat(address: str, pid: int, most_s: float) -> int:
    """How often was asked until standard input ended."""
    loop, asked, connection = f"{pid}/task/{pid}", 0, http.client.HTTPConnection(address, timeout=60)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        try:
            ran_s, queued_s = scheduled_s(loop)
            _, asker_queued_s = scheduled_s("thread-self")
            began = time.monotonic()
            connection.request("GET", PATH)
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
            continue
        took_s = time.monotonic() - began
        asked += 1
        if took_s > most_s:
            ran_after_s, queued_after_s = scheduled_s(loop)
            _, asker_queued_after_s = scheduled_s("thread-self")
            print(
                json.dumps(
                    {
                        "at": began,
                        "seconds": took_s,
                        "ran_s": ran_after_s - ran_s,
                        "without_core_s": queued_after_s - queued_s + asker_queued_after_s - asker_queued_s,
                    }
                ),
                flush=True,
            )
    return asked


if __name__ == "__main__":
    print(beat(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
