"""How far a run of a datafeed has come: all that the plan remembers, and all that a restart needs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from proxy.runtime.datafeeds.actions import Annotate, Notify, Search, Stop
from proxy.runtime.datafeeds.delayed_data import Findings
from proxy.runtime.datafeeds.problems import Problems

Phase = Literal["skip", "lookback", "real_time"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Times are epoch milliseconds.

    Everything before ``read_up_to_ms`` has been given to the job. ``under_way`` is a search of which a part was read,
    and ``records_in_search`` what it brought. ``last_finalized_ms`` is the end of the job's last final bucket.
    """

    run_ms: int
    phase: Phase
    read_up_to_ms: int
    lookback_end_ms: int
    not_before_ms: int = 0
    under_way: Search | None = None
    records_in_search: int = 0
    empty_searches: int = 0
    has_found_data: bool = False
    has_ever_seen_data: bool = False
    last_finalized_ms: int | None = None
    is_model_to_persist: bool = False
    problems: Problems = field(default_factory=Problems)
    findings: Findings = field(default_factory=Findings)
    annotation: Annotate | None = None
    to_tell: tuple[Notify, ...] = ()
    stop: Stop | None = None

    def telling(self, *notices: Notify) -> Progress:
        return replace(self, to_tell=(*self.to_tell, *notices))


def read_on(progress: Progress, search: Search, up_to_ms: int, records: int) -> Progress:
    """After a part of ``search`` was given to the job: it holds all before ``up_to_ms``."""
    has_data = records > 0
    return replace(
        progress,
        read_up_to_ms=max(progress.read_up_to_ms, up_to_ms),
        under_way=search,
        records_in_search=progress.records_in_search + records,
        has_found_data=progress.has_found_data or has_data,
        has_ever_seen_data=progress.has_ever_seen_data or has_data,
    )


def asked_to_stop(progress: Progress, *, close_job: bool) -> Progress:
    """After somebody stopped the datafeed: whatever else there was to do stays undone."""
    return progress if progress.stop is not None else stopping(progress, Stop("requested", close_job))


def stopping(progress: Progress, stop: Stop) -> Progress:
    return replace(progress, stop=stop).telling(Notify("info", "Datafeed stopped"))


def to_saved(progress: Progress) -> dict[str, Any]:
    """Plain values, to be stored with the model."""
    saved: dict[str, Any] = msgspec.to_builtins(progress)
    return saved


def from_saved(saved: dict[str, Any]) -> Progress:
    return msgspec.convert(saved, Progress)
