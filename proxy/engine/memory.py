"""Memory accounting: what the models weigh, what that means, and when series are forgotten.

Sizes are those of the state (series times bytes a series, names, categories), not of spare capacity, so that a
restored job decides exactly as the one that was saved.
"""

from dataclasses import dataclass

# Python objects, spare capacity and open rows on top of the arrays.
OVERHEAD = 1.1
SOFT_SHARE = 0.6
# Above the soft limit series unseen for this share of the prune window go as well.
HARSH_SHARE = 0.25


@dataclass(slots=True)
class MemoryGuard:
    """Status of one job's memory; refusals count once a bucket."""

    limit: int
    used: int = 0
    peak: int = 0
    failures: int = 0

    def weigh(self, model_bytes: int) -> None:
        """Takes the current size."""
        self.used = int(model_bytes * OVERHEAD)
        self.peak = max(self.peak, self.used)

    @property
    def may_grow(self) -> bool:
        """True while new series may be added."""
        return self.used < self.limit

    @property
    def room(self) -> float:
        """Bytes of models that still fit."""
        return (self.limit - self.used) / OVERHEAD

    @property
    def status(self) -> str:
        """ok, soft_limit or hard_limit."""
        if not self.may_grow:
            return "hard_limit"
        return "soft_limit" if self.used > SOFT_SHARE * self.limit else "ok"

    def unseen_for(self, prune_window: int) -> int:
        """Seconds after which an unseen series is forgotten."""
        return prune_window if self.status == "ok" else int(HARSH_SHARE * prune_window)
