"""How far a rule has come with a job, as it is stored: the last bucket, and the episodes that go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from proxy.alerting.episodes import Episode


@dataclass(frozen=True, slots=True)
class Progress:
    """How far, in epoch milliseconds, and what goes on.

    bucket_ms: the last bucket that was judged.
    version: orders documents; it grows with each change.
    generation: another one each time that the job is emptied, so that its alerts are others than before.
    """

    bucket_ms: int | None = None
    version: int = 0
    generation: int = 0
    open: Mapping[str, Episode] = field(default_factory=dict)

    @classmethod
    def stored(cls, state: Mapping[str, Any]) -> Progress:
        episodes = [_episode(each) for each in state.get("open", ())]
        by_group = {episode.group: episode for episode in episodes}
        return cls(state.get("bucket_ms"), state.get("version", 0), state.get("generation", 0), by_group)

    def form(self) -> dict[str, Any]:
        return {
            "bucket_ms": self.bucket_ms,
            "version": self.version,
            "generation": self.generation,
            "open": [asdict(episode) for episode in self.open.values()],
        }


def _episode(stored: Mapping[str, Any]) -> Episode:
    return Episode(**{**stored, "scores": tuple(stored["scores"]), "moments": tuple(stored["moments"])})
