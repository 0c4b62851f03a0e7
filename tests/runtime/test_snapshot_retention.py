"""Which snapshots go: counted from the newest one, thinned to one a day, then gone."""

from __future__ import annotations

import pytest

from proxy.runtime.snapshot_retention import Kept, expired

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
NEWEST_MS = 20_000 * DAY_MS + 12 * HOUR_MS


def snapshot(days_ago: float, *, is_protected: bool = False) -> Kept:
    return Kept(f"{days_ago}", NEWEST_MS - int(days_ago * DAY_MS), is_protected)


def gone(*snapshots: Kept, retention_days: int = 10, daily_after_days: int | None = 1) -> list[str]:
    return expired(snapshots, retention_days=retention_days, daily_after_days=daily_after_days)


def test_without_snapshots_there_is_nothing_to_remove() -> None:
    assert gone() == []


def test_the_first_of_each_older_day_stays() -> None:
    """Half a day back is yesterday's midnight, so these two days have three and two snapshots."""
    day_before, earlier = [snapshot(1.6), snapshot(1.9), snapshot(2.4)], [snapshot(2.75), snapshot(3.25)]
    assert gone(snapshot(0), *day_before, *earlier) == ["2.75", "1.9", "1.6"]


def test_within_the_last_days_all_stay() -> None:
    assert gone(snapshot(0), snapshot(0.1), snapshot(0.2), snapshot(1.0)) == []


def test_ages_count_from_the_newest_snapshot_and_not_from_now() -> None:
    old = [Kept("a", 5 * DAY_MS, False), Kept("b", 14 * DAY_MS, False)]
    assert expired(old, retention_days=10, daily_after_days=None) == []


def test_what_is_too_old_goes_whether_or_not_it_is_the_first_of_its_day() -> None:
    assert gone(snapshot(0), snapshot(10.0), snapshot(10.1), snapshot(30)) == ["30", "10.1"]


def test_the_snapshot_in_force_and_those_to_be_retained_stay_however_old() -> None:
    assert gone(snapshot(0), snapshot(30, is_protected=True), snapshot(1.9), snapshot(1.8, is_protected=True)) == []


@pytest.mark.parametrize(("daily", "removed"), [(None, []), (0, ["0.1"]), (2, [])])
def test_thinning_begins_where_the_job_says(daily: int | None, removed: list[str]) -> None:
    assert gone(snapshot(0), snapshot(0.1), snapshot(0.2), daily_after_days=daily) == removed
