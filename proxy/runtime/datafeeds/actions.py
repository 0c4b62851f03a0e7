"""What a plan asks for, and what can come of it. All times are epoch milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["info", "warning", "error"]
StopReason = Literal["end_reached", "no_data", "extraction_failures", "job_is_not_open", "requested"]


@dataclass(frozen=True, slots=True)
class Search:
    """Read [start, end), give it to the job, then flush with ``calc_interim``; buckets up to ``advance_to_ms`` end.

    Where a restart found all of it read, the range is empty and only the flush is left.
    """

    start_ms: int
    end_ms: int
    advance_to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SkipTime:
    """Flush with ``skip_time``: the job leaves out what lies before."""

    to_ms: int


@dataclass(frozen=True, slots=True)
class CheckDelayedData:
    """Compare what the finished buckets of [start, end) counted with what the indices hold."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Annotate:
    """Write the annotation about delayed data; one ``run_ms`` has one, so that a later finding replaces it."""

    run_ms: int
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Notify:
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class PersistModel:
    """Store the model: a long lookback is worth keeping."""


@dataclass(frozen=True, slots=True)
class WaitUntil:
    at_ms: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The run is over. It is the last action, and asked for as often as one likes."""

    reason: StopReason
    close_job: bool


Action = Search | SkipTime | CheckDelayedData | Annotate | Notify | PersistModel | WaitUntil | Stop


@dataclass(frozen=True, slots=True)
class Done:
    """It worked, and there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """A search was read to its end and flushed, or time was skipped. None while no bucket is final."""

    last_finalized_bucket_end_ms: int | None


@dataclass(frozen=True, slots=True)
class CutShort:
    """A search ended early because the run is to stop; what it had read is in the progress."""


@dataclass(frozen=True, slots=True)
class ExtractionFailed:
    """The indices could not be read, or not be checked for delayed data."""

    cause: str


@dataclass(frozen=True, slots=True)
class AnalysisFailed:
    """The job took no data, or could not be flushed. How much it took is not known."""

    cause: str
    is_job_open: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """Documents that came too late: how many, and the starts of the first and last of their buckets."""

    documents: int
    first_bucket_ms: int
    last_bucket_ms: int


@dataclass(frozen=True, slots=True)
class Checked:
    missed: Missed | None


Outcome = Done | Flushed | CutShort | ExtractionFailed | AnalysisFailed | Checked
