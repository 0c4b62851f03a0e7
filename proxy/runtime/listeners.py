"""Who wants to know what happens to jobs: alert rules, so far. Nobody, unless somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Removed(Protocol):
    async def __call__(self, job_id: str, *, keeps_results: bool) -> None: ...


async def _no_one(job_id: str, *, keeps_results: bool) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class Listeners:
    """``finished`` is called when a job has written buckets, and must return at once.

    ``removed`` is awaited when a job is deleted or reset, or reverted, which keeps results; what it raises interrupts
    that, and it is called again.
    """

    finished: Callable[[str], None] = lambda job_id: None
    removed: Removed = _no_one
