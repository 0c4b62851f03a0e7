"""What a datafeed does next: a pure function of its settings, its progress and the time.

The loop that performs it is: ask ``next_action``, do it, keep what ``after`` makes of the outcome. It begins with
``begin``, or with a saved progress, and ends with the action ``Stop``.
"""

from __future__ import annotations

from dataclasses import replace

from proxy.runtime.datafeeds import delayed_data
from proxy.runtime.datafeeds.actions import Action, CheckDelayedData, PersistModel, Search, SkipTime, WaitUntil
from proxy.runtime.datafeeds.frequency import floor_ms, next_search_ms
from proxy.runtime.datafeeds.progress import Progress
from proxy.runtime.datafeeds.settings import Settings


def next_action(settings: Settings, progress: Progress, now_ms: int) -> Action:
    if progress.annotation is not None:
        return progress.annotation
    if progress.to_tell:
        return progress.to_tell[0]
    if progress.stop is not None:
        return progress.stop
    if progress.is_model_to_persist:
        return PersistModel()
    action = _reading(settings, progress, now_ms)
    if action is not None and now_ms >= progress.not_before_ms:
        return action
    check = _check(settings, progress, now_ms)
    return check if check is not None else WaitUntil(_wake_ms(settings, progress, now_ms))


def _reading(settings: Settings, progress: Progress, now_ms: int) -> Search | SkipTime | None:
    """What there is to read, whether or not it is time for it; None where nothing has arrived."""
    if progress.phase == "skip":
        return SkipTime(settings.start_ms)
    if progress.under_way is not None:
        return replace(progress.under_way, start_ms=progress.read_up_to_ms)
    if progress.phase == "lookback":
        return Search(progress.read_up_to_ms, progress.lookback_end_ms)
    end_ms = _arrived_ms(settings, now_ms)
    return Search(progress.read_up_to_ms, end_ms, end_ms) if progress.read_up_to_ms < end_ms else None


def _arrived_ms(settings: Settings, now_ms: int) -> int:
    """Up to where a search in real time reads."""
    delayed_ms, last_end_ms = now_ms - settings.query_delay_ms, settings.last_end_ms
    if last_end_ms is not None and last_end_ms <= delayed_ms:
        return last_end_ms
    return settings.last_ms(floor_ms(delayed_ms, settings.frequency_ms))


def _check(settings: Settings, progress: Progress, now_ms: int) -> CheckDelayedData | None:
    window_ms = settings.check_window_ms
    if progress.phase != "real_time" or window_ms is None:
        return None
    if not delayed_data.is_check_due(progress.findings, min(settings.check_every_ms, window_ms), now_ms):
        return None
    return delayed_data.check_of(progress.last_finalized_ms, window_ms, settings.bucket_span_ms, settings.start_ms)


def _wake_ms(settings: Settings, progress: Progress, now_ms: int) -> int:
    if now_ms < progress.not_before_ms:
        return progress.not_before_ms
    return wake_ms(settings, now_ms)


def wake_ms(settings: Settings, now_ms: int) -> int:
    """When to search next after a search at ``now_ms``, which the end of the run may bring forward."""
    regular_ms = next_search_ms(now_ms, settings.frequency_ms, settings.query_delay_ms)
    if settings.last_end_ms is None:
        return regular_ms
    at_the_end_ms = settings.last_end_ms + settings.query_delay_ms
    return min(regular_ms, at_the_end_ms) if at_the_end_ms > now_ms else regular_ms
