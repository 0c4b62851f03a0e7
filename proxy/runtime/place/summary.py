"""What a place tells of a step: the only thing about a job's work that leaves it.

Whoever wants to react to what jobs find (alert rules, the page, metrics) listens to summaries; results themselves are
read from their index. Steps since the model was last saved are done again where it was lost, and told of again: a
listener must know a bucket by its time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from proxy.runtime.datafeeds.actions import Outcome
from proxy.runtime.datafeeds.progress import Progress

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Status:
    """What the statistics show of a running job; times in epoch milliseconds."""

    data_counts: dict[str, Any]
    model_size: dict[str, Any]
    timing: dict[str, Any]
    stored_timing: dict[str, Any]
    last_finalized_bucket_end_ms: int | None
    latest_result_ms: int | None


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What a model has learnt ``since_ms``, when it was saved last, worth so many save intervals of patience."""

    since_ms: int
    patience: int

    def is_due(self, save_every_ms: int, now_ms: int) -> bool:
        return now_ms - self.since_ms >= self.patience * save_every_ms


@dataclass(frozen=True, slots=True)
class FinishedBucket:
    """A bucket that a step has written: its beginning in epoch milliseconds, and its score from 0 to 100."""

    timestamp_ms: int
    anomaly_score: float
    event_count: int
    is_interim: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """What users are to be told of a job."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """One step of a job, or the end of a command.

    status: the job after the step; None where the place does not hold it (any more).
    counts: data counts of the posted data that the command is about, as far as they are analysed.
    buckets: those finished or shown as interim since the last summary, in order of time.
    notices: what happened since the last summary.
    post_id: the last posted data that the model has seen; "" where that is not known.
    is_untouched: whether the job has learnt nothing since its snapshot in force.
    has_unsent, is_full: whether results wait for a cluster that does not take them, and so many that no data are taken.
    unsaved: what would be lost with the model; None where all of it is saved.
    snapshot_id, documents: of a snapshot that the command has made, and in how many documents its model is stored.
    progress: how far the model has read the source of its datafeed, if it was ever given data by one.
    outcome: what became of a datafeed's action, once it has ended.
    search_timing: the datafeed's searches until now, as its statistics show them.
    """

    status: Status | None = None
    counts: dict[str, Any] = field(default_factory=dict)
    buckets: tuple[FinishedBucket, ...] = ()
    notices: tuple[Notice, ...] = ()
    post_id: str = ""
    is_untouched: bool = False
    has_unsent: bool = False
    is_full: bool = False
    unsaved: Unsaved | None = None
    snapshot_id: str | None = None
    documents: int = 0
    progress: Progress | None = None
    outcome: Outcome | None = None
    search_timing: dict[str, Any] | None = None
