"""Whether there is room for one more open job: their number, and the memory of their models.

A job needs the memory that its limit allows it. An open job counts with what its model weighs, because nearly all
models stay far below their limits; but whoever asks for more than the default means it, and so much is kept for the job
as long as it is open. Which jobs are open is ``job_entries``' matter, what they weigh is told by their places.
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.config import MlConfig
from proxy.job_config.memory_limit import DEFAULT_LIMIT_MB, MEBIBYTE, limit_bytes
from proxy.job_config.types import job
from proxy.runtime.machine_memory import machine_bytes
from proxy.store.jobs import StoredJob

AWAITING_NODE = "persistent task is awaiting node assignment."


@dataclass(frozen=True, slots=True)
class Need:
    """What one open job takes, in bytes: its limit, and the weight of its model so far."""

    limit: int
    used: int = 0

    @property
    def kept(self) -> int:
        """What no other job can have."""
        return self.limit if self.limit > DEFAULT_LIMIT_MB * MEBIBYTE else self.used


@dataclass(frozen=True, slots=True)
class Kept:
    """What open jobs take together: how many they are, and what no other job can have, in bytes."""

    jobs: int
    memory_bytes: int


class Ledger:
    """What each open job keeps, added up as it changes: who opens thousands of jobs asks thousands of times."""

    def __init__(self) -> None:
        self._kept: dict[str, int] = {}
        self._sum = 0

    def enter(self, job_id: str, need: Need | None) -> None:
        """Notes what a job takes now; None where it takes nothing any more."""
        self._sum -= self._kept.pop(job_id, 0)
        if need is not None:
            self._kept[job_id] = need.kept
            self._sum += need.kept

    def beside(self, job_id: str) -> Kept:
        """What all others keep."""
        own = self._kept.get(job_id)
        return Kept(len(self._kept) - (own is not None), self._sum - (own or 0))


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many jobs may be open here, and how many bytes their models may take together."""

    jobs: int
    memory_bytes: int

    @classmethod
    def of(cls, config: MlConfig) -> Capacity:
        return cls(config.max_open_jobs, machine_bytes() * config.max_machine_memory_percent // 100)

    def has_room(self, limit: int, others: Kept) -> bool:
        """Whether a job with this memory limit can be opened beside ``others``."""
        return others.jobs < self.jobs and others.memory_bytes + limit <= self.memory_bytes


def limit_of(stored: StoredJob) -> int:
    """The memory limit of a job in bytes."""
    return limit_bytes(job(stored.config).get("analysis_limits") or {})
