"""A job that is open here, as its owner sees it: a handle on where its model lives.

What a step does is ``place.job``'s matter. Here a model that was lost with its place is loaded anew, and what was
under way then is neither lost nor done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from proxy.runtime.datafeeds.actions import CheckDelayedData, Outcome, Search, SkipTime
from proxy.runtime.datafeeds.progress import Progress
from proxy.runtime.forecasting import ForecastOrder
from proxy.runtime.job_inputs import JobInputs
from proxy.runtime.place.commands import (
    Announce,
    Beat,
    CheckFeed,
    Close,
    Command,
    CopyModel,
    CutFeed,
    Discard,
    DropJournal,
    EndFeed,
    Feed,
    FeedRun,
    Flush,
    Forecast,
    ForgetFeed,
    Leave,
    Open,
    Post,
    Save,
    StoreCopy,
    Update,
)
from proxy.runtime.place.contract import JobNotLoaded, Place, PlaceLost, StepTimedOut
from proxy.runtime.place.summary import Notice, Status, Summary, Unsaved
from proxy.runtime.snapshots import Snapshot, second_of_snapshot
from proxy.store.job_tasks import JobTask
from proxy.store.journal import Journal

# How often a place may die, each time for another's fault, before a job gives up.
_TRIES = 5
_MOST_BLAMES = 2


@dataclass(slots=True)
class LiveJob:
    """An open job; its methods are called in turn.

    ``persisted_at`` is when its model was last on its way into a snapshot, ``persisted_result_ms`` the last bucket that
    the snapshot in force knows; None where that is not known. A job that ``is_untouched`` has learnt nothing since.
    ``has_unsent``, ``is_full`` and ``unsaved`` are what its place told last of what it keeps to be sent and saved.
    ``notices`` are what users have not been told yet.
    ``heard`` is called with the job's id when it has written buckets, ``weighed`` when its model may weigh more now.
    ``progress`` is how far its datafeed has come: as the model was loaded, or as the run has made of it since.
    """

    place: Place
    journal: Journal
    clock: Callable[[], int]
    task: JobTask
    inputs: JobInputs
    status: Status | None = None
    is_untouched: bool = False
    persisted_at: int = 0
    persisted_result_ms: int | None = None
    has_unsent: bool = False
    is_full: bool = False
    unsaved: Unsaved | None = None
    notices: list[Notice] = field(default_factory=list)
    progress: Progress | None = None
    search_timing: dict[str, Any] | None = None
    losses: int = 0
    heard: Callable[[str], None] = lambda _: None
    weighed: Callable[[str], None] = lambda _: None

    @property
    def job_id(self) -> str:
        return self.inputs.job_id

    # ---- opening

    async def load(self) -> Summary:
        """Brings the model to its place, and up to what was journalled.

        Raises:
            PlaceLost: the place has died twice of this job, or too often; the entry that did it is set aside.
        """
        now_ms = self.clock()
        summary = await self._opened(now_ms)
        self.progress = summary.progress
        if not self.persisted_at:
            snapshot_id = self.inputs.configuration.get("model_snapshot_id")
            self.persisted_at = max(self.task.opened_at, second_of_snapshot(snapshot_id, now_ms // 1000) * 1000)
            latest_ms = None if summary.status is None else summary.status.latest_result_ms
            self.persisted_result_ms = latest_ms if summary.is_untouched else None
        return summary

    async def _opened(self, now_ms: int) -> Summary:
        blames = 0
        for _ in range(_TRIES):
            try:
                return await self._ask(Open(self.inputs, now_ms))
            except PlaceLost as lost:
                last = lost
                # Whatever else may have killed the process: what was journalled is set aside if it dies of it again.
                blames += lost.blamed == self.job_id
                if blames == _MOST_BLAMES:
                    break
        await self._set_aside(last.entry if last.blamed == self.job_id else None)
        raise last

    async def _ask(self, command: Command) -> Summary:
        """Has a command performed where the model is; what it is about is set aside if it comes to no end."""
        try:
            summary = await self.place.call(self.job_id, command, self._hear)
        except StepTimedOut as late:
            await self._set_aside(late.entry)
            raise
        self._hear(summary)
        return summary

    def _hear(self, summary: Summary) -> None:
        self.notices += summary.notices
        if summary.buckets:
            self.heard(self.job_id)
        if summary.status is not None:
            self.status, self.is_untouched = summary.status, summary.is_untouched
            self.has_unsent, self.is_full, self.unsaved = summary.has_unsent, summary.is_full, summary.unsaved
            self.weighed(self.job_id)

    async def _set_aside(self, entry: int | None) -> None:
        """What a model cannot take must not be offered to it again at every opening."""
        if entry is not None:
            await self.journal.set_aside(self.job_id, entry)

    async def call(self, command: Command) -> Summary:
        """Has a command performed that may be begun twice; a model that was lost is loaded anew first."""
        for _ in range(_TRIES):
            try:
                return await self._ask(command)
            except PlaceLost as lost:
                last = lost
            await self.load()
        raise last

    # ---- steps

    async def post(self, body: bytes, replaces: tuple[int, int] | None, post_id: str) -> dict[str, Any]:
        """Analyses records; returns the counts of this request. ``replaces`` and ``post_id``: see ``commands.Post``.

        Raises:
            MlError: parse_exception for malformed data, 429 and 503 where nothing was taken.
        """
        command = Post(body, replaces, post_id, self.clock())
        for _ in range(_TRIES):
            try:
                return (await self._ask(command)).counts
            except PlaceLost as lost:
                last = lost
            opened = await self.load()
            # What was journalled before the place died has been analysed by opening the job again.
            if opened.post_id == command.post_id:
                return opened.counts
        raise last

    async def flush(self, options: Mapping[str, Any]) -> Status:
        """Moves time on or shows interim results; what it wrote is searchable afterwards."""
        return _held(await self.call(Flush(options, self.clock())))

    async def feed(
        self, run: FeedRun, progress: Progress, action: Search | SkipTime, save_every_ms: int
    ) -> Outcome | None:
        """Performs a part of a datafeed's action; its outcome where that was the end, else None.

        Where the model was lost with its place, it is loaded anew, and with it the progress that it was saved with.

        Raises:
            PlaceLost: the place has died of this datafeed too often.
        """
        command = Feed(run, progress, action, save_every_ms, self.clock())
        try:
            summary = await self._ask(command)
        except PlaceLost as lost:
            self.losses += lost.blamed == self.job_id
            if self.losses >= _TRIES:
                raise
            await self.load()
            return None
        self.losses = 0
        self.progress, self.search_timing = summary.progress, summary.search_timing
        return summary.outcome

    async def end_feed(self) -> bool:
        """Saves what a datafeed has brought.

        False where the model was lost with its place before: it is loaded anew, and with it the progress that it was
        saved with, from which the datafeed has to read on.

        Raises:
            PlaceLost, MlError: it is not saved; another run may read some of it again.
        """
        try:
            await self._ask(EndFeed(self.clock()))
        except PlaceLost:
            await self.load()
            return False
        return True

    async def forget_feed(self) -> None:
        """Forgets the statistics of a datafeed that is deleted, once the step that is going on has ended."""
        self.search_timing = None
        # What a lost place had not written yet is lost with it.
        with suppress(PlaceLost):
            await self._ask(ForgetFeed())

    async def cut_feed(self) -> None:
        """Lets go of the search that a datafeed waits for."""
        with suppress(PlaceLost):
            await self.place.call(self.job_id, CutFeed())

    async def check_feed(self, run: FeedRun, check: CheckDelayedData) -> Outcome:
        """Looks for delayed data; the job may work on meanwhile.

        Raises:
            PlaceLost: nothing was found out.
        """
        outcome = (await self.place.call(self.job_id, CheckFeed(run, check))).outcome
        assert outcome is not None, "a check has an outcome"
        return outcome

    async def forecast(self, order: ForecastOrder) -> None:
        """Schedules a forecast; its statistics are searchable afterwards.

        Raises:
            MlError: 400 where the model cannot be carried on.
        """
        await self.call(Forecast(order, self.clock()))

    async def update(self, inputs: JobInputs) -> None:
        """Goes on with changed inputs."""
        # Before the model is told: if it has to be loaded anew, then with the new ones.
        self.inputs = inputs
        await self.call(Update(inputs))

    # ---- keeping

    async def drop_journal(self) -> None:
        """Drops what the journal has of the job, which something else contains by now.

        Raises:
            MlError: 503 where the cluster does not do it.
        """
        try:
            await self.place.call(self.job_id, DropJournal())
        except (PlaceLost, StepTimedOut):
            await self.journal.clear(self.job_id)

    def needs_beat(self, save_every_ms: int) -> bool:
        """Whether there is anything to send, to save or to tell: most open jobs have nothing most of the time."""
        is_due = self.unsaved is not None and self.unsaved.is_due(save_every_ms, self.clock())
        return is_due or self.has_unsent or bool(self.notices)

    async def beat(self, save_every_ms: int) -> None:
        """Sends results that wait, and saves the model where that is due; to be called at a steady beat."""
        await self.call(Beat(save_every_ms, self.clock()))

    async def save(self, *, is_lost: bool = False) -> None:
        """Saves what is not saved yet; all that was learnt where what was saved ``is_lost``.

        Raises:
            PlaceLost, MlError: it is not; the journal has all of it.
        """
        try:
            await self._ask(Save(self.clock(), is_lost))
        except JobNotLoaded:
            # A lost model is not loaded just to be saved.
            return

    async def move(self) -> None:
        """Goes on in another place, where its own shall have it no more; with the same results.

        Raises:
            MlError: the cluster does not take what is to be saved, or no place the job; it is where it was.
        """
        with suppress(PlaceLost):
            await self._ask(Leave(self.clock()))
        await self.load()

    async def copy_model(self) -> tuple[str, Status]:
        """Has the model copied as it is now; the id of the snapshot to be made of it."""
        self.persisted_at = self.clock()
        summary = await self.call(CopyModel(self.persisted_at))
        assert summary.snapshot_id is not None
        return summary.snapshot_id, _held(summary)

    async def store_copy(self, snapshot_id: str) -> int:
        """Stores the copy, in that many documents; the one step that need not be taken in turn.

        Raises:
            PlaceLost: the copy is gone with its place.
        """
        return (await self._ask(StoreCopy(snapshot_id))).documents

    async def announce(self, snapshot: Snapshot) -> None:
        await self.call(Announce(snapshot))

    async def close(self) -> str | None:
        """Writes what a closing job leaves behind; the id of its new snapshot if there is one."""
        return (await self.call(Close(self.clock()))).snapshot_id

    async def discard(self) -> None:
        """Frees its place without saving anything."""
        await self.place.call(self.job_id, Discard())


def _held(summary: Summary) -> Status:
    assert summary.status is not None, "the job is open"
    return summary.status
