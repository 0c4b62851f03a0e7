"""A datafeed's world with a fake clock: documents that arrive late, a job that counts them, searches that fail.

It performs what the plan asks for as the real loop does, and notes all that was searched, said and finished.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from proxy.runtime.datafeeds.actions import (
    Action,
    Annotate,
    CheckDelayedData,
    Checked,
    CutShort,
    Done,
    ExtractionFailed,
    Flushed,
    Notify,
    Outcome,
    Search,
    SkipTime,
    Stop,
    WaitUntil,
)
from proxy.runtime.datafeeds.after import after
from proxy.runtime.datafeeds.begin import JobData, begin
from proxy.runtime.datafeeds.delayed_data import missed
from proxy.runtime.datafeeds.plan import next_action
from proxy.runtime.datafeeds.progress import Progress, from_saved, read_on, to_saved
from proxy.runtime.datafeeds.settings import Settings

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# A Sunday night, far from zero.
NOW_MS = 1_750_000_000_000


@dataclass
class Job:
    """Counts records by bucket, and finishes buckets in order."""

    span_ms: int
    counts: dict[int, int] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    finished_end_ms: int | None = None
    latest_ms: int | None = None

    def take(self, times: Iterable[int]) -> None:
        for moment in times:
            start = moment // self.span_ms * self.span_ms
            self._open_at(start)
            assert start >= (self.finished_end_ms or 0), "a record for a bucket that is final"
            self.counts[start] = self.counts.get(start, 0) + 1
            self.latest_ms = max(moment, self.latest_ms or 0)

    def advance(self, to_ms: int) -> None:
        if self.finished_end_ms is not None:
            self._open_at(to_ms // self.span_ms * self.span_ms)

    def _open_at(self, start: int) -> None:
        if self.finished_end_ms is None:
            self.finished_end_ms = start
        while self.finished_end_ms < start:
            self.finished.append(self.finished_end_ms)
            self.finished_end_ms += self.span_ms

    def skip(self, to_ms: int) -> int:
        self.finished_end_ms = -(-to_ms // self.span_ms) * self.span_ms
        return self.finished_end_ms

    def data(self) -> JobData:
        return JobData(self.finished_end_ms, self.latest_ms, sum(self.counts.values()))


class Killed(Exception):
    """The process ended in the midst of a search; the progress is what was stored with the model."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress


@dataclass
class World:
    """Documents as (time, moment of arrival), both in milliseconds."""

    settings: Settings
    job: Job
    documents: list[tuple[int, int]] = field(default_factory=list)
    now_ms: int = NOW_MS
    trouble: Callable[[Search], str | None] = lambda search: None
    part_ms: int | None = None
    searched: list[tuple[int, int]] = field(default_factory=list)
    searched_at: list[tuple[int, int]] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    annotations: dict[int, Annotate] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    checks: list[int] = field(default_factory=list)
    stop: Stop | None = None
    killed_at_parts: frozenset[int] = frozenset()

    def begin(self) -> Progress:
        return begin(self.settings, self.job.data(), self.now_ms)

    def run(self, progress: Progress, until_ms: int, *, most_actions: int = 1_000_000) -> Progress:
        """Performs the plan until a time, its end, or so many actions: the last as if the process was killed."""
        for _ in range(most_actions):
            action = next_action(self.settings, progress, self.now_ms)
            if isinstance(action, Stop):
                self.stop = action
                return progress
            if isinstance(action, WaitUntil):
                assert action.at_ms > self.now_ms
                if action.at_ms > until_ms:
                    return progress
                self.now_ms = action.at_ms
                continue
            self.actions.append(action)
            progress, outcome = self.perform(progress, action)
            progress = after(self.settings, progress, action, outcome, self.now_ms)
        return progress

    def perform(self, progress: Progress, action: Action) -> tuple[Progress, Outcome]:
        match action:
            case Search():
                return self.search(progress, action)
            case SkipTime():
                return progress, Flushed(self.job.skip(action.to_ms))
            case Notify():
                self.said.append((action.level, action.text))
            case Annotate():
                self.annotations[action.run_ms] = action
            case CheckDelayedData():
                return progress, self.check(action)
        return progress, Done()

    def search(self, progress: Progress, search: Search) -> tuple[Progress, Outcome]:
        self.searched_at.append((search.end_ms, self.now_ms))
        cause = self.trouble(search)
        part_ms = self.part_ms or max(search.end_ms - search.start_ms, 1)
        for start_ms in range(search.start_ms, search.end_ms, part_ms):
            end_ms = min(start_ms + part_ms, search.end_ms)
            if cause and (end_ms == search.end_ms or part_ms == search.end_ms - search.start_ms):
                return progress, ExtractionFailed(cause)
            times = self.arrived(start_ms, end_ms)
            self.job.take(times)
            self.searched.append((start_ms, end_ms))
            progress = read_on(progress, search, end_ms, len(times))
            if len(self.searched) in self.killed_at_parts:
                raise Killed(progress)
        if search.advance_to_ms is not None:
            self.job.advance(search.advance_to_ms)
        return progress, Flushed(self.job.finished_end_ms)

    def cut_short(self, progress: Progress, search: Search, up_to_ms: int) -> Progress:
        """The part of a search before the run was stopped."""
        times = self.arrived(search.start_ms, up_to_ms)
        self.job.take(times)
        self.searched.append((search.start_ms, up_to_ms))
        read = read_on(progress, search, up_to_ms, len(times))
        return after(self.settings, read, search, CutShort(), self.now_ms)

    def check(self, action: CheckDelayedData) -> Checked:
        self.checks.append(self.now_ms)
        span = self.settings.bucket_span_ms
        assert action.start_ms % span == action.end_ms % span == 0
        indexed: dict[int, int] = {}
        for moment in self.arrived(action.start_ms, action.end_ms):
            start = moment // span * span
            indexed[start] = indexed.get(start, 0) + 1
        final = set(self.job.finished).intersection(range(action.start_ms, action.end_ms, span))
        analysed = {start: self.job.counts.get(start, 0) for start in final}
        return Checked(missed(analysed, indexed))

    def arrived(self, start_ms: int, end_ms: int) -> list[int]:
        first = bisect_left(self.documents, (start_ms, 0))
        last = bisect_left(self.documents, (end_ms, 0))
        return [moment for moment, arrival in self.documents[first:last] if arrival <= self.now_ms]

    def texts(self) -> list[str]:
        return [text for _, text in self.said]


def restarted(progress: Progress) -> Progress:
    """The progress that a new process finds, by way of the text in which it is stored."""
    return from_saved(json.loads(json.dumps(to_saved(progress))))


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges with neighbours as one. An overlap, a gap backwards or an empty range is an error."""
    found: list[tuple[int, int]] = []
    for start, end in ranges:
        assert start < end
        if found:
            assert start >= found[-1][1], "a moment was searched twice, or out of order"
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def settings_with(**changes: int | None) -> Settings:
    """A datafeed of a job with buckets of five minutes, which started a day ago."""
    values: dict[str, int | None] = {
        "bucket_span_ms": 5 * MINUTE_MS,
        "frequency_ms": 150_000,
        "query_delay_ms": 90_000,
        "start_ms": NOW_MS - DAY_MS,
        "check_window_ms": 2 * HOUR_MS,
        "max_extraction_failures": 500,
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]  # the names are the fields'


def world_with(documents: Iterable[tuple[int, int]] = (), **changes: int | None) -> World:
    settings = settings_with(**changes)
    return World(settings, Job(settings.bucket_span_ms), sorted(documents))


def on_time(start_ms: int, end_ms: int, step_ms: int = MINUTE_MS) -> list[tuple[int, int]]:
    return [(moment, moment) for moment in range(start_ms, end_ms, step_ms)]
