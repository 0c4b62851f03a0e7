"""How long a datafeed waits after failed searches, and when it gives up."""

from __future__ import annotations

from proxy.runtime.datafeeds.frequency import next_search_ms

_FIRST_WAIT_MS = 1_000
# Datafeeds usually search each minute or less often; only one that is quicker than this ever slows down.
LONGEST_WAIT_MS = 60_000
_DAY_MS = 86_400_000


def retry_ms(now_ms: int, failures_in_a_row: int, frequency_ms: int, query_delay_ms: int) -> int:
    """When to search again: at the next regular time that is not too soon after so many failures."""
    doublings = min(max(failures_in_a_row - 1, 0), LONGEST_WAIT_MS.bit_length())
    wait_ms = min(_FIRST_WAIT_MS << doublings, LONGEST_WAIT_MS)
    return next_search_ms(now_ms + max(wait_ms - frequency_ms, 0), frequency_ms, query_delay_ms)


def most_failures(given: int | None, frequency_ms: int) -> int | None:
    """After how many failed searches in a row a datafeed stops; None for never, which -1 asks for.

    Without a wish it is about as many as fit into a day.
    """
    if given is None:
        return max(1, _DAY_MS // max(frequency_ms, LONGEST_WAIT_MS))
    return None if given == -1 else given


def searches_a_day(frequency_ms: int) -> int:
    return max(1, _DAY_MS // frequency_ms)
