"""What an action's outcome makes of a run's progress: the other half of the plan."""

from __future__ import annotations

from dataclasses import replace

from proxy.runtime.datafeeds import backoff, delayed_data, problems
from proxy.runtime.datafeeds.actions import (
    Action,
    AnalysisFailed,
    Annotate,
    CheckDelayedData,
    Checked,
    CutShort,
    ExtractionFailed,
    Flushed,
    Notify,
    Outcome,
    PersistModel,
    Search,
    SkipTime,
    Stop,
)
from proxy.runtime.datafeeds.begin import begin_reading
from proxy.runtime.datafeeds.plan import wake_ms
from proxy.runtime.datafeeds.progress import Progress, stopping
from proxy.runtime.datafeeds.settings import Settings

_LOOKBACK_COMPLETED = Notify("info", "Datafeed lookback completed")
_LOOKBACK_WITHOUT_DATA = Notify("warning", "Datafeed lookback retrieved no data")
_CONTINUED = Notify("info", "Datafeed continued in real-time")


def after(settings: Settings, progress: Progress, action: Action, outcome: Outcome, now_ms: int) -> Progress:
    """The progress once ``action``, asked for by this progress, has ended in ``outcome`` at ``now_ms``."""
    match action, outcome:
        case Search(), Flushed():
            return _searched(settings, progress, action, outcome, now_ms)
        case SkipTime(), Flushed():
            return _skipped(settings, progress, outcome)
        case ((Search() | SkipTime()), ExtractionFailed()):
            return _not_extracted(settings, progress, outcome.cause, now_ms)
        case ((Search() | SkipTime()), AnalysisFailed()):
            return _not_analysed(settings, progress, action, outcome, now_ms)
        case Search(), CutShort():
            return progress
        case CheckDelayedData(), Checked():
            return _checked(settings, progress, outcome, now_ms)
        case CheckDelayedData(), ExtractionFailed():
            findings, notices = delayed_data.check_failed(progress.findings, outcome.cause)
            findings = replace(findings, checked_ms=now_ms, is_search_unchecked=False)
            return replace(progress, findings=findings).telling(*notices)
        case Notify(), _:
            return replace(progress, to_tell=progress.to_tell[1:])
        case Annotate(), _:
            return replace(progress, annotation=None)
        case PersistModel(), _:
            return replace(progress, is_model_to_persist=False)
    return progress


def _skipped(settings: Settings, progress: Progress, flushed: Flushed) -> Progress:
    skipped_to_ms = flushed.last_finalized_bucket_end_ms or settings.start_ms
    skipped = replace(progress, read_up_to_ms=settings.first_ms(skipped_to_ms), last_finalized_ms=skipped_to_ms)
    return begin_reading(settings, skipped)


def _searched(settings: Settings, progress: Progress, search: Search, flushed: Flushed, now_ms: int) -> Progress:
    recovered, notices = problems.recovered(progress.problems)
    finalized_ms = flushed.last_finalized_bucket_end_ms
    found_nothing = progress.records_in_search == 0
    searched = replace(
        progress,
        read_up_to_ms=search.end_ms,
        under_way=None,
        records_in_search=0,
        not_before_ms=wake_ms(settings, now_ms),
        last_finalized_ms=progress.last_finalized_ms if finalized_ms is None else finalized_ms,
        problems=recovered,
    ).telling(*notices)
    searched = _count_empty(settings, searched, found_nothing=found_nothing)
    if progress.phase == "lookback":
        return _after_lookback(settings, searched)
    searched = replace(searched, findings=replace(searched.findings, is_search_unchecked=True))
    if _is_complete(settings, searched):
        return stopping(searched, Stop("end_reached", close_job=True))
    if found_nothing and not searched.has_ever_seen_data and _is_hopeless(settings, searched):
        return stopping(searched, Stop("no_data", close_job=True))
    return searched


def _count_empty(settings: Settings, progress: Progress, *, found_nothing: bool) -> Progress:
    if not found_nothing:
        return replace(progress, empty_searches=0).telling(*problems.data_are_back(progress.empty_searches))
    counted = replace(progress, empty_searches=progress.empty_searches + 1)
    a_day = backoff.searches_a_day(settings.frequency_ms)
    return counted.telling(*problems.searched_in_vain(counted.empty_searches, a_day))


def _is_hopeless(settings: Settings, progress: Progress) -> bool:
    return settings.max_empty_searches is not None and progress.empty_searches >= settings.max_empty_searches


def _is_complete(settings: Settings, progress: Progress) -> bool:
    return settings.last_end_ms is not None and progress.read_up_to_ms >= settings.last_end_ms


def _after_lookback(settings: Settings, progress: Progress) -> Progress:
    is_over = _is_complete(settings, progress)
    if is_over and not progress.has_found_data:
        return stopping(progress.telling(_LOOKBACK_WITHOUT_DATA), Stop("end_reached", close_job=True))
    progress = progress.telling(_LOOKBACK_COMPLETED)
    if is_over:
        return stopping(progress, Stop("end_reached", close_job=True))
    return replace(progress, phase="real_time", is_model_to_persist=progress.has_found_data).telling(_CONTINUED)


def _not_extracted(settings: Settings, progress: Progress, cause: str, now_ms: int) -> Progress:
    """The range stays unread and is searched again."""
    counted, notices = problems.extraction_failed(progress.problems, cause, now_ms)
    was_lookback = progress.phase == "lookback"
    if was_lookback:  # only failures in real time count towards giving up
        counted = replace(counted, failures_in_a_row=0)
    failures, most = counted.failures_in_a_row, settings.max_extraction_failures
    failed = replace(
        progress,
        under_way=None,
        problems=counted,
        not_before_ms=backoff.retry_ms(now_ms, failures, settings.frequency_ms, settings.query_delay_ms),
    ).telling(*notices)
    if was_lookback:
        return _leave_lookback(settings, failed)
    if most is not None and failures >= most:
        gave_up = failed.telling(problems.gave_up(failures, cause))
        return stopping(gave_up, Stop("extraction_failures", close_job=False))
    return failed


def _not_analysed(
    settings: Settings, progress: Progress, action: Search | SkipTime, failed: AnalysisFailed, now_ms: int
) -> Progress:
    """Nobody knows how much the job took, so that reading the range again might count records twice."""
    counted, notices = problems.analysis_failed(progress.problems, failed.cause, now_ms)
    progress = replace(progress, problems=counted, not_before_ms=wake_ms(settings, now_ms)).telling(*notices)
    if isinstance(action, Search):
        progress = replace(progress, read_up_to_ms=action.end_ms, under_way=None, records_in_search=0)
    if not failed.is_job_open:
        return stopping(progress, Stop("job_is_not_open", close_job=False))
    if progress.phase == "lookback":
        return _leave_lookback(settings, progress)
    if isinstance(action, Search) and _is_complete(settings, progress):
        return stopping(progress, Stop("end_reached", close_job=True))
    return progress


def _leave_lookback(settings: Settings, progress: Progress) -> Progress:
    """A lookback that failed is over; what it left unread is read in real time, if that is to come."""
    if settings.last_end_ms is not None and progress.lookback_end_ms >= settings.last_end_ms:
        return stopping(progress, Stop("end_reached", close_job=True))
    return replace(progress, phase="real_time")


def _checked(settings: Settings, progress: Progress, checked: Checked, now_ms: int) -> Progress:
    findings, annotation, notices = delayed_data.found(
        progress.findings, checked.missed, progress.run_ms, settings.bucket_span_ms
    )
    findings = replace(findings, checked_ms=now_ms, is_search_unchecked=False)
    return replace(progress, findings=findings, annotation=annotation).telling(*notices)
