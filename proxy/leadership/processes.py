"""Whether a process of this machine still runs: of another machine, or another container, that is never known."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_STATE, _STARTED = 0, 19  # of what follows the name in /proc/PID/stat
_ZOMBIE = "Z"


def this_process() -> str:
    """Tells this process from all others that ever ran; empty where the system does not say enough."""
    return _identity(os.getpid())


def is_dead(process: str) -> bool:
    """Whether the process of this identity has certainly ended. False where that cannot be known."""
    where, _, pid = process.rpartition("/")[0].rpartition("/")
    return bool(where) and where == _machine() and pid.isdecimal() and _identity(int(pid)) != process


def _identity(pid: int) -> str:
    """Empty where there is no such process, or only its exit code is left of it."""
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if stat[_STATE] != _ZOMBIE and _machine():
            return f"{_machine()}/{pid}/{stat[_STARTED]}"
    return ""


def _machine() -> str:
    """This boot of this machine, and what its numbers of processes are valid in; empty where it cannot be told."""
    with suppress(OSError):
        return f"{_BOOT_ID.read_text().strip()}:{_PID_NAMESPACE.stat().st_ino}"
    return ""
