"""What a server on this machine uses: its processor time and its memory, read from Linux's `/proc`.

A server elsewhere, or on another system, is not measured: None, printed as a dash.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LISTENS = "0A"


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours or, with the rights to look into it, of somebody else's."""

    folder: Path

    def cpu_s(self) -> float:
        """Seconds of processor time so far, of the process and the kernel on its behalf."""
        fields = (self.folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def forget_peak(self) -> None:
        """Lets the peak of its memory count from now on."""
        (self.folder / "clear_refs").write_text("5")

    def memory_bytes(self) -> int:
        return self._status_bytes("VmRSS:")

    def peak_bytes(self) -> int:
        return self._status_bytes("VmHWM:")

    def _status_bytes(self, name: str) -> int:
        lines = (self.folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def process_at(url: str) -> Process | None:
    """The process that listens at a URL."""
    where = urlsplit(url)
    if where.hostname not in ("127.0.0.1", "localhost", "::1"):
        return None
    sockets = {f"socket:[{inode}]" for inode in _listening(int(where.port or 9200))}
    for folder in _PROC.glob("[0-9]*"):
        try:
            if any(str(entry.readlink()) in sockets for entry in (folder / "fd").iterdir()):
                return Process(folder)
        except OSError:  # it has just ended, or is not ours to look into
            continue
    return None


def _listening(port: int) -> list[str]:
    inodes = []
    for table in ("tcp", "tcp6"):
        try:
            rows = (_PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, rows):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.append(fields[9])
    return inodes
