"""When the nightly upkeep begins: pure rules on a fake clock."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.runtime.upkeep.nights import next_night_ms

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


def minutes_after_midnight(moment_ms: int) -> float:
    return moment_ms % DAY_MS / MINUTE_MS


def test_clusters_have_their_upkeep_at_different_times_of_the_night():
    begun = {minutes_after_midnight(next_night_ms(f"cluster-{n}", None, NOON_MS)) for n in range(100)}
    assert len(begun) == 100
    assert min(begun) >= 30
    assert max(begun) < 150


def test_a_cluster_has_its_upkeep_every_night_at_the_same_time():
    moment_ms = next_night_ms("one", None, NOON_MS)
    for _ in range(10):
        finished_ms = moment_ms + 5 * MINUTE_MS
        moment_ms, former_ms = next_night_ms("one", finished_ms, finished_ms), moment_ms
        assert moment_ms == former_ms + DAY_MS


def test_a_missed_night_is_made_up_for_within_ten_minutes():
    last_ms = next_night_ms("one", None, NOON_MS - 3 * DAY_MS)
    assert NOON_MS <= next_night_ms("one", last_ms, NOON_MS) < NOON_MS + 10 * MINUTE_MS


def test_the_first_night_is_waited_for():
    assert next_night_ms("one", None, NOON_MS) > NOON_MS + 12 * 60 * MINUTE_MS


@given(st.text(), st.integers(0, 10 * DAY_MS), st.integers(0, 10 * DAY_MS))
def test_the_next_night_is_never_past_and_never_far(cluster_name, finished_ms, more_ms):
    now_ms = finished_ms + more_ms
    assert now_ms <= next_night_ms(cluster_name, finished_ms, now_ms) <= now_ms + DAY_MS
