"""Documents that reached the index after their time was searched: when to look for them, and what to say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from proxy.runtime.datafeeds.actions import Annotate, CheckDelayedData, Missed, Notify
from proxy.runtime.datafeeds.frequency import ceil_ms, floor_ms
from proxy.units import iso

_DEFAULT_WINDOW_MS = 2 * 3_600_000
_DEFAULT_WINDOW_SPANS = 8
# Kibana reads the number from this beginning, so it has no separators.
_TEXT = (
    "Datafeed has missed {documents} documents due to ingest latency, latest bucket with missing data is [{latest}]. "
    "Consider increasing query_delay"
)
_CHECK_FAILED = "Datafeed could not check for delayed data: {cause}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What the checks of a run have found: the last time of one, the last finding, how many there were in a row."""

    checked_ms: int | None = None
    is_search_unchecked: bool = False
    in_a_row: int = 0
    last: Missed | None = None
    failure: str | None = None


def default_window_ms(bucket_span_ms: int) -> int:
    return max(_DEFAULT_WINDOW_MS, _DEFAULT_WINDOW_SPANS * bucket_span_ms)


def is_check_due(findings: Findings, every_ms: int, now_ms: int) -> bool:
    """Whether to look now: after a search, but not too often."""
    if findings.checked_ms is None or not findings.is_search_unchecked:
        return findings.is_search_unchecked
    return now_ms > findings.checked_ms + every_ms


def check_of(
    last_finalized_ms: int | None, window_ms: int, bucket_span_ms: int, start_ms: int
) -> CheckDelayedData | None:
    """The check over the last final buckets. One that began before the datafeed's start lacks documents rightly."""
    if last_finalized_ms is None:
        return None
    first_ms = floor_ms(last_finalized_ms - window_ms, bucket_span_ms)
    first_ms = max(first_ms, ceil_ms(start_ms, bucket_span_ms))
    end_ms = floor_ms(last_finalized_ms, bucket_span_ms)
    return CheckDelayedData(first_ms, end_ms) if first_ms < end_ms else None


def missed(analysed: Mapping[int, int], indexed: Mapping[int, int]) -> Missed | None:
    """What the index holds more than the final buckets counted, both by bucket start.

    A bucket that counted more is no trouble: old documents may have been removed since.
    """
    lacking = {start: indexed.get(start, 0) - count for start, count in analysed.items()}
    late = [start for start, documents in lacking.items() if documents > 0]
    return Missed(sum(lacking[start] for start in late), min(late), max(late)) if late else None


def found(
    findings: Findings, missed: Missed | None, run_ms: int, bucket_span_ms: int
) -> tuple[Findings, Annotate | None, tuple[Notify, ...]]:
    """What follows from a check: the same finding as before is not worth a word."""
    if missed is None:
        return replace(findings, in_a_row=0, failure=None), None, ()
    if missed == findings.last:
        return replace(findings, failure=None), None, ()
    text = _TEXT.format(documents=missed.documents, latest=iso(missed.last_bucket_ms))
    annotation = Annotate(run_ms, missed.first_bucket_ms, missed.last_bucket_ms + bucket_span_ms, text)
    in_a_row = findings.in_a_row + 1
    notices = (Notify("warning", text),) if is_worth_telling(in_a_row) else ()
    return replace(findings, in_a_row=in_a_row, last=missed, failure=None), annotation, notices


def is_worth_telling(in_a_row: int) -> bool:
    """The first three, every tenth up to the hundredth, then every hundredth."""
    return in_a_row <= 3 or (in_a_row <= 100 and in_a_row % 10 == 0) or in_a_row % 100 == 0


def check_failed(findings: Findings, cause: str) -> tuple[Findings, tuple[Notify, ...]]:
    """A check that fails is told once; the datafeed goes on, for its data are more important than the check."""
    text = _CHECK_FAILED.format(cause=cause)
    notices = () if text == findings.failure else (Notify("warning", text),)
    return replace(findings, failure=text), notices
