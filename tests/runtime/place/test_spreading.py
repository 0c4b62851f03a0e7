"""Which place a job is given to, and what several places as one do with those that cannot take it."""

from __future__ import annotations

import pytest

from proxy.errors import MlError
from proxy.runtime.place.commands import Command, Discard, Open, Report
from proxy.runtime.place.contract import Hear, JobNotLoaded, NotUp, Vitals, hear_nothing
from proxy.runtime.place.places import Places
from proxy.runtime.place.spreading import Burden, Excess, excess, lightest
from proxy.runtime.place.summary import Status, Summary

MB = 1 << 20
OPEN = Open(None, 0)  # type: ignore[arg-type]  # no model is loaded


@pytest.mark.parametrize(
    ("burdens", "chosen"),
    [
        ([Burden(0, 0, 0.0), Burden(0, 0, 0.0)], 0),
        ([Burden(1, MB, 0.0), Burden(0, 0, 0.0)], 1),
        ([Burden(1, 900 * MB, 0.0), Burden(9, 90 * MB, 0.0)], 1),
        ([Burden(5, 50 * MB, 0.9), Burden(6, 60 * MB, 0.1)], 1),
        ([Burden(6, 50 * MB, 0.2), Burden(5, 50 * MB, 0.2)], 1),
    ],
    ids=["first of equals", "the empty one", "less memory", "less load", "fewer jobs"],
)
def test_a_job_goes_where_memory_and_load_are_least(burdens: list[Burden], chosen: int) -> None:
    assert lightest(burdens) == chosen


class Listed:
    """Holds names only; takes none while it is ``full``."""

    def __init__(self, is_full: bool = False, is_up: bool = True) -> None:
        self.is_full, self.is_up = is_full, is_up
        self.held = set[str]()
        self.is_closed = False

    async def call(self, job_id: str, command: Command, hear: Hear = hear_nothing) -> Summary:
        if isinstance(command, Open):
            if self.is_full:
                raise NotUp("it is full")
            self.held.add(job_id)
        elif isinstance(command, Discard):
            self.held.discard(job_id)
        return Summary(Status({}, {"model_bytes": 5 * MB}, {}, {}, None, None))

    async def close(self) -> None:
        self.is_closed = True

    def vitals(self) -> Vitals:
        return Vitals(is_up=self.is_up)


async def test_jobs_are_spread_and_stay_where_they_are() -> None:
    places = Places(parts := {"a": Listed(), "b": Listed()})
    for number in range(10):
        await places.call(str(number), OPEN)
    assert [len(part.held) for part in parts.values()] == [5, 5]
    at = places.place_of("3")
    await places.call("3", OPEN)
    assert places.place_of("3") == at
    await places.call("3", Discard())
    assert places.place_of("3") is None
    with pytest.raises(JobNotLoaded):
        await places.call("3", Report())
    assert [(report.jobs, report.model_bytes) for report in places.reports()] == [(5, 25 * MB), (4, 20 * MB)]


async def test_a_place_that_cannot_take_a_job_leaves_it_to_another() -> None:
    places = Places({"full": Listed(is_full=True), "gone": Listed(is_up=False), "right": Listed()})
    await places.call("job", OPEN)
    assert places.place_of("job") == "right"


async def test_what_no_place_can_take_is_refused_for_now() -> None:
    places = Places({"full": Listed(is_full=True)})
    with pytest.raises(MlError, match=r"no place can hold job \[job\] now: it is full") as refused:
        await places.call("job", OPEN)
    assert refused.value.status == 503


async def test_a_drained_place_gives_its_jobs_away_as_they_are_opened_again() -> None:
    places = Places(parts := {"a": Listed(), "b": Listed()})
    for number in range(4):
        await places.call(str(number), OPEN)
    places.drain("a")
    assert not await places.end_if_empty("a")
    for job_id in places.jobs_at("a"):
        await places.call(job_id, OPEN)
    assert [len(part.held) for part in parts.values()] == [0, 4]
    assert await places.end_if_empty("a")
    assert parts["a"].is_closed
    places.resume("a")
    await places.call("new", OPEN)
    assert places.place_of("new") == "a"
    with pytest.raises(KeyError):
        places.drain("c")


@pytest.mark.parametrize(
    ("burdens", "given"),
    [
        ([], None),
        ([Burden(3, 3 * MB, 0.0), Burden(0, 0, 0.0)], None),
        ([Burden(90, 90 * MB, 0.0), Burden(80, 80 * MB, 0.9)], None),
        ([Burden(0, 0, 0.0), Burden(100, 100 * MB, 0.0)], Excess(1, 50 * MB)),
        ([Burden(9, 900 * MB, 0.0), Burden(500, 500 * MB, 0.0)], Excess(0, 200 * MB)),
    ],
    ids=["no place", "little", "alike but for their load", "a new place", "by memory, not by number"],
)
def test_a_place_that_holds_far_more_than_another_gives_half_of_it(burdens: list[Burden], given: Excess | None) -> None:
    assert excess(burdens) == given


async def test_a_place_that_has_come_is_given_jobs_of_the_others_until_all_hold_alike() -> None:
    places = Places(parts := {"a": Listed(), "b": Listed()})
    places.drain("b")
    for number in range(10):
        await places.call(str(number), OPEN)
    assert places.surplus() == []
    places.resume("b")
    surplus = places.surplus()
    assert surplus == ["0", "1", "2", "3", "4"]
    for job_id in surplus:
        assert not places.may_move(job_id)
        places.release(job_id)
        assert places.may_move(job_id)
        await places.call(job_id, OPEN)
    assert [len(part.held) for part in parts.values()] == [5, 5]
    assert places.surplus() == []
    await places.call("0", OPEN)
    assert places.place_of("0") == "b"
