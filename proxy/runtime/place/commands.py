"""What a job's place is asked to do: commands as plain picklable data.

What each of them does stands in ``performing``, and every answer is a ``Summary``. Times are epoch milliseconds and
come with the command, because a place has no clock of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from proxy.runtime.datafeeds.actions import CheckDelayedData, Search, SkipTime
from proxy.runtime.datafeeds.progress import Progress
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.snapshots import Snapshot


class Command:
    """Those of one job are performed in the order in which they come, except the ones that go on beside the others."""

    __slots__ = ()
    is_beside: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Open(Command):
    """Brings a job to where a former opening left it: its saved model, or its snapshot, and then its journal."""

    inputs: JobInputs
    now_ms: int


@dataclass(frozen=True, slots=True)
class Post(Command):
    """Reads, journals and analyses data.

    ``post_id`` tells them from all others, and has the caller's key if there was one; ``replaces`` is a range of epoch
    seconds whose records, where their buckets are open, are forgotten first.
    """

    body: bytes
    replaces: tuple[int, int] | None
    post_id: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Flush(Command):
    """Moves time on or shows interim results; what it wrote is searchable afterwards.

    ``options``: advance_to, skip_to, start, end in epoch seconds, and calc_interim.
    """

    options: Mapping[str, Any]
    now_ms: int


@dataclass(frozen=True, slots=True)
class Forecast(Command):
    """Schedules a forecast, which is made beside the job's other steps; its statistics are searchable afterwards."""

    order: ForecastOrder
    now_ms: int


@dataclass(frozen=True, slots=True)
class Update(Command):
    """Takes over changed inputs while running."""

    inputs: JobInputs


@dataclass(frozen=True, slots=True)
class Beat(Command):
    """Sends what waits; saves the model where its journal has become longer or older than it should."""

    save_every_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class Save(Command):
    """Saves the model and what waits, if anything was journalled since the last time, or ``is_lost``: the journal."""

    now_ms: int
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Leave(Command):
    """Brings the job to where it can go on in another place: forecasts are waited for, and everything is saved."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class CopyModel(Command):
    """Saves the model and keeps a copy of it, as of now, under the id of a snapshot to be made of it."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class StoreCopy(Command):
    """Stores a copied model while the job works on."""

    snapshot_id: str
    is_beside: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Announce(Command):
    """Writes the document of a snapshot whose model is stored."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Close(Command):
    """Writes what a closing job leaves behind: its last results, a snapshot if it is due, its statistics."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class Discard(Command):
    """Forgets the job without saving anything."""


@dataclass(frozen=True, slots=True)
class DropJournal(Command):
    """Drops what the journal has of the job: what it was closed with contains all of it."""


@dataclass(frozen=True, slots=True)
class Report(Command):
    """Asks how the job is."""


@dataclass(frozen=True, slots=True)
class FeedRun:
    """One run of a datafeed: its stored configuration, and the API key it searches with, if it has one."""

    run_ms: int
    datafeed: Mapping[str, Any]
    api_key: str | None


@dataclass(frozen=True, slots=True)
class Feed(Command):
    """Performs a part of what a datafeed's plan asks for; nothing of it is journalled, because it can be read again.

    The summary tells how far it came, and the outcome if that was the end of the action. The model is saved every
    ``save_every_ms``, and with it the progress.
    """

    run: FeedRun
    progress: Progress
    action: Search | SkipTime
    save_every_ms: int
    now_ms: int


@dataclass(frozen=True, slots=True)
class EndFeed(Command):
    """Saves what a run has brought, behind which the next one begins, and its statistics."""

    now_ms: int


@dataclass(frozen=True, slots=True)
class ForgetFeed(Command):
    """Forgets the statistics of a datafeed that is deleted, also those that wait to be written."""


@dataclass(frozen=True, slots=True)
class CutFeed(Command):
    """Lets go of a search that is waited for; what was read of it stays read."""

    is_beside: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class CutShort(Command):
    """Ends the step that is going on, if there is one: who asked for it gets an error, and it is not taken up again."""

    is_beside: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class CheckFeed(Command):
    """Counts what a datafeed's source holds more than the job's final buckets have counted."""

    run: FeedRun
    check: CheckDelayedData
    is_beside: ClassVar[bool] = True
