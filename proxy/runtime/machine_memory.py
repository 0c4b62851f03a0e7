"""How much memory the machine has, or the container that we run in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

# The limit of a container, in both versions of Linux's control groups; "max", or a huge number, where there is none.
_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def machine_bytes(limits: Iterable[Path] = _CONTAINER_LIMITS) -> int:
    """Bytes of memory that there are for everything on this machine."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([physical, *filter(None, map(_limit, limits))])


def _limit(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
