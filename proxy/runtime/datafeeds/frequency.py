"""How often a datafeed searches in real time, and when next. All times are epoch milliseconds."""

from __future__ import annotations

_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
# Buckets up to so long, and what is then searched each; longer ones each hour.
_UP_TO_TWO_MINUTES = (2 * _MINUTE_MS, _MINUTE_MS)
_HALF_A_BUCKET_UP_TO_MS = 20 * _MINUTE_MS
_UP_TO_HALF_A_DAY = (12 * _HOUR_MS, 10 * _MINUTE_MS)
# At such seldom searches a second more is nothing.
_WAITS_FOR_OTHERS_FROM_MS = _MINUTE_MS
# The search starts a little after the moment it is due, so that no clock is early.
_LATER_MS = 100


def default_frequency_ms(bucket_span_ms: int, interval_ms: int | None = None) -> int:
    """The frequency of a datafeed that sets none; with aggregations a multiple of their histogram's interval."""
    target_ms = _target_ms(bucket_span_ms)
    if interval_ms is None:
        return target_ms
    return max(interval_ms, floor_ms(target_ms, interval_ms))


def _target_ms(bucket_span_ms: int) -> int:
    for longest_ms, frequency_ms in (_UP_TO_TWO_MINUTES, _UP_TO_HALF_A_DAY):
        if bucket_span_ms <= longest_ms:
            is_half = _UP_TO_TWO_MINUTES[0] < bucket_span_ms <= _HALF_A_BUCKET_UP_TO_MS
            return floor_ms(bucket_span_ms // 2, _SECOND_MS) if is_half else frequency_ms
    return _HOUR_MS


def next_search_ms(now_ms: int, frequency_ms: int, query_delay_ms: int) -> int:
    """When the search after one at ``now_ms`` is due: at the next multiple of the frequency, moved by the delay.

    The delay's remainder spreads the searches of many datafeeds, as it differs from job to job.
    """
    return floor_ms(now_ms + frequency_ms, frequency_ms) + query_delay_ms % frequency_ms + _LATER_MS


def together_ms(moment_ms: int, frequency_ms: int) -> int:
    """The full second behind a moment at which a search is due: those that search together can share requests."""
    return moment_ms if frequency_ms < _WAITS_FOR_OTHERS_FROM_MS else ceil_ms(moment_ms, _SECOND_MS)


def floor_ms(moment_ms: int, step_ms: int) -> int:
    return moment_ms // step_ms * step_ms


def ceil_ms(moment_ms: int, step_ms: int) -> int:
    return -(-moment_ms // step_ms) * step_ms
